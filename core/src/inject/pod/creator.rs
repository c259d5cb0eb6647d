//! The object that creates a pod: the owner of a Pod, or the object around a pod template.

use crate::document::diagnostic::Diagnostic;
use crate::document::suggestion::suggestion;
use crate::document::{Cursor, Node, Place};
use serde_json::Value;

use super::plain;

/// The kinds whose pods always restart their containers, by API group: each of them rejects another `restartPolicy`
/// (`k8s.io/kubernetes/pkg/apis/apps/validation`, `ValidatePodTemplateSpecForRC`; Rollouts and Knative do the same).
const RESTARTING: [(&str, &[&str]); 4] = [
    (
        "apps",
        &["Deployment", "StatefulSet", "ReplicaSet", "DaemonSet"],
    ),
    ("", &["ReplicationController"]),
    ("argoproj.io", &["Rollout"]),
    ("serving.knative.dev", &["Service", "Configuration"]),
];

/// The object that creates a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Creator {
    /// None: the document is the Pod itself.
    None,
    /// A Job.
    Job {
        /// True if each of its pods has a completion index.
        is_indexed: bool,
    },
    /// An object of this kind, whose pods always restart their containers.
    Restarting(String),
    /// An object of another kind, which may create Jobs.
    Other,
}

/// The document that a pod is injected from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A pod at its creation.
    Pod,
    /// A template whose pods the webhook will inject.
    Template,
    /// A template that is injected itself.
    TemplateAheadOfTime,
}

/// Reports a `completionMode` next to the template at `place` that no Job has (`k8s.io/api/batch/v1`).
pub(crate) fn unknown_mode(document: &Node, place: &Place) -> Option<Diagnostic> {
    const MODES: [&str; 2] = ["NonIndexed", "Indexed"];
    let job = place.parent()?;
    if !matches!(Creator::of_template(document, place), Creator::Job { .. }) {
        return None;
    }
    let mode = Cursor::new(document.find(&job)?, job).field("completionMode")?;
    let text = mode.node.as_str().filter(|text| !MODES.contains(text))?;
    let message = format!("a Job has no completionMode '{text}'");
    Some(mode.diagnostic(message).maybe_help(suggestion(text, MODES)))
}

impl Creator {
    /// Returns the creator of a pod, by its owner references.
    pub(super) fn of_pod(pod: &Value) -> Self {
        let Some(owner) = plain::controller(pod) else {
            return Self::None;
        };
        let text = |key: &str| owner[key].as_str().unwrap_or_default();
        match (text("apiVersion"), text("kind")) {
            ("batch/v1", "Job") => Self::Job {
                is_indexed: plain::completion_index(pod).is_some(),
            },
            (version, kind) => Self::restarting(version, kind).unwrap_or(Self::Other),
        }
    }

    /// Returns the creator of the pods of the template at `place`: the nearest object around it, which may be part of
    /// another one.
    pub(crate) fn of_template(document: &Node, place: &Place) -> Self {
        let ancestors = std::iter::successors(place.parent(), Place::parent);
        let object = ancestors.filter_map(|place| {
            let node = document.find(&place)?;
            Some((node.text_of("apiVersion")?, node.text_of("kind")?))
        });
        let Some((version, kind)) = object.into_iter().next() else {
            return Self::Other;
        };
        let job = place.parent().and_then(|place| document.find(&place));
        let mode = job.and_then(|job| job.text_of("completionMode"));
        let (group, _) = version.split_once('/').unwrap_or(("", version));
        match (group, kind) {
            ("batch", "Job" | "CronJob") => Self::Job {
                is_indexed: mode == Some("Indexed"),
            },
            // The default of a JobSet's Jobs (`pkg/webhooks/jobset_webhook.go`).
            ("jobset.x-k8s.io", "JobSet") => Self::Job {
                is_indexed: mode.is_none_or(|mode| mode == "Indexed"),
            },
            _ => Self::restarting(version, kind).unwrap_or(Self::Other),
        }
    }

    fn restarting(version: &str, kind: &str) -> Option<Self> {
        let (group, _) = version.split_once('/').unwrap_or(("", version));
        let mut known = RESTARTING.iter().filter(|(known, _)| *known == group);
        known
            .any(|(_, kinds)| kinds.contains(&kind))
            .then(|| Self::Restarting(kind.to_owned()))
    }

    /// The names of [`CONTEXT`](crate::variable::CONTEXT) that have a value in its pods.
    pub(super) fn contexts(&self, form: Form) -> Vec<&'static str> {
        let mut known = vec!["taskRun.name", "taskRun.namespace", "taskRun.uid"];
        let (has_name, has_index) = match (self, form) {
            (Self::None, _) => (false, false),
            (Self::Job { is_indexed }, _) => (true, *is_indexed),
            (_, Form::Pod) => (true, false),
            (_, Form::Template) => (true, true),
            (_, Form::TemplateAheadOfTime) => (false, false),
        };
        known.extend(has_name.then_some("task.name"));
        known.extend(has_index.then_some("job.completionIndex"));
        known
    }

    /// The pod, for a message.
    pub(super) const fn title(&self) -> &'static str {
        match self {
            Self::None => "a Pod without a Job",
            Self::Job { .. } => "the pod of a Job",
            Self::Restarting(_) | Self::Other => "this pod",
        }
    }
}
