//! A simulated TaskRun, with the real sidecar as a process, and the real redirector for each step.
//!
//! ```ignore
//! let mut run = Run::new(PROGRAMS, server, DECLARATION).param("imageUrl", "registry/image");
//! run.start().await;
//! run.step("build").writes("digest", "sha256:1\n").run().await.expect(0);
//! assert_eq!(run.objects("tekton.dev/v1alpha1", "pipelineresources").await.len(), 1);
//! ```

mod disturb;
mod memory_limit;
mod process;
mod setup;
mod step;

use std::path::{Path, PathBuf};
use std::time::Duration;

use gleaner_core::declaration::Declaration;
use gleaner_proto::path;
use http::Method;
use kube::Client;
use serde_json::Value;
use tempfile::TempDir;

use crate::server::{self, Answer, Server};
use crate::wait;
pub use disturb::Sending;
pub use memory_limit::MemoryLimit;
use process::Sidecar;
pub use step::{Ended, Running, Step};

/// The maximum time to wait until the sidecar reaches a state.
const PATIENCE: Duration = Duration::from_secs(20);

/// The paths of the programs that a case runs. [`programs!`](crate::programs) returns them.
#[derive(Debug, Clone, Copy)]
pub struct Programs {
    /// The sidecar, built with crash points.
    pub sidecar: &'static str,
    /// The redirector.
    pub redirector: &'static str,
}

/// Returns the paths of the programs that are built with the suites. This is a macro, because cargo passes the paths only to
/// integration tests.
#[macro_export]
macro_rules! programs {
    () => {
        $crate::run::Programs {
            sidecar: env!("CARGO_BIN_EXE_sidecar-under-test"),
            redirector: env!("CARGO_BIN_EXE_redirector-under-test"),
        }
    };
}

/// A run. Its processes are killed on drop.
pub struct Run<'a> {
    programs: Programs,
    server: &'a Server,
    folder: TempDir,
    text: String,
    declaration: Declaration,
    task: String,
    task_run: String,
    uid: String,
    api: Vec<String>,
    flags: Vec<String>,
    environment: Vec<(String, String)>,
    sidecar: Option<Sidecar>,
    /// The sidecar's memory limit. This field must be dropped after the sidecar, so it follows `sidecar`.
    memory: Option<MemoryLimit>,
    /// The logs of killed sidecars.
    killed: String,
}

// === The sidecar ===

impl<'a> Run<'a> {
    /// Starts the sidecar and waits until it is ready. After a [`kill`](Self::kill), the sidecar resumes from the previous state.
    ///
    /// # Panics
    ///
    /// Panics with the sidecar's log if the sidecar does not become ready.
    pub async fn start(&mut self) {
        let arguments = self.arguments();
        let program = self.programs.sidecar;
        let environment = self.environment();
        let memory = self.memory.as_ref();
        let sidecar = Sidecar::start(program, &arguments, &environment, memory).await;
        self.sidecar = Some(sidecar);
    }

    /// Returns the sidecar's command line.
    fn arguments(&self) -> Vec<String> {
        let file = self.folder().join("declaration.yaml");
        std::fs::write(&file, &self.text).expect("a declaration");
        let below = |name: &str| self.folder().join(name).display().to_string();
        let mut arguments = vec![
            format!("--declaration-file={}", file.display()),
            format!("--run-dir={}", below("run")),
            format!("--state-dir={}", below("state")),
            "--listen=127.0.0.1:0".to_owned(),
            "--log-format=json".to_owned(),
            "--step=gleaner".to_owned(),
            format!("--context=task.name={}", self.task),
            format!("--context=taskRun.name={}", self.task_run),
            format!("--context=taskRun.uid={}", self.uid),
            format!("--context=taskRun.namespace={}", self.server.namespace()),
        ];
        arguments.extend(self.api.iter().chain(&self.flags).cloned());
        arguments
    }

    fn environment(&self) -> Vec<(String, String)> {
        let slow_disk = self.slow_disk_file().display().to_string();
        let slow_disk = ("GLEANER_SLOW_DISK".to_owned(), slow_disk);
        self.environment
            .iter()
            .cloned()
            .chain([slow_disk])
            .collect()
    }

    /// Kills the sidecar with SIGKILL.
    ///
    /// # Panics
    ///
    /// Panics if the sidecar is not running.
    pub async fn kill(&mut self) {
        let sidecar = self.sidecar.take().expect("a running sidecar");
        self.killed += &sidecar.kill();
        self.killed.push('\n');
    }

    /// Makes the sidecar block when it first reaches the crash point `point`. Takes effect when the sidecar is started again.
    pub fn crash_at(&mut self, point: &str) {
        self.environment = vec![("GLEANER_CRASH_POINT".to_owned(), point.to_owned())];
        // Ignore the error, because the file exists only if the sidecar has already blocked at a crash point.
        let _ = std::fs::remove_file(self.crash_marker());
    }

    /// Waits until the sidecar blocks at its crash point, and kills it with SIGKILL.
    ///
    /// # Panics
    ///
    /// Panics if the step finishes, or the wait times out, before the sidecar reaches its crash point.
    pub async fn crash(&mut self, step: &Running) {
        let marker = self.crash_marker();
        let point = &self.environment;
        wait::until(
            "the sidecar blocks at its crash point",
            PATIENCE,
            async || {
                if marker.exists() {
                    return Some(());
                }
                assert!(
                    !step.has_ended(),
                    "the step finished before the sidecar reached {point:?}"
                );
                None
            },
        )
        .await;
        self.kill().await;
    }

