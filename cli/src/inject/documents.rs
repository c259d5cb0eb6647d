//! What one document becomes.

use gleaner_core::check;
use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Finding, Node, Place, Severity, Source};
use gleaner_core::inject::task::Placement;
use gleaner_core::inject::task::producer::ObjectResults;
use gleaner_core::inject::{ResultsFrom, Settings};
use gleaner_core::task::DeclarationSite;
use gleaner_proto::kubernetes::annotation;
use serde_json::Value;

use crate::checking;

/// The cluster for which documents are injected.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) settings: Settings,
    pub(super) results_from: ResultsFrom,
}

/// Puts redirector and sidecar into everything in `document` that asks for them, and adds what is wrong, or probably not
/// meant, to `findings`. `tasks` are the object results of the Tasks in all documents. Returns the document, unchanged if anything is wrong, and true if anything asks.
pub(super) fn inject(
    source: &Source,
    document: &Node,
    cluster: &Cluster,
    tasks: &ObjectResults,
    findings: &mut Vec<Finding>,
) -> (Value, bool) {
    let placement = Placement::AheadOfTime(cluster.results_from);
    let mut report = check::document(document, source, &cluster.settings, placement, tasks);
    let object = document.to_json();
    if report.errors.is_empty() && is_untranslated(&object, document) {
        let message =
            "the outputs are declared in the proposal's syntax, which Tekton does not take";
        let help = "translate it first: gleaner translate -f FILE | gleaner inject -f -";
        let at = Some(document.position(&Place::from(["spec"])));
        let untranslated = Diagnostic::new(["spec"], at, message).help(help);
        report.errors.push(untranslated);
    }
    checking::report(&source.name, &report, findings);
    let asks = report.declarations > 0 || !report.errors.is_empty();
    (report.injected.unwrap_or(object), asks)
}

fn is_untranslated(object: &Value, document: &Node) -> bool {
    DeclarationSite::all(document).into_iter().any(|site| {
        let spec = site.task_spec();
        site.declares() && spec.is_some_and(|place| is_proposal(object, place))
    })
}

/// Returns true if the TaskSpec at `place` has its declaration in the spec itself.
fn is_proposal(object: &Value, place: &Place) -> bool {
    let declares = |object: &Value| object.get("outputs").is_some();
    object.pointer(&place.pointer()).is_some_and(|spec| {
        let mut steps = spec["steps"].as_array().into_iter().flatten();
        declares(spec) || steps.any(declares)
    })
}

pub(super) fn nothing_asks(first: &Source) -> Finding {
    let message = "nothing in these files declares outputs, and nothing was changed";
    let help = format!(
        "declare what the steps of a Task produce in its annotation {}",
        annotation::OUTPUTS
    );
    let diagnostic = Diagnostic::new(Place::root(), None, message).help(help);
    checking::finding(&first.name, Severity::Warning, diagnostic)
}
