//! Parses values of parameters and outputs from the command line.

mod output;
mod param;

use std::str::FromStr;

use gleaner_core::document::suggestion::suggestion;
use serde_json::Value;

pub(crate) use output::outputs;
pub(crate) use param::{ParamError, params, read_param_file};

/// A `NAME=VALUE` argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => Ok(Self {
                name: name.trim().to_owned(),
                value: value.to_owned(),
            }),
            _ => Err(format!("invalid assignment '{text}': use NAME=VALUE")),
        }
    }
}

/// Returns a value as text: a string unchanged, any other value as JSON.
pub(crate) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns the end of a message about an unknown name: `; ` and suggestions of similar names, or an empty string.
pub(crate) fn did_you_mean<T: AsRef<str>>(
    name: &str,
    known: impl IntoIterator<Item = T>,
) -> String {
    let known: Vec<T> = known.into_iter().collect();
    suggestion(name, known.iter().map(AsRef::as_ref))
        .map(|help| format!("; {help}"))
        .unwrap_or_default()
}