    /// Returns the logs of all sidecars in this run: first those of the killed sidecars, then that of the running sidecar.
    #[must_use]
    pub fn log(&self) -> String {
        let running = self.sidecar.as_ref().map(Sidecar::log);
        format!("{}{}", self.killed, running.unwrap_or_default())
    }

    /// Sends a GET to the sidecar's loopback address.
    ///
    /// # Panics
    ///
    /// Panics if no response arrives.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await
    }

    /// Sends a POST to the sidecar's loopback address, as a step.
    ///
    /// # Panics
    ///
    /// Panics if no response arrives, or the step does not exist.
    pub async fn post(&self, path: &str, step: &str) -> Answer {
        self.ask(Method::POST, path, Some(&self.token(step))).await
    }

    /// Sends `POST /v1/submit` as a step, and ignores the response.
    ///
    /// # Panics
    ///
    /// Panics if the sidecar is not running.
    pub fn submit_unheard(&self, step: &str) -> Running {
        let client = self.client(Some(&self.token(step)));
        Running::unheard(client, "/v1/submit")
    }

    async fn ask(&self, method: Method, path: &str, token: Option<&str>) -> Answer {
        server::send(
            &self.client(token),
            method,
            path,
            "application/json",
            Vec::new(),
        )
        .await
    }

    fn client(&self, token: Option<&str>) -> Client {
        let sidecar = self.sidecar.as_ref().expect("a running sidecar");
        let url = format!("http://{}", sidecar.address);
        server::client(&url, token, None).expect("a client for the sidecar")
    }

    fn token(&self, step: &str) -> String {
        self.known_token(step).expect("the step's token")
    }

    /// Returns the step's token, if the sidecar has already written it.
    fn known_token(&self, step: &str) -> Option<String> {
        let file = self.step_folder(step).join(path::TOKEN_FILE);
        let token = std::fs::read_to_string(file).ok()?;
        Some(token.trim().to_owned())
    }

    /// Waits until the run's status satisfies a condition, and returns the status. `what` describes the condition.
    ///
    /// # Panics
    ///
    /// Panics if the wait times out.
    pub async fn status(&self, what: &str, fulfils: impl Fn(&Value) -> bool) -> Value {
        wait::until(what, PATIENCE, async || {
            let status = self.get("/v1/status").await.json;
            fulfils(&status).then_some(status)
        })
        .await
    }
}

// === The steps ===

impl Run<'_> {
    /// Returns a step that can be run with a real redirector.
    pub fn step(&self, name: &str) -> Step<'_> {
        Step::new(self, name)
    }

    /// Runs a step that writes one output, and asserts that the step succeeds.
    ///
    /// # Panics
    ///
    /// Panics with the step's standard error if the step fails.
    pub async fn passes(&self, step: &str, output: &str, content: &str) {
        let step = self.step(step).writes(output, content);
        step.run().await.expect(0);
    }

    /// Finishes the run in a separate step.
    pub async fn finish(&self) -> Ended {
        let mut arguments = vec!["finish".to_owned()];
        arguments.extend(self.redirector_flags("gleaner"));
        step::spawn(self.programs.redirector, &arguments)
            .ended()
            .await
    }

    /// Returns true if the command of a step has run.
    #[must_use]
    pub fn has_run(&self, step: &str) -> bool {
        self.folder().join("ready").join(step).join("ran").exists()
    }

    /// Returns the results that were written when the run finished, by name.
    ///
    /// # Panics
    ///
    /// Panics if a result is not JSON.
    #[must_use]
    pub fn results(&self) -> Vec<(String, Value)> {
        step::results(&self.folder().join("results"))
    }

    /// Returns the termination message that the redirectors wrote for Tekton.
    #[must_use]
    pub fn termination(&self) -> String {
        std::fs::read_to_string(self.folder().join("termination")).unwrap_or_default()
    }

    fn redirector(&self) -> &'static str {
        self.programs.redirector
    }

    /// Returns the flags that each redirector of this run needs.
    fn redirector_flags(&self, step: &str) -> Vec<String> {
        let socket = self.step_folder(step).join(path::SOCKET_FILE);
        vec![
            format!("--step={step}"),
            format!("--sidecar=unix:{}", socket.display()),
            format!("--results-dir={}", self.folder().join("results").display()),
            format!(
                "--termination-message={}",
                self.folder().join("termination").display()
            ),
            "--deadline=30s".to_owned(),
        ]
    }
}

// === Objects ===

impl Run<'_> {
    /// Returns the objects of this kind that have the run's label.
    pub async fn objects(&self, api_version: &str, plural: &str) -> Vec<Value> {
        let listed = self
            .server
            .get(&self.server.path(api_version, plural))
            .await;
        let mut objects = listed.expect_status(200).json["items"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        objects.retain(|object| {
            object["metadata"]["labels"]["tekton.dev/taskRun"] == self.task_run.as_str()
        });
        objects
    }

    /// Returns the UID of the TaskRun.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Returns the name of the TaskRun.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.task_run
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn step_folder(&self, step: &str) -> PathBuf {
        self.folder().join("run").join(step)
    }

    fn slow_disk_file(&self) -> PathBuf {
        self.folder().join("slow-disk")
    }

    fn crash_marker(&self) -> PathBuf {
        self.folder().join("state/crash-point")
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "The log of the sidecar of {}:\n{}",
                self.task_run,
                self.log()
            );
        }
    }
}
