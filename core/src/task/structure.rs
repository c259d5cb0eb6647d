//! Errors in a TaskSpec that make Tekton reject the Task or its TaskRuns (`pkg/apis/pipeline/v1/task_validation.go`,
//! `container_validation.go`, `param_types.go`, `result_validation.go`), or that make the API server reject the pod.

use std::collections::{BTreeSet, HashSet};

use gleaner_proto::{StepName, duration};
use serde_json::Value;

use super::param;
use crate::document::diagnostic::Diagnostic;
use crate::document::{Content, Cursor, Diagnostics};

/// The values of `onError` (`OnErrorType` in `pkg/apis/pipeline/v1/container_types.go`).
const ON_ERROR: [&str; 2] = ["continue", "stopAndFail"];
/// The beginning of any other value of `onError` that Tekton accepts (`isParamRefs`).
const PARAM: &str = "$(params";
/// The types that a parameter, a Task result or a step result can have.
const TYPES: [&str; 3] = ["string", "array", "object"];

/// Reports errors that make Tekton reject a TaskSpec. `inherited` lists the workspaces that the TaskSpec inherits without
/// declaring them (Tekton's "propagated workspaces"), or is `None` if they are not known.
pub fn check(spec: &Cursor<'_>, inherited: Option<&BTreeSet<String>>, found: &mut Diagnostics) {
    let inherited = inherited.map(|inherited| {
        let declared = spec.node.list_of("workspaces").iter();
        let mut known: BTreeSet<&str> = declared.filter_map(|one| one.text_of("name")).collect();
        known.extend(inherited.iter().map(String::as_str));
        known
    });
    for step in items(spec, "steps")
        .into_iter()
        .chain(spec.field("stepTemplate"))
    {
        of_step(&step, found);
        reference(&step, found);
        environment(&step, found);
        conditions(&step, found);
        for result in items(&step, "results") {
            of_result(&result, found);
        }
        if let Some(known) = &inherited {
            workspaces(&step, known, found);
        }
    }
    for sidecar in items(spec, "sidecars") {
        environment(&sidecar, found);
    }
    names(spec, found);
    params(spec, found);
    for result in items(spec, "results") {
        of_result(&result, found);
    }
}

/// Returns warnings for a TaskSpec that has an annotation. Each warning describes an error that does not affect a local run, but
/// that makes Tekton reject the TaskSpec.
pub(crate) fn warnings(spec: &Cursor<'_>) -> Vec<Diagnostic> {
    let mut found = Diagnostics::default();
    let template = ["stepTemplate", "containerTemplate"];
    let template = template.iter().find_map(|key| spec.field(key));
    let of_template = template.is_some_and(|template| has_image(&template));
    for (list, what) in [("steps", "step"), ("sidecars", "sidecar")] {
        for item in items(spec, list) {
            let inherits = list == "steps" && (of_template || item.field("ref").is_some());
            if !inherits && !has_image(&item) {
                let message = format!("Tekton rejects a {what} without an image");
                found.refuse(&item, message, "add image: NAME");
            }
        }
    }
    if let Some(resources) = spec.field("resources")
        && resources.node.mapping().is_some()
    {
        let message = "Tekton rejects 'resources', which it supported until v0.46";
        let help = "convert the Task with `gleaner translate`";
        found.refuse(&resources, message, help);
    }
    found.into_vec()
}

pub(super) fn items<'a>(parent: &Cursor<'a>, list: &str) -> Vec<Cursor<'a>> {
    let mut items = parent.items_at(list, &mut Diagnostics::default());
    items.retain(|item| item.node.mapping().is_some());
    items
}

fn has_image(container: &Cursor<'_>) -> bool {
    let image = container.field("image");
    image.is_some_and(|image| image.node.as_str() != Some(""))
}

