//! The checks of documents, as all commands make them.

use gleaner_core::check::{self, Report};
use gleaner_core::declaration::AllowedKinds;
use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Finding, Live, Node, Severity, Source};
use gleaner_core::inject::Settings;
use gleaner_core::inject::settings::{Resources, Sidecars};
use gleaner_core::inject::task::Placement;
use gleaner_core::inject::task::matrix::ObjectResults;
use gleaner_core::task::site;
use gleaner_proto::exit_code;
use serde_json::Value;

use crate::terminal;

/// Returns the webhook's settings that are known without a cluster: all kinds are allowed.
pub(crate) fn settings() -> Settings {
    Settings {
        image: "gleaner".to_owned(),
        image_pull_policy: None,
        resources: Resources::default(),
        run_as_user: None,
        sidecars: Sidecars::Native,
        log_level: None,
        kinds: AllowedKinds::unlimited(),
    }
}

/// Checks a document as the webhook does, or as it is done ahead of time.
pub(crate) fn check(
    source: &Source,
    document: &Node,
    placement: Placement,
    tasks: &ObjectResults,
) -> Report {
    check::document(document, source, &settings(), placement, tasks)
}

/// Adds what a report says of a document of the file `name`.
pub(crate) fn report(name: &str, report: &Report, findings: &mut Vec<Finding>) {
    let begin = findings.len();
    let all = [
        (Severity::Error, &report.errors),
        (Severity::Error, &report.refused_by_tekton),
        (Severity::Warning, &report.warnings),
    ];
    for (severity, diagnostics) in all {
        let diagnostics = diagnostics.iter().cloned();
        findings.extend(diagnostics.map(|diagnostic| finding(name, severity, diagnostic)));
    }
    findings[begin..].sort_by_key(|found| {
        let diagnostic = &found.diagnostic;
        (diagnostic.omitted > 0, diagnostic.at)
    });
}

/// A finding about the file `name`.
pub(crate) fn finding(name: &str, severity: Severity, diagnostic: Diagnostic) -> Finding {
    Finding {
        file: name.to_owned(),
        severity,
        diagnostic,
    }
}

/// Prints what the webhook reports about the documents that `is_used` accepts.
///
/// # Errors
/// The exit code if it would refuse one.
pub(crate) fn pass(sources: &[Source], is_used: impl Fn(&Node) -> bool) -> Result<(), u8> {
    let mut findings = Vec::new();
    for source in sources {
        for document in source.documents.iter().filter(|one| is_used(one)) {
            let checked = check(source, document, Placement::Webhook, &ObjectResults::new());
            report(&source.name, &checked, &mut findings);
        }
    }
    terminal::print_findings(&findings);
    if findings.iter().any(terminal::is_error) {
        return Err(exit_code::DECLARATION);
    }
    Ok(())
}

/// Returns true if `document` is the Task called `name`.
pub(crate) fn is_task(document: &Node, name: &str) -> bool {
    site::kind_of(document) == "Task" && site::metadata_name(document) == Some(name)
}

/// Returns what the webhook would refuse of generated documents. `name` is that of their source file.
pub(crate) fn of_translated(name: &str, documents: &[Value]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for document in documents {
        let node = Node::from(document);
        let (settings, tasks) = (settings(), ObjectResults::new());
        let report = check::document(&node, &Live, &settings, Placement::Webhook, &tasks);
        let errors = report.errors.into_iter().chain(report.refused_by_tekton);
        // Lines of a generated text do not help.
        let errors = errors.map(|error| Diagnostic { at: None, ..error });
        findings.extend(errors.map(|error| finding(name, Severity::Error, error)));
    }
    findings
}
