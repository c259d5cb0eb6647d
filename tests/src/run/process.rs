//! The sidecar as a process: its log, its end.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};

use crate::wait;

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_secs(30);

/// A running sidecar; killed when this is dropped.
pub(crate) struct Sidecar {
    child: Child,
    /// `127.0.0.1:PORT`, where it answers `curl`.
    pub(crate) address: String,
}

impl Sidecar {
    /// Starts it and waits until it says that it is ready. Its log is appended to the file `log`.
    ///
    /// The kernel kills it when the calling thread ends, so that it is gone even if the tests are killed.
    pub(crate) async fn start(
        program: &str,
        arguments: &[String],
        environment: &[(String, String)],
        log: &Path,
    ) -> Self {
        let file = append(log);
        let before = file.metadata().map_or(0, |metadata| metadata.len());
        let start = |mut command: Command| {
            command
                .args(arguments)
                .env_clear()
                .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
                .envs(environment.iter().cloned())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(append(log))
                .kill_on_drop(true)
                .spawn()
        };
        let mut guarded = Command::new("setpriv");
        guarded.args(["--pdeathsig", "KILL", "--", program]);
        let mut child = match start(guarded) {
            Err(error) if error.kind() == ErrorKind::NotFound => start(Command::new(program)),
            other => other,
        }
        .expect("a sidecar");
        let address = wait::until("the sidecar is ready", START, async || {
            let said = said_since(log, before);
            if let Some(address) = said.lines().find_map(ready) {
                return Some(address);
            }
            if let Ok(Some(status)) = child.try_wait() {
                panic!("the sidecar ended with {status}:\n{said}");
            }
            None
        })
        .await;
        Self { child, address }
    }

    /// Kills it with SIGKILL and waits until it has gone.
    pub(crate) async fn kill(mut self) -> ExitStatus {
        self.child.start_kill().expect("it is there to be killed");
        self.child.wait().await.expect("its end")
    }
}

fn append(log: &Path) -> File {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .expect("a log file")
}

/// What the log holds beyond `before` bytes.
fn said_since(log: &Path, before: u64) -> String {
    let text = std::fs::read(PathBuf::from(log)).unwrap_or_default();
    let start = usize::try_from(before).unwrap_or_default().min(text.len());
    String::from_utf8_lossy(&text[start..]).into_owned()
}

/// The address in the line that says that the sidecar is ready.
fn ready(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    if line["message"] != "ready" {
        return None;
    }
    line["address"].as_str().map(str::to_owned)
}
