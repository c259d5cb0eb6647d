//! An injector process, and its configuration.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use gleaner_testkit::process::{self, Process};
use serde_json::Value;
use tempfile::TempDir;

use super::{ApiServer, Authority, Client, PATIENCE, get};

/// The name in the certificates that the tests write to files.
pub(crate) const NAME: &str = "injector.gleaner.svc";

/// The configuration of an injector.
#[derive(Clone)]
pub(crate) struct Setup {
    folder: Arc<TempDir>,
    flags: Vec<String>,
}

/// A running injector process, which is killed on drop.
pub(crate) struct Injector {
    process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) health: SocketAddr,
    /// The directory with the certificates. The injector reads these files until it exits, so the directory
    /// must not be deleted when the setup is dropped.
    _folder: Arc<TempDir>,
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

    /// Returns a setup without an API server. The setup's files contain a certificate that `authority` issued.
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

    /// Returns a setup whose files contain a certificate that `authority` issued. The injector writes the CA into the webhook
    /// configuration on `api_server`.
    pub(crate) fn given(authority: &Authority, api_server: &ApiServer) -> Self {
        let setup = Self::files(authority);
        setup.write_ca(authority);
        let flags = [
            format!("--tls-ca={}", setup.path("ca.crt").display()),
            "--webhook-configuration=gleaner".to_owned(),
            format!("--api-server={}", api_server.url()),
        ];
        flags.into_iter().fold(setup, Self::flag)
    }

    /// Returns the setup for an injector that issues its own certificates and stores them in a Secret on `api_server`.
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

    /// Adds a flag. If a flag is repeated, the last value takes effect.
    pub(crate) fn flag(mut self, flag: impl Into<String>) -> Self {
        let flag = flag.into();
        let name = flag.split('=').next().unwrap_or_default();
        self.flags
            .retain(|given| given.split('=').next() != Some(name));
        self.flags.push(flag);
        self
    }

    /// Removes a flag.
    pub(crate) fn without(mut self, flag: &str) -> Self {
        self.flags
            .retain(|given| given.split('=').next() != Some(flag));
        self
    }

    /// Returns the path of a file in the setup's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the certificate and key files, which the injector reads.
    pub(crate) fn write(&self, (certificate, key): (String, String)) {
        fs::write(self.path("tls.crt"), certificate).unwrap();
        fs::write(self.path("tls.key"), key).unwrap();
    }

    pub(crate) fn write_ca(&self, authority: &Authority) {
        fs::write(self.path("ca.crt"), &authority.pem).unwrap();
    }

    /// Starts the injector, and waits until it has bound its addresses.
    pub(crate) fn start(&self) -> Injector {
        let process = Process::spawn(self.command()).unwrap();
        let listening = process.wait_for(PATIENCE, |line| {
            let line = process::message(line, "listening")?;
            let address = |field: &str| line[field].as_str().unwrap().parse().ok();
            Some((address("address")?, address("health_address")?))
        });
        let Some((address, health)) = listening else {
            panic!("the injector did not bind its addresses: {}", process.log());
        };
        Injector {
            process,
            address,
            health,
            _folder: Arc::clone(&self.folder),
        }
    }

    /// Starts the injector, and waits until it is ready.
    pub(crate) async fn ready(&self) -> Injector {
        let injector = self.start();
        injector.is_ready().await;
        injector
    }

    /// Runs the injector until it exits, and returns the exit code and the output.
    pub(crate) fn run(&self) -> (Option<i32>, String) {
        let ran = process::run(self.command());
        (ran.code, ran.stderr)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gleaner-injector"));
        command.args(&self.flags).env_clear();
        command
    }
}

// === impl Injector ===

impl Injector {
    pub(crate) async fn is_ready(&self) {
        super::until("the injector to be ready", async || {
            let ready = get(self.health, "/readyz").await;
            (ready.status == 200).then_some(())
        })
        .await;
    }

    /// Connects as a client that trusts the CA `authority`.
    pub(crate) async fn client(&self, authority: &Authority) -> Client {
        Client::connect(self.address, &authority.pem, NAME)
            .await
            .unwrap()
    }

    /// Returns the value of the metric series `series`, including labels, or 0 if the series does not exist yet.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let metrics = get(self.health, "/metrics").await;
        let line = metrics
            .text()
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Returns the output of the injector so far.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// Waits for a log line that contains this text, and returns the line as JSON.
    pub(crate) async fn said(&self, text: &str) -> Value {
        let line = |line: &str| line.contains(text).then(|| line.to_owned());
        let found = async || self.process.line(line);
        let line = super::until(&format!("a log line that contains '{text}'"), found).await;
        serde_json::from_str(&line).unwrap()
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        self.process.signal("TERM");
    }

    /// Waits until the injector exits by itself.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        super::until("the injector to exit", async || {
            self.process.try_wait().unwrap()
        })
        .await
    }

    /// Returns the CPU time that the injector has used so far.
    pub(crate) fn computed(&self) -> Duration {
        self.process.computed()
    }

    /// Returns a field of `/proc/PID/status` in KiB.
    pub(crate) fn memory(&self, field: &str) -> u64 {
        self.process.memory(field)
    }
}
