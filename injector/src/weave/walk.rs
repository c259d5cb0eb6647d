//! Where in an object the TaskSpecs stand, and whether a declaration stands beside them.

use serde_json::Value;

/// Tekton's kinds that hold TaskSpecs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Task,
    TaskRun,
    Pipeline,
    PipelineRun,
}

/// A TaskSpec in an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// JSON Pointer (RFC 6901) of the TaskSpec.
    pub(super) pointer: String,
    /// JSON Pointer of the metadata that may carry its declaration.
    metadata: String,
}

// === impl Kind ===

impl Kind {
    pub(super) fn of(object: &Value) -> Option<Self> {
        let text = |key| object.get(key).and_then(Value::as_str).unwrap_or_default();
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

    pub(super) const fn is_run(self) -> bool {
        matches!(self, Self::TaskRun | Self::PipelineRun)
    }
}

// === impl Host ===

impl Host {
    /// Whether `object`, this one or an earlier state of it, has a declaration for the TaskSpec.
    pub(super) fn declares(&self, object: &Value) -> bool {
        let metadata = object.pointer(&self.metadata);
        metadata.is_some_and(|metadata| metadata.pointer(ANNOTATION).is_some())
    }
}

/// The declaration, as seen from the metadata.
const ANNOTATION: &str = "/annotations/gleaner.dev~1outputs";

/// All TaskSpecs in `object`.
pub(super) fn hosts(object: &Value, kind: Kind) -> Vec<Host> {
    let own = |pointer: &str| Host {
        pointer: pointer.to_owned(),
        metadata: "/metadata".to_owned(),
    };
    let mut found = Vec::new();
    match kind {
        Kind::Task => found.push(own("/spec")),
        Kind::TaskRun => found.push(own("/spec/taskSpec")),
        Kind::Pipeline => embedded(object, "/spec", &mut found),
        Kind::PipelineRun => embedded(object, "/spec/pipelineSpec", &mut found),
    }
    let is_object = |host: &Host| object.pointer(&host.pointer).is_some_and(Value::is_object);
    found.retain(is_object);
    found
}

/// The TaskSpecs in the PipelineSpec at `pointer`, those of pipelines within it included.
fn embedded(object: &Value, pointer: &str, found: &mut Vec<Host>) {
    for list in ["tasks", "finally"] {
        let list = format!("{pointer}/{list}");
        let items = object.pointer(&list).and_then(Value::as_array);
        for index in 0..items.map_or(0, Vec::len) {
            let spec = format!("{list}/{index}/taskSpec");
            found.push(Host {
                metadata: format!("{spec}/metadata"),
                pointer: spec,
            });
            let nested = format!("{list}/{index}/pipelineSpec");
            if object.pointer(&nested).is_some() {
                embedded(object, &nested, found);
            }
        }
    }
}

/// Whether the object itself is annotated.
pub(super) fn is_annotated(object: &Value) -> bool {
    object
        .get("metadata")
        .is_some_and(|metadata| metadata.pointer(ANNOTATION).is_some())
}

/// The metadata that stands for the TaskSpec at `pointer`.
pub(super) fn metadata_of<'a>(object: &'a Value, pointer: &str) -> Option<&'a Value> {
    match pointer {
        "/spec" | "/spec/taskSpec" => object.get("metadata"),
        embedded => object.pointer(&format!("{embedded}/metadata")),
    }
}

/// `spec.tasks[0].taskSpec` as a JSON Pointer.
pub(super) fn pointer(place: &str) -> String {
    let keys = place.split(['.', '[']).map(|key| key.trim_end_matches(']'));
    keys.fold(String::new(), |pointer, key| pointer + "/" + key)
}

/// What the object's version calls the resources of a step or sidecar (`computeResources` since v1).
pub(super) fn resources_field(object: &Value) -> &'static str {
    match object.get("apiVersion").and_then(Value::as_str) {
        Some("tekton.dev/v1beta1") => "resources",
        _ => "computeResources",
    }
}

#[cfg(test)]
mod tests {
    use gleaner_proto::kubernetes::annotation;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_pointer_names_the_annotation() {
        let key = ANNOTATION
            .trim_start_matches("/annotations/")
            .replace("~1", "/");
        assert_eq!(key, annotation::OUTPUTS);
    }

    #[test]
    fn pipelines_within_pipelines_are_walked() {
        let task = json!({"taskSpec": {"steps": []}});
        let object = json!({
            "apiVersion": "tekton.dev/v1",
            "kind": "PipelineRun",
            "spec": {"pipelineSpec": {
                "tasks": [task, {"taskRef": {"name": "x"}}, {"pipelineSpec": {"finally": [task]}}],
                "finally": [task],
            }},
        });
        let pointers: Vec<String> = hosts(&object, Kind::PipelineRun)
            .into_iter()
            .map(|host| host.pointer)
            .collect();
        assert_eq!(
            pointers,
            [
                "/spec/pipelineSpec/tasks/0/taskSpec",
                "/spec/pipelineSpec/tasks/2/pipelineSpec/finally/0/taskSpec",
                "/spec/pipelineSpec/finally/0/taskSpec",
            ]
        );
        assert_eq!(pointer("spec.pipelineSpec.tasks[0].taskSpec"), pointers[0]);
    }
}
