//! Reads files and prints documents for the commands whose output is passed to `kubectl apply`.

use std::io::{self, Write};
use std::process::ExitCode;

use gleaner_core::document::{Source, writer};
use serde_json::{Value, json};

use crate::args::Form;
use crate::failure::Failure;
use crate::files;

/// Reads the files. If a file cannot be read, prints the error and returns the exit code.
pub(crate) fn read_all(files: &[String]) -> Result<Vec<Source>, u8> {
    files::read_each(files, Vec::new())
}

/// Prints documents to standard output.
///
/// # Errors
/// The exit code if standard output cannot be written. The error message has already been printed.
pub(crate) fn print(documents: &[Value], form: Form) -> Result<ExitCode, u8> {
    let text = match form {
        Form::Yaml => writer::to_yaml(documents),
        Form::Json => format!("{:#}\n", as_list(documents)),
    };
    write(&text).map_err(Failure::print)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes `text` to standard output.
///
/// # Errors
/// Fails if the text cannot be written. A closed pipe is not an error, because the reader needs no further output.
pub(crate) fn write(text: &str) -> Result<(), Failure> {
    write_to(io::stdout().lock(), text)
}

/// Writes `text` to standard output, with colors only if standard output is a terminal. Fails in the same cases as [`write`].
pub(crate) fn write_colored(text: &str) -> Result<(), Failure> {
    write_to(anstream::stdout().lock(), text)
}

fn write_to(mut out: impl Write, text: &str) -> Result<(), Failure> {
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::unwritable(error)),
        _ => Ok(()),
    }
}

/// Returns a single object unchanged, and several objects as a `List`, the form that `kubectl` prints and reads.
fn as_list(objects: &[Value]) -> Value {
    match objects {
        [only] => only.clone(),
        _ => json!({"apiVersion": "v1", "kind": "List", "items": objects}),
    }
}
