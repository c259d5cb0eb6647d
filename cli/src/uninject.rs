//! `gleaner uninject`: the inverse of `gleaner inject` and of the webhook.

use std::process::ExitCode;

use gleaner_core::document::Node;
use gleaner_core::inject::removal::{self, Removed};

use crate::args::Uninject;
use crate::failure::Failure;
use crate::printing::{self, print, read_all};

/// Prints the documents without Gleaner, or the list of those that have it.
pub(crate) fn main(options: &Uninject) -> Result<ExitCode, u8> {
    let sources = read_all(&options.files.all())?;
    let documents = sources.iter().flat_map(|source| &source.documents);
    let mut printed = Vec::new();
    let mut lines = String::new();
    for document in documents {
        let mut removed = removal::remove(&document.to_json());
        lines += &line(document, &removed);
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

/// Returns namespace, kind, name, and Gleaner's part in the document, separated by tabs; nothing if it has none.
fn line(document: &Node, removed: &Removed) -> String {
    let states = [
        (!removed.injected.is_empty(), "injected"),
        (!removed.declaring.is_empty(), "declares outputs"),
    ];
    let states: Vec<&str> = states
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, state)| state)
        .collect();
    if states.is_empty() {
        return String::new();
    }
    let kind = document.text_of("kind").unwrap_or_default();
    let metadata = |key: &str| {
        let text = document
            .get("metadata")
            .and_then(|metadata| metadata.text_of(key));
        text.unwrap_or("-").to_owned()
    };
    let (namespace, name) = (metadata("namespace"), metadata("name"));
    format!("{namespace}\t{kind}\t{name}\t{}\n", states.join(", "))
}
