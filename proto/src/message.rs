//! The messages of the sidecar's HTTP API, version 1.
//!
//! | method and path | request | response |
//! | --- | --- | --- |
//! | `POST /v1/steps/{step}/outputs` | [`Outputs`] | [`Outcome`] |
//! | `POST /v1/submit`, `POST /v1/finish` | nothing | [`Outcome`] |
//! | `GET /v1/preflight` | | [`Outcome`] |
//! | `POST /v1/steps/{step}/start` | nothing | [`Outcome`] |
//! | `POST /v1/steps/{step}/failure` | nothing; the query is a [`StepFailure`] | [`Outcome`] |
//! | `GET /v1/status`, `GET /v1/events` | | [`Status`] |
//! | `GET /v1/preview` | | [`Preview`](crate::preview::Preview) |
//! | `GET /v1/resources`, `GET /v1/resources/{name}` | | YAML, or JSON by `Accept` |
//!
//! Every error is a [`Problem`], `application/problem+json` (RFC 9457).

mod status;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::failure::{Failure, LeftBehind, ObjectReference};
pub use status::{
    ResourceStatus, RunStatus, Status, StepState, StepStatus, SubmissionStage, VariableState,
    VariableStatus, WaitKind, WaitStatus,
};

/// The outputs of one step. Repeating the same message returns the same response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outputs {
    /// Values by output name. Each value has the declared type. An optional output whose file is missing is omitted.
    pub outputs: BTreeMap<String, Value>,
    /// The command's exit code, or 128 plus the signal number if a signal terminated the command.
    #[serde(default)]
    pub exit_code: i32,
}

/// The query of `POST /v1/steps/{step}/failure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepFailure {
    /// The exit code of the step's container.
    pub exit_code: u8,
}

/// The query of `POST /v1/steps/{step}/outputs` and `POST /v1/finish`: the space that the step's own results take up in the
/// step's termination message. This space is not available for the results of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OwnResults {
    /// The size of the results as JSON, in bytes; `None` if the redirector does not know it.
    pub result_bytes: Option<usize>,
    /// The compressed size of the results, in bytes, if Tekton compresses termination messages.
    pub compressed_result_bytes: Option<usize>,
}

/// Writes the query, beginning with `?`.
impl fmt::Display for OwnResults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("resultBytes", self.result_bytes),
            ("compressedResultBytes", self.compressed_result_bytes),
        ];
        let mut separator = '?';
        for (name, bytes) in parts {
            if let Some(bytes) = bytes {
                write!(out, "{separator}{name}={bytes}")?;
                separator = '&';
            }
        }
        Ok(())
    }
}

/// The progress of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Phase {
    /// Some variables are still unknown.
    Collecting,
    /// All variables are known; the submission has not been triggered (`submit: Completed` or `Manual`).
    Resolved,
    /// The resources are being created.
    Submitting,
    /// All resources exist.
    Committed,
    /// Not all resources could be created. The problem's `left` and `kept` list all objects that remain.
    Failed,
}

/// The state of the run after a message was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The progress of the run.
    pub phase: Phase,
    /// Variables that are still unknown, as written in the templates, without `$()`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<String>,
    /// The created objects, in the order of the declaration; empty before `Committed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Created>,
    /// The results for the next tasks, by name: small flat objects of strings, one per resource.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub results: BTreeMap<String, Map<String, Value>>,
    /// Messages for users, for instance that no submit request arrived for `submit: Manual`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// An object that exists because the run created or applied it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Created {
    /// The name of the object's template in the declaration.
    pub resource: String,
    /// `apiVersion` of the object.
    pub api_version: String,
    /// `kind` of the object.
    pub kind: String,
    /// The namespace; absent for a cluster-scoped kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// The UID.
    pub uid: String,
    /// The action taken on the object.
    pub action: Action,
}

/// Writes `KIND NAMESPACE/NAME (RESOURCE): created`.
impl fmt::Display for Created {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            name,
            resource,
            ..
        } = self;
        let namespace = self.namespace.iter();
        let namespace: String = namespace.flat_map(|name| [name.as_str(), "/"]).collect();
        let action = match self.action {
            Action::Created => "created",
            Action::Adopted => "already created by an earlier attempt",
            Action::Replaced => "replaced the object of an earlier attempt",
            Action::Applied => "applied",
        };
        write!(out, "{kind} {namespace}{name} ({resource}): {action}")
    }
}

/// The action taken on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Action {
    /// The object was created.
    Created,
    /// The object already existed, because an earlier attempt of the same run had created it.
    Adopted,
    /// The object was created by an earlier attempt of the same run with different content, and was replaced.
    Replaced,
    /// Server-side apply created or changed the object.
    Applied,
}

/// A problem document (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A stable identifier of the kind of problem, relative to the API's URL.
    #[serde(rename = "type")]
    #[cfg_attr(test, schemars(extend("enum" = problem_type::ALL)))]
    pub kind: String,
    /// A short description of the kind of problem.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The cause and the remedy.
    pub detail: String,
    /// The exit code with which the step fails.
    pub exit_code: u8,
    /// Variables that are still unknown, if this caused the problem.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<String>,
    /// Every cause, in the order of the declaration, if resources could not be created.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
    /// Objects that the run created and the rollback deleted, as `KIND NAMESPACE/NAME`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// Objects of the run that exist or may exist, and must be deleted manually.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<LeftBehind>,
    /// Objects that existed before the run and still have the fields that the run applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<ObjectReference>,
}

/// The values of [`Problem::kind`]. They are relative references, so they do not depend on the API's URL.
pub mod problem_type {
    /// Declares a constant for each type, and the list of all types.
    macro_rules! types {
        ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
            $($(#[$doc])* pub const $name: &str = $value;)*

            /// The list of all types.
            pub const ALL: &[&str] = &[$($name),*];
        };
    }

    types! {
        /// The route, step or resource does not exist.
        NOT_FOUND = "/problems/not-found";
        /// The route requires a different method.
        METHOD = "/problems/method-not-allowed";
        /// The body or the query is not valid for this route.
        MALFORMED = "/problems/malformed-message";
        /// The bearer token is missing or wrong.
        UNAUTHORIZED = "/problems/unauthorized";
        /// The socket or bearer token belongs to another step.
        FORBIDDEN = "/problems/wrong-step";
        /// An output is unknown, missing, or of the wrong type.
        OUTPUT = "/problems/invalid-output";
        /// A body, value or header exceeds a limit.
        TOO_LARGE = "/problems/too-large";
        /// The step has already posted different outputs.
        ALREADY_WRITTEN = "/problems/already-written";
        /// Variables are still unknown.
        PENDING = "/problems/pending";
        /// The resources could not be created.
        NOT_CREATED = "/problems/not-created";
        /// The results of the resources do not fit into the step's termination message.
        RESULTS = "/problems/results-too-large";
        /// The declaration is invalid.
        DECLARATION = "/problems/declaration";
        /// The body did not arrive in time.
        TIMEOUT = "/problems/timeout";
        /// The sidecar is shutting down, or has no capacity for the request; retry later.
        BUSY = "/problems/busy";
        /// The sidecar itself failed, for example because the disk is full.
        INTERNAL = "/problems/internal";
    }
}
