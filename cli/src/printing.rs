//! Files in, documents out: for the commands that stand between an editor and `kubectl apply`.

use std::io::Write;
use std::process::ExitCode;

use gleaner_core::document::Source;
use gleaner_core::document::writer;
use gleaner_proto::exit_code;
use serde_json::{Map, Value};

use crate::args::Form;
use crate::files;
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

/// Returns one object as it is, several as a `List`, as `kubectl` prints and takes them.
fn as_list(mut objects: Vec<Value>) -> Value {
    match (objects.pop(), objects.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            objects.extend(last);
            let mut list = Map::new();
            list.insert("apiVersion".to_owned(), "v1".into());
            list.insert("kind".to_owned(), "List".into());
            list.insert("items".to_owned(), objects.into());
            Value::Object(list)
        }
    }
}
