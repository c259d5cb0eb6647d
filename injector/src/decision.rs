//! Decides whether to allow, patch or refuse an object, without side effects.

mod size;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use gleaner_core::inject::outcome::{Outcome, Refusal, Skip};
use gleaner_core::inject::pod;
use gleaner_core::inject::settings::Settings;
use gleaner_core::inject::task::{self, Operation};
use gleaner_proto::kubernetes::annotation;
use gleaner_runtime::panics;
use gleaner_runtime::text::cut;

use crate::review::{Answer, Request};

/// A word that occurs in every object that uses Gleaner. An object that does not contain the word is skipped before it is
/// parsed. In JSON, API servers escape none of the characters in this word.
const WORD: &str = "gleaner";
/// The text that identifies the pod of an injected Task, even if the pod has lost its annotation.
const CONTAINER: &str = "\"sidecar-gleaner\"";
/// The maximum length of a refusal's message, in bytes. The message is copied to conditions and Events, which have their own
/// limits.
const MESSAGE_BYTES: usize = 16 << 10;

/// The HTTP route to which a review was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `/mutate/tekton`
    Tekton,
    /// `/mutate/pods`
    Pods,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Skipped(Skip),
    Changed {
        /// A JSON patch (RFC 6902).
        patch: Vec<u8>,
        operations: usize,
        /// The warning messages, for example about results that might not fit into the termination message.
        warnings: Vec<String>,
    },
    Refused(Refused),
    /// Gleaner panicked at this source location. The object does not request Gleaner, so it is allowed unchanged.
    Failed(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The reasons, each with its remedy.
    pub message: String,
    /// The object's controller, to which the Event is attached.
    pub owner: Option<Owner>,
    /// The source location of the panic, if a panic caused the refusal.
    pub panic: Option<String>,
}

/// The controller of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    pub api_version: String,
    pub kind: String,
    pub name: String,
    pub uid: String,
    #[serde(default)]
    controller: Option<bool>,
}

/// The functions that check and change objects. Tests replace them.
#[derive(Debug, Clone, Copy)]
pub struct Functions {
    pub task: fn(&Value, Operation<'_>, &Settings) -> Result<Outcome, Refusal>,
    pub pod: fn(&Value, &Settings) -> Result<Outcome, Refusal>,
}

/// The fields that can be parsed even if the whole object cannot.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Head {
    metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    name: Option<String>,
    generate_name: Option<String>,
    owner_references: Option<Vec<Owner>>,
    deletion_timestamp: Option<IgnoredAny>,
}

impl Default for Functions {
    fn default() -> Self {
        Self {
            task: task::inject,
            pod: pod::inject,
        }
    }
}

impl Functions {
    /// Decides on a review, and never panics. If a check panics, an object that requests Gleaner is refused, and any other object
    /// is allowed unchanged.
    pub fn decide(&self, route: Route, request: &Request<'_>, settings: &Settings) -> Verdict {
        let Some(object) = request.object else {
            return Verdict::Skipped(Skip::Kind);
        };
        if !route.takes(request) {
            return Verdict::Skipped(Skip::Kind);
        }
        let mentions = |object: &RawValue| object.get().contains(WORD);
        if !mentions(object) && !request.old_object.is_some_and(mentions) {
            return Verdict::Skipped(Skip::NotAsked);
        }
        let all = [Some(object), request.old_object];
        let largest = all.into_iter().flatten().map(size::values).max();
        if let Some(values) = largest.filter(|values| *values > size::VALUES_MAX) {
            return oversized(request, object, values);
        }
        let decided = panics::catch(|| self.call(route, request, object, settings));
        let refused = |message: String, panic| refused(object, message, panic);
        match decided {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(DecisionError::Refused(refusal))) => refused(refusal.to_string(), None),
            Ok(Err(DecisionError::Unreadable(_))) if !asks(object) => {
                Verdict::Skipped(Skip::NotAsked)
            }
            Ok(Err(DecisionError::Unreadable(error))) => {
                let message = format!(
                    "the object cannot be parsed: {error}; remove the annotation {}, or reduce the nesting of the object",
                    annotation::OUTPUTS
                );
                refused(message, None)
            }
            Err(place) if asks(object) => {
                let message = format!(
                    "Gleaner panicked at {place}: this is a bug in Gleaner {}, not in the object; report it at {}/issues with the object and this message",
                    env!("CARGO_PKG_VERSION"),
                    env!("CARGO_PKG_REPOSITORY"),
                );
                refused(message, Some(place))
            }
            Err(place) => Verdict::Failed(place),
        }
    }

    fn call(
        &self,
        route: Route,
        request: &Request<'_>,
        object: &RawValue,
        settings: &Settings,
    ) -> Result<Verdict, DecisionError> {
        let read = |object: &RawValue| {
            serde_json::from_str::<Value>(object.get()).map_err(DecisionError::Unreadable)
        };
        let value = read(object)?;
        let outcome = match (
            route,
            request.old_object.filter(|_| request.operation == "UPDATE"),
        ) {
            (Route::Pods, _) => (self.pod)(&value, settings),
            (Route::Tekton, None) => (self.task)(&value, Operation::Create, settings),
            (Route::Tekton, Some(old)) => {
                let old = read(old)?;
                (self.task)(&value, Operation::Update { old: &old }, settings)
            }
        };
        let changed = match outcome.map_err(DecisionError::Refused)? {
            Outcome::Skipped(skip) => return Ok(Verdict::Skipped(skip)),
            Outcome::Changed(changed) => changed,
        };
        let patch = json_patch::diff(&value, &changed.object);
        if patch.0.is_empty() {
            return Ok(Verdict::Skipped(Skip::Done));
        }
        // The field path is omitted, because a warning should be at most 120 characters long (k8s.io/apiserver/pkg/warning).
        let warnings = changed.warnings.into_iter();
        Ok(Verdict::Changed {
            warnings: warnings.map(|warning| warning.message).collect(),
            operations: patch.0.len(),
            patch: serde_json::to_vec(&patch).expect("invariant: a patch can be serialized"),
        })
    }
}

