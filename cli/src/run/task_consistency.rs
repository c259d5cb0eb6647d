//! Consistency checks between the fields of a TaskSpec, as in Tekton's webhook (`pkg/apis/pipeline/v1/task_validation.go` and
//! `result_validation.go`).

use std::collections::BTreeSet;

use gleaner_core::document::{Content, Cursor, Diagnostics};
use gleaner_core::task::param::value;
use gleaner_proto::{StepName, duration};
use serde_json::Value;

/// Reports errors in the TaskSpec `spec` that Tekton refuses. `around` are the workspaces that it inherits without declaring
/// them.
pub(super) fn check(spec: &Cursor<'_>, around: &BTreeSet<String>, found: &mut Diagnostics) {
    check_params(spec, found);
    for param in items(spec, "params") {
        let default = param.node.present("default").map(value);
        let is_object = param.node.text_of("type") == Some("object")
            || param.field("type").is_none() && matches!(default, Some(Value::Object(_)));
        require_properties(&param, is_object, found);
    }
    check_results(spec, found);
    for (list, what) in [("workspaces", "workspace"), ("volumes", "volume")] {
        check_names(spec, list, what, found);
    }
    let declared = spec.node.list_of("workspaces").iter();
    let mut workspaces: BTreeSet<&str> = declared.filter_map(|one| one.text_of("name")).collect();
    workspaces.extend(around.iter().map(String::as_str));
    let steps = items(spec, "steps").into_iter();
    for step in steps.chain(spec.field("stepTemplate")) {
        check_step(&step, found);
        check_environment(&step, found);
        check_conditions(&step, found);
        for item in items(&step, "workspaces") {
            let Some(name) = item.field("name") else {
                continue;
            };
            let text = name.node.as_str().unwrap_or_default();
            if !workspaces.contains(text) {
                let help = found.suggestion(text, workspaces.iter().copied());
                let help = help.unwrap_or_else(|| "declare it in the workspaces".to_owned());
                let message = format!("the Task declares no workspace '{text}'");
                found.refuse(&name, message, help);
            }
        }
    }
}

/// Reports errors in the params of a TaskSpec, PipelineSpec or StepAction that Tekton refuses.
pub(super) fn check_params(spec: &Cursor<'_>, found: &mut Diagnostics) {
    for param in items(spec, "params") {
        let Some(name) = param.node.text_of("name") else {
            continue;
        };
        let default = param.node.present("default").map(value);
        let kind = match (param.node.text_of("type"), &default) {
            (Some(kind), _) => kind,
            (None, Some(Value::Array(_))) => "array",
            (None, Some(Value::Object(_))) => "object",
            (None, _) if param.field("properties").is_some() => "object",
            (None, _) => "string",
        };
        if !is_param_name(name, kind == "object") {
            let message = format!("'{name}' is not a valid name of a parameter");
            let help = match kind {
                "object" => "use letters, digits, '-' and '_', and begin with a letter or '_'",
                _ => "use letters, digits, '-', '_' and '.', and begin with a letter or '_'",
            };
            found.refuse(&param, message, help);
        }
        check_default(&param, kind, default.as_ref(), found);
        check_properties(&param, found);
    }
}

fn check_default(param: &Cursor<'_>, kind: &str, default: Option<&Value>, found: &mut Diagnostics) {
    let Some((default, field)) = default.zip(param.field("default")) else {
        return;
    };
    let (own, form) = match default {
        Value::Array(_) => ("array", "a list of strings"),
        Value::Object(_) => ("object", "a map of strings"),
        _ => ("string", "a string"),
    };
    if !["string", "array", "object"].contains(&kind) || own == kind {
        return;
    }
    let message = format!("the default is {form}, but the parameter is of type {kind}");
    let help = match kind {
        "array" => "write a list of strings, numbers in quotes: [\"a\", \"1\"]",
        "object" => "write a map of strings, numbers in quotes: {key: \"1\"}",
        _ => "write a string, or change the type",
    };
    found.refuse(&field, message, help);
}

