//! Failures as data: a stable code for programs, a message for people, and the objects that remain.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The cause of a failure, as a stable word. Decide by it, never by a message; later versions may add words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum FailureCode {
    /// The cluster does not serve the kind.
    KindNotServed,
    /// The ServiceAccount of the run lacks a permission.
    Forbidden,
    /// An admission policy or webhook refused the object.
    Denied,
    /// A ResourceQuota left no room for the object until the deadline of the submission.
    QuotaExceeded,
    /// The API server did not accept the credentials of the run.
    Unauthorized,
    /// Another object has the name, and it is not this run's.
    AlreadyExists,
    /// An object of the same name is being deleted and still exists.
    BeingDeleted,
    /// An object of the same name is created and deleted by someone else again and again.
    Contested,
    /// Server-side apply met fields that another manager owns.
    Conflict,
    /// The API server found the content of the object invalid.
    Invalid,
    /// The object is larger than the API server accepts.
    TooLarge,
    /// The namespace does not exist, or is being deleted.
    NamespaceNotFound,
    /// An object that the object refers to, such as the ServiceAccount of a Pod, does not exist.
    ReferenceNotFound,
    /// The object cannot have the namespace or the name that its template gives it.
    Misplaced,
    /// The API server could not be reached.
    Unreachable,
    /// The API server responded, but did not complete the request in time.
    Timeout,
    /// The API server refused the request for another reason.
    Refused,
    /// A request could not be made, or its response could not be read.
    RequestFailed,
    /// The sidecar was told to shut down before everything was created.
    Interrupted,
    /// The outputs do not hold what the templates need.
    InvalidOutput,
    /// The results of the resources do not fit into the termination message of the step that writes them.
    ResultsTooLarge,
    /// The condition of `waitFor` was not met in time.
    WaitFailed,
    /// The object failed while it was waited for.
    ObjectFailed,
    /// The object was deleted by someone else while it was waited for.
    Deleted,
    /// The step ran a second time and sent other outputs, when the run had gone on with the first.
    StepRepeated,
    /// Gleaner itself failed: its journal could not be written, or it panicked.
    Internal,
    /// A code of another version of Gleaner.
    #[serde(other)]
    #[cfg_attr(test, schemars(skip))]
    Unknown,
}

/// One cause of a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The name of the resource in the declaration; absent where the failure is not one resource's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The cause, for programs.
    pub code: FailureCode,
    /// The cause, for people.
    pub message: String,
    /// The remedy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// An object in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ObjectReference {
    /// `apiVersion` of the object.
    pub api_version: String,
    /// `kind` of the object.
    pub kind: String,
    /// The namespace; absent for a cluster-scoped kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// The UID, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// An object that the rollback could not delete, or that may exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LeftBehind {
    /// The object.
    pub object: ObjectReference,
    /// The certainty that it exists.
    #[serde(default)]
    pub state: LeftState,
    /// The reason, for people.
    pub why: String,
}

/// The certainty that an object exists which the rollback did not delete. Later versions may add words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum LeftState {
    /// It exists, or did when it was last seen.
    #[default]
    Exists,
    /// It could not be looked at.
    MayExist,
    /// It did not exist when it was last looked for, but a create that got no response may still be carried out.
    MayAppear,
    /// It exists, and was left so that its status can be read: `keepOnFailure`.
    Retained,
    /// A state of another version of Gleaner.
    #[serde(other)]
    #[cfg_attr(test, schemars(skip))]
    Unknown,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)?;
        match &self.remedy {
            Some(remedy) => write!(out, "; {remedy}"),
            None => Ok(()),
        }
    }
}

/// Writes `KIND NAMESPACE/NAME`.
impl fmt::Display for ObjectReference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ", self.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(out, "{namespace}/")?;
        }
        out.write_str(&self.name)
    }
}

impl fmt::Display for LeftBehind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.object, self.why)
    }
}
