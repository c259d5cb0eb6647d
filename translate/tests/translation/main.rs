//! Tests of the translation of parsed documents.
//!
//! | module | content |
//! | --- | --- |
//! | `mappings` | each old construct, and its translation |
//! | `refusals` | constructs without an equivalent: an error with line, reason and remedy |
//! | `variables` | variables of resources and old parameters, in all positions |
//! | `field_names` | field names in a different case |
//! | `inner` | Tekton objects in other documents |
//! | `defaults` | the working directory and the HOME that old versions of Tekton set by default |
//! | `corpus` | checks on all YAML in the repository, and on combinations of old constructs |
//! | `documents` | documents that stay unchanged, and PipelineResources that are not in the files |
//! | `created` | warnings about old Tekton objects that a declaration creates |
//! | `shapes` | documents in which any value has the wrong type |
//! | `strict` | fields, types, versions and names that Tekton rejects |
//! | `git_source` | the step that clones a git input |

mod corpus;
mod created;
mod defaults;
mod documents;
mod field_names;
mod git_source;
mod inner;
mod mappings;
mod refusals;
mod shapes;
mod strict;
mod variables;

use gleaner_core::document::{Source, writer};
use gleaner_core::task::DeclarationSite;
use gleaner_translate::{Fetched, Refusal, Settings};
use serde_json::Value;

fn source(text: &str) -> Source {
    Source::parse("<stdin>".to_owned(), text.to_owned()).unwrap()
}

fn settings() -> Settings {
    Settings {
        git_image: "docker.io/alpine/git:v2.52.0".to_owned(),
        keep_resources: true,
    }
}

fn translate(text: &str) -> Result<Vec<Value>, Refusal> {
    translate_with(text, None)
}

fn translate_with(text: &str, fetched: Option<&Fetched>) -> Result<Vec<Value>, Refusal> {
    let translated = gleaner_translate::translate(&[source(text)], fetched, &settings());
    translated.map(|translation| translation.documents)
}

/// Returns the warnings about `text`, one per line; panics if the translation fails.
#[track_caller]
fn warned(text: &str) -> String {
    let translated = gleaner_translate::translate(&[source(text)], None, &settings());
    let warnings = translated.expect("a translation").warnings;
    warnings
        .iter()
        .map(|finding| format!("{finding}\n"))
        .collect()
}

/// Returns the errors in `text`, one per line; panics if the translation succeeds.
#[track_caller]
fn refused(text: &str) -> String {
    let refusal = translate(text).expect_err("a refusal");
    let findings = refusal.findings.iter();
    findings.map(|finding| format!("{finding}\n")).collect()
}

/// Returns the translation of `text` as YAML; panics if the translation contains an invalid declaration.
#[track_caller]
fn translated(text: &str) -> String {
    let yaml = writer::to_yaml(&translate(text).expect("a translation"));
    let source = source(&yaml);
    for document in &source.documents {
        for site in DeclarationSite::all(document) {
            site.declaration(&source).expect("a valid declaration");
        }
    }
    yaml
}
