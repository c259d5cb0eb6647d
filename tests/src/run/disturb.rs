//! Operations that disturb a run's processes. A test can use them at any time and in any state.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use http::{Method, Request};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::process::Sidecar;
use super::{Run, Running};
use crate::server;

/// A pending request to the sidecar. The result is the status and the body of the response, or `None` if no response arrives.
pub type Sending = JoinHandle<Option<(u16, String)>>;

impl Run<'_> {
    /// Starts the sidecar without waiting until it is ready.
    pub fn launch(&mut self) {
        let sidecar = Sidecar::launch(
            self.programs.sidecar,
            &self.arguments(),
            &self.environment(),
            self.memory.as_ref(),
        );
        self.sidecar = Some(sidecar);
    }

    /// Returns true if the sidecar is running, and has reported that it is ready.
    pub fn is_ready(&mut self) -> bool {
        self.sidecar.as_mut().is_some_and(Sidecar::is_ready)
    }

    /// Returns true if the sidecar has exited by itself since the last call. If so, appends the sidecar's log to the logs of
    /// the killed sidecars.
    pub fn has_exited(&mut self) -> bool {
        let process = self.sidecar.as_mut().map(Sidecar::process);
        let exited = process.is_some_and(|process| !matches!(process.try_wait(), Ok(None)));
        if exited && let Some(sidecar) = self.sidecar.take() {
            self.killed += &sidecar.log();
            self.killed.push('\n');
        }
        exited
    }

    /// Sends a signal, such as `STOP`, to the sidecar. Does nothing if the sidecar is not running.
    pub fn signal(&mut self, name: &str) {
        if let Some(sidecar) = &mut self.sidecar
            && matches!(sidecar.process().try_wait(), Ok(None))
        {
            sidecar.process().signal(name);
        }
    }

    /// Limits the size of the files that the sidecar writes. `limit` has the syntax of `prlimit`. Does nothing if the sidecar is
    /// not running.
    pub fn limit_file_size(&mut self, limit: &str) {
        if let Some(sidecar) = &mut self.sidecar {
            sidecar.process().limit_file_size(limit);
        }
    }

    /// Removes the sidecar's crash point. Takes effect at the next start of the sidecar.
    pub fn crash_nowhere(&mut self) {
        self.environment.clear();
    }

    /// Returns true if the sidecar is blocked at its crash point.
    #[must_use]
    pub fn is_at_crash_point(&self) -> bool {
        self.crash_marker().exists()
    }

    /// Delays each fsync of the sidecar's journal by `millis` milliseconds, both in a running sidecar and after a restart.
    ///
    /// # Panics
    ///
    /// Panics if the file with the delay cannot be written.
    pub fn slow_disk(&self, millis: u64) {
        fs::write(self.slow_disk_file(), millis.to_string()).expect("a delay");
    }

    /// Returns true if a sidecar was killed because it exceeded its memory limit.
    #[must_use]
    pub fn was_out_of_memory(&self) -> bool {
        self.memory
            .as_ref()
            .is_some_and(|memory| memory.kills() > 0)
    }

    /// Sends the sidecar a request with the token of `step`, or without a token if `step` is empty. Returns `None` if the
    /// sidecar is not ready.
    #[must_use]
    pub fn send(&self, method: Method, path: &str, step: &str, body: &Value) -> Option<Sending> {
        let sidecar = self.sidecar.as_ref()?;
        if sidecar.address.is_empty() {
            return None;
        }
        let url = format!("http://{}", sidecar.address);
        let client = match step {
            "" => {
                let reader = || server::client(&url, None, None).expect("a client");
                sidecar.reader.get_or_init(reader).clone()
            }
            step => server::client(&url, Some(&self.known_token(step)?), None).ok()?,
        };
        let body = match body {
            Value::Null => Vec::new(),
            body => body.to_string().into_bytes(),
        };
        let request = Request::builder().method(method).uri(path);
        let request = request.header("content-type", "application/json");
        let request = request.body(Body::from(body)).ok()?;
        Some(tokio::spawn(async move {
            let (parts, body) = client.send(request).await.ok()?.into_parts();
            let body = body.collect().await.ok()?.to_bytes();
            let text = String::from_utf8_lossy(&body).into_owned();
            Some((parts.status.as_u16(), text))
        }))
    }

    /// Starts a separate step that finishes the run.
    pub fn begin_finish(&self) -> Running {
        let mut arguments = vec!["finish".to_owned()];
        arguments.extend(self.redirector_flags("gleaner"));
        super::step::spawn(self.programs.redirector, &arguments)
    }

    /// Returns the directory of the run. Its path is in the command line of each process of the run.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.folder()
    }

    /// Returns the path in `/proc` and the command line of each process in the run that uses this directory.
    #[must_use]
    pub fn processes(directory: &Path) -> Vec<String> {
        let directory = directory.display().to_string();
        let entries = fs::read_dir("/proc").expect("the processes").flatten();
        entries
            .filter_map(|entry| {
                let line = fs::read(entry.path().join("cmdline")).ok()?;
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                line.contains(&directory)
                    .then(|| format!("{}: {line}", entry.path().display()))
            })
            .collect()
    }
}

impl Running {
    /// Kills the redirector with SIGKILL. Does nothing if the redirector has exited.
    pub fn kill(&self) {
        if let Some(process) = self.process
            && !self.has_ended()
        {
            // Ignore an error, because the redirector may have just exited.
            let mut kill = std::process::Command::new("kill");
            kill.args(["-s", "KILL", "--", &process.to_string()]);
            let _ = kill.stderr(Stdio::null()).status();
        }
    }
}
