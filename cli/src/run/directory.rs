//! The temporary directory of a run.
//!
//! ```text
//! workspace/            the steps' /workspace
//! tekton/results/       /tekton/results
//! tekton/scripts/       the steps' scripts
//! tekton/steps/         step results and exit codes
//! termination/STEP      the termination message of each step
//! reports/STEP          reports of each step's redirector
//! outputs/STEP/         $GLEANER_OUTPUTS of each step
//! run/STEP/             the socket and the token of each step; in a pod, /gleaner/run/me
//! state/                the sidecar's journal
//! volumes/NAME/         volumes of type emptyDir
//! claims/NAME/          workspaces of type volumeClaimTemplate
//! read-only/NAME/       copies of read-only workspaces
//! declaration.json      the sidecar's input
//! sidecar.log           the sidecar's log
//! address               the sidecar's address on the loopback interface
//! ```
//!
//! In a pipeline, each task has such a directory inside the run's directory: `0/`, `1/` and so on.
//!
//! As in a pod, the sockets, tokens and outputs are accessible to all users. Unlike a pod, this machine may have other users, so
//! only the current user may access the directory that contains them.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use gleaner_proto::path::SOCKET_FILE;
use tempfile::TempDir;

use super::watcher::Watcher;

/// The maximum length of a Unix socket path on the system with the lowest limit (macOS: 104 bytes, including the terminating
/// NUL).
const SOCKET_PATH_MAX: usize = 103;
const STEP_MAX: usize = 63;

/// The directory of a run. The directory is removed on drop unless the user wants to keep it.
#[derive(Debug)]
pub(crate) struct RunDirectory {
    path: PathBuf,
    _guard: Option<TempDir>,
    /// The process that removes the directory if `gleaner run` is killed. Declared, and therefore dropped, after `_guard`, so
    /// that the directory is already removed when the watcher cleans up.
    watcher: Option<Watcher>,
}

impl RunDirectory {
    pub(crate) fn new(keep: bool) -> io::Result<Self> {
        let guard = tempfile::Builder::new()
            .prefix("gleaner-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent())?;
        // Resolve symbolic links in the path (such as /tmp on macOS), because a step may compare this path with a path in which
        // the step has resolved the links.
        let path = guard.path().canonicalize()?;
        Self::fill(&path)?;
        let _guard = if keep {
            let _ = guard.keep();
            None
        } else {
            Some(guard)
        };
        Ok(Self {
            path,
            _guard,
            watcher: None,
        })
    }

    /// Creates the directory of a pipeline task inside this directory. It is removed together with this directory.
    pub(crate) fn of_task(&self, index: usize) -> io::Result<Self> {
        let path = self.path.join(index.to_string());
        Self::fill(&path)?;
        Ok(Self {
            path,
            _guard: None,
            watcher: self.watcher.clone(),
        })
    }

    /// Returns a second handle to this directory. Dropping that handle does not remove the directory.
    pub(crate) fn same(&self) -> Self {
        Self {
            path: self.path.clone(),
            _guard: None,
            watcher: self.watcher.clone(),
        }
    }

    fn fill(path: &Path) -> io::Result<()> {
        for part in [
            "workspace",
            "tekton/results",
            "tekton/scripts",
            "tekton/steps",
            "tekton/home",
            "tekton/creds",
            "termination",
            "reports",
            "outputs",
            "run",
            "state",
            "volumes",
            "claims",
        ] {
            std::fs::create_dir_all(path.join(part))?;
        }
        Ok(())
    }

    /// Starts a watcher process. If this process is killed, the watcher kills the run's processes, and removes the directory
    /// unless the user wants to keep it.
    pub(crate) fn watch(&mut self, program: &Path) -> io::Result<()> {
        let removes = self._guard.is_some();
        self.watcher = Some(Watcher::start(program, &self.path, removes)?);
        Ok(())
    }

    pub(crate) fn watcher(&self) -> Option<Watcher> {
        self.watcher.clone()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.path.join("workspace")
    }

    /// Returns the directory of an emptyDir volume.
    pub(crate) fn volume(&self, name: &str) -> PathBuf {
        self.path.join("volumes").join(name)
    }

    /// Returns the directory for the volumes that the tasks in a run share.
    pub(crate) fn claims(&self) -> PathBuf {
        self.path.join("claims")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.path.join("tekton/home")
    }

    pub(crate) fn tekton(&self) -> PathBuf {
        self.path.join("tekton")
    }

    pub(crate) fn results(&self) -> PathBuf {
        self.path.join("tekton/results")
    }

    pub(crate) fn script(&self, step: &str) -> PathBuf {
        self.path.join("tekton/scripts").join(step)
    }

    pub(crate) fn step_results(&self, step: &str) -> PathBuf {
        self.step(step).join("results")
    }

    pub(crate) fn step_exit_code(&self, step: &str) -> PathBuf {
        self.step(step).join("exitCode")
    }

    pub(crate) fn termination(&self, step: &str) -> PathBuf {
        self.path.join("termination").join(step)
    }

    pub(crate) fn reports(&self, step: &str) -> PathBuf {
        self.path.join("reports").join(step)
    }

    pub(crate) fn outputs(&self, step: &str) -> PathBuf {
        self.path.join("outputs").join(step)
    }

    pub(crate) fn sockets(&self) -> PathBuf {
        self.path.join("run")
    }

    /// Returns the directory that a step sees as `/gleaner/run/me`.
    pub(crate) fn own_run(&self, step: &str) -> PathBuf {
        self.sockets().join(step)
    }

    pub(crate) fn socket(&self, step: &str) -> PathBuf {
        self.own_run(step).join(SOCKET_FILE)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path.join("state")
    }

    pub(crate) fn declaration(&self) -> PathBuf {
        self.path.join("declaration.json")
    }

    pub(crate) fn address(&self) -> PathBuf {
        self.path.join("address")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("sidecar.log")
    }

    fn step(&self, step: &str) -> PathBuf {
        self.path.join("tekton/steps").join(format!("step-{step}"))
    }
}

/// Returns the system's directory for temporary files, or `/tmp` if a socket path below that directory would be too long.
fn parent() -> PathBuf {
    let usual = std::env::temp_dir();
    let longest = usual
        .join("gleaner-123456/123/run")
        .join("x".repeat(STEP_MAX))
        .join(SOCKET_FILE);
    if longest.as_os_str().len() <= SOCKET_PATH_MAX {
        usual
    } else {
        PathBuf::from("/tmp")
    }
}

/// Returns the contents of the UTF-8 files in a directory, by file name.
pub(crate) fn text_files(directory: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let texts = entries.filter_map(|entry| {
        let text = std::fs::read_to_string(entry.path()).ok()?;
        Some((entry.file_name().into_string().ok()?, text))
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_users_cannot_access_the_directory() {
        for keep in [false, true] {
            let directory = RunDirectory::new(keep).unwrap();
            let mode = std::fs::metadata(directory.path())
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o700);
            if keep {
                std::fs::remove_dir_all(directory.path()).unwrap();
            }
        }
    }
}