fn refused(object: &RawValue, message: String, panic: Option<String>) -> Verdict {
    Verdict::Refused(Refused {
        message: bounded(message),
        owner: owner(object),
        panic,
    })
}

/// Returns the verdict on an object that is too large to parse: the object or its old version has too many values.
fn oversized(request: &Request<'_>, object: &RawValue, values: usize) -> Verdict {
    let update = request.operation == "UPDATE";
    let old = request.old_object.filter(|_| update);
    if !asks(object) && !old.is_some_and(asks) {
        return Verdict::Skipped(Skip::NotAsked);
    }
    // An object that is being deleted must be allowed, so that controllers can remove its finalizers.
    if head(object).metadata.deletion_timestamp.is_some() {
        return Verdict::Skipped(Skip::Deleting);
    }
    if update && matches!(request.kind.kind.as_ref(), "TaskRun" | "PipelineRun") {
        return Verdict::Skipped(Skip::RunUpdate);
    }
    let message = format!(
        "the object has {values} values, but Gleaner accepts at most {}; split the object, or remove the annotation {}",
        size::VALUES_MAX,
        annotation::OUTPUTS
    );
    refused(object, message, None)
}

/// A refusal, or an error from parsing the object.
enum DecisionError {
    Refused(Refusal),
    Unreadable(serde_json::Error),
}

impl Route {
    /// Returns true if the route handles this kind and operation.
    fn takes(self, request: &Request<'_>) -> bool {
        let kind = (request.kind.group.as_ref(), request.kind.kind.as_ref());
        let whole = request
            .sub_resource
            .as_deref()
            .unwrap_or_default()
            .is_empty();
        let operation = request.operation.as_ref();
        whole
            && match self {
                Self::Pods => kind == ("", "Pod") && operation == "CREATE",
                Self::Tekton => {
                    matches!(
                        kind,
                        (
                            "tekton.dev",
                            "Task" | "Pipeline" | "TaskRun" | "PipelineRun"
                        )
                    ) && matches!(operation, "CREATE" | "UPDATE")
                }
            }
    }
}

impl Verdict {
    /// Returns the name that logs and metrics use for the verdict.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Skipped(_) => "skipped",
            Self::Changed { .. } => "changed",
            Self::Refused(Refused { panic: None, .. }) => "refused",
            Self::Refused(_) | Self::Failed(_) => "failed",
        }
    }

    /// Returns the reason why the object was skipped, or an empty string for other verdicts.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Skipped(skip) => skip.as_str(),
            _ => "",
        }
    }

    /// Returns the source location of the panic, if a panic occurred.
    pub fn panic(&self) -> Option<&str> {
        match self {
            Self::Failed(place) => Some(place),
            Self::Refused(refused) => refused.panic.as_deref(),
            _ => None,
        }
    }

    /// Returns the warnings for the client, which kubectl prints. Returns no warnings if the object is not changed or has a
    /// controller.
    pub fn warnings(&self, request: &Request<'_>) -> Vec<String> {
        // If the object has a controller, that controller sent the request, so no user would see the warning.
        let by_person = request.object.is_some_and(|object| owner(object).is_none());
        match self {
            Self::Changed { warnings, .. } if by_person => warnings.clone(),
            _ => Vec::new(),
        }
    }

    pub fn answer(self) -> Answer {
        match self {
            Self::Skipped(_) | Self::Failed(_) => Answer::Allow,
            Self::Changed { patch, .. } => Answer::Patch(patch),
            Self::Refused(refused) => Answer::Deny(refused.message),
        }
    }
}

/// Returns the object's name, or its `generateName` followed by `*`.
pub fn name(request: &Request<'_>) -> String {
    if let Some(name) = request.name.as_deref().filter(|name| !name.is_empty()) {
        return name.to_owned();
    }
    let head = request.object.map(head).unwrap_or_default();
    let made = head.metadata.generate_name.map(|name| format!("{name}*"));
    head.metadata.name.or(made).unwrap_or_default()
}

/// Returns true if the object has the annotation or contains the sidecar of an injected Task. If such an object is quoted
/// in an annotation, it does not count, because its quotation marks are escaped.
fn asks(object: &RawValue) -> bool {
    let text = object.get();
    text.contains(&format!("\"{}\"", annotation::OUTPUTS)) || text.contains(CONTAINER)
}

fn owner(object: &RawValue) -> Option<Owner> {
    let owners = head(object).metadata.owner_references?;
    // Ignore an owner with longer values, which are not valid in Kubernetes and would take too much memory in the queue of
    // notices.
    let fits = |owner: &Owner| {
        let texts = [&owner.api_version, &owner.kind, &owner.name, &owner.uid];
        texts.iter().all(|text| text.len() <= 512)
    };
    owners
        .into_iter()
        .find(|owner| owner.controller == Some(true))
        .filter(fits)
}

/// Parses only the fields of [`Head`], and skips all other fields at any nesting depth.
fn head(object: &RawValue) -> Head {
    serde_json::from_str(object.get()).unwrap_or_default()
}

fn bounded(message: String) -> String {
    match cut(&message, MESSAGE_BYTES) {
        whole if whole.len() == message.len() => message,
        start => format!("{start}…"),
    }
}

#[cfg(test)]
mod tests;
