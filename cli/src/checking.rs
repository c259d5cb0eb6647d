//! Document checks that several commands share.

use gleaner_core::check::{self, Report};
use gleaner_core::declaration::{AllowedKinds, Declaration, Examined, Scope};
use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Diagnostics, Finding, Live, Locate as _, Node, Severity, Source};
use gleaner_core::inject::Settings;
use gleaner_core::inject::settings::{Resources, Sidecars};
use gleaner_core::inject::task::Placement;
use gleaner_core::inject::task::producer::ObjectResults;
use gleaner_core::kinds;
use gleaner_core::task::{Task, site};
use gleaner_proto::exit_code;
use gleaner_translate::Translation;

use crate::terminal;

/// Returns the webhook's default settings, except that all kinds are allowed. The cluster's settings are unknown here.
pub(crate) fn settings() -> Settings {
    Settings {
        image: "gleaner".to_owned(),
        image_pull_policy: None,
        resources: Resources::default(),
        run_as_user: None,
        sidecars: Sidecars::Native,
        log_level: None,
        traces_endpoint: None,
        kinds: AllowedKinds::unlimited(),
    }
}

/// Checks a document as the webhook or `gleaner inject` would, depending on `placement`. A declaration in a separate file is
/// checked without its Task.
pub(crate) fn check(
    source: &Source,
    document: &Node,
    placement: Placement,
    tasks: &ObjectResults,
) -> Report {
    if Declaration::is_alone(document) {
        let scope = Scope::default();
        let mut examined = Examined::new(document, None, &scope);
        kinds::check(document, None, &scope, &mut examined);
        let settle = |found: Diagnostics| {
            let found = found.into_vec().into_iter();
            found.map(|one| source.settle(document, one)).collect()
        };
        return Report {
            errors: settle(examined.errors),
            warnings: settle(examined.warnings),
            declarations: 1,
            ..Report::default()
        };
    }
    check::document(document, source, &settings(), placement, tasks)
}

/// Adds the errors and warnings in `report` to `findings`. `report` is about a document in the file `name`.
pub(crate) fn report(name: &str, report: &Report, findings: &mut Vec<Finding>) {
    let begin = findings.len();
    let all = [
        (Severity::Error, &report.errors),
        (Severity::Error, &report.refused_elsewhere),
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

/// Returns a finding about the file `name`.
pub(crate) fn finding(name: &str, severity: Severity, diagnostic: Diagnostic) -> Finding {
    Finding {
        file: name.to_owned(),
        severity,
        diagnostic,
    }
}

/// Prints the findings that the webhook would report for the documents that `is_used` selects.
///
/// # Errors
/// The exit code if the webhook would reject one of the documents.
pub(crate) fn pass(sources: &[Source], is_used: impl Fn(&Node) -> bool) -> Result<(), u8> {
    let tasks = check::object_results(sources.iter().flat_map(|source| &source.documents));
    let mut findings = Vec::new();
    for source in sources {
        for document in source.documents.iter().filter(|one| is_used(one)) {
            let checked = check(source, document, Placement::Webhook, &tasks);
            report(&source.name, &checked, &mut findings);
        }
    }
    terminal::print_findings(&findings);
    if findings.iter().any(terminal::is_error) {
        return Err(exit_code::DECLARATION);
    }
    Ok(())
}

/// Returns true if `document` is the Task `name`, as determined by [`Task::name_of`].
pub(crate) fn is_task(document: &Node, name: &str) -> bool {
    site::kind_of(document) == "Task" && Task::name_of(document) == name
}

/// Returns the webhook's findings for translated documents. A finding that also occurs in the original document is
/// reported with its field path and position there.
pub(crate) fn of_translated(sources: &[Source], translation: &Translation) -> Vec<Finding> {
    let documents = sources.iter().flat_map(|source| {
        let documents = source.documents.iter();
        documents.map(move |document| (source, document))
    });
    let originals: Vec<_> = documents.collect();
    let nodes: Vec<Node> = translation.documents.iter().map(Node::from).collect();
    let tasks = check::object_results(&nodes);
    let mut findings = Vec::new();
    for (node, original) in nodes.iter().zip(&translation.originals) {
        let Some((source, original)) = originals.get(*original) else {
            continue;
        };
        let settings = settings();
        let mut of_node = check::document(node, &Live, &settings, Placement::Webhook, &tasks);
        let found = [
            &mut of_node.errors,
            &mut of_node.refused_elsewhere,
            &mut of_node.warnings,
        ];
        if found.iter().all(|found| found.is_empty()) {
            continue;
        }
        let own = check(source, original, Placement::Webhook, &tasks);
        let known = [own.errors, own.refused_elsewhere, own.warnings].concat();
        for found in found.into_iter().flatten() {
            match original_of(found, &known) {
                Some(original) => found.clone_from(original),
                // The user does not see the generated declaration, so a line number in it would not help.
                None if found.annotation.is_some() => found.at = None,
                None => found.at = node.position_in(original, &found.place),
            }
        }
        report(&source.name, &of_node, &mut findings);
    }
    findings
}

/// Returns the finding with the same message in the original document, preferably at the same place.
fn original_of<'a>(found: &Diagnostic, known: &'a [Diagnostic]) -> Option<&'a Diagnostic> {
    let mut same = known.iter().filter(|one| one.message == found.message);
    let first = same.clone().next();
    same.find(|one| one.place == found.place).or(first)
}
