//! The directory `$GLEANER_OUTPUTS`, in which the command writes its outputs.
//!
//! If `--outputs-dir` is set, that directory is used, and created if it does not exist. Otherwise, a new directory is created in
//! the first of these directories that is writable:
//! 1. `/gleaner/outputs`, if `/gleaner` exists (an injected pod has a mount there),
//! 2. `/tekton/home` (writable even with a read-only root file system),
//! 3. `$TMPDIR`, or `/tmp` if the variable is not set; an injected redirector always uses `/tmp`.
//!
//! Other steps or runs may use the same parent directory. A file that another process wrote must never be read as an output, so
//! the created directory is always new. It is removed when the redirector exits.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use gleaner_proto::path;

use crate::failure::{Failure, Reason};
use crate::options::Wrap;
use crate::sys;

/// Tekton's home directory, an `emptyDir` that all steps of a pod mount (`pkg/apis/pipeline/paths.go`).
const TEKTON_HOME: &str = "/tekton/home";
/// The number of names to try for a new directory before giving up on its parent.
const ATTEMPTS: u32 = 1000;

/// The outputs directory. If it was created for this process, it is removed on drop.
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
    /// Fails if no directory can be used although an output needs one.
    pub(crate) fn prepare(options: &Wrap) -> Result<Self, Failure> {
        let problem = match Self::find(options) {
            Ok(folder) => return Ok(folder),
            Err(problem) => problem,
        };
        match options.outputs.iter().find(|output| output.path.is_none()) {
            // All outputs have their own paths, so no directory is needed.
            None => Ok(Self::default()),
            Some(output) => Err(Failure::new(
                Reason::OutputsFolder,
                format!(
                    "no directory can be used for output '{}': {problem}; mount an emptyDir and set \
                     --outputs-dir to its path, or declare fromPath",
                    output.name
                ),
            )),
        }
    }

    /// Returns the path of the directory, or `None` if no directory can be used and no output needs one.
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

    /// Creates a directory with `purpose` in its name, in the first writable parent. `fallback` is the last parent to try.
    ///
    /// # Errors
    /// Fails if no parent is writable.
    pub(crate) fn temporary(purpose: &str, fallback: &Path) -> Result<Self, String> {
        let own = Path::new(path::OUTPUTS);
        // Ignore errors, because creation also fails if the directory exists, for example as a mount. An existing directory may
        // be writable although its parent is not.
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

    /// Returns a directory that already exists. Its path is made absolute, because the command may change its working directory.
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
            // If a background process of the command still writes to the directory, removal fails and the directory remains.
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

/// Returns a builder for directories that only this user can read. An output may be a secret, other users share the parent
/// directory, and the directory remains if this process is killed.
fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Creates a new directory. `mkdir` fails if the name exists, so it does not matter that the name can be guessed.
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
