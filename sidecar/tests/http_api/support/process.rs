//! The sidecar as a process.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::{PATIENCE, Place};
use crate::mock::Mock;

/// How a sidecar is to be started, and where it keeps its things. It can be started again and again.
#[derive(Clone)]
pub(crate) struct Setup {
    folder: Arc<TempDir>,
    flags: Vec<String>,
    file_size: Option<u64>,
}

/// A sidecar that runs. It is killed when it goes out of scope.
pub(crate) struct Sidecar {
    child: Child,
    log: Arc<Log>,
    address: SocketAddr,
    folder: Arc<TempDir>,
}

/// What the sidecar writes to stderr.
#[derive(Default)]
struct Log {
    state: Mutex<(Vec<String>, bool)>,
    changed: Condvar,
}

// === impl Setup ===

impl Setup {
    /// A sidecar of the run `u-1` for `declaration`, with an API server that cannot be reached.
    pub(crate) fn new(declaration: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("declaration.yaml");
        fs::write(&file, declaration).unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let flags = [
            format!("--declaration-file={}", file.display()),
            format!("--run-dir={}", at("run")),
            format!("--state-dir={}", at("state")),
            "--listen=127.0.0.1:0".into(),
            "--param=imageUrl=registry.example/app".into(),
            "--context=task.name=build-and-push".into(),
            "--context=taskRun.name=run-1".into(),
            "--context=taskRun.uid=u-1".into(),
            "--context=taskRun.namespace=ci".into(),
        ];
        Self {
            flags: flags.into(),
            folder: Arc::new(folder),
            file_size: None,
        }
        .flag("--api-server=http://127.0.0.1:1")
    }

    /// One flag more. A flag given twice counts as the last one says.
    pub(crate) fn flag(mut self, flag: impl Into<String>) -> Self {
        let flag = flag.into();
        let name = flag.split('=').next().unwrap_or_default();
        let repeats = ["--param", "--param-key", "--array", "--context", "--step"];
        if name.starts_with("--") && name != "--" && !repeats.contains(&name) {
            self.flags
                .retain(|given| !given.starts_with(&format!("{name}=")));
        }
        self.flags.push(flag);
        self
    }

    /// Without a flag that has been given.
    pub(crate) fn without(mut self, start: &str) -> Self {
        self.flags.retain(|given| !given.starts_with(start));
        self
    }

    /// With an API server.
    pub(crate) fn with(self, api_server: &Mock) -> Self {
        self.flag(format!("--api-server={}", api_server.url()))
    }

    /// No file may grow beyond this many KiB, as if the disk were full then.
    pub(crate) fn file_size(mut self, kibibytes: u64) -> Self {
        self.file_size = Some(kibibytes);
        self
    }

    /// A file or folder of this sidecar.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts it, and waits until it is ready.
    pub(crate) fn start(&self) -> Sidecar {
        let mut child = self.spawn();
        let log = Log::follow(child.stderr.take().unwrap());
        let ready = log.wait_for(PATIENCE, |lines| {
            let line = lines
                .iter()
                .find(|line| line.contains(r#""message":"ready""#))?;
            let line: Value = serde_json::from_str(line).unwrap();
            line["address"].as_str().unwrap().parse().ok()
        });
        let Some(address) = ready else {
            let _ = child.kill();
            panic!("the sidecar was not ready: {:#?}", log.lines());
        };
        Sidecar {
            child,
            log,
            address,
            folder: Arc::clone(&self.folder),
        }
    }

    /// Starts it, waits for its end, and gives its exit code and what it has said.
    pub(crate) fn run(&self) -> (Option<i32>, String) {
        let mut child = self.spawn();
        let log = Log::follow(child.stderr.take().unwrap());
        let ended = log.wait_for_end(PATIENCE);
        if !ended {
            let _ = child.kill();
        }
        assert!(ended, "the sidecar did not end: {:#?}", log.lines());
        (child.wait().unwrap().code(), log.lines().join("\n"))
    }

    fn spawn(&self) -> Child {
        // The same suite can be run against the binary that is shipped.
        let shipped = std::env::var("GLEANER_TEST_SIDECAR").ok();
        let program = shipped.as_deref();
        let program = program.unwrap_or(env!("CARGO_BIN_EXE_gleaner-sidecar"));
        let mut command = match self.file_size {
            None => Command::new(program),
            Some(size) => {
                // With the signal ignored the system says why, instead of killing.
                let script = r#"trap '' XFSZ; ulimit -f "$1"; shift; exec "$@""#;
                let mut shell = Command::new("bash");
                shell.args(["-c", script, "bash", &size.to_string(), program]);
                shell
            }
        };
        command
            .args(&self.flags)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap()
    }
}

// === impl Sidecar ===

impl Sidecar {
    /// The socket of a step.
    pub(crate) fn step(&self, step: &str) -> Place {
        Place::Socket(self.run_dir().join(step).join("gleaner.sock"))
    }

    /// The folder of the steps' folders.
    pub(crate) fn run_dir(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// The loopback address.
    pub(crate) fn loopback(&self) -> Place {
        Place::Loopback(self.address)
    }

    /// The loopback address, as text.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// The bearer token of a step.
    pub(crate) fn token(&self, step: &str) -> String {
        fs::read_to_string(self.run_dir().join(step).join("token")).unwrap()
    }

    /// Everything that it has said so far.
    pub(crate) fn log(&self) -> String {
        self.log.lines().join("\n")
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Kills it as the kernel would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended_within(mut self, time: Duration) -> ExitStatus {
        assert!(
            self.log.wait_for_end(time),
            "not ended in {time:?}: {}",
            self.log()
        );
        self.child.wait().unwrap()
    }

    /// A figure in KiB of `/proc/PID/status`.
    pub(crate) fn memory(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// === impl Log ===

impl Log {
    fn follow(stderr: ChildStderr) -> Arc<Self> {
        let log = Arc::new(Self::default());
        let writer = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                writer.state.lock().unwrap().0.push(line.unwrap());
                writer.changed.notify_all();
            }
            writer.state.lock().unwrap().1 = true;
            writer.changed.notify_all();
        });
        log
    }

    fn lines(&self) -> Vec<String> {
        self.state.lock().unwrap().0.clone()
    }

    fn wait_for<T>(&self, time: Duration, found: impl Fn(&[String]) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + time;
        let mut state = self.state.lock().unwrap();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match found(&state.0) {
                None if !state.1 && !left.is_zero() => {
                    state = self.changed.wait_timeout(state, left).unwrap().0;
                }
                found => return found,
            }
        }
    }

    fn wait_for_end(&self, time: Duration) -> bool {
        let state = self.state.lock().unwrap();
        let waited = self
            .changed
            .wait_timeout_while(state, time, |state| !state.1);
        waited.unwrap().0.1
    }
}
