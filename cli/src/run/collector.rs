//! The sidecar, as a child process.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use gleaner_proto::StepName;
use gleaner_proto::path::FINISH_STEP;
use serde_json::Value;
use tokio::process::Command;

use super::cluster::Cluster;
use super::http::Sidecar;
use super::plan::Plan;
use super::process::Group;

/// How long the sidecar may take to get ready.
const STARTING: Duration = Duration::from_secs(20);
/// How often it is asked meanwhile.
const ASKING: Duration = Duration::from_millis(10);
/// How much of its log is shown when it has ended by itself.
const LOG_LINES: usize = 20;

/// The running sidecar.
#[derive(Debug)]
pub(crate) struct Collector {
    group: Group,
    pub(crate) sidecar: Sidecar,
}

/// Why there is no sidecar.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectorError {
    #[error("the sidecar cannot be started: {0}")]
    Start(#[from] std::io::Error),
    #[error("the sidecar has ended at once ({status}):\n{log}")]
    Ended { status: ExitStatus, log: String },
    #[error("the sidecar is not ready after {} s:\n{log}", STARTING.as_secs())]
    NotReady { log: String },
}

impl Collector {
    /// Starts it and waits until it is ready.
    pub(crate) async fn start(
        program: &Path,
        plan: &Plan,
        context: impl IntoIterator<Item = (&String, &String)>,
        cluster: &Cluster,
    ) -> Result<Self, CollectorError> {
        let folder = &plan.folder;
        std::fs::write(folder.declaration(), plan.task.document.to_string())?;
        let log = File::create(folder.log())?;
        let mut command = Command::new(program);
        command
            .arg("sidecar")
            .arg("--declaration-file")
            .arg(folder.declaration())
            .arg("--run-dir")
            .arg(folder.sockets())
            .arg("--state-dir")
            .arg(folder.state())
            .args(["--listen", "127.0.0.1:0", "--log-format", "text"])
            // How long `outcome` waits depends on it.
            .arg("--shutdown-grace=20s")
            .args(steps(plan))
            .args(
                plan.substitution
                    .params
                    .iter()
                    .flat_map(|(name, value)| param(name, value)),
            )
            .args(
                context
                    .into_iter()
                    .flat_map(|(name, value)| flag("--context", name, value)),
            )
            .args(cluster.arguments())
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log));
        without_own_variables(&mut command);
        let group = Group::start(&mut command)?;
        let mut collector = Self {
            group,
            sidecar: Sidecar::at(&folder.socket(FINISH_STEP)),
        };
        collector.get_ready(plan).await.map(|()| collector)
    }

    /// Whether it has ended by itself, which it should not; and its last words.
    pub(crate) fn has_ended(&mut self, plan: &Plan) -> Option<String> {
        match self.group.child.try_wait() {
            Ok(Some(status)) => Some(format!(
                "the sidecar has ended ({status}):\n{}",
                last_words(plan)
            )),
            _ => None,
        }
    }

    /// Ends it; what is under way has `grace` to come to an end.
    pub(crate) async fn end(mut self, grace: Duration) {
        // How it ends is no news: its work is done, or has failed already.
        let _ = self.group.end(grace).await;
    }

    async fn get_ready(&mut self, plan: &Plan) -> Result<(), CollectorError> {
        let ready = async {
            loop {
                if let Some(status) = self.group.child.try_wait()? {
                    return Err(CollectorError::Ended {
                        status,
                        log: last_words(plan),
                    });
                }
                if self.sidecar.is_ready().await {
                    return Ok(());
                }
                tokio::time::sleep(ASKING).await;
            }
        };
        let result = tokio::time::timeout(STARTING, ready).await;
        result.unwrap_or_else(|_| {
            Err(CollectorError::NotReady {
                log: last_words(plan),
            })
        })
    }
}

/// Takes Gleaner's own variables out of a child's environment: whoever set them meant another process.
pub(crate) fn without_own_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GLEANER_") {
            command.env_remove(name);
        }
    }
}

/// All steps of the task may speak: the last one finishes, even when it declares no outputs.
fn steps(plan: &Plan) -> Vec<OsString> {
    let names = plan.task.spec.steps.iter().map(|step| step.name.as_str());
    let names = names
        .chain([FINISH_STEP])
        .filter(|name| StepName::new(*name).is_ok());
    names
        .flat_map(|name| ["--step".into(), name.into()])
        .collect()
}

fn param(name: &str, value: &Value) -> [OsString; 2] {
    match value {
        Value::String(text) => flag("--param", name, text),
        other => flag("--param-json", name, &other.to_string()),
    }
}

fn flag(flag: &str, name: &str, value: &str) -> [OsString; 2] {
    [flag.into(), format!("{name}={value}").into()]
}

fn last_words(plan: &Plan) -> String {
    let log = std::fs::read_to_string(plan.folder.log()).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    let last = lines.len().saturating_sub(LOG_LINES);
    lines[last..]
        .iter()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}