/// Checks the name, `onError` and the timeout of a step. A timeout with variables is not checked, because its value is known only
/// after Tekton has replaced the variables.
fn of_step(step: &Cursor<'_>, found: &mut Diagnostics) {
    let text = |key| {
        let field = step.field(key)?;
        let text = field.node.as_str().filter(|text| !text.is_empty())?;
        Some((text, field))
    };
    if let Some((name, field)) = text("name")
        && let Err(error) = StepName::new(name)
    {
        found.refuse(&field, error.to_string(), "rename the step");
    }
    if let Some((text, field)) = text("onError")
        && !text.starts_with(PARAM)
        && !ON_ERROR.contains(&text)
    {
        let help = found.suggestion(text, ON_ERROR);
        found.add(
            &field,
            format!("'{text}' is not a valid onError value"),
            help,
        );
    }
    if let Some((text, field)) = text("timeout").filter(|(text, _)| !text.contains("$("))
        && let Err(error) = duration::parse(text)
    {
        found.add(&field, error.to_string(), None);
    }
}

/// Reports a `ref` that has neither `name` nor `resolver`, and `params` that have no `ref`.
fn reference(step: &Cursor<'_>, found: &mut Diagnostics) {
    let is_set = |map: &Cursor<'_>, key| map.node.text_of(key).is_some_and(|text| !text.is_empty());
    match (step.field("ref"), step.field("params")) {
        (Some(reference), _) if !is_set(&reference, "name") && !is_set(&reference, "resolver") => {
            found.refuse(&reference, "'name' is missing", "write ref: {name: NAME}");
        }
        (None, Some(params)) => {
            let message = "only a step with 'ref' can have params";
            found.refuse(
                &params,
                message,
                "declare them under spec.params of the Task",
            );
        }
        _ => {}
    }
}

/// Reports environment variables that have both `value` and `valueFrom`. The API server rejects a pod with such a variable
/// (`validateEnvVarValueFrom`).
fn environment(container: &Cursor<'_>, found: &mut Diagnostics) {
    for variable in items(container, "env") {
        let value = variable.node.text_of("value").unwrap_or_default();
        if let Some(elsewhere) = variable.field("valueFrom").filter(|_| !value.is_empty()) {
            let message = "the variable has both 'value' and 'valueFrom'";
            found.refuse(&elsewhere, message, "keep one of them");
        }
    }
}

/// Returns true if the condition's operator is `in`, and false if it is `notin` (`pkg/apis/pipeline/v1/when_types.go`). Reports
/// any other operator.
pub fn operator(condition: &Cursor<'_>, found: &mut Diagnostics) -> Option<bool> {
    let operator = condition.required("operator", "in", found)?;
    operator.word(&[("in", true), ("notin", false)], found)
}

/// Reports `when` conditions that have no values. `parent` is a step or a pipeline task.
pub fn conditions(parent: &Cursor<'_>, found: &mut Diagnostics) {
    for condition in items(parent, "when") {
        let mut values = condition.node.list_of("values").iter();
        if condition.field("cel").is_none() && values.all(|value| value.content == Content::Null) {
            let message = "the condition has no values";
            found.refuse(&condition, message, "write values: [VALUE]");
        }
    }
}

/// Reports workspaces of a step that are not among the `known` workspaces of its Task.
fn workspaces(step: &Cursor<'_>, known: &BTreeSet<&str>, found: &mut Diagnostics) {
    for item in items(step, "workspaces") {
        let Some(name) = item.field("name") else {
            continue;
        };
        let text = name.node.as_str().unwrap_or_default();
        if !known.contains(text) {
            let help = found.suggestion(text, known.iter().copied());
            let help = help.unwrap_or_else(|| "declare it in the Task's workspaces".to_owned());
            let message = format!("the Task declares no workspace '{text}'");
            found.refuse(&name, message, help);
        }
    }
}

