//! `gleaner lint`: everything that is wrong with the declarations in files, before a cluster says so.

use std::process::ExitCode;

use gleaner_core::document::diagnostic::Diagnostic;
use serde_json::Value;

use crate::args::{Lint, LintFormat};
use crate::failure::Failure;
use crate::files;
use crate::printing;
use crate::terminal;
use gleaner_core::document::{Finding, Place, Severity, Source};
use gleaner_core::inject::task;
use gleaner_core::task::site::DeclarationSite;

/// Reads the files, prints what is wrong with them; fails when anything is.
pub(crate) fn main(options: &Lint) -> Result<ExitCode, u8> {
    let files = options.files.all();
    let files = files.iter();
    let findings: Vec<Finding> = files
        .flat_map(|file| match files::read(file) {
            Ok(source) => lint(&source),
            Err(finding) => vec![finding],
        })
        .collect();
    match options.format {
        LintFormat::Human => printing::write_colored(&as_lines(&findings)),
        LintFormat::Json => printing::write(&as_json(&findings)),
    }
    .map_err(Failure::print)?;
    Ok(if findings.iter().any(terminal::is_error) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn lint(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let finding = |severity, diagnostic| Finding {
        file: source.name.clone(),
        severity,
        diagnostic,
    };
    let mut declarations = 0;
    for document in &source.documents {
        for site in DeclarationSite::all(document) {
            if site.declares() {
                declarations += 1;
                let errors = site.declaration(source).err().into_iter().flatten();
                findings.extend(errors.map(|error| finding(Severity::Error, error)));
                let warning = site.warning();
                findings.extend(warning.map(|warning| finding(Severity::Warning, warning)));
            }
        }
        let warnings = task::warnings(document).into_iter();
        findings.extend(warnings.map(|warning| finding(Severity::Warning, warning)));
    }
    if declarations == 0 {
        let message = "nothing in this file declares outputs";
        let diagnostic = Diagnostic::new(Place::root(), None, message).help(
            "a Task does so in the annotation gleaner.dev/outputs, or with steps[].outputs and outputs in its spec",
        );
        findings.push(finding(Severity::Note, diagnostic));
    }
    findings
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
