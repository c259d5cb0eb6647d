//! A sidecar process, and its configuration.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use gleaner_testkit::api_server::ApiServer;
use gleaner_testkit::client::Place;
use gleaner_testkit::process::{self, Process};
use tempfile::TempDir;

use super::PATIENCE;

/// The configuration and the directories of a sidecar. The sidecar can be started several times.
#[derive(Clone)]
pub(crate) struct Setup {
    folder: Arc<TempDir>,
    flags: Vec<String>,
    file_size: Option<u64>,
    user: Option<u32>,
}

/// A running sidecar process, which is killed on drop.
pub(crate) struct Sidecar {
    process: Process,
    address: SocketAddr,
    folder: Arc<TempDir>,
}

// === impl Setup ===

impl Setup {
    /// Returns the setup for a sidecar that serves the run `u-1` with the declaration `declaration`. The configured API server is
    /// unreachable.
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
            user: None,
        }
        .flag("--api-server=http://127.0.0.1:1")
    }

    /// Adds a flag. Replaces an existing value, unless the flag can be repeated.
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

    /// Removes all flags that begin with `start`.
    pub(crate) fn without(mut self, start: &str) -> Self {
        self.flags.retain(|given| !given.starts_with(start));
        self
    }

    /// Sets the API server's address.
    pub(crate) fn with(self, api_server: &ApiServer) -> Self {
        self.flag(format!("--api-server={}", api_server.url()))
    }

    /// Limits the file size to this number of KiB, to simulate a full disk.
    pub(crate) fn file_size(mut self, kibibytes: u64) -> Self {
        self.file_size = Some(kibibytes);
        self
    }

    /// Runs the sidecar as this user, and changes the ownership of the files that it needs. Requires root.
    pub(crate) fn owned_by(mut self, user: u32) -> Self {
        for path in [self.folder.path(), &self.path("declaration.yaml")] {
            std::os::unix::fs::chown(path, Some(user), Some(user)).unwrap();
        }
        self.user = Some(user);
        self
    }

    /// Returns the same setup without the file size limit.
    pub(crate) fn without_file_size(&self) -> Self {
        Self {
            file_size: None,
            ..self.clone()
        }
    }

    /// Returns the path of a file or directory in the sidecar's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the sidecar and waits until it is ready.
    pub(crate) fn start(&self) -> Sidecar {
        let process = Process::spawn(self.command()).unwrap();
        let ready = process.wait_for(PATIENCE, |line| {
            let line = process::message(line, "ready")?;
            line["address"].as_str().unwrap().parse().ok()
        });
        let Some(address) = ready else {
            panic!("the sidecar was not ready: {}", process.log());
        };
        Sidecar {
            process,
            address,
            folder: Arc::clone(&self.folder),
        }
    }

    /// Runs the sidecar until it exits, and returns the exit code and the output.
    pub(crate) fn run(&self) -> (Option<i32>, String) {
        let ran = process::run(self.command());
        (ran.code, ran.stderr)
    }

    fn command(&self) -> Command {
        // With this variable, the same tests can run with the released binary.
        let shipped = std::env::var("GLEANER_TEST_SIDECAR").ok();
        let program = shipped.as_deref();
        let program = program.unwrap_or(env!("CARGO_BIN_EXE_gleaner-sidecar"));
        let mut command = match (self.file_size, self.user) {
            (Some(size), _) => process::with_file_size(program, size),
            (None, Some(user)) => process::as_user(program, user),
            (None, None) => Command::new(program),
        };
        command
            .args(&self.flags)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            // Hide the CA certificates of this machine, because plain HTTP needs none.
            .env("SSL_CERT_FILE", "/nonexistent")
            .env("SSL_CERT_DIR", "/nonexistent");
        command
    }
}

// === impl Sidecar ===

impl Sidecar {
    /// Returns the socket of a step.
    pub(crate) fn step(&self, step: &str) -> Place {
        Place::Socket(self.run_dir().join(step).join("gleaner.sock"))
    }

    /// Returns the directory that contains the steps' directories.
    pub(crate) fn run_dir(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// Returns the sidecar's loopback address, to which a test can send requests.
    pub(crate) fn loopback(&self) -> Place {
        Place::Tcp(self.address)
    }

    /// Returns the loopback address in the form `IP:PORT`.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Returns the bearer token of a step.
    pub(crate) fn token(&self, step: &str) -> String {
        fs::read_to_string(self.run_dir().join(step).join("token")).unwrap()
    }

    /// Returns everything that the sidecar has logged so far.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        self.process.signal("TERM");
    }

    /// Kills the sidecar with SIGKILL.
    pub(crate) fn kill(self) {
        self.process.kill();
    }

    /// Waits until the sidecar exits by itself, for at most `time`, and returns its exit status.
    pub(crate) fn ended_within(self, time: Duration) -> ExitStatus {
        self.process.ended_within(time)
    }

    /// Changes the file size limit of the running sidecar. `limit` has the syntax of `prlimit`.
    pub(crate) fn limit_file_size(&self, limit: &str) {
        assert!(self.process.limit_file_size(limit), "no such process");
    }

    /// Returns the user that the kernel reports as the owner of the process's memory and environment. The owner is root if other
    /// processes of the same user have no access.
    pub(crate) fn memory_owner(&self) -> u32 {
        process::memory_owner(self.process.id())
    }

    /// Returns a field of `/proc/PID/status` in KiB.
    pub(crate) fn memory(&self, field: &str) -> u64 {
        self.process.memory(field)
    }
}
