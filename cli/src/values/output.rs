//! Values in place of a step's outputs, for a preview.

use std::collections::BTreeMap;

use gleaner_core::declaration::{Declaration, Output};
use gleaner_core::document::diagnostic::suggestion;
use gleaner_proto::OutputType;
use serde_json::Value;

use super::Assignment;

/// Values by step and output.
pub(crate) type Outputs = BTreeMap<String, BTreeMap<String, Value>>;

/// What is wrong with an output that was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// No such output is declared.
    #[error("no output '{name}' is declared{}", .help.as_ref().map(|help| format!("; {help}")).unwrap_or_default())]
    Unknown {
        /// What was given.
        name: String,
        /// What would be right.
        help: Option<String>,
    },
    /// The text is no value of the declared type.
    #[error("the output '{name}' is of type {kind}: {reason}")]
    Value {
        /// Step and output.
        name: String,
        /// The declared type.
        kind: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Its file cannot be read.
    #[error("the output '{name}': {file} cannot be read: {reason}")]
    File {
        /// Step and output.
        name: String,
        /// The file.
        file: String,
        /// What the system says.
        reason: String,
    },
}

/// The outputs that are given as text or as files; the declared defaults for the rest.
///
/// # Errors
/// Everything that is wrong with them.
pub fn outputs(
    declaration: &Declaration,
    texts: &[Assignment],
    files: &[Assignment],
) -> Result<Outputs, Vec<OutputError>> {
    let mut outputs = defaults(declaration);
    let mut errors = Vec::new();
    let contents = files
        .iter()
        .map(|given| (given, std::fs::read_to_string(&given.value)));
    let contents = contents.map(|(given, content)| {
        let reason = |error: std::io::Error| OutputError::File {
            name: given.name.clone(),
            file: given.value.clone(),
            reason: error.to_string(),
        };
        (given, content.map_err(reason), true)
    });
    let all = texts
        .iter()
        .map(|given| (given, Ok(given.value.clone()), false))
        .chain(contents);
    for (given, text, is_file) in all {
        let value = find(declaration, &given.name).and_then(|(step, output)| {
            let text = text?;
            let text = if is_file {
                output.spec.trim.apply(&text)
            } else {
                &text
            };
            Ok((
                step,
                output.spec.name.to_string(),
                value(&given.name, output.spec.kind, text)?,
            ))
        });
        match value {
            Ok((step, name, value)) => {
                outputs.entry(step).or_default().insert(name, value);
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(outputs)
    } else {
        Err(errors)
    }
}

fn defaults(declaration: &Declaration) -> Outputs {
    let of_step = |outputs: &[Output]| -> BTreeMap<String, Value> {
        let named = |output: &Output| Some((output.spec.name.to_string(), output.default.clone()?));
        outputs.iter().filter_map(named).collect()
    };
    declaration
        .steps
        .iter()
        .map(|(step, outputs)| (step.to_string(), of_step(outputs)))
        .collect()
}

/// The declared output that `STEP.NAME` means. A step's name holds no dot, an output's may.
fn find<'a>(declaration: &'a Declaration, name: &str) -> Result<(String, &'a Output), OutputError> {
    let found = name
        .split_once('.')
        .and_then(|(step, output)| Some((step.to_owned(), declaration.output(step, output)?)));
    found.ok_or_else(|| {
        let known = declaration.steps.iter().flat_map(|(step, outputs)| {
            outputs
                .iter()
                .map(move |output| format!("{step}.{}", output.spec.name))
        });
        let known: Vec<String> = known.collect();
        OutputError::Unknown {
            name: name.to_owned(),
            help: suggestion(name, known.iter().map(String::as_str)),
        }
    })
}

fn value(name: &str, kind: OutputType, text: &str) -> Result<Value, OutputError> {
    let wrong = |reason: String| OutputError::Value {
        name: name.to_owned(),
        kind: kind.as_str(),
        reason,
    };
    if kind == OutputType::String {
        return Ok(Value::String(text.to_owned()));
    }
    let value: Value =
        serde_json::from_str(text).map_err(|error| wrong(format!("no JSON: {error}")))?;
    if kind.admits(&value) {
        Ok(value)
    } else {
        Err(wrong(format!("{value} is another type")))
    }
}

#[cfg(test)]
mod tests;
