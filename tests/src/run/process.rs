//! The sidecar as a process.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use gleaner_testkit::process::{self, Process};

use kube::Client;

use super::memory_limit::MemoryLimit;
use crate::wait;

/// The time within which the sidecar must start, even on a busy machine.
const START: Duration = Duration::from_secs(30);

/// A running sidecar; killed on drop.
pub(crate) struct Sidecar {
    process: Process,
    /// The sidecar's loopback address, `127.0.0.1:PORT`; empty until the sidecar is ready.
    pub(crate) address: String,
    /// A client without a token. It is reused, because creating a client takes longer than a request.
    pub(crate) reader: OnceLock<Client>,
}

impl Sidecar {
    /// Starts the sidecar, optionally with a memory limit. Does not wait until the sidecar is ready.
    pub(crate) fn launch(
        program: &str,
        arguments: &[String],
        environment: &[(String, String)],
        memory: Option<&MemoryLimit>,
    ) -> Self {
        let mut command = process::tied_to_thread(Path::new("sh"));
        // Writing 0 adds the writing process itself to the cgroup.
        let enter = r#"[ -z "$0" ] || echo 0 >"$0"; exec env "$@""#;
        command
            .args(["-c", enter])
            .arg(memory.map(MemoryLimit::entrance).unwrap_or_default())
            // If SIGXFSZ is ignored, a write beyond the file size limit returns an error, as on a full disk. Otherwise the signal
            // would kill the process.
            .arg("--ignore-signal=XFSZ")
            .arg(program)
            .args(arguments)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(environment.iter().cloned());
        let process = Process::spawn(command).expect("a sidecar");
        Self {
            process,
            address: String::new(),
            reader: OnceLock::new(),
        }
    }

    /// Starts the sidecar and waits until it is ready.
    pub(crate) async fn start(
        program: &str,
        arguments: &[String],
        environment: &[(String, String)],
        memory: Option<&MemoryLimit>,
    ) -> Self {
        let mut sidecar = Self::launch(program, arguments, environment, memory);
        wait::until("the sidecar is ready", START, async || {
            if sidecar.is_ready() {
                return Some(());
            }
            sidecar
                .process
                .check("the sidecar")
                .expect("a running sidecar");
            None
        })
        .await;
        sidecar
    }

    /// Returns true if the sidecar is ready. In this case, also sets `address`.
    pub(crate) fn is_ready(&mut self) -> bool {
        if self.address.is_empty() {
            let ready = self.process.line(|line| process::message(line, "ready"));
            let address = ready.and_then(|ready| ready["address"].as_str().map(str::to_owned));
            self.address = address.unwrap_or_default();
        }
        !self.address.is_empty()
    }

    /// Returns the sidecar's process.
    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Returns the sidecar's log so far.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// Kills the sidecar with SIGKILL, waits until it is gone, and returns its log.
    pub(crate) fn kill(self) -> String {
        self.process.kill()
    }
}
