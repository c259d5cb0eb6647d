//! Child processes that do not outlive the tests.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::wait;

/// A child in a process group of its own, ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program; what it says goes to `NAME.log` in `folder`.
    ///
    /// The kernel kills it when the calling *thread* ends, so that it is gone even if the tests are killed: call this
    /// from a thread that lives as long as the child should. (`setpriv` sets that up, for doing so here would be
    /// unsafe code; without `setpriv` only the drop ends it.)
    pub(crate) fn start(program: &Path, arguments: &[String], folder: &Path) -> io::Result<Self> {
        let name = program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let log = folder.join(format!("{name}.log"));
        let start = |mut command: Command| {
            let out = File::create(&log)?;
            command
                .args(arguments)
                .current_dir(folder)
                .stdin(Stdio::null())
                .stdout(out.try_clone()?)
                .stderr(out)
                .process_group(0)
                .spawn()
        };
        let mut guarded = Command::new("setpriv");
        guarded.args(["--pdeathsig", "KILL", "--"]).arg(program);
        let child = match start(guarded) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => start(Command::new(program))?,
            other => other?,
        };
        Ok(Self { name, child, log })
    }

    /// Says what it said last, when it is not running any more.
    pub(crate) fn check(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!(
                "{} ended with {status}:\n{}",
                self.name,
                self.last_words()
            )),
            Err(error) => Err(format!("{}: {error}", self.name)),
        }
    }

    pub(crate) fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(15).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing it holds is worth a graceful end: its data go with the folder.
        if self.child.kill().is_ok() {
            wait::blocking(Duration::from_secs(5), || self.child.try_wait().transpose());
        }
    }
}
