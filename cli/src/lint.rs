//! `gleaner lint`: everything that is wrong with the declarations in files, before a cluster says so.

use std::io::Write;
use std::process::ExitCode;

use gleaner_core::document::diagnostic::Diagnostic;
use serde_json::Value;

use crate::args::{Lint, LintFormat};
use crate::files;
use crate::terminal;
use gleaner_core::document::{Finding, Place, Severity, Source};
use gleaner_core::task::site::DeclarationSite;

/// Reads the files, prints what is wrong with them; fails when anything is.
pub(crate) fn main(options: &Lint) -> ExitCode {
    let findings: Vec<Finding> = options
        .files
        .iter()
        .flat_map(|file| lint_file(file))
        .collect();
    match options.format {
        LintFormat::Human => print_lines(&findings),
        LintFormat::Json => print_json(&findings),
    }
    match findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
    {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

/// Everything worth saying about one file.
fn lint_file(file: &str) -> Vec<Finding> {
    match files::read(file) {
        Ok(source) => lint(&source),
        Err(finding) => vec![finding],
    }
}

/// Everything worth saying about a file that could be read.
pub(crate) fn lint(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut declarations = 0;
    for document in &source.documents {
        for carrier in DeclarationSite::all(document)
            .iter()
            .filter(|carrier| carrier.declares())
        {
            declarations += 1;
            let found = carrier.declaration(source).err().unwrap_or_default();
            findings.extend(
                found
                    .into_iter()
                    .map(|diagnostic| Finding::error(&source.name, diagnostic)),
            );
            findings.extend(carrier.warning().map(|diagnostic| Finding {
                file: source.name.clone(),
                severity: Severity::Warning,
                diagnostic,
            }));
        }
    }
    if declarations == 0 {
        let message = "nothing in this file declares outputs";
        let diagnostic = Diagnostic::new(Place::root(), None, message).help(
            "a Task does so in the annotation gleaner.dev/outputs, or with steps[].outputs and outputs in its spec",
        );
        findings.push(Finding {
            file: source.name.clone(),
            severity: Severity::Note,
            diagnostic,
        });
    }
    findings
}

fn print_lines(findings: &[Finding]) {
    let mut out = anstream::stdout().lock();
    for finding in findings {
        // A reader that has seen enough closes the pipe; the exit code still says it.
        if writeln!(out, "{}", terminal::finding(finding)).is_err() {
            break;
        }
    }
}

fn print_json(findings: &[Finding]) {
    let findings: Value = findings.iter().map(Finding::to_json).collect();
    let _ = writeln!(std::io::stdout(), "{findings:#}");
}