/// Reports duplicate names of sidecars (their containers would have the same name), volumes (`ValidateVolumes`) and workspaces
/// (`validateDeclaredWorkspaces`).
fn names(spec: &Cursor<'_>, found: &mut Diagnostics) {
    for (list, what) in [
        ("sidecars", "sidecar"),
        ("volumes", "volume"),
        ("workspaces", "workspace"),
    ] {
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

/// Reports the parameters that Tekton rejects in a TaskSpec, PipelineSpec or StepAction.
pub fn params(spec: &Cursor<'_>, found: &mut Diagnostics) {
    for param in items(spec, "params") {
        let default = param.node.present("default").map(param::value);
        let own_type = default.as_ref().map(|default| match default {
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            _ => "string",
        });
        let declared = param.node.text_of("type").filter(|kind| !kind.is_empty());
        let kind = match (declared, own_type) {
            (Some(kind), _) | (None, Some(kind)) => kind,
            (None, None) if param.field("properties").is_some() => "object",
            (None, None) => "string",
        };
        if let Some(name) = param.node.text_of("name")
            && !name.is_empty()
            && !is_param_name(name, kind == "object")
        {
            let message = format!("'{name}' is not a valid parameter name");
            let help = match kind {
                "object" => "use letters, digits, '-' and '_', and begin with a letter or '_'",
                _ => "use letters, digits, '-', '_' and '.', and begin with a letter or '_'",
            };
            found.refuse(&param, message, help);
        }
        if let (Some(own), Some(field)) = (own_type, param.field("default"))
            && TYPES.contains(&kind)
            && own != kind
        {
            of_default(&field, own, kind, found);
        }
        properties(&param, found);
        if kind == "object" && param.field("properties").is_none() {
            without_properties(&param, "parameter", found);
        }
    }
}

fn of_default(default: &Cursor<'_>, own: &str, kind: &str, found: &mut Diagnostics) {
    let form = match own {
        "array" => "a list of strings",
        "object" => "a map of strings",
        _ => "a string",
    };
    let message = format!("the default is {form}, but the parameter is of type {kind}");
    let help = match kind {
        "array" => "write a list of strings, with numbers in quotes: [\"a\", \"1\"]",
        "object" => "write a map of strings, with numbers in quotes: {key: \"1\"}",
        _ => "write a string, or change the type",
    };
    found.refuse(default, message, help);
}

/// Returns true if `name` matches Tekton's format for parameter names: `objectVariableNameFormat` for an object, and
/// `stringAndArrayVariableNameFormat` for other types.
fn is_param_name(name: &str, is_object: bool) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let other = |c: char| first(c) || c.is_ascii_digit() || c == '-' || (c == '.' && !is_object);
    name.starts_with(first) && name.chars().all(other)
}

fn of_result(result: &Cursor<'_>, found: &mut Diagnostics) {
    let kind = result.field("type");
    let text = kind.as_ref().and_then(|kind| kind.node.as_str());
    let text = text.unwrap_or_default();
    if let Some(kind) = kind
        && !text.is_empty()
        && !TYPES.contains(&text)
    {
        let help = found.suggestion(text, TYPES);
        found.add(&kind, format!("'{text}' is not a valid result type"), help);
    }
    // Only the properties of an object are checked, because Tekton does not read the properties of other types.
    if ["", "object"].contains(&text) {
        properties(result, found);
    }
    if text == "object" && result.field("properties").is_none() {
        without_properties(result, "result", found);
    }
}

/// Reports each property whose type is not `string` in a parameter or result of type `object` (`ValidateObjectType`,
/// `validateObjectResult`).
fn properties(field: &Cursor<'_>, found: &mut Diagnostics) {
    for (name, property) in field.entries_at("properties", &mut Diagnostics::default()) {
        let Some(kind) = property.field("type") else {
            continue;
        };
        let text = kind.node.as_str().unwrap_or_default();
        if !["", "string"].contains(&text) {
            let message =
                format!("the property '{name}' of an object must be a string, not '{text}'");
            found.refuse(&kind, message, "write type: string");
        }
    }
}

/// Reports a parameter or result of type `object` that has no properties, even if there is a default
/// (`ValidateObjectParamsHaveProperties`; for a TaskSpec in a run or Pipeline, `validateInlineParameters`).
fn without_properties(field: &Cursor<'_>, what: &str, found: &mut Diagnostics) {
    let message = format!("a {what} of type object needs properties");
    let help = "add its keys, such as properties: {url: {type: string}}";
    found.refuse(field, message, help);
}
