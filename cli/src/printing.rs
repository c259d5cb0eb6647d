//! Files in, documents out: for the commands that stand between an editor and `kubectl apply`.

use std::io::Write;
use std::process::ExitCode;

use gleaner_core::document::Source;
use gleaner_core::document::writer;
use gleaner_proto::exit_code;
use serde_json::Value;

use crate::args::Form;
use crate::files;
use crate::render::as_list;
use crate::terminal;

/// The files; or says on standard error which cannot be read, and gives the exit code.
pub(crate) fn read_all(files: &[String]) -> Result<Vec<Source>, u8> {
    let mut sources = Vec::new();
    let mut code = None;
    for file in files {
        match files::read(file) {
            Ok(source) => sources.push(source),
            Err(found) => {
                anstream::eprintln!("{}", terminal::finding(&found));
                code = Some(exit_code::USAGE);
            }
        }
    }
    code.map_or(Ok(sources), Err)
}

/// Prints documents.
pub(crate) fn print(documents: &[Value], form: Form) -> ExitCode {
    let text = match form {
        Form::Yaml => writer::to_yaml(documents),
        Form::Json => format!("{:#}\n", as_list(documents.to_vec())),
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
