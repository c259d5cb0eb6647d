//! The sidecar of a local run, as a child process.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use gleaner_proto::kubernetes::label;
use gleaner_proto::path::FINISH_STEP;
use gleaner_proto::{StepName, arguments};
use tokio::process::Command;

use super::cluster::Cluster;
use super::http::SidecarClient;
use super::plan::Plan;
use super::process::Group;
use crate::failure::Failure;
use crate::values::as_text;

const STARTING: Duration = Duration::from_secs(20);
/// The interval between readiness checks at startup.
const READY_INTERVAL: Duration = Duration::from_millis(10);
/// The maximum number of lines from the end of the log to show if the sidecar exits unexpectedly.
const LOG_LINES: usize = 20;

#[derive(Debug)]
pub(crate) struct SidecarProcess {
    group: Group,
    pub(crate) client: SidecarClient,
    /// The URL of the sidecar's page (`GET /`), which shows the state of the task.
    pub(crate) page: String,
}

impl SidecarProcess {
    /// Starts the sidecar and waits until it is ready.
    pub(crate) async fn start(
        program: &Path,
        plan: &Plan,
        context: &BTreeMap<String, String>,
        cluster: &Cluster,
    ) -> Result<Self, Failure> {
        let unstartable =
            |error| Failure::unreachable(format_args!("cannot start the sidecar: {error}"));
        let group = Self::spawn(program, plan, context, cluster).map_err(unstartable)?;
        let client = SidecarClient {
            socket: plan.directory.socket(FINISH_STEP),
        };
        let mut sidecar = Self {
            group,
            client,
            page: String::new(),
        };
        let ready = tokio::time::timeout(STARTING, sidecar.wait_until_ready()).await;
        let seconds = STARTING.as_secs();
        let problem = match ready {
            Ok(Ok(None)) => {
                let address = std::fs::read_to_string(plan.directory.address());
                sidecar.page = format!("http://{}/", address.map_err(unstartable)?);
                return Ok(sidecar);
            }
            Ok(Ok(Some(status))) => format!("the sidecar exited during startup ({status})"),
            Ok(Err(error)) => return Err(unstartable(error)),
            Err(_) => format!("the sidecar did not become ready within {seconds} s"),
        };
        let log = last_log_lines(plan);
        Err(Failure::unreachable(format_args!("{problem}:\n{log}")))
    }

    fn spawn(
        program: &Path,
        plan: &Plan,
        context: &BTreeMap<String, String>,
        cluster: &Cluster,
    ) -> io::Result<Group> {
        let directory = &plan.directory;
        std::fs::write(directory.declaration(), plan.task.document.to_string())?;
        let log = File::create(directory.log())?;
        let mut command = Command::new(program);
        command
            .arg("sidecar")
            .arg("--declaration-file")
            .arg(directory.declaration())
            .arg("--run-dir")
            .arg(directory.sockets())
            .arg("--state-dir")
            .arg(directory.state())
            .args(["--listen", "127.0.0.1:0", "--log-format", "text"])
            .arg("--address-file")
            .arg(directory.address())
            // The grace period is shorter than `SHUTDOWN_TIMEOUT` in `outcome.rs`, so that the sidecar can shut down before it is
            // killed.
            .arg("--shutdown-grace=20s")
            .args(cluster.arguments())
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log));
        // Let every step connect to the sidecar, because the last step finishes the run even if that step declares no outputs.
        let names = plan.task.spec.steps.iter().map(|step| step.name.as_str());
        for name in names.chain([FINISH_STEP]) {
            if StepName::new(name).is_ok() {
                command.args([arguments::STEP, name]);
            }
        }
        for (name, value) in &plan.substitution.params {
            let flag = if value.is_string() {
                arguments::PARAM
            } else {
                "--param-json"
            };
            command.arg(flag).arg(format!("{name}={}", as_text(value)));
        }
        if let Some(task) = &plan.pipeline_task {
            let label = format!("{}={task}", label::PIPELINE_TASK);
            command.arg("--label").arg(label);
        }
        for (name, value) in context {
            command
                .arg(arguments::CONTEXT)
                .arg(format!("{name}={value}"));
        }
        without_own_variables(command.as_std_mut());
        Group::start(&mut command, directory.watcher())
    }

    /// If the sidecar exited unexpectedly, returns a message with the end of its log.
    pub(crate) fn unexpected_exit(&mut self, plan: &Plan) -> Option<String> {
        match self.group.child.try_wait() {
            Ok(Some(status)) => Some(format!(
                "the sidecar exited ({status}):\n{}",
                last_log_lines(plan)
            )),
            _ => None,
        }
    }

    /// Shuts down the sidecar. Requests in progress must complete within `grace`.
    pub(crate) async fn end(mut self, grace: Duration) {
        // The exit status does not matter, because the sidecar either completed its work or already reported the failure.
        let _ = self.group.end(grace).await;
    }

    /// Waits until the sidecar is ready. If the sidecar exits first, returns the exit status.
    async fn wait_until_ready(&mut self) -> io::Result<Option<ExitStatus>> {
        loop {
            let ended = self.group.child.try_wait()?;
            if ended.is_some() || self.client.is_ready().await {
                return Ok(ended);
            }
            tokio::time::sleep(READY_INTERVAL).await;
        }
    }
}

/// Removes Gleaner's variables from a child's environment, because they are not meant for the child.
pub(crate) fn without_own_variables(command: &mut std::process::Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GLEANER_") {
            command.env_remove(name);
        }
    }
}

fn last_log_lines(plan: &Plan) -> String {
    let log = std::fs::read_to_string(plan.directory.log()).unwrap_or_default();
    let lines: Vec<String> = log.lines().map(|line| format!("  {line}")).collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}
