//! Faults of a TaskSpec for which Tekton refuses the Task, or the API server its pod.

use std::collections::HashSet;

use crate::document::diagnostic::Diagnostic;
use crate::document::{Cursor, Diagnostics, Place};

/// The values of `onError` (`OnErrorType` in `pkg/apis/pipeline/v1/container_types.go`).
const ON_ERROR: [&str; 2] = ["continue", "stopAndFail"];
/// The types of a result.
const RESULT_TYPES: [&str; 3] = ["string", "array", "object"];

/// Adds the errors of a TaskSpec, whose lists contain maps.
pub(super) fn check(spec: &Cursor<'_>, found: &mut Diagnostics) {
    for step in items(spec, "steps") {
        on_error(&step, found);
    }
    names(spec, found);
    for param in items(spec, "params") {
        properties(&param, found);
        // A TaskSpec in a Pipeline or run may inherit the keys (propagated parameters).
        let is_of_task = spec.place == Place::from(["spec"]);
        let has_keys = ["properties", "default"]
            .iter()
            .any(|key| param.field(key).is_some());
        if is_of_task && param.node.text_of("type") == Some("object") && !has_keys {
            without_properties(&param, found);
        }
    }
    for result in items(spec, "results") {
        properties(&result, found);
        if let Some(kind) = result.field("type") {
            let text = kind.node.as_str().unwrap_or("string");
            if !text.is_empty() && !RESULT_TYPES.contains(&text) {
                let help = found.suggestion(text, RESULT_TYPES);
                found.add(&kind, format!("'{text}' is not a type of results"), help);
            }
        }
    }
}

/// The warnings about a TaskSpec with an annotation: what Tekton refuses, but a local run does not need.
pub(super) fn warnings(spec: &Cursor<'_>) -> Vec<Diagnostic> {
    let mut found = Diagnostics::default();
    let template = ["stepTemplate", "containerTemplate"];
    let template = template.iter().find_map(|key| spec.field(key));
    let of_template = template.is_some_and(|template| has_image(&template));
    for (list, what) in [("steps", "step"), ("sidecars", "sidecar")] {
        for item in items(spec, list) {
            let inherits = list == "steps" && (of_template || item.field("ref").is_some());
            if !inherits && !has_image(&item) {
                let message = format!("Tekton refuses a {what} without an image");
                found.refuse(&item, message, "add image: NAME");
            }
        }
    }
    if let Some(resources) = spec.field("resources")
        && resources.node.mapping().is_some()
    {
        let message = "Tekton refuses 'resources', which it served until v0.46";
        let help = "convert the Task with gleaner translate";
        found.refuse(&resources, message, help);
    }
    found.into_vec()
}

fn items<'a>(spec: &Cursor<'a>, list: &str) -> Vec<Cursor<'a>> {
    spec.items_at(list, &mut Diagnostics::default())
}

fn has_image(container: &Cursor<'_>) -> bool {
    let image = container.field("image");
    image.is_some_and(|image| image.node.as_str() != Some(""))
}

fn on_error(step: &Cursor<'_>, found: &mut Diagnostics) {
    let Some(field) = step.field("onError") else {
        return;
    };
    let text = field.node.as_str().unwrap_or_default();
    if !text.is_empty() && !text.contains("$(") && !ON_ERROR.contains(&text) {
        let help = found.suggestion(text, ON_ERROR);
        found.add(&field, format!("'{text}' is not a value of onError"), help);
    }
}

/// Reports sidecars of one name: their containers would have one name, too.
fn names(spec: &Cursor<'_>, found: &mut Diagnostics) {
    let mut names = HashSet::new();
    for sidecar in items(spec, "sidecars") {
        let name = sidecar.node.text_of("name").unwrap_or_default();
        if !name.is_empty() && !names.insert(name) {
            let message = format!("an earlier sidecar is also named '{name}'");
            found.refuse(&sidecar, message, "rename one of them");
        }
    }
}

/// Reports properties of an object that are not strings (`ValidateObjectType` and `validateObjectResult` in
/// `pkg/apis/pipeline/v1`).
fn properties(field: &Cursor<'_>, found: &mut Diagnostics) {
    for (name, property) in field.entries_at("properties", &mut Diagnostics::default()) {
        let Some(kind) = property.field("type") else {
            continue;
        };
        let text = kind.node.as_str().unwrap_or_default();
        if !["", "string"].contains(&text) {
            let message = format!("the property '{name}' of an object is a string, not '{text}'");
            found.refuse(&kind, message, "write type: string");
        }
    }
}

fn without_properties(field: &Cursor<'_>, found: &mut Diagnostics) {
    let message = "a parameter of type object needs properties";
    let help = "add its keys, such as properties: {url: {type: string}}";
    found.refuse(field, message, help);
}
