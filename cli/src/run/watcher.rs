//! A process that cleans up after a run was killed: it kills the sidecar and the steps, which would keep running, and removes the
//! directory of the run, which may contain secrets.
//!
//! It reads a pipe that only the run can write to. Each line reports a process group that starts (`+ID`) or has finished (`-ID`).
//! When the pipe closes for any reason, it kills the process groups that have not finished.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, BufRead as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::detached;
use super::sidecar_process::without_own_variables;

/// The subcommand of this process; internal.
pub(crate) const COMMAND: &str = "watcher";
/// The argument that makes the watcher remove the directory.
const REMOVES: &str = "remove";
/// The number of attempts to remove the directory: processes that were just killed may still write to it.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// A handle to the watcher of this run, which exits when the last handle is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Watcher(Arc<Process>);

#[derive(Debug)]
struct Process(Child);

// === impl Watcher ===

impl Watcher {
    /// Starts the watcher of the run in `directory`. If `removes` is true, it removes the directory at the end.
    pub(crate) fn start(program: &Path, directory: &Path, removes: bool) -> io::Result<Self> {
        let mut command = Command::new(program);
        // If this run is in a step of another run, the other run would take the watcher for a process of its step.
        without_own_variables(&mut command);
        command
            .arg(COMMAND)
            .arg(directory)
            .args(removes.then_some(REMOVES))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C must reach only the run.
            .process_group(0);
        Ok(Self(Arc::new(Process(command.spawn()?))))
    }

    /// Reports a process group that starts.
    pub(crate) fn begins(&self, group: Pid) {
        self.tell('+', group);
    }

    /// Reports a process group that has finished.
    pub(crate) fn ended(&self, group: Pid) {
        self.tell('-', group);
    }

    fn tell(&self, sign: char, group: Pid) {
        if let Some(mut pipe) = self.0.0.stdin.as_ref() {
            // The run works without a watcher, too.
            let _ = writeln!(pipe, "{sign}{}", group.as_raw_nonzero());
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// The main function of the watcher: waits for the end of the run, then cleans up.
pub(crate) fn main(mut arguments: impl Iterator<Item = OsString>) {
    let Some(directory) = arguments.next() else {
        return;
    };
    let removes = arguments.next().is_some();
    let mut groups = BTreeSet::new();
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let Some((sign, Ok(id))) = line
            .split_at_checked(1)
            .map(|(sign, id)| (sign, id.parse()))
        else {
            continue;
        };
        match sign {
            "+" => groups.insert(id),
            _ => groups.remove(&id),
        };
    }
    for group in groups.into_iter().filter_map(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let directory = Path::new(&directory);
    detached::kill(directory);
    if !removes {
        return;
    }
    super::read_only::make_writable(directory);
    for _ in 0..ATTEMPTS {
        match std::fs::remove_dir_all(directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => std::thread::sleep(PAUSE),
            _ => return,
        }
    }
}
