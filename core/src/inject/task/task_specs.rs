//! Where in an object the TaskSpecs stand, and whose they are.

use std::collections::HashMap;

use crate::document::Node;
use crate::document::Place;
use crate::task::DeclarationSite;
use gleaner_proto::kubernetes::{annotation, label};
use serde_json::Value;

use crate::inject::list;

/// Tekton's kinds that hold TaskSpecs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Task,
    TaskRun,
    Pipeline,
    PipelineRun,
}

/// A TaskSpec with a declaration beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) place: Place,
    /// Which task it is, wherever in its list it stands.
    pub(super) title: String,
}

// === impl Kind ===

impl Kind {
    pub(super) fn of(object: &Value) -> Option<Self> {
        let text = |key| object[key].as_str().unwrap_or_default();
        if !text("apiVersion").starts_with("tekton.dev/") {
            return None;
        }
        match text("kind") {
            "Task" => Some(Self::Task),
            "TaskRun" => Some(Self::TaskRun),
            "Pipeline" => Some(Self::Pipeline),
            "PipelineRun" => Some(Self::PipelineRun),
            _ => None,
        }
    }

    /// Whether the object's own metadata stands beside a TaskSpec.
    pub(super) fn has_task_spec(self, object: &Value) -> bool {
        match self {
            Self::Task => true,
            Self::TaskRun => object["spec"]["taskSpec"].is_object(),
            Self::Pipeline | Self::PipelineRun => false,
        }
    }

    pub(super) const fn is_run(self) -> bool {
        matches!(self, Self::TaskRun | Self::PipelineRun)
    }
}

/// The declarations of an object together, which are bounded as a single one is.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    pub(super) hosts: Vec<Host>,
    /// The size of their annotations in bytes.
    pub(super) bytes: usize,
}

/// All TaskSpecs in `object`, whose tree is `node`, that have a declaration beside them.
pub(super) fn declaring(node: &Node) -> Hosts {
    let sites = DeclarationSite::all(node).into_iter();
    let mut found = Hosts::default();
    for site in sites.filter(DeclarationSite::is_annotated) {
        let Some(place) = site.task_spec().cloned() else {
            continue;
        };
        found.bytes += site.annotation_bytes();
        let title = site.title;
        found.hosts.push(Host { place, title });
    }
    found
}

/// The places of the TaskSpecs in the document, declared or not, by their titles; of several with one title, the first.
pub(super) fn by_title(node: &Node) -> HashMap<String, Place> {
    let mut places = HashMap::new();
    for site in DeclarationSite::all(node) {
        if let Some(place) = site.task_spec().cloned() {
            places.entry(site.title).or_insert(place);
        }
    }
    places
}

/// Whether the object itself is annotated.
pub(super) fn is_annotated(object: &Value) -> bool {
    let annotations = object.pointer("/metadata/annotations");
    annotations.is_some_and(|annotations| annotations.get(annotation::OUTPUTS).is_some())
}

/// The metadata that stands for the TaskSpec at `place`.
pub(super) fn metadata_of<'a>(object: &'a Value, place: &Place) -> Option<&'a Value> {
    let of_object = [Place::from(["spec"]), Place::from(["spec", "taskSpec"])];
    if of_object.contains(place) {
        object.get("metadata")
    } else {
        object.pointer(&place.key("metadata").pointer())
    }
}

/// Whether a PipelineRun's controller has made the run.
pub(super) fn is_of_pipeline_run(object: &Value) -> bool {
    let mut owners = list::items(&object["metadata"], "ownerReferences").iter();
    owners.any(|owner| owner["controller"] == true && owner["kind"] == "PipelineRun")
}

/// Takes the labels off that name a PipelineRun which has not made the run: one that was created from another's YAML has them
/// still, and what it creates would be deleted with a run that is not there.
pub(super) fn forget_pipeline_run(object: &mut Value) {
    let labels = object.pointer_mut("/metadata/labels");
    if let Some(labels) = labels.and_then(Value::as_object_mut) {
        labels.retain(|key, _| key != label::PIPELINE_RUN && key != label::PIPELINE_RUN_UID);
    }
}

/// What the object's version calls the resources of a step or sidecar (`computeResources` since v1).
pub(super) fn resources_field(object: &Value) -> &'static str {
    match object["apiVersion"].as_str() {
        Some("tekton.dev/v1beta1") => "resources",
        _ => "computeResources",
    }
}

#[cfg(test)]
mod tests;
