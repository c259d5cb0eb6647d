//! The state of a run, as `GET /v1/status` returns it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Phase, Problem};
use crate::failure::Failure;

/// The state of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The progress of the run.
    pub phase: Phase,
    /// The trigger of the submission, as declared in `submit`.
    #[cfg_attr(test, schemars(extend("enum" = ["Resolved", "Completed", "Manual"])))]
    pub submit: String,
    /// The run that the sidecar serves.
    #[serde(default, skip_serializing_if = "is_default")]
    pub run: RunStatus,
    /// The time at which the phase began (RFC 3339). If the sidecar has restarted in this phase, the time of the restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// True once all steps have finished. After that, the sidecar accepts no further outputs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub finished: bool,
    /// Every step that may post outputs, in order.
    pub steps: Vec<StepStatus>,
    /// Every variable that the templates use.
    pub variables: Vec<VariableStatus>,
    /// Every resource and object of the declaration, in order.
    pub resources: Vec<ResourceStatus>,
    /// The current stage of the submission, while `phase` is `Submitting`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<SubmissionStage>,
    /// The conditions in the cluster that the submission waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<WaitStatus>,
    /// The results for the next tasks, by name, once `phase` is `Committed`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub results: BTreeMap<String, Map<String, Value>>,
    /// The problem that made the run fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// Messages for users, such as findings of the preflight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The run that the sidecar serves. Fields are absent if the sidecar does not know them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RunStatus {
    /// The kind of the object that represents the run: `TaskRun` or, outside Tekton, the kind of the pod's owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The name of the object that represents the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The run's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The run's UID, from which derived names are computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The name of the Task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The name of the PipelineRun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline_run: Option<String>,
    /// The URL of the API server; absent if the declaration creates nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_server: Option<String>,
}

/// A stage of the submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum SubmissionStage {
    /// All objects are being checked with dry runs.
    Checking,
    /// The objects are being created in order.
    Creating,
    /// All objects exist. The submission waits until the conditions in `waitFor` are met and the results are available.
    Waiting,
    /// The objects that the submission created are being deleted.
    RollingBack,
}

/// A condition in the cluster that the submission waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WaitStatus {
    /// The name of the resource in the declaration.
    pub resource: String,
    /// The kind of condition.
    pub kind: WaitKind,
    /// The condition and the last observed state, for users.
    pub message: String,
    /// The time at which the wait began (RFC 3339).
    pub since: String,
}

/// The kind of a condition that the submission waits for. Later versions may add kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum WaitKind {
    /// The state that `waitFor` declares.
    Readiness,
    /// The existence of a field that `results` refers to.
    Result,
    /// Enough unused quota in a ResourceQuota.
    Quota,
    /// A kind from another version of Gleaner.
    #[serde(other)]
    #[cfg_attr(test, schemars(skip))]
    Unknown,
}

/// A step of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StepStatus {
    /// The step's name.
    pub name: String,
    /// The step's progress.
    pub state: StepState,
    /// The command's exit code, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The time at which the step reported its start (RFC 3339). Absent if the sidecar has no report or has restarted since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// The time at which the step's outputs or the report of its failure arrived (RFC 3339). Absent if they arrived before the
    /// sidecar restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<String>,
    /// The names of the step's declared outputs.
    pub outputs: Vec<String>,
}

/// The progress of a step, according to the sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum StepState {
    /// The step has neither reported its start nor posted its outputs.
    Waiting,
    /// The step has reported its start. Its outputs have not arrived.
    Running,
    /// The step's outputs have arrived.
    Received,
    /// The step failed. If its command failed, its outputs with `when: Always` have arrived.
    Failed,
    /// The run finished without the step's outputs.
    Skipped,
}

/// A variable of the templates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct VariableStatus {
    /// The variable as written in the templates, without `$()`.
    pub name: String,
    /// The state of its value.
    pub state: VariableState,
    /// The value, shortened; a secret value is never included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// The state of a variable's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum VariableState {
    /// The value is not known yet.
    Pending,
    /// The value is known.
    Resolved,
    /// The value is the declared default.
    Defaulted,
    /// The value is known, but secret, so it is never shown.
    Secret,
}

/// A resource or object of the declaration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ResourceStatus {
    /// The name in the declaration.
    pub resource: String,
    /// `apiVersion` of the object.
    pub api_version: String,
    /// `kind` of the object.
    pub kind: String,
    /// The object's name, once all variables are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The object's UID, once it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The failure of this resource, without the resource's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// Returns true if the value is the default, which is not serialized. A missing field is read as the default, so that a status
/// from an earlier version can be parsed.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
