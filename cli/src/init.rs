//! `gleaner init`: prints a first declaration, in a new Task or added to the Tasks of a file.

mod declaration;
mod insertion;

use std::process::ExitCode;

use gleaner_core::check;
use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Finding, Node, Place, Source};
use gleaner_core::inject::task::Placement;
use gleaner_core::task::DeclarationSite;
use gleaner_core::task::site::kind_of;
use gleaner_proto::exit_code;
use gleaner_proto::kubernetes::annotation;
use serde_json::Value;

use crate::args::Init;
use crate::checking;
use crate::failure::Failure;
use crate::printing;
use crate::terminal;
use insertion::Insertion;

/// The new Task that is printed if no file is given.
const TASK: &str = include_str!("init/task.yaml");

/// Prints the new Task or the extended file; if there are errors, prints all of them instead.
pub(crate) fn main(options: &Init) -> Result<ExitCode, u8> {
    let text = match options.file() {
        None => TASK.to_owned(),
        Some(file) => {
            let sources = printing::read_all(std::slice::from_ref(file))?;
            let [source] = sources.as_slice() else {
                unreachable!("invariant: one file yields one source")
            };
            let (text, findings) = declare(source);
            terminal::print_findings(&findings);
            if findings.iter().any(terminal::is_error) {
                return Err(exit_code::DECLARATION);
            }
            text
        }
    };
    printing::write(&text).map_err(Failure::print)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the file's text with a declaration added to each Task, and the findings.
fn declare(source: &Source) -> (String, Vec<Finding>) {
    let error = |diagnostic| Finding::error(&*source.name, diagnostic);
    let mut insertions = Vec::new();
    let mut findings = Vec::new();
    for document in source.documents.iter().filter(|one| kind_of(one) == "Task") {
        match insertion(source, document) {
            Ok(insertion) => insertions.push(insertion),
            Err(found) => findings.extend(found.into_iter().map(error)),
        }
    }
    if insertions.is_empty() && findings.is_empty() {
        let none = Diagnostic::new(Place::root(), None, "the file contains no Tasks");
        findings.push(error(
            none.help("run `gleaner init` without a file to print a new Task"),
        ));
    }
    if !findings.is_empty() {
        return (String::new(), findings);
    }
    // A document that is a YAML alias has the position of its anchor, which may precede earlier documents.
    insertions.sort_by_key(|insertion| insertion.line);
    let text = insertion::insert(source, &insertions);
    let edited = Source::parse(source.name.clone(), text);
    let Some(edited) = edited.ok().filter(|edited| is_kept(source, edited)) else {
        let owners = insertions.iter().map(|insertion| insertion.owner);
        let found = owners.map(|at| Diagnostic {
            at: Some(at),
            ..not_a_block()
        });
        return (String::new(), found.map(error).collect());
    };
    let tasks = check::object_results(&edited.documents);
    for document in &edited.documents {
        let report = checking::check(&edited, document, Placement::Webhook, &tasks);
        checking::report(&edited.name, &report, &mut findings);
    }
    for finding in &mut findings {
        let at = finding.diagnostic.at;
        finding.diagnostic.at = at.map(|at| insertion::original(at, &insertions));
    }
    (edited.text().to_owned(), findings)
}

/// Returns the text insertion that adds a declaration to a Task.
fn insertion(source: &Source, task: &Node) -> Result<Insertion, Vec<Diagnostic>> {
    let sites = DeclarationSite::all(task);
    let Some(site) = sites.first() else {
        let error = Diagnostic::new(["spec"], Some(task.at), "the Task has no spec");
        return Err(vec![error]);
    };
    if site.declares() {
        return Err(vec![declared(task, site)]);
    }
    let Some(spec) = site.task()? else {
        unreachable!("invariant: the declaration site of a Task has a TaskSpec")
    };
    let place = Place::from(["metadata"]);
    let Some(metadata) = task.present("metadata") else {
        let error = Diagnostic::new(place, Some(task.at), "the Task has no metadata");
        return Err(vec![error.help("add metadata with a name")]);
    };
    let lines = declaration::lines(&spec);
    Insertion::of_annotation(source, metadata, &lines).ok_or_else(|| {
        let at = Some(metadata.at);
        vec![Diagnostic {
            at,
            ..not_a_block()
        }]
    })
}

/// Returns the error for a Task that already has a declaration.
fn declared(task: &Node, site: &DeclarationSite<'_>) -> Diagnostic {
    let annotation = Place::from(["metadata", "annotations", annotation::OUTPUTS]);
    let (place, help) = match site.is_annotated() {
        true => (
            annotation,
            "edit the declaration, or remove the annotation first",
        ),
        false => (
            Place::from(["spec"]),
            "run `gleaner translate` to convert the syntax of the Tekton proposal to the annotation",
        ),
    };
    let at = task.position(&place);
    let message = format!("the {} already declares outputs", site.title);
    Diagnostic::new(place, Some(at), message).help(help)
}

fn not_a_block() -> Diagnostic {
    let message = "a multi-line annotation cannot be inserted here";
    Diagnostic::new(["metadata"], None, message)
        .help("write each field of metadata and annotations on a separate line, without braces")
}

/// Returns true if the documents differ only in the added declarations.
fn is_kept(before: &Source, after: &Source) -> bool {
    let is_same = |(before, after): (&Node, &Node)| {
        let (mut original, mut edited) = (before.to_json(), after.to_json());
        if kind_of(before) == "Task" {
            // Treat annotations that are null or empty like missing ones.
            for object in [&mut original, &mut edited] {
                let mut annotations = object["metadata"]["annotations"].take();
                if let Value::Object(entries) = &mut annotations {
                    entries.shift_remove(annotation::OUTPUTS);
                    if !entries.is_empty() {
                        object["metadata"]["annotations"] = annotations;
                    }
                }
            }
        }
        original == edited
    };
    let mut pairs = before.documents.iter().zip(&after.documents);
    before.documents.len() == after.documents.len() && pairs.all(is_same)
}
