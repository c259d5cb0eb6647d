//! Failures as data: a stable code for programs, a message for users, and the objects that remain.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The cause of a failure, as a stable code. Programs must make decisions based on the code, never on a message. Later versions
/// may add codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum FailureCode {
    /// The cluster does not serve the kind.
    KindNotServed,
    /// The ServiceAccount of the run lacks a permission.
    Forbidden,
    /// An admission policy or webhook rejected the object.
    Denied,
    /// A ResourceQuota did not allow the object before the submission's deadline.
    QuotaExceeded,
    /// The API server rejected the run's credentials.
    Unauthorized,
    /// An object with this name exists and does not belong to this run.
    AlreadyExists,
    /// An object with the same name is being deleted and still exists.
    BeingDeleted,
    /// Another client keeps creating and deleting an object with the same name.
    Contested,
    /// Server-side apply conflicts with fields that another manager owns.
    Conflict,
    /// The API server rejected the content of the object as invalid.
    Invalid,
    /// The object is too large for the API server.
    TooLarge,
    /// The namespace does not exist, or is being deleted.
    NamespaceNotFound,
    /// An object that the object refers to, such as the ServiceAccount of a Pod, does not exist.
    ReferenceNotFound,
    /// The object cannot have the namespace or the name that its template specifies.
    Misplaced,
    /// The API server could not be reached.
    Unreachable,
    /// The API server responded, but did not complete the request in time.
    Timeout,
    /// The API server rejected the request for another reason.
    Refused,
    /// A request could not be sent, or its response could not be read.
    RequestFailed,
    /// The sidecar was shut down before everything was created.
    Interrupted,
    /// The outputs lack values that the templates need.
    InvalidOutput,
    /// The results of the resources do not fit into the termination message of the step that writes them.
    ResultsTooLarge,
    /// The condition of `waitFor` was not met in time.
    WaitFailed,
    /// The object failed while Gleaner waited for it.
    ObjectFailed,
    /// Another client deleted the object while Gleaner waited for it.
    Deleted,
    /// The step ran a second time and posted different outputs after the first outputs had been used.
    StepRepeated,
    /// Gleaner itself failed: its journal could not be written, or it panicked.
    Internal,
    /// A code from another version of Gleaner.
    #[serde(other)]
    #[cfg_attr(test, schemars(skip))]
    Unknown,
}

/// A cause of a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The name of the resource in the declaration; absent if the failure does not concern a single resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The cause, for programs.
    pub code: FailureCode,
    /// The cause, for users.
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
    /// The UID, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// An object that remains, or may remain, after the rollback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LeftBehind {
    /// The object.
    pub object: ObjectReference,
    /// The state of the object after the rollback.
    #[serde(default)]
    pub state: LeftState,
    /// The reason why the object remains or may remain, for users.
    pub why: String,
}

/// The state of an object after the rollback. Later versions may add states.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum LeftState {
    /// The object exists, or existed when it was last read.
    #[default]
    Exists,
    /// The object may exist; it could not be read.
    MayExist,
    /// The object did not exist when it was last read, but a create request that got no response may still take effect.
    MayAppear,
    /// The object exists and was kept so that its status can be read (`keepOnFailure`).
    Retained,
    /// A state from another version of Gleaner.
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
