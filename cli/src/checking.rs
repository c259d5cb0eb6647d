//! The checks of documents, as all commands make them.

use gleaner_core::check::{self, Report};
use gleaner_core::declaration::AllowedKinds;
use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Finding, Node, Severity, Source};
use gleaner_core::inject::Settings;
use gleaner_core::inject::settings::{Resources, Sidecars};
use gleaner_core::inject::task::Placement;
use gleaner_core::inject::task::matrix::ObjectResults;

/// The webhook's settings as far as they are known without a cluster: all kinds are allowed.
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

/// Checks a document as the webhook does.
pub(crate) fn check(source: &Source, document: &Node, tasks: &ObjectResults) -> Report {
    check::document(document, source, &settings(), Placement::Webhook, tasks)
}

/// Adds what a report says of a document of the file `name`.
pub(crate) fn report(name: &str, report: &Report, findings: &mut Vec<Finding>) {
    let begin = findings.len();
    let all = [
        (Severity::Error, &report.errors),
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
