//! Reads the parameters that documents pass to a run, a pipeline task or a StepAction.

use std::collections::BTreeMap;

use gleaner_core::document::{Content, Cursor, Diagnostics};
use gleaner_core::task::param::value;
use gleaner_core::task::{ParamKind, ParamSpec};
use serde_json::Value;

use super::model::Params;

/// Returns the values in the field `params`, by parameter name.
pub(crate) fn given_params(parent: &Cursor<'_>, found: &mut Diagnostics) -> Params {
    let given = given_with_places(parent, found).into_iter();
    given.map(|(name, (value, _))| (name, value)).collect()
}

/// Returns the values in the field `params`, by parameter name, each with its place in the document.
pub(crate) fn given_with_places<'a>(
    parent: &Cursor<'a>,
    found: &mut Diagnostics,
) -> BTreeMap<String, (Value, Cursor<'a>)> {
    let mut params = BTreeMap::new();
    for item in parent.items_at("params", found) {
        let Some(name) = item.name(found) else {
            continue;
        };
        let Some(given) = item.field("value") else {
            found.add(&item, format!("the parameter '{name}' has no value"), None);
            continue;
        };
        let read = value(given.node);
        if params.insert(name.clone(), (read, given)).is_some() {
            let message = format!("duplicate parameter '{name}'");
            found.refuse(&item, message, "remove one of them");
        }
    }
    params
}

/// Adds to `specs` the parameters of `run` that its embedded Pipeline does not declare (Tekton's "propagated parameters",
/// `docs/pipelineruns.md`). The type of such a parameter is the type of its value.
pub(crate) fn propagate(run: &Cursor<'_>, specs: &mut Vec<ParamSpec>) {
    for (name, value) in given_params(run, &mut Diagnostics::default()) {
        if specs.iter().any(|spec| spec.name == name) {
            continue;
        }
        let kind = match &value {
            Value::Array(_) => ParamKind::Array,
            Value::Object(map) => ParamKind::Object {
                keys: map.keys().cloned().collect(),
            },
            _ => ParamKind::String,
        };
        specs.push(ParamSpec {
            name,
            kind,
            default: None,
            choices: Vec::new(),
            description: None,
        });
    }
}

/// Checks the value at `place` against the parameter's declaration. Accepts a string that contains variables, because its
/// final value is not yet known.
pub(crate) fn check(spec: &ParamSpec, value: &Value, place: &Cursor<'_>, found: &mut Diagnostics) {
    let name = &spec.name;
    if let Some(message) = type_mismatch(spec, value) {
        let is_list = matches!(
            place.node.content,
            Content::Sequence(_) | Content::Mapping(_)
        );
        // If a list or map contains values other than strings, Tekton converts all of it to one string
        // (`ParamValue.UnmarshalJSON`), which does not have the declared type.
        let help = (value.is_string() && is_list)
            .then(|| "quote each value inside it, because Tekton accepts only strings".to_owned());
        found.add(place, message, help);
        return;
    }
    match value {
        Value::String(text)
            if !spec.choices.is_empty() && !text.contains("$(") && !spec.choices.contains(text) =>
        {
            let message = format!("the parameter '{name}' cannot be '{text}'");
            let help = format!("use one of {}", spec.choices.join(", "));
            found.refuse(place, message, help);
        }
        Value::Object(given) => {
            let ParamKind::Object { keys } = &spec.kind else {
                return;
            };
            let default = spec.default.as_ref().and_then(Value::as_object);
            let has = |key: &String| {
                given.contains_key(key) || default.is_some_and(|default| default.contains_key(key))
            };
            let missing = keys.iter().filter(|key| !has(key));
            let missing: Vec<&str> = missing.map(String::as_str).collect();
            if !missing.is_empty() {
                let missing = missing.join(", ");
                let message = format!("the object parameter '{name}' has no value for {missing}");
                found.refuse(place, message, "add the missing keys to the value");
            }
        }
        _ => {}
    }
}

/// Returns a message if the value does not have the declared type. A string that contains variables matches any
/// type, because a variable may be replaced with an array or object.
pub(crate) fn type_mismatch(spec: &ParamSpec, value: &Value) -> Option<String> {
    let has_variables = value.as_str().is_some_and(|text| text.contains("$("));
    let fits = match (&spec.kind, value) {
        (ParamKind::String, Value::String(_))
        | (ParamKind::Array, Value::Array(_))
        | (ParamKind::Object { .. }, Value::Object(_)) => true,
        (ParamKind::Array | ParamKind::Object { .. }, Value::String(_)) => has_variables,
        _ => false,
    };
    let found = match value {
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
        _ => "a string",
    };
    (!fits).then(|| {
        let (name, kind) = (&spec.name, spec.kind.as_str());
        format!("the parameter '{name}' is of type {kind}, but its value is {found}")
    })
}
