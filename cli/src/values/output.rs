//! Reads the values that a preview uses instead of the steps' outputs.

use std::collections::BTreeMap;

use gleaner_core::declaration::{Declaration, Output};
use gleaner_proto::{OutputType, number};
use serde_json::Value;

use super::{Assignment, did_you_mean};
use crate::files;

/// The values by step and output name.
pub(crate) type Outputs = BTreeMap<String, BTreeMap<String, Value>>;

/// Returns the outputs given on the command line (as text or as files), and the declared defaults of all other outputs.
///
/// # Errors
/// Returns all errors in the given outputs.
pub(crate) fn outputs(
    declaration: &Declaration,
    texts: &[Assignment],
    files: &[Assignment],
) -> Result<Outputs, Vec<String>> {
    let mut outputs = defaults(declaration);
    let mut errors = Vec::new();
    let texts = texts.iter().map(|given| (given, false));
    let files = files.iter().map(|given| (given, true));
    for (given, is_file) in texts.chain(files) {
        match read(declaration, given, is_file) {
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

/// Returns the step, name and value of an output that is given as text or as a file.
fn read(
    declaration: &Declaration,
    given: &Assignment,
    is_file: bool,
) -> Result<(String, String, Value), String> {
    let Assignment { name, value } = given;
    let (step, output) = find(declaration, name)?;
    let spec = &output.spec;
    let value = if is_file {
        let text = files::read_text(value)
            .map_err(|reason| format!("the output '{name}': {value} {reason}"))?;
        parse(name, output, spec.trim.apply(spec.kind, &text))?
    } else {
        parse(name, output, value)?
    };
    let checked = output.check(&value);
    checked.map_err(|violation| format!("the output '{name}' {violation}"))?;
    Ok((step.to_owned(), spec.name.to_string(), value))
}

/// Returns the declared output to which `STEP.NAME` refers. A step name contains no dots, but an output name may.
fn find<'a>(declaration: &'a Declaration, name: &'a str) -> Result<(&'a str, &'a Output), String> {
    let found = name
        .split_once('.')
        .and_then(|(step, output)| Some((step, declaration.output(step, output)?)));
    found.ok_or_else(|| {
        let known = declaration.steps.iter().flat_map(|(step, outputs)| {
            outputs
                .iter()
                .map(move |output| format!("{step}.{}", output.spec.name))
        });
        let known: Vec<String> = known.collect();
        let help = did_you_mean(name, &known);
        format!("undeclared output '{name}'{help}")
    })
}

/// Parses a value. If the output is secret, error messages do not contain the value.
fn parse(name: &str, output: &Output, text: &str) -> Result<Value, String> {
    let kind = output.spec.kind;
    if kind == OutputType::String {
        return Ok(Value::String(text.to_owned()));
    }
    let wrong =
        |reason: String| format!("the output '{name}' is of type {}: {reason}", kind.as_str());
    let quoted = |what: String| match output.secret {
        true => String::new(),
        false => format!(" {what}"),
    };
    if let Some(number) = number::first_changed(text) {
        return Err(wrong(format!(
            "the number{} cannot be stored exactly; declare type: string",
            quoted(number.to_owned())
        )));
    }
    let value: Value =
        serde_json::from_str(text).map_err(|error| wrong(format!("invalid JSON: {error}")))?;
    if kind.admits(&value) {
        Ok(value)
    } else {
        let value = quoted(value.to_string());
        Err(wrong(format!("the value{value} has a different type")))
    }
}

#[cfg(test)]
mod tests;
