//! The injector as a process.

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

use super::{ApiServer, Authority, Client, PATIENCE, get};

/// The name in certificates from files.
pub(crate) const NAME: &str = "injector.gleaner.svc";

/// How an injector is to be started.
#[derive(Clone)]
pub(crate) struct Setup {
    folder: Arc<TempDir>,
    flags: Vec<String>,
}

/// An injector that runs. It is killed when it goes out of scope.
pub(crate) struct Injector {
    child: Child,
    log: Arc<Log>,
    pub(crate) address: SocketAddr,
    pub(crate) health: SocketAddr,
    /// Its certificate is polled for as long as it runs.
    _folder: Arc<TempDir>,
}

/// What it writes to stderr.
#[derive(Default)]
struct Log {
    state: Mutex<(Vec<String>, bool)>,
    changed: Condvar,
}

// === impl Setup ===

impl Setup {
    fn new() -> Self {
        let flags = [
            "--listen=127.0.0.1:0",
            "--health-listen=127.0.0.1:0",
            "--image=registry.example/gleaner:1",
            "--sidecars=native",
            "--shutdown-delay=0",
            "--certificate-poll=100ms",
        ];
        Self {
            folder: Arc::new(tempfile::tempdir().unwrap()),
            flags: flags.map(str::to_owned).into(),
        }
    }

    /// With a certificate of `authority` in files, and no API server.
    pub(crate) fn files(authority: &Authority) -> Self {
        let setup = Self::new();
        let path = |name: &str| setup.path(name).display().to_string();
        let flags = [
            format!("--tls-cert={}", path("tls.crt")),
            format!("--tls-key={}", path("tls.key")),
            "--no-events".to_owned(),
        ];
        setup.write(authority.issue(NAME));
        flags.into_iter().fold(setup.clone(), Self::flag)
    }

    /// With certificates of its own, kept in `api_server`.
    pub(crate) fn managed(api_server: &ApiServer) -> Self {
        let flags = [
            "--tls-secret=gleaner/injector-tls",
            "--service=injector",
            "--webhook-configuration=gleaner",
        ];
        let api_server = format!("--api-server={}", api_server.url());
        flags
            .into_iter()
            .fold(Self::new().flag(api_server), Self::flag)
    }

    /// One flag more. A flag given twice counts as the last one says.
    pub(crate) fn flag(mut self, flag: impl Into<String>) -> Self {
        let flag = flag.into();
        let name = flag.split('=').next().unwrap_or_default();
        self.flags
            .retain(|given| given.split('=').next() != Some(name));
        self.flags.push(flag);
        self
    }

    /// Without a flag that has been given.
    pub(crate) fn without(mut self, flag: &str) -> Self {
        self.flags
            .retain(|given| given.split('=').next() != Some(flag));
        self
    }

    /// A file of this setup.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes certificate and key.
    pub(crate) fn write(&self, (certificate, key): (String, String)) {
        fs::write(self.path("tls.crt"), certificate).unwrap();
        fs::write(self.path("tls.key"), key).unwrap();
    }

    /// Starts it, and waits until it has its addresses.
    pub(crate) fn start(&self) -> Injector {
        let mut child = self.command().spawn().unwrap();
        let log = Log::follow(child.stderr.take().unwrap());
        let listening = log.wait_for(PATIENCE, |lines| {
            let line = lines
                .iter()
                .find(|line| line.contains(r#""message":"listening""#))?;
            let line: Value = serde_json::from_str(line).unwrap();
            let address = |field: &str| line[field].as_str().unwrap().parse().ok();
            Some((address("address")?, address("health_address")?))
        });
        let Some((address, health)) = listening else {
            let _ = child.kill();
            panic!("the injector does not listen: {:#?}", log.lines());
        };
        Injector {
            child,
            log,
            address,
            health,
            _folder: Arc::clone(&self.folder),
        }
    }

    /// Starts it, and waits until it is ready.
    pub(crate) async fn ready(&self) -> Injector {
        let injector = self.start();
        injector.is_ready().await;
        injector
    }

    /// Starts it, waits for its end, and gives its exit code and what it has said.
    pub(crate) fn run(&self) -> (Option<i32>, String) {
        let output = self.command().output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gleaner-injector"));
        command
            .args(&self.flags)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0);
        command
    }
}

// === impl Injector ===

impl Injector {
    /// Waits until it is.
    pub(crate) async fn is_ready(&self) {
        super::until("ready", async || {
            let ready = get(self.health, "/readyz").await;
            (ready.status == 200).then_some(())
        })
        .await;
    }

    /// A connection with what [`Setup::files`] gave it.
    pub(crate) async fn client(&self, authority: &Authority) -> Client {
        Client::connect(self.address, &authority.pem, NAME)
            .await
            .unwrap()
    }

    /// The value of a metric, with its labels as they are written; 0 while nothing is counted.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let metrics = get(self.health, "/metrics").await.text;
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Everything that it has said so far.
    pub(crate) fn log(&self) -> String {
        self.log.lines().join("\n")
    }

    /// The first line with this text, once it is there, as JSON.
    pub(crate) async fn said(&self, text: &str) -> Value {
        let found = async || {
            self.log
                .lines()
                .into_iter()
                .find(|line| line.contains(text))
        };
        let line = super::until(&format!("saying {text}"), found).await;
        serde_json::from_str(&line).unwrap()
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

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        super::until("its end", async || self.child.try_wait().unwrap()).await
    }

    /// A figure in KiB of `/proc/PID/status`.
    pub(crate) fn memory(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Injector {
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
}
