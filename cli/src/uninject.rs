//! `gleaner uninject`: removes what `gleaner inject` or the webhook added.

mod cluster;

use std::process::ExitCode;

use gleaner_core::inject::removal::{self, Removed};

use serde_json::Value;

use crate::args::Uninject;
use crate::failure::Failure;
use crate::printing::{self, print, read_all};

/// Prints the documents after removing Gleaner from them, or lists the objects that contain Gleaner.
pub(crate) fn main(options: &Uninject) -> Result<ExitCode, u8> {
    let files = options.files.all();
    if files.is_empty() {
        return cluster::list(&options.cluster);
    }
    let sources = read_all(&files)?;
    let documents = sources.iter().flat_map(|source| &source.documents);
    let mut printed = Vec::new();
    let mut lines = String::new();
    for document in documents {
        let mut removed = removal::remove(&document.to_json());
        lines.extend(line(&removed));
        let is_changed = !removed.injected.is_empty()
            || (options.remove_declarations && !removed.declaring.is_empty());
        if options.remove_declarations {
            removal::remove_declarations(&mut removed.object, &removed.declaring);
        }
        if is_changed || !options.only_changed {
            printed.push(removed.object);
        }
    }
    if options.list {
        printing::write(&lines).map_err(Failure::print)?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&printed, options.form)
}

/// Returns the namespace, kind, name and states of the document, separated by tabs. Returns `None` if the document neither
/// contains Gleaner nor declares outputs.
fn line(removed: &Removed) -> Option<String> {
    let states = [
        (!removed.injected.is_empty(), "injected"),
        (!removed.declaring.is_empty(), "declares outputs"),
    ];
    let states: Vec<&str> = states
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, state)| state)
        .collect();
    let object = &removed.object;
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let metadata = |key: &str| text(&object["metadata"][key]);
    let (namespace, name) = (metadata("namespace"), metadata("name"));
    let (kind, states) = (text(&object["kind"]), states.join(", "));
    (!states.is_empty()).then(|| format!("{namespace}\t{kind}\t{name}\t{states}\n"))
}
