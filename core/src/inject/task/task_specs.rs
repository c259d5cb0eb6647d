//! The TaskSpecs of an object, with their places and titles.

use std::collections::HashMap;

use crate::document::Node;
use crate::document::Place;
use crate::task::DeclarationSite;
use gleaner_proto::kubernetes::{annotation, label};
use serde_json::Value;

use crate::inject::list;

/// Tekton's kinds that contain TaskSpecs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Task,
    TaskRun,
    Pipeline,
    PipelineRun,
}

/// A TaskSpec with a declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) place: Place,
    /// The title of the task, which does not depend on the order of the tasks.
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

    /// Returns true if the object's own metadata belongs to a TaskSpec.
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

/// The TaskSpecs in one object that have a declaration. The total size of their declarations must not exceed the size limit for
/// a single declaration.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    pub(super) hosts: Vec<Host>,
    /// The total size of the annotations in bytes.
    pub(super) bytes: usize,
}

/// Returns all TaskSpecs in `node` that have a declaration.
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

/// Returns the places of all TaskSpecs in the document, by title. If several TaskSpecs have the same title, only the first is
/// returned.
pub(super) fn by_title(node: &Node) -> HashMap<String, Place> {
    let mut places = HashMap::new();
    for site in DeclarationSite::all(node) {
        if let Some(place) = site.task_spec().cloned() {
            places.entry(site.title).or_insert(place);
        }
    }
    places
}

/// Returns true if the object itself has the annotation that contains the declaration.
pub(super) fn is_annotated(object: &Value) -> bool {
    let annotations = object.pointer("/metadata/annotations");
    annotations.is_some_and(|annotations| annotations.get(annotation::OUTPUTS).is_some())
}

/// Returns the metadata that belongs to the TaskSpec at `place`.
pub(super) fn metadata_of<'a>(object: &'a Value, place: &Place) -> Option<&'a Value> {
    let of_object = [Place::from(["spec"]), Place::from(["spec", "taskSpec"])];
    if of_object.contains(place) {
        object.get("metadata")
    } else {
        object.pointer(&place.key("metadata").pointer())
    }
}

/// Returns true if the run was created by the controller of a PipelineRun.
pub(super) fn is_of_pipeline_run(object: &Value) -> bool {
    let mut owners = list::items(&object["metadata"], "ownerReferences").iter();
    owners.any(|owner| owner["controller"] == true && owner["kind"] == "PipelineRun")
}

/// Removes the labels of a PipelineRun that did not create the run. A run that a user creates from another run's YAML still has
/// those labels, so the old PipelineRun would own the new run's objects, and deleting the old PipelineRun would delete these
/// objects.
pub(super) fn forget_pipeline_run(object: &mut Value) {
    let labels = object.pointer_mut("/metadata/labels");
    if let Some(labels) = labels.and_then(Value::as_object_mut) {
        labels.retain(|key, _| key != label::PIPELINE_RUN && key != label::PIPELINE_RUN_UID);
    }
}

/// Returns the name of the field that sets a step's or sidecar's resources in the object's API version (`resources` in v1beta1,
/// `computeResources` in v1).
pub(super) fn resources_field(object: &Value) -> &'static str {
    match object["apiVersion"].as_str() {
        Some("tekton.dev/v1beta1") => "resources",
        _ => "computeResources",
    }
}

#[cfg(test)]
mod tests;
