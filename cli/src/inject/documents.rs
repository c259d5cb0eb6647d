//! What one document becomes.

use gleaner_core::document::Node;
use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Finding, Place, Severity, Source};
use gleaner_core::inject::task::{self, Operation, Placement};
use gleaner_core::inject::{Outcome, Refusal, ResultsFrom, Settings};
use gleaner_core::inject::{pod, removal};
use gleaner_core::task::DeclarationSite;
use gleaner_core::task::site::kind_of;
use gleaner_proto::kubernetes::annotation;
use serde_json::Value;

/// The cluster for which documents are injected.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) settings: Settings,
    pub(super) results_from: ResultsFrom,
}

/// Puts redirector and sidecar into everything in `document` that asks for them, and adds what is wrong, or probably not
/// meant, to `findings`. Returns the document, unchanged if anything is wrong, and true if anything asks.
pub(super) fn inject(
    source: &Source,
    document: &Node,
    cluster: &Cluster,
    findings: &mut Vec<Finding>,
) -> (Value, bool) {
    let mut object = document.to_json();
    let mut asked = false;
    let mut wrong = Vec::new();
    for site in DeclarationSite::all(document) {
        if site.declares() {
            asked |= site.warning().is_none();
            findings.extend(site.warning().map(|diagnostic| warning(source, diagnostic)));
            wrong.extend(site.declaration(source).err().unwrap_or_default());
        }
    }
    if wrong.is_empty() && asked {
        match changed(&object, document, cluster) {
            Ok(changed) => object = changed,
            Err(refused) => wrong.extend(refused.into_iter().map(|diagnostic| Diagnostic {
                at: Some(document.position(&diagnostic.place)),
                ..diagnostic
            })),
        }
    }
    let errors = wrong.into_iter();
    findings.extend(errors.map(|diagnostic| Finding::error(&source.name, diagnostic)));
    (object, asked)
}

fn warning(source: &Source, diagnostic: Diagnostic) -> Finding {
    Finding {
        file: source.name.clone(),
        severity: Severity::Warning,
        diagnostic,
    }
}

fn changed(object: &Value, document: &Node, cluster: &Cluster) -> Result<Value, Vec<Diagnostic>> {
    if ["Task", "TaskRun", "Pipeline", "PipelineRun"].contains(&kind_of(document)) {
        return tekton(object, document, cluster);
    }
    let is_pod = |place: &Place| {
        let pod = object.pointer(&place.pointer());
        pod.is_some_and(|pod| pod.pointer("/spec/containers").is_some() && is_annotated(pod))
    };
    let Some(place) = removal::pod_places().into_iter().find(is_pod) else {
        return Ok(object.clone());
    };
    let mut changed = object.clone();
    if let Some(template) = changed.pointer_mut(&place.pointer()) {
        let prefixed = |diagnostic: Diagnostic| Diagnostic {
            place: place.join(&diagnostic.place),
            ..diagnostic
        };
        *template = wrap_template(template, cluster).map_err(|refusal| {
            let diagnostics = refusal.diagnostics.into_iter();
            diagnostics.map(prefixed).collect::<Vec<_>>()
        })?;
    }
    Ok(changed)
}

/// Injects into a pod, or into a template, which lacks only `apiVersion` and `kind`.
fn wrap_template(template: &Value, cluster: &Cluster) -> Result<Value, Refusal> {
    let mut pod = template.clone();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    let Outcome::Changed(changed) = pod::inject(&pod, &cluster.settings)? else {
        return Ok(template.clone());
    };
    let mut wrapped = changed.object;
    if let Value::Object(fields) = &mut wrapped {
        fields.retain(|key, _| template.get(key).is_some());
    }
    Ok(wrapped)
}

fn tekton(object: &Value, document: &Node, cluster: &Cluster) -> Result<Value, Vec<Diagnostic>> {
    let untranslated = DeclarationSite::all(document).into_iter().any(|site| {
        let spec = site.task_spec();
        site.declares() && spec.is_some_and(|place| is_proposal(object, place))
    });
    if untranslated {
        let message =
            "the outputs are declared in the proposal's syntax, which Tekton does not take";
        let help = "translate it first: gleaner translate -f FILE | gleaner inject -f -";
        return Err(vec![Diagnostic::new(["spec"], None, message).help(help)]);
    }
    let placement = Placement::AheadOfTime(cluster.results_from);
    let injected = task::inject_for(object, Operation::Create, &cluster.settings, placement);
    match injected.map_err(|refusal| refusal.diagnostics)? {
        Outcome::Changed(injected) => Ok(injected.object),
        Outcome::Skipped(_) => Ok(object.clone()),
    }
}

/// Returns true if the TaskSpec at `place` has its declaration in the spec itself.
fn is_proposal(object: &Value, place: &Place) -> bool {
    let declares = |object: &Value| object.get("outputs").is_some();
    object.pointer(&place.pointer()).is_some_and(|spec| {
        let mut steps = spec["steps"].as_array().into_iter().flatten();
        declares(spec) || steps.any(declares)
    })
}

fn is_annotated(pod: &Value) -> bool {
    let annotations = pod.pointer("/metadata/annotations");
    annotations.is_some_and(|annotations| annotations.get(annotation::OUTPUTS).is_some())
}

pub(super) fn nothing_asks(first: &Source) -> Finding {
    let message = "nothing in these files declares outputs, and nothing was changed";
    let help = format!(
        "say what the steps of a Task leave behind in its annotation {}",
        annotation::OUTPUTS
    );
    warning(
        first,
        Diagnostic::new(Place::root(), None, message).help(help),
    )
}
