//! Runs child processes in separate process groups, so that a signal reaches all processes that a step started, and Ctrl-C at the
//! terminal reaches a step only through this process.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use super::watcher::Watcher;

/// The time between SIGTERM and SIGKILL for a step. A pod has 30 s, but a user at a terminal would not wait that long.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// A running child process and all processes that it started.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) child: Child,
    leader: Option<Pid>,
    watcher: Option<Watcher>,
}

impl Group {
    /// Starts `command` in a new process group, without standard input. `watcher` kills the group if this process is killed.
    pub(crate) fn start(command: &mut Command, watcher: Option<Watcher>) -> std::io::Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        if let (Some(watcher), Some(leader)) = (&watcher, leader) {
            watcher.begins(leader);
        }
        Ok(Self {
            child,
            leader,
            watcher,
        })
    }

    pub(crate) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Sends SIGTERM to all processes of the group, and waits until the child exits. After `grace`, kills the group.
    pub(crate) async fn end(&mut self, grace: Duration) -> std::io::Result<ExitStatus> {
        self.signal(Signal::TERM);
        if let Ok(status) = tokio::time::timeout(grace, self.child.wait()).await {
            return status;
        }
        self.kill();
        self.child.wait().await
    }

    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.leader {
            // Ignore the error, because all processes of the group may have exited.
            let _ = kill_process_group(leader, signal);
        }
    }
}

impl Drop for Group {
    /// Kills the processes that a step left running, as happens in a container when its main process exits.
    fn drop(&mut self) {
        self.kill();
        if let (Some(watcher), Some(leader)) = (&self.watcher, self.leader) {
            watcher.ended(leader);
        }
    }
}
