//! Errors in a TaskSpec for which Tekton rejects the Task or its TaskRuns (`pkg/apis/pipeline/v1/task_validation.go`,
//! `container_validation.go`, `result_validation.go`), or for which the API server rejects the pod.

use std::collections::HashSet;

use crate::document::diagnostic::Diagnostic;
use crate::document::{Cursor, Diagnostics};
use crate::task::param;

/// The values of `onError` (`OnErrorType` in `pkg/apis/pipeline/v1/container_types.go`).
const ON_ERROR: [&str; 2] = ["continue", "stopAndFail"];
/// The beginning of any other value of `onError` that Tekton accepts (`isParamRefs`).
const PARAM: &str = "$(params";
/// The types of a result of a Task or step.
const RESULT_TYPES: [&str; 3] = ["string", "array", "object"];

/// Adds the errors of a TaskSpec, whose lists contain maps.
pub(super) fn check(spec: &Cursor<'_>, found: &mut Diagnostics) {
    for step in items(spec, "steps") {
        on_error(&step, found);
        for result in items(&step, "results") {
            of_result(&result, found);
        }
    }
    names(spec, found);
    for param in items(spec, "params") {
        properties(&param, found);
        if is_object(&param) && param.field("properties").is_none() {
            without_properties(&param, "parameter", found);
        }
    }
    for result in items(spec, "results") {
        of_result(&result, found);
    }
}

/// Returns warnings about a TaskSpec with an annotation: errors for which Tekton rejects it, but which do not affect a local run.
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

fn items<'a>(parent: &Cursor<'a>, list: &str) -> Vec<Cursor<'a>> {
    let mut items = parent.items_at(list, &mut Diagnostics::default());
    items.retain(|item| item.node.mapping().is_some());
    items
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
    if !text.is_empty() && !text.starts_with(PARAM) && !ON_ERROR.contains(&text) {
        let help = found.suggestion(text, ON_ERROR);
        found.add(&field, format!("'{text}' is not a value of onError"), help);
    }
}

/// Reports sidecars with the same name, whose containers would also have the same name, and volumes with the same name
/// (`ValidateVolumes`).
fn names(spec: &Cursor<'_>, found: &mut Diagnostics) {
    for (list, what) in [("sidecars", "sidecar"), ("volumes", "volume")] {
        let mut names = HashSet::new();
        for item in items(spec, list) {
            let name = item.node.text_of("name").unwrap_or_default();
            if !name.is_empty() && !names.insert(name) {
                let message = format!("an earlier {what} is also named '{name}'");
                found.refuse(&item, message, "rename one of them");
            }
        }
    }
}

/// Returns true if a parameter is an object, according to its type, or to its default if it has no type.
fn is_object(param: &Cursor<'_>) -> bool {
    match param.node.text_of("type").unwrap_or_default() {
        "" => param
            .field("default")
            .is_some_and(|default| param::value(default.node).is_object()),
        kind => kind == "object",
    }
}

fn of_result(result: &Cursor<'_>, found: &mut Diagnostics) {
    let kind = result.field("type");
    let text = kind.as_ref().and_then(|kind| kind.node.as_str());
    let text = text.unwrap_or_default();
    if let Some(kind) = kind
        && !text.is_empty()
        && !RESULT_TYPES.contains(&text)
    {
        let help = found.suggestion(text, RESULT_TYPES);
        found.add(&kind, format!("'{text}' is not a type of results"), help);
    }
    // Tekton does not read the properties of other types.
    if ["", "object"].contains(&text) {
        properties(result, found);
    }
    if text == "object" && result.field("properties").is_none() {
        without_properties(result, "result", found);
    }
}

/// Reports properties of an object that are not strings (`ValidateObjectType`, `validateObjectResult`).
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

/// Reports an object without properties, even if it has a default (`ValidateObjectParamsHaveProperties`; for a TaskSpec in a run
/// or Pipeline, `validateInlineParameters`).
fn without_properties(field: &Cursor<'_>, what: &str, found: &mut Diagnostics) {
    let message = format!("a {what} of type object needs properties");
    let help = "add its keys, such as properties: {url: {type: string}}";
    found.refuse(field, message, help);
}
