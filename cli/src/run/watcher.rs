//! The watcher, a process that cleans up after the run's process exits or is killed. The watcher kills the sidecar and the steps,
//! which would otherwise keep running, and removes the run's directory, which may contain secrets.
//!
//! The watcher reads a pipe to which only the run writes. Each line reports that a process group started (`+ID`) or finished
//! (`-ID`). When the pipe closes for any reason, the watcher kills the process groups that have not finished.

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

/// The internal subcommand that runs the watcher.
pub(crate) const COMMAND: &str = "watcher";
/// The argument that tells the watcher to remove the directory.
const REMOVES: &str = "remove";
/// The maximum number of attempts to remove the directory. An attempt can fail because processes that are being killed still
/// write to the directory.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// A handle to the run's watcher. The watcher exits after the last handle is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Watcher(Arc<Process>);

#[derive(Debug)]
struct Process(Child);

// === impl Watcher ===

impl Watcher {
    /// Starts the watcher for the run in `directory`. If `removes` is true, the watcher removes the directory when the run exits.
    pub(crate) fn start(program: &Path, directory: &Path, removes: bool) -> io::Result<Self> {
        let mut command = Command::new(program);
        // If this run is itself a step of another run, the inherited variables would make the other run treat the watcher as a
        // process of its step.
        without_own_variables(&mut command);
        command
            .arg(COMMAND)
            .arg(directory)
            .args(removes.then_some(REMOVES))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // In a separate process group, the watcher does not receive Ctrl-C.
            .process_group(0);
        Ok(Self(Arc::new(Process(command.spawn()?))))
    }

    /// Reports to the watcher that a process group started.
    pub(crate) fn begins(&self, group: Pid) {
        self.tell('+', group);
    }

    /// Reports to the watcher that a process group finished.
    pub(crate) fn ended(&self, group: Pid) {
        self.tell('-', group);
    }

    fn tell(&self, sign: char, group: Pid) {
        if let Some(mut pipe) = self.0.0.stdin.as_ref() {
            // Ignore errors, because a run also works without its watcher.
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

/// Runs the watcher process: waits until the pipe closes, then cleans up.
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
