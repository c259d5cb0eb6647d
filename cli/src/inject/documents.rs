//! What one document becomes.

use gleaner_core::document::Node;
use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Finding, Place, Severity, Source};
use gleaner_core::inject::pod;
use gleaner_core::inject::task::{self, Operation, Placement};
use gleaner_core::inject::{Outcome, Refusal, Settings};
use gleaner_core::task::DeclarationSite;
use gleaner_core::task::site::kind_of;
use gleaner_proto::kubernetes::annotation;
use serde_json::Value;

/// A document, and what is to be said of it.
pub(super) struct Injected {
    /// What it has become; as it was when something is wrong.
    pub(super) document: Value,
    /// What is wrong with it, or probably not meant.
    pub(super) findings: Vec<Finding>,
    /// Whether anything in it asks for Gleaner.
    pub(super) asked: bool,
}

/// The places where a document can have a pod: a Pod's own, a Job's, a CronJob's.
fn templates() -> [Place; 3] {
    [
        Place::root(),
        Place::from(["spec", "template"]),
        Place::from(["spec", "jobTemplate", "spec", "template"]),
    ]
}

/// Puts redirector and sidecar into whatever in `document` asks for them.
pub(super) fn inject(source: &Source, document: &Node, settings: &Settings) -> Injected {
    let mut injected = Injected {
        document: document.to_json(),
        findings: Vec::new(),
        asked: false,
    };
    let mut wrong = Vec::new();
    for carrier in DeclarationSite::all(document) {
        if !carrier.declares() {
            continue;
        }
        injected.asked |= carrier.warning().is_none();
        injected
            .findings
            .extend(carrier.warning().map(|diagnostic| Finding {
                file: source.name.clone(),
                severity: Severity::Warning,
                diagnostic,
            }));
        wrong.extend(carrier.declaration(source).err().unwrap_or_default());
    }
    if wrong.is_empty() && injected.asked {
        match changed(&injected.document, document, settings) {
            Ok(changed) => injected.document = changed,
            Err(refused) => wrong.extend(refused.into_iter().map(|diagnostic| Diagnostic {
                at: Some(document.position(&diagnostic.place)),
                ..diagnostic
            })),
        }
    }
    let errors = wrong.into_iter();
    injected
        .findings
        .extend(errors.map(|diagnostic| Finding::error(source.name.clone(), diagnostic)));
    injected
}

/// The document with redirector and sidecar.
fn changed(object: &Value, document: &Node, settings: &Settings) -> Result<Value, Vec<Diagnostic>> {
    if ["Task", "TaskRun", "Pipeline", "PipelineRun"].contains(&kind_of(document)) {
        return tekton(object, document, settings);
    }
    let is_pod = |place: &Place| {
        let pod = object.pointer(&place.pointer());
        pod.is_some_and(|pod| pod.pointer("/spec/containers").is_some() && is_annotated(pod))
    };
    let Some(place) = templates().into_iter().find(is_pod) else {
        return Ok(object.clone());
    };
    let mut changed = object.clone();
    if let Some(template) = changed.pointer_mut(&place.pointer()) {
        let prefixed = |diagnostic: Diagnostic| Diagnostic {
            place: place.join(&diagnostic.place),
            ..diagnostic
        };
        let wrapped = wrap_template(template, settings);
        *template = wrapped.map_err(|refusal| {
            let diagnostics = refusal.diagnostics.into_iter();
            diagnostics.map(prefixed).collect::<Vec<_>>()
        })?;
    }
    Ok(changed)
}

/// A pod, or a template that lacks nothing but the words for it.
fn wrap_template(template: &Value, settings: &Settings) -> Result<Value, Refusal> {
    const OF_POD: [(&str, &str); 2] = [("apiVersion", "v1"), ("kind", "Pod")];
    let mut pod = template.clone();
    for (key, value) in OF_POD {
        pod[key] = value.into();
    }
    let Outcome::Changed(mut wrapped) = pod::inject(&pod, settings)? else {
        return Ok(template.clone());
    };
    if let Value::Object(fields) = &mut wrapped {
        fields.retain(|key, _| template.get(key).is_some());
    }
    Ok(wrapped)
}

fn tekton(object: &Value, document: &Node, settings: &Settings) -> Result<Value, Vec<Diagnostic>> {
    let untranslated = DeclarationSite::all(document).into_iter().any(|carrier| {
        let spec = carrier.task_spec();
        carrier.declares() && spec.is_some_and(|place| is_proposal(object, place))
    });
    if untranslated {
        let message =
            "the outputs are declared in the proposal's syntax, which Tekton does not take";
        let help = "translate it first: gleaner translate -f FILE | gleaner inject -f -";
        return Err(vec![Diagnostic::new(["spec"], None, message).help(help)]);
    }
    let woven = task::inject_for(object, Operation::Create, settings, Placement::AheadOfTime);
    match woven.map_err(|refusal| refusal.diagnostics)? {
        Outcome::Changed(woven) => Ok(woven),
        Outcome::Skipped(_) => Ok(object.clone()),
    }
}

/// Whether the TaskSpec at `place` has its declaration in the spec itself.
fn is_proposal(object: &Value, place: &Place) -> bool {
    let Some(spec) = object.pointer(&place.pointer()) else {
        return false;
    };
    let steps = spec.get("steps").and_then(Value::as_array);
    spec.get("outputs").is_some()
        || steps
            .into_iter()
            .flatten()
            .any(|step| step.get("outputs").is_some())
}

fn is_annotated(pod: &Value) -> bool {
    let annotations = pod.pointer("/metadata/annotations");
    annotations.is_some_and(|annotations| annotations.get(annotation::OUTPUTS).is_some())
}

/// That there was nothing to do.
pub(super) fn nothing_asks(first: &Source) -> Finding {
    let message = "nothing in these files declares outputs, and nothing was changed";
    let help = format!(
        "say what the steps of a Task leave behind in its annotation {}",
        annotation::OUTPUTS
    );
    Finding {
        file: first.name.clone(),
        severity: Severity::Warning,
        diagnostic: Diagnostic::new(Place::root(), None, message).help(help),
    }
}
