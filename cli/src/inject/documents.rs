//! Injects Gleaner into one document.

use gleaner_core::check;
use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Cursor, Finding, Node, Place, Severity, Source};
use gleaner_core::inject::task::Placement;
use gleaner_core::inject::task::producer::ObjectResults;
use gleaner_core::inject::{ResultsFrom, Settings};
use gleaner_core::task::{DeclarationSite, resource_templates};
use gleaner_proto::kubernetes::annotation;
use serde_json::Value;

use crate::checking;

/// Gleaner's and Tekton's settings in the target cluster.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) settings: Settings,
    pub(super) results_from: ResultsFrom,
}

/// Injects the redirector and the sidecar wherever `document` requests them, and adds errors and warnings to `findings`. `tasks`
/// contains the object results of the Tasks in all documents. Returns the document, which is unchanged if it has errors, and a
/// flag that is true if the document has a declaration or an error.
pub(super) fn inject(
    source: &Source,
    document: &Node,
    cluster: &Cluster,
    tasks: &ObjectResults,
    findings: &mut Vec<Finding>,
) -> (Value, bool) {
    let placement = Placement::AheadOfTime(cluster.results_from);
    let mut report = check::document(document, source, &cluster.settings, placement, tasks);
    let mut objects = vec![Cursor::root(document)];
    objects.extend(resource_templates::all(document));
    if report.errors.is_empty()
        && let Some(old) = objects.iter().find(|one| is_untranslated(one.node))
    {
        let message = "the outputs are declared in the syntax of the Tekton proposal, which Tekton does not support";
        let help =
            "translate the documents first: `gleaner translate -f FILE | gleaner inject -f -`";
        let at = Some(old.node.position(&Place::from(["spec"])));
        let untranslated = Diagnostic::new(old.place.key("spec"), at, message).help(help);
        report.errors.push(untranslated);
    }
    checking::report(&source.name, &report, findings);
    let asks = report.declarations > 0 || !report.errors.is_empty();
    let injected = report.injected.unwrap_or_else(|| document.to_json());
    (injected, asks)
}

fn is_untranslated(document: &Node) -> bool {
    DeclarationSite::all(document).into_iter().any(|site| {
        let spec = site.task_cursor();
        site.declares() && spec.is_some_and(|spec| is_proposal(spec.node))
    })
}

/// Returns true if a TaskSpec declares its outputs in the spec, as in the proposal's syntax, and not in the annotation.
fn is_proposal(spec: &Node) -> bool {
    let declares = |node: &Node| node.get("outputs").is_some();
    declares(spec) || spec.list_of("steps").iter().any(declares)
}

pub(super) fn nothing_asks(first: &Source) -> Finding {
    let message = "these files declare no outputs, so the documents are unchanged";
    let help = format!(
        "use the annotation {} of a Task to declare the files that its steps produce",
        annotation::OUTPUTS
    );
    let diagnostic = Diagnostic::new(Place::root(), None, message).help(help);
    checking::finding(&first.name, Severity::Warning, diagnostic)
}
