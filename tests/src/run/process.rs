//! The sidecar as a process.

use std::path::Path;
use std::time::Duration;

use gleaner_testkit::process::{self, Process};

use crate::wait;

/// The longest that a start may take on a busy machine.
const START: Duration = Duration::from_secs(30);

/// A running sidecar; killed when this is dropped.
pub(crate) struct Sidecar {
    process: Process,
    /// `127.0.0.1:PORT`, where it answers `curl`.
    pub(crate) address: String,
}

impl Sidecar {
    /// Starts it and waits until it is ready.
    pub(crate) async fn start(
        program: &str,
        arguments: &[String],
        environment: &[(String, String)],
    ) -> Self {
        let mut command = process::tied_to_thread(Path::new(program));
        command
            .args(arguments)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(environment.iter().cloned());
        let mut process = Process::spawn(command).expect("a sidecar");
        let address = wait::until("the sidecar is ready", START, async || {
            let ready = process.line(|line| process::message(line, "ready"));
            if let Some(ready) = ready {
                return ready["address"].as_str().map(str::to_owned);
            }
            process.check("the sidecar").expect("a running sidecar");
            None
        })
        .await;
        Self { process, address }
    }

    /// Everything that it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// Kills it with SIGKILL, waits until it is gone, and returns its log.
    pub(crate) fn kill(self) -> String {
        self.process.kill()
    }
}
