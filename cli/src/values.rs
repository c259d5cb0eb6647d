//! Values from the command line: for parameters, and in place of outputs.

mod output;
mod param;

use std::str::FromStr;

use serde_json::Value;

pub use output::{OutputError, outputs};
pub use param::{ParamError, params, read_param_file};

/// `NAME=VALUE`, as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// What stood before the first `=`.
    pub name: String,
    /// All that stood behind it.
    pub value: String,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => Ok(Self {
                name: name.trim().to_owned(),
                value: value.to_owned(),
            }),
            _ => Err(format!("'{text}' is no assignment; write NAME=VALUE")),
        }
    }
}

/// A value as it is put into text: strings as they are, anything else as JSON.
pub fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
