//! The directory `$GLEANER_OUTPUTS` of the command.
//!
//! If `--outputs-dir` names a directory, that one is used, and created if it does not exist. Otherwise a new directory is
//! created in the first of these that is writable:
//! 1. `/gleaner/outputs`, if `/gleaner` exists (an injected pod has a mount there),
//! 2. `/tekton/home` (writable even with a read-only root file system),
//! 3. `$TMPDIR`, or `/tmp`; an injected redirector does not read the variable.
//!
//! Other steps or runs may share each of these, so the directory is always new: a file that another process wrote must
//! never be read as an output. The directory is removed when the redirector exits.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use gleaner_proto::path;

use crate::failure::{Failure, Reason};
use crate::options::Wrap;
use crate::sys;

/// Tekton's home directory: an `emptyDir` that all steps of a pod mount (`pkg/apis/pipeline/paths.go`).
const TEKTON_HOME: &str = "/tekton/home";
/// The number of names that are tried for a new directory before its parent counts as unusable.
const ATTEMPTS: u32 = 1000;

/// The directory; if it was created for this process, it is removed on drop.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    path: Option<PathBuf>,
    /// True if the directory was created for this process alone.
    temporary: bool,
}

// === impl Directory ===

impl Directory {
    /// Finds or creates the directory.
    ///
    /// # Errors
    /// Fails if no directory can be used, and an output needs one.
    pub(crate) fn prepare(options: &Wrap) -> Result<Self, Failure> {
        let problem = match Self::find(options) {
            Ok(folder) => return Ok(folder),
            Err(problem) => problem,
        };
        match options.outputs.iter().find(|output| output.path.is_none()) {
            // No output needs a directory.
            None => Ok(Self::default()),
            Some(output) => Err(Failure::new(
                Reason::OutputsFolder,
                format!(
                    "there is no directory for output '{}': {problem}; mount an emptyDir and name it in \
                     --outputs-dir, or declare fromPath",
                    output.name
                ),
            )),
        }
    }

    /// Returns the directory's path; `None` if no output needs one.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    fn find(options: &Wrap) -> Result<Self, String> {
        if let Some(path) = options.outputs_dir.as_deref() {
            let made = private().recursive(true).create(path);
            let made = made.and_then(|()| usable(path));
            made.map_err(|error| format!("'{}': {error}", path.display()))?;
            return Self::existing(path);
        }
        let purpose = format!("outputs-{}", options.common.step);
        Self::temporary(&purpose, &options.temporary_dir)
    }

    /// Creates a directory, with `purpose` in its name, in the first writable parent; the last one tried is `fallback`.
    ///
    /// # Errors
    /// Fails if no parent is writable.
    pub(crate) fn temporary(purpose: &str, fallback: &Path) -> Result<Self, String> {
        let own = Path::new(path::OUTPUTS);
        // The directory may be an existing mount, and writable although its parent is not.
        let _ = std::fs::create_dir(own);
        for parent in [own, Path::new(TEKTON_HOME), fallback] {
            if let Some(path) = new_folder(parent, purpose) {
                return Ok(Self {
                    path: Some(path),
                    temporary: true,
                });
            }
        }
        Err(format!(
            "none of '{}', '{TEKTON_HOME}' and '{}' is writable",
            own.display(),
            fallback.display()
        ))
    }

    /// Returns an existing directory. Its path is made absolute, because the command may change its working directory.
    fn existing(path: &Path) -> Result<Self, String> {
        let path = std::path::absolute(path).map_err(|error| error.to_string())?;
        Ok(Self {
            path: Some(path),
            temporary: false,
        })
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let (true, Some(path)) = (self.temporary, &self.path) {
            // A process that the command left running may still write to the directory. Then it is not removed.
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

fn usable(path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        Err(io::Error::from_raw_os_error(libc::ENOTDIR))
    } else if !sys::is_writable(path) {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Returns a builder of directories that only this user can read: an output may be a secret, the parent is shared, and
/// the directory remains if this process is killed.
fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Creates a new directory. `mkdir` fails if the name exists, so a guessable name does no harm.
fn new_folder(parent: &Path, purpose: &str) -> Option<PathBuf> {
    let process = std::process::id();
    for attempt in 0..ATTEMPTS {
        let path = parent.join(format!("gleaner-{purpose}-{process}-{attempt}"));
        match private().create(&path) {
            Ok(()) => return std::path::absolute(path).ok(),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(_) => return None,
        }
    }
    None
}
