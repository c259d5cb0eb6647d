//! `gleaner lint`: reports all errors in documents before a cluster does.

use std::process::ExitCode;

use gleaner_core::check;
use gleaner_core::document::{Finding, Severity, Source};
use gleaner_core::inject::ResultsFrom;
use gleaner_core::inject::task::Placement;
use gleaner_core::inject::task::producer::ObjectResults;
use gleaner_proto::exit_code;
use serde_json::Value;

use crate::args::{Lint, LintFormat};
use crate::checking;
use crate::duplicates;
use crate::failure::Failure;
use crate::files::{self, Unread};
use crate::printing;
use crate::terminal;

/// The exit code for findings.
const FOUND: u8 = 1;

/// Reads the files, prints the findings, and returns the exit code.
pub(crate) fn main(options: &Lint) -> Result<ExitCode, u8> {
    let files = options.files.all();
    let read: Vec<_> = files.iter().map(|file| files::read(file)).collect();
    let sources = || read.iter().filter_map(|read| read.as_ref().ok());
    let documents = sources().flat_map(|source| &source.documents);
    let tasks = check::object_results(documents);
    let placement = match options.without_webhook {
        true => Placement::AheadOfTime(ResultsFrom::default()),
        false => Placement::Webhook,
    };
    let mut findings = Vec::new();
    let mut missing = false;
    for read in &read {
        match read {
            Ok(source) => lint(source, placement, &tasks, &mut findings),
            Err(unread) => {
                missing |= matches!(unread, Unread::Missing(_));
                findings.push(unread.finding().clone());
            }
        }
    }
    findings.extend(duplicates::find(sources(), duplicates::Use::Cluster));
    let unread = read.iter().any(Result::is_err);
    if !unread && sources().all(|source| source.documents.is_empty()) {
        missing = true;
        findings.extend(sources().map(nothing));
    }
    match options.format {
        LintFormat::Human => printing::write_colored(&as_lines(&findings)),
        LintFormat::Json => printing::write(&as_json(&findings)),
    }
    .map_err(Failure::print)?;
    let least = match options.strict {
        true => Severity::Warning,
        false => Severity::Error,
    };
    Ok(if missing {
        ExitCode::from(exit_code::NO_INPUT)
    } else if findings.iter().any(|finding| finding.severity >= least) {
        ExitCode::from(FOUND)
    } else {
        ExitCode::SUCCESS
    })
}

fn lint(source: &Source, placement: Placement, tasks: &ObjectResults, findings: &mut Vec<Finding>) {
    let before = findings.len();
    let mut declarations = 0;
    for document in &source.documents {
        let report = checking::check(source, document, placement, tasks);
        declarations += report.declarations;
        checking::report(&source.name, &report, findings);
    }
    if declarations == 0 && findings.len() == before && !source.documents.is_empty() {
        let nothing = check::nothing_declared("this file");
        findings.push(checking::finding(&source.name, Severity::Note, nothing));
    }
}

fn nothing(source: &Source) -> Finding {
    let nothing = check::no_document();
    checking::finding(&source.name, Severity::Error, nothing)
}

fn as_lines(findings: &[Finding]) -> String {
    let lines = findings
        .iter()
        .map(|finding| terminal::finding(finding) + "\n");
    lines.collect()
}

fn as_json(findings: &[Finding]) -> String {
    let findings: Value = findings.iter().map(Finding::to_json).collect();
    format!("{findings:#}\n")
}
