//! `gleaner translate`: converts the proposal's documents, and PipelineResources of old Tekton versions, to Tekton v1.

mod cluster;

use std::process::ExitCode;

use gleaner_core::check;
use gleaner_core::document::{Finding, Source};
use gleaner_proto::exit_code;
use gleaner_translate::{Refusal, Settings};

use crate::args::Translate;
use crate::checking;
use crate::duplicates;
use crate::failure::Failure;
use crate::printing::{print, read_all};
use crate::terminal;

/// Prints the translated documents. If the documents contain errors, prints all errors instead.
pub(crate) fn main(options: &Translate) -> Result<ExitCode, u8> {
    let sources = read_all(&options.files.all())?;
    let duplicates = duplicates::find(&sources, duplicates::Use::Run);
    terminal::print_findings(&duplicates);
    if sources.iter().all(|source| source.documents.is_empty()) {
        let nothing = |source: &Source| Finding::error(&*source.name, check::no_document());
        let findings: Vec<Finding> = sources.iter().map(nothing).collect();
        terminal::print_findings(&findings);
        return Err(exit_code::NO_INPUT);
    }
    let settings = Settings {
        git_image: options.git_image.clone(),
        keep_resources: !options.no_resources,
    };
    let translate = |fetched| gleaner_translate::translate(&sources, fetched, &settings);
    let translated = match translate(None) {
        Err(Refusal { missing, .. }) if options.cluster.is_given() && !missing.is_empty() => {
            let fetched = cluster::fetch(&options.cluster, &missing);
            translate(Some(&fetched.map_err(Failure::print)?))
        }
        other => other,
    };
    let translation = translated.map_err(|refusal| {
        terminal::print_findings(&refusal.findings);
        exit_code::DECLARATION
    })?;
    terminal::print_findings(&translation.warnings);
    let findings = checking::of_translated(&sources, &translation);
    terminal::print_findings(&findings);
    if findings.iter().chain(&duplicates).any(terminal::is_error) {
        return Err(exit_code::DECLARATION);
    }
    print(&translation.documents, options.form)
}
