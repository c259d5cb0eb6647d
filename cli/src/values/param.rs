//! The values of a Task's parameters.

use std::collections::BTreeMap;

use gleaner_core::document::diagnostic::suggestion;
use gleaner_core::document::yaml;
use gleaner_core::document::{Content, Node};
use serde_json::{Map, Value};

use super::{Assignment, as_text};
use gleaner_core::task::{ParamKind, ParamSpec};

/// What is wrong with a parameter that was given, or was not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamError {
    /// No such parameter.
    #[error("the Task has no parameter '{name}'{}", .help.as_ref().map(|help| format!("; {help}")).unwrap_or_default())]
    Unknown {
        /// The name that was given.
        name: String,
        /// What would be right.
        help: Option<String>,
    },
    /// It has no default and none was given.
    #[error("the parameter '{name}' has no value; give it with -p {name}={form}{}", description(.about))]
    Missing {
        /// Its name.
        name: String,
        /// What a value looks like.
        form: &'static str,
        /// What it is for.
        about: Option<String>,
    },
    /// Keys of an object parameter have no value.
    #[error("the object parameter '{name}' has no value for {}", .keys.join(", "))]
    MissingKeys {
        /// Its name.
        name: String,
        /// The keys.
        keys: Vec<String>,
    },
    /// The text is no value of the type.
    #[error("the parameter '{name}' is of type {kind}: {reason}")]
    Value {
        /// Its name.
        name: String,
        /// Its type.
        kind: &'static str,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// The value is none of the declared ones.
    #[error("the parameter '{name}' cannot be '{value}'; it is one of {}", .choices.join(", "))]
    Choice {
        /// Its name.
        name: String,
        /// What was given.
        value: String,
        /// What would be right.
        choices: Vec<String>,
    },
    /// Given twice on the command line.
    #[error(
        "the parameter '{name}' is given twice; for several values of an array write -p {name}=a,b"
    )]
    Twice {
        /// Its name.
        name: String,
    },
    /// The file with parameters cannot be used.
    #[error("--param-file {file}: {reason}")]
    File {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// The value of every parameter in `specs` that was given or has a default, and everything that is wrong with them.
pub fn params(
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
            let help = suggestion(name, specs.iter().map(|spec| spec.name.as_str()));
            let error = ParamError::Unknown {
                name: name.clone(),
                help,
            };
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
    }
    for (index, assignment) in given.iter().enumerate() {
        if given[..index]
            .iter()
            .any(|other| other.name == assignment.name)
        {
            errors.push(ParamError::Twice {
                name: assignment.name.clone(),
            });
        }
    }
    let mut values = BTreeMap::new();
    for spec in specs {
        let flag = given.iter().find(|assignment| assignment.name == spec.name);
        let value = match (flag, file.get(&spec.name)) {
            (Some(assignment), _) => from_text(spec, &assignment.value),
            (None, Some(value)) => from_json(spec, value),
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

/// Reads a file of parameters: a map, YAML or JSON.
///
/// # Errors
/// When it cannot be read or holds no map.
pub fn read_param_file(file: &str) -> Result<Map<String, Value>, ParamError> {
    let wrong = |reason: String| ParamError::File {
        file: file.to_owned(),
        reason,
    };
    let text =
        std::fs::read_to_string(file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    match yaml::parse(&text) {
        Ok(Node {
            content: Content::Mapping(entries),
            ..
        }) => Ok(entries
            .into_iter()
            .map(|(key, node)| (key.name, node.to_json()))
            .collect()),
        Ok(node) => Err(wrong(format!(
            "must hold a map of names and values, this is {}",
            node.describe()
        ))),
        Err(diagnostic) => Err(wrong(diagnostic.to_string())),
    }
}

fn missing(spec: &ParamSpec) -> ParamError {
    let form = match spec.kind {
        ParamKind::String => "VALUE",
        ParamKind::Array => "VALUE,VALUE",
        ParamKind::Object { .. } => "KEY:VALUE,KEY:VALUE",
    };
    ParamError::Missing {
        name: spec.name.clone(),
        form,
        about: spec.description.clone(),
    }
}

fn wrong(spec: &ParamSpec, reason: impl Into<String>) -> ParamError {
    ParamError::Value {
        name: spec.name.clone(),
        kind: spec.kind.as_str(),
        reason: reason.into(),
    }
}

/// Fills the keys that an object leaves to its default, as Tekton does, and checks the declared choices.
fn complete(spec: &ParamSpec, value: Value) -> Result<Value, ParamError> {
    match (&spec.kind, value) {
        (ParamKind::Object { keys }, Value::Object(given)) => {
            let mut whole = spec
                .default
                .as_ref()
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default();
            whole.extend(given);
            let missing: Vec<String> = keys
                .iter()
                .filter(|key| !whole.contains_key(*key))
                .cloned()
                .collect();
            if missing.is_empty() {
                Ok(Value::Object(whole))
            } else {
                Err(ParamError::MissingKeys {
                    name: spec.name.clone(),
                    keys: missing,
                })
            }
        }
        (ParamKind::Array, value @ Value::Array(_)) => Ok(value),
        (ParamKind::String, Value::String(text)) => {
            if spec.choices.is_empty() || spec.choices.contains(&text) {
                return Ok(Value::String(text));
            }
            let choices = spec.choices.clone();
            Err(ParamError::Choice {
                name: spec.name.clone(),
                value: text,
                choices,
            })
        }
        (_, other) => Err(wrong(
            spec,
            format!("the default {other} is of another type"),
        )),
    }
}

/// What stands behind `-p NAME=`: for arrays and objects `tkn`'s short forms, or JSON.
fn from_text(spec: &ParamSpec, text: &str) -> Result<Value, ParamError> {
    let parse = |text: &str| {
        serde_json::from_str::<Value>(text)
            .map_err(|error| wrong(spec, format!("no JSON: {error}")))
    };
    match &spec.kind {
        ParamKind::String => Ok(Value::String(text.to_owned())),
        ParamKind::Array if text.trim_start().starts_with('[') => from_json(spec, &parse(text)?),
        ParamKind::Array if text.is_empty() => Ok(Value::Array(Vec::new())),
        ParamKind::Array => Ok(text.split(',').map(|item| item.trim().to_owned()).collect()),
        ParamKind::Object { .. } if text.trim_start().starts_with('{') => {
            from_json(spec, &parse(text)?)
        }
        ParamKind::Object { .. } => {
            let pairs = text
                .split(',')
                .filter(|pair| !pair.trim().is_empty())
                .map(|pair| {
                    let (key, value) = pair.split_once(':').ok_or_else(|| {
                        wrong(
                            spec,
                            format!("'{pair}' is no pair; write key:value,key:value or JSON"),
                        )
                    })?;
                    Ok((
                        key.trim().to_owned(),
                        Value::String(value.trim().to_owned()),
                    ))
                });
            Ok(Value::Object(
                pairs.collect::<Result<Map<_, _>, ParamError>>()?,
            ))
        }
    }
}

/// A value that already has a type. What is within arrays and objects is text, as in Tekton.
fn from_json(spec: &ParamSpec, value: &Value) -> Result<Value, ParamError> {
    let scalar = |value: &Value| match value {
        Value::Array(_) | Value::Object(_) | Value::Null => {
            Err(wrong(spec, format!("{value} is no text")))
        }
        scalar => Ok(Value::String(as_text(scalar))),
    };
    match (&spec.kind, value) {
        (ParamKind::String, value) => scalar(value),
        (ParamKind::Array, Value::Array(items)) => items.iter().map(scalar).collect(),
        (ParamKind::Object { .. }, Value::Object(map)) => {
            let entries = map
                .iter()
                .map(|(key, value)| Ok((key.clone(), scalar(value)?)));
            Ok(Value::Object(
                entries.collect::<Result<Map<_, _>, ParamError>>()?,
            ))
        }
        (ParamKind::Array, _) => Err(wrong(spec, "write a,b or [\"a\", \"b\"]")),
        (ParamKind::Object { .. }, _) => {
            Err(wrong(spec, "write key:value or {\"key\": \"value\"}"))
        }
    }
}

fn description(about: &Option<String>) -> String {
    about
        .as_ref()
        .map(|about| format!(" ({})", about.trim()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
