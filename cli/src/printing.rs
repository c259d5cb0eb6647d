//! Files in, documents out: for the commands that stand between an editor and `kubectl apply`.

use std::io::Write;
use std::process::ExitCode;

use gleaner_core::document::{Source, writer};
use gleaner_proto::exit_code;
use serde_json::{Value, json};

use crate::args::Form;
use crate::files::{self, Unread};
use crate::terminal;

/// The files; or says on standard error which cannot be read, and gives the exit code.
pub(crate) fn read_all(files: &[String]) -> Result<Vec<Source>, u8> {
    let read: Vec<_> = files.iter().map(|file| files::read(file)).collect();
    let unread = read.iter().filter_map(|read| read.as_ref().err());
    terminal::print_findings(unread.map(Unread::finding));
    let sources: Result<_, Unread> = read.into_iter().collect();
    sources.map_err(|_| exit_code::USAGE)
}

pub(crate) fn print(documents: &[Value], form: Form) -> ExitCode {
    let text = match form {
        Form::Yaml => writer::to_yaml(documents),
        Form::Json => format!("{:#}\n", as_list(documents)),
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Returns one object as it is, several as a `List`, as `kubectl` prints and takes them.
fn as_list(objects: &[Value]) -> Value {
    match objects {
        [only] => only.clone(),
        _ => json!({"apiVersion": "v1", "kind": "List", "items": objects}),
    }
}
