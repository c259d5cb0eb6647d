//! The messages of the sidecar's HTTP API, version 1.
//!
//! | method and path | request | answer |
//! | --- | --- | --- |
//! | `POST /v1/steps/{step}/outputs` | [`Outputs`] | [`Outcome`] |
//! | `POST /v1/submit`, `POST /v1/finish` | nothing | [`Outcome`] |
//! | `GET /v1/preflight` | | [`Outcome`] |
//! | `GET /v1/status`, `GET /v1/events` | | [`Status`] |
//! | `GET /v1/resources`, `GET /v1/resources/{name}` | | YAML, or JSON by `Accept` |
//!
//! Every error is a [`Problem`], `application/problem+json` (RFC 9457).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::failure::{Failure, LeftBehind, ObjectReference};

/// What one step leaves behind. Write-once: the same message again is answered as before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outputs {
    /// Values by output name. An optional output whose file was missing is left out.
    pub outputs: BTreeMap<String, Value>,
    /// The command's exit code; 128 plus the signal's number when a signal ended it.
    #[serde(default)]
    pub exit_code: i32,
}

/// How far the run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Some variables are still unknown.
    Collecting,
    /// All variables are known; the submission waits for its moment (`submit: Completed` or `Manual`).
    Resolved,
    /// The API server is being asked.
    Submitting,
    /// Everything exists.
    Committed,
    /// The resources could not all be created. Nothing of them exists, or the problem names what could not be taken back.
    Failed,
}

/// What an accepted message has led to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// How far the run is now.
    pub phase: Phase,
    /// Variables that are still unknown, as they are written in templates, without `$()`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<String>,
    /// What was created, in the order of the declaration; empty before [`Phase::Committed`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Created>,
    /// Results for the next task by name: small flat objects of strings, one per resource.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub results: BTreeMap<String, Map<String, Value>>,
    /// Sentences for a person, for instance that nobody submitted a `submit: Manual` declaration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// An object that now exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    /// The name of its template in the declaration.
    pub resource: String,
    /// `apiVersion` of the object.
    pub api_version: String,
    /// `kind` of the object.
    pub kind: String,
    /// Its namespace; none for a cluster-scoped kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// How it came to be.
    pub action: Action,
}

/// How an object came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Created now.
    Created,
    /// Found as an earlier attempt of the same run had left it.
    Adopted,
    /// An earlier attempt of the same run had left other content; replaced.
    Replaced,
    /// Server-side apply, the object was there or not.
    Applied,
}

/// The whole state, for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// How far the run is.
    pub phase: Phase,
    /// When the resources are submitted: `Resolved`, `Completed` or `Manual`.
    pub submit: String,
    /// Every declared step, in order.
    pub steps: Vec<StepStatus>,
    /// Every variable that the templates use.
    pub variables: Vec<VariableStatus>,
    /// Every resource and object of the declaration, in order.
    pub resources: Vec<ResourceStatus>,
    /// Why the run failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// What a person should know besides, for instance what the preflight found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One declared step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepStatus {
    /// The step's name.
    pub name: String,
    /// Where it is.
    pub state: StepState,
    /// The command's exit code, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The names of its declared outputs.
    pub outputs: Vec<String>,
}

/// Where a step is, as far as the sidecar can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepState {
    /// Nothing was heard of it yet.
    Waiting,
    /// Its outputs have arrived.
    Received,
    /// It failed; outputs with `when: Always` have arrived.
    Failed,
    /// The run has finished and nothing was heard of it.
    Skipped,
}

/// One variable of the templates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VariableStatus {
    /// As it is written in the templates, without `$()`.
    pub name: String,
    /// Whether it is known, and from where.
    pub state: VariableState,
    /// Its value, shortened; never a secret's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// Whether a variable is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum VariableState {
    /// Not yet known.
    Pending,
    /// Known.
    Resolved,
    /// Known, by its declared default.
    Defaulted,
    /// Known, and not for eyes.
    Secret,
}

/// One resource or object of the declaration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceStatus {
    /// Its name in the declaration.
    pub resource: String,
    /// `apiVersion` of the object.
    pub api_version: String,
    /// `kind` of the object.
    pub kind: String,
    /// The object's name, once it is rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The object's UID, once it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The failure of this resource, without its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// A problem document (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Stable identifier of the kind of problem, one of [`problem_type`].
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened here, and what to do.
    pub detail: String,
    /// The exit code with which the redirector fails its step, one of [`crate::exit_code`].
    pub exit_code: u8,
    /// Variables that are still unknown, where that is the problem.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<String>,
    /// Every cause, in the order of the declaration, where resources could not be created.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
    /// Objects of the run that still exist, or may exist: delete them by hand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<LeftBehind>,
    /// Objects that existed before the run and keep what it applied to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<ObjectReference>,
}

/// The values of [`Problem::kind`]. Relative references, so that they do not depend on where the API is reached.
pub mod problem_type {
    /// Declares each type, and the list of all.
    macro_rules! types {
        ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
            $($(#[$doc])* pub const $name: &str = $value;)*

            /// All of them.
            pub const ALL: &[&str] = &[$($name),*];
        };
    }

    types! {
        /// No such route, step or resource.
        NOT_FOUND = "/problems/not-found";
        /// The route takes another method.
        METHOD = "/problems/method-not-allowed";
        /// The body or the query is not valid for this route.
        MALFORMED = "/problems/malformed-message";
        /// A bearer token is missing or wrong.
        UNAUTHORIZED = "/problems/unauthorized";
        /// The credential belongs to another step.
        FORBIDDEN = "/problems/wrong-step";
        /// An output is unknown, missing, or of the wrong type.
        OUTPUT = "/problems/invalid-output";
        /// A body, value or header exceeds its limit.
        TOO_LARGE = "/problems/too-large";
        /// The step has already sent other outputs.
        ALREADY_WRITTEN = "/problems/already-written";
        /// Variables are still unknown.
        PENDING = "/problems/pending";
        /// The resources could not be created.
        NOT_CREATED = "/problems/not-created";
        /// The declaration is wrong.
        DECLARATION = "/problems/declaration";
        /// The client was too slow.
        TIMEOUT = "/problems/timeout";
        /// The sidecar is shutting down; retry, it may be restarting.
        BUSY = "/problems/busy";
        /// The sidecar's own failure (disk full, for instance).
        INTERNAL = "/problems/internal";
    }
}
