//! `gleaner lint`: reports all errors in documents before the documents reach a cluster.

mod github;
mod sarif;
mod snippet;

use std::collections::HashMap;
use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use gleaner_core::check;
use gleaner_core::document::{Finding, Severity, Source};
use gleaner_core::inject::ResultsFrom;
use gleaner_core::inject::task::Placement;
use gleaner_core::inject::task::producer::ObjectResults;
use gleaner_proto::encoding::without_mark;
use gleaner_proto::exit_code;
use serde_json::Value;

use crate::args::{Lint, LintFormat};
use crate::checking;
use crate::duplicates;
use crate::failure::Failure;
use crate::files::{self, Unread};
use crate::printing;
use crate::terminal;

/// The exit code if there are errors or, with `--strict`, warnings.
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
    print(options.format, &findings, &read).map_err(Failure::print)?;
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

/// Prints the findings in the given format; by default, in the human format on a terminal and in the short format otherwise.
fn print(
    format: Option<LintFormat>,
    findings: &[Finding],
    read: &[Result<Source, Unread>],
) -> Result<(), Failure> {
    let format = format.unwrap_or_else(|| match io::stdout().is_terminal() {
        true => LintFormat::Human,
        false => LintFormat::Short,
    });
    match format {
        LintFormat::Human => printing::write_colored(&with_lines(findings, read)),
        LintFormat::Short => {
            let lines = findings
                .iter()
                .map(|finding| terminal::finding(finding) + "\n");
            printing::write_colored(&lines.collect::<String>())
        }
        LintFormat::Json => {
            let findings: Value = findings.iter().map(Finding::to_json).collect();
            printing::write(&format!("{findings:#}\n"))
        }
        LintFormat::Sarif => printing::write(&format!("{:#}\n", sarif::log(findings))),
        LintFormat::Github => {
            let commands: String = findings.iter().map(github::command).collect();
            printing::write(&commands)
        }
    }
}

/// Formats the findings with their source lines.
fn with_lines(findings: &[Finding], read: &[Result<Source, Unread>]) -> String {
    let sources = read.iter().filter_map(|read| read.as_ref().ok());
    let sources: HashMap<&str, &Source> = sources
        .map(|source| (source.name.as_str(), source))
        .collect();
    let invalid = read.iter().filter_map(|read| match read {
        Err(Unread::Invalid(finding, text)) => Some((finding.file.as_str(), text.as_str())),
        _ => None,
    });
    let invalid: HashMap<&str, &str> = invalid.collect();
    let line = |finding: &Finding| {
        let (file, line) = (finding.file.as_str(), finding.diagnostic.at?.line);
        match sources.get(file) {
            Some(source) => Some(source.line(line)),
            None => without_mark(invalid.get(file)?)
                .lines()
                .nth(line.checked_sub(1)?),
        }
    };
    let rendered = findings
        .iter()
        .map(|finding| snippet::render(finding, line(finding)));
    rendered.collect()
}
