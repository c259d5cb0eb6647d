//! Determines the values of a Task's parameters.

use std::collections::BTreeMap;
use std::fmt::Display;

use gleaner_core::document::yaml;
use gleaner_core::document::{Content, Node};
use serde_json::{Map, Value};

use super::{Assignment, as_text, did_you_mean};
use crate::files;
use gleaner_core::task::{ParamKind, ParamSpec};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParamError {
    /// The parameter, or a key of an object parameter, has no value.
    #[error("{0}")]
    Missing(String),
    #[error("{0}")]
    Invalid(String),
}

/// Returns the values of all parameters in `specs` that are set or have a default, and all errors. Values in `given` take
/// precedence over values in `file`.
pub(crate) fn params(
    specs: &[ParamSpec],
    given: &[Assignment],
    file: &Map<String, Value>,
) -> (BTreeMap<String, Value>, Vec<ParamError>) {
    let mut errors = Vec::new();
    let names = given
        .iter()
        .map(|assignment| &assignment.name)
        .chain(file.keys());
    for name in names {
        if specs.iter().all(|spec| spec.name != *name) {
            let help = did_you_mean(name, specs.iter().map(|spec| &spec.name));
            let error = ParamError::Invalid(format!("the Task has no parameter '{name}'{help}"));
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
    }
    for (index, Assignment { name, .. }) in given.iter().enumerate() {
        if given[..index].iter().any(|other| other.name == *name) {
            errors.push(ParamError::Invalid(format!(
                "duplicate parameter '{name}'; to set several values of an array, use -p {name}=a,b"
            )));
        }
    }
    let mut values = BTreeMap::new();
    for spec in specs {
        let flag = given.iter().find(|assignment| assignment.name == spec.name);
        let value = match (flag, file.get(&spec.name)) {
            (Some(assignment), _) => {
                from_text(spec, &assignment.value).map_err(ParamError::Invalid)
            }
            (None, Some(value)) => from_json(spec, value).map_err(ParamError::Invalid),
            (None, None) => match &spec.default {
                Some(default) => Ok(default.clone()),
                None => Err(missing(spec)),
            },
        };
        match value.and_then(|value| complete(spec, value)) {
            Ok(value) => {
                values.insert(spec.name.clone(), value);
            }
            Err(error) => errors.push(error),
        }
    }
    (values, errors)
}

/// Reads a parameter file, which contains a map in YAML or JSON.
///
/// # Errors
/// Fails if the file cannot be read or does not contain a map.
pub(crate) fn read_param_file(file: &str) -> Result<Map<String, Value>, String> {
    let wrong = |reason: String| format!("--param-file {file}: {reason}");
    let text = files::read_text(file).map_err(wrong)?;
    match yaml::parse(&text) {
        Ok(Node {
            content: Content::Mapping(entries),
            ..
        }) => Ok(entries
            .into_iter()
            .map(|(key, node)| (key.name, node.to_json()))
            .collect()),
        Ok(node) => Err(wrong(format!(
            "must be a map of parameter names to values, but is {}",
            node.describe()
        ))),
        Err(diagnostic) => Err(wrong(diagnostic.to_string())),
    }
}

fn missing(spec: &ParamSpec) -> ParamError {
    let name = &spec.name;
    let form = match spec.kind {
        ParamKind::String => "VALUE",
        ParamKind::Array => "VALUE,VALUE",
        ParamKind::Object { .. } => "KEY:VALUE,KEY:VALUE",
    };
    let about = spec.description.as_ref();
    let about = about.map(|about| format!(" ({})", about.trim()));
    ParamError::Missing(format!(
        "the parameter '{name}' has no value; set it with -p {name}={form}{}",
        about.unwrap_or_default()
    ))
}

fn wrong(spec: &ParamSpec, reason: impl Display) -> String {
    let (name, kind) = (&spec.name, spec.kind.as_str());
    format!("the parameter '{name}' is of type {kind}: {reason}")
}

/// Fills in an object's missing keys from the parameter's default, as Tekton does, and checks that a string is one of the
/// declared choices.
fn complete(spec: &ParamSpec, value: Value) -> Result<Value, ParamError> {
    let name = &spec.name;
    match (&spec.kind, value) {
        (ParamKind::Object { keys }, Value::Object(given)) => {
            let default = spec.default.as_ref().and_then(Value::as_object);
            let mut whole = default.cloned().unwrap_or_default();
            whole.extend(given);
            let missing = keys.iter().filter(|key| !whole.contains_key(*key));
            let missing: Vec<&str> = missing.map(String::as_str).collect();
            if missing.is_empty() {
                Ok(Value::Object(whole))
            } else {
                let missing = missing.join(", ");
                Err(ParamError::Missing(format!(
                    "the object parameter '{name}' has no value for {missing}"
                )))
            }
        }
        (ParamKind::Array, value @ Value::Array(_)) => Ok(value),
        (ParamKind::String, Value::String(text)) => {
            if spec.choices.is_empty() || spec.choices.contains(&text) {
                return Ok(Value::String(text));
            }
            let choices = spec.choices.join(", ");
            Err(ParamError::Invalid(format!(
                "the parameter '{name}' cannot be '{text}'; use one of {choices}"
            )))
        }
        (_, other) => {
            let reason = format_args!("the default {other} has a different type");
            Err(ParamError::Invalid(wrong(spec, reason)))
        }
    }
}

/// Parses the value of a `-p NAME=VALUE` flag. Arrays and objects are in `tkn`'s short form or in JSON.
fn from_text(spec: &ParamSpec, text: &str) -> Result<Value, String> {
    let json = |text: &str| match serde_json::from_str(text) {
        Ok(value) => from_json(spec, &value),
        Err(error) => Err(wrong(spec, format_args!("invalid JSON: {error}"))),
    };
    match &spec.kind {
        ParamKind::String => Ok(text.into()),
        ParamKind::Array if text.trim_start().starts_with('[') => json(text),
        ParamKind::Array if text.is_empty() => Ok(Value::Array(Vec::new())),
        ParamKind::Array => Ok(text.split(',').map(str::trim).collect()),
        ParamKind::Object { .. } if text.trim_start().starts_with('{') => json(text),
        ParamKind::Object { .. } => text
            .split(',')
            .filter(|pair| !pair.trim().is_empty())
            .map(|pair| match pair.split_once(':') {
                Some((key, value)) => Ok((key.trim().to_owned(), value.trim().into())),
                None => {
                    let reason = format_args!(
                        "'{pair}' does not contain a colon; use key:value,key:value or JSON"
                    );
                    Err(wrong(spec, reason))
                }
            })
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
    }
}

/// Converts a JSON value to the parameter's type. As in Tekton, the values inside arrays and objects become strings.
fn from_json(spec: &ParamSpec, value: &Value) -> Result<Value, String> {
    let scalar = |value: &Value| match value {
        Value::Array(_) | Value::Object(_) | Value::Null => Err(wrong(
            spec,
            format_args!("{value} cannot be converted to a string"),
        )),
        scalar => Ok(Value::String(as_text(scalar))),
    };
    match (&spec.kind, value) {
        (ParamKind::String, value) => scalar(value),
        (ParamKind::Array, Value::Array(items)) => items.iter().map(scalar).collect(),
        (ParamKind::Object { .. }, Value::Object(map)) => map
            .iter()
            .map(|(key, value)| Ok((key.clone(), scalar(value)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        (ParamKind::Array, _) => Err(wrong(
            spec,
            "the value has a different type; use a,b or [\"a\", \"b\"]",
        )),
        (ParamKind::Object { .. }, _) => Err(wrong(
            spec,
            "the value has a different type; use key:value or {\"key\": \"value\"}",
        )),
    }
}

#[cfg(test)]
mod tests;
