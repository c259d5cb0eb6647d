//! The kind and the API version of a document.

use gleaner_core::document::suggestion::suggestion;
use gleaner_core::document::{Cursor, Diagnostics, Node};
use gleaner_proto::kubernetes::PIPELINE_RESOURCE_KIND;

use crate::inner;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Task,
    TaskRun,
    Pipeline,
    PipelineRun,
    Resource,
    /// Any other kind. Its documents stay unchanged.
    Other,
}

/// The kinds in `tekton.dev` that are translated.
const KINDS: [&str; 4] = ["Task", "TaskRun", "Pipeline", "PipelineRun"];
/// The kinds in `tekton.dev` whose documents stay unchanged.
const UNCHANGED: [&str; 4] = [
    "StepAction",
    "CustomRun",
    "VerificationPolicy",
    PIPELINE_RESOURCE_KIND,
];

/// The versions of `tekton.dev`, the newest last.
const VERSIONS: [&str; 3] = ["tekton.dev/v1alpha1", "tekton.dev/v1beta1", "tekton.dev/v1"];

impl Kind {
    /// Returns the kind of a document. Reports a kind that Tekton removed, and an unknown kind or version of `tekton.dev`.
    pub(crate) fn of(document: &Node, found: &mut Diagnostics) -> Self {
        let version = document.text_of("apiVersion").unwrap_or_default();
        let Some(kind) = Cursor::root(document).field("kind") else {
            return Self::Other;
        };
        if !version.is_empty() && !inner::is_tekton(version) {
            return Self::Other;
        }
        if let Some(field) = Cursor::root(document).field("apiVersion")
            && !VERSIONS.contains(&version)
        {
            let message = format!("Tekton has no API version '{version}'");
            let help = suggestion(version, VERSIONS.into_iter().rev());
            found.push(field.diagnostic(message).maybe_help(help));
            return Self::Other;
        }
        let name = kind.node.as_str().unwrap_or_default();
        let help = match name {
            "Task" => return Self::Task,
            "TaskRun" => return Self::TaskRun,
            "Pipeline" => return Self::Pipeline,
            "PipelineRun" => return Self::PipelineRun,
            PIPELINE_RESOURCE_KIND => return Self::Resource,
            "ClusterTask" => {
                "convert it to a Task, and refer to it from other namespaces with the cluster resolver"
            }
            "Condition" => "replace the Condition with a task, and use its result in 'when'",
            "Run" => "use a CustomRun",
            "TriggerTemplate" | "TriggerBinding" | "EventListener" if !version.is_empty() => {
                "write apiVersion: triggers.tekton.dev/v1beta1"
            }
            _ if version.is_empty() || UNCHANGED.contains(&name) => return Self::Other,
            _ => {
                let message = format!("'{name}' is not a kind of tekton.dev");
                let help = suggestion(name, KINDS.into_iter().chain(UNCHANGED));
                found.push(kind.diagnostic(message).maybe_help(help));
                return Self::Other;
            }
        };
        let message = format!("Tekton has removed the kind {name}");
        found.push(kind.diagnostic(message).help(help));
        Self::Other
    }

    /// Returns true if the kind is translated to v1.
    pub(crate) const fn is_translated(self) -> bool {
        !matches!(self, Self::Resource | Self::Other)
    }
}

/// The API version of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V1alpha1,
    V1beta1,
    V1,
}

impl Version {
    /// Returns the API version of a Tekton document, or v1 if the document does not specify a version.
    pub(crate) fn of(document: &Node) -> Self {
        match document.text_of("apiVersion") {
            Some("tekton.dev/v1alpha1") => Self::V1alpha1,
            Some("tekton.dev/v1beta1") => Self::V1beta1,
            _ => Self::V1,
        }
    }
}