fn check_results(spec: &Cursor<'_>, found: &mut Diagnostics) {
    for result in items(spec, "results") {
        let kind = result.field("type");
        let text = kind.as_ref().and_then(|kind| kind.node.as_str());
        if let (Some(kind), Some(text)) = (&kind, text)
            && !["", "string", "array", "object"].contains(&text)
        {
            let message = format!("'{text}' is not a result type");
            found.refuse(kind, message, "use string, array or object");
        }
        check_properties(&result, found);
        require_properties(&result, text == Some("object"), found);
    }
}

fn require_properties(item: &Cursor<'_>, is_object: bool, found: &mut Diagnostics) {
    if is_object && item.field("properties").is_none() {
        let help = "declare the keys: properties: {KEY: {type: string}}";
        found.refuse(item, "an object needs 'properties'", help);
    }
}

/// Checks the properties of a parameter or result.
fn check_properties(item: &Cursor<'_>, found: &mut Diagnostics) {
    for (key, property) in item.entries_at("properties", &mut Diagnostics::default()) {
        let kind = property.node.text_of("type").unwrap_or("string");
        if kind != "string" {
            let message = format!("the property '{key}' is of type {kind}");
            found.refuse(
                &property,
                message,
                "properties are strings; use type: string",
            );
        }
    }
}

fn check_names(spec: &Cursor<'_>, list: &str, what: &str, found: &mut Diagnostics) {
    let mut names = BTreeSet::new();
    for item in items(spec, list) {
        if let Some(name) = item.node.text_of("name")
            && !names.insert(name)
        {
            let message = format!("the {what} '{name}' is declared twice");
            found.refuse(&item, message, "rename or remove one of them");
        }
    }
}

/// Reports variables with both `value` and `valueFrom`, which Kubernetes refuses (`validateEnvVarValueFrom`).
fn check_environment(step: &Cursor<'_>, found: &mut Diagnostics) {
    for variable in items(step, "env") {
        let is_set = |field| {
            variable
                .node
                .text_of(field)
                .is_some_and(|text| !text.is_empty())
        };
        if let Some(elsewhere) = variable.field("valueFrom").filter(|_| is_set("value")) {
            let message = "the variable has both 'value' and 'valueFrom'";
            found.refuse(&elsewhere, message, "keep one of them");
        }
    }
}

/// Checks the fields of a step that contain no variables.
fn check_step(step: &Cursor<'_>, found: &mut Diagnostics) {
    let literal = |field| {
        let field: Cursor<'_> = step.field(field)?;
        let text = field.node.as_str().filter(|text| !text.contains("$("))?;
        Some((text, field))
    };
    if let Some((name, field)) = literal("name")
        && let Err(error) = StepName::new(name)
        && !name.is_empty()
    {
        found.refuse(&field, error.to_string(), "rename the step");
    }
    if let Some((text, field)) = literal("onError")
        && !["", "continue", "stopAndFail"].contains(&text)
    {
        let message = format!("'{text}' is not a value of onError");
        found.refuse(&field, message, "use continue or stopAndFail");
    }
    if let Some((text, field)) = literal("timeout")
        && let Err(error) = duration::parse(text)
    {
        found.add(&field, error.to_string(), None);
    }
}

/// Reports `when` conditions without values.
pub(super) fn check_conditions(parent: &Cursor<'_>, found: &mut Diagnostics) {
    for condition in items(parent, "when") {
        if condition.field("cel").is_none()
            && condition.node.mapping().is_some()
            && condition
                .node
                .list_of("values")
                .iter()
                .all(|value| value.content == Content::Null)
        {
            let message = "the condition has no values";
            found.refuse(&condition, message, "write values: [VALUE]");
        }
    }
}

fn items<'a>(parent: &Cursor<'a>, list: &str) -> Vec<Cursor<'a>> {
    parent.items_at(list, &mut Diagnostics::default())
}

/// Checks a name against Tekton's `stringAndArrayVariableNameFormat` or `objectVariableNameFormat`.
fn is_param_name(name: &str, is_object: bool) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let other = |c: char| first(c) || c.is_ascii_digit() || c == '-' || (c == '.' && !is_object);
    name.starts_with(first) && name.chars().all(other)
}
