//! The parameters that documents give: to a run, to a task of a pipeline, to a StepAction.

use gleaner_core::document::{Cursor, Diagnostics};
use gleaner_core::task::param::value;
use gleaner_core::task::{ParamKind, ParamSpec};
use serde_json::Value;

use super::model::Params;

/// Reads `params` with their values.
pub(crate) fn given_params(parent: &Cursor<'_>, found: &mut Diagnostics) -> Params {
    let mut params = Params::new();
    for item in parent.items_at("params", found) {
        let Some(name) = item.name(found) else {
            continue;
        };
        let Some(given) = item.node.present("value") else {
            found.add(&item, format!("the parameter '{name}' has no value"), None);
            continue;
        };
        if params.insert(name.clone(), value(given)).is_some() {
            found.add(
                &item,
                format!("the parameter '{name}' is given twice"),
                None,
            );
        }
    }
    params
}

/// Adds the parameters that a run gives to a Pipeline embedded in it, which need no declaration (Tekton's "propagated
/// parameters", `docs/pipelineruns.md`). Their values determine the types.
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

/// Returns the message if a given value is not of the declared type; values with variables of unknown type pass.
pub(crate) fn misfit(spec: &ParamSpec, value: &Value) -> Option<String> {
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
        format!("the parameter '{name}' is of type {kind}, and its value is {found}")
    })
}
