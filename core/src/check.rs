//! Checks a document before Gleaner renders, runs, injects or translates it.
//!
//! `gleaner lint`, `render`, `run`, `inject` and `translate` call this module. It runs the webhook's checks, adds findings that
//! the webhook does not report, such as unknown fields, and sets the line and column of each finding if the document was read
//! from text.

mod triggers;

use std::collections::HashSet;

use gleaner_proto::kubernetes::{RUN_API_VERSION, annotation};
use serde_json::Value;

use crate::document::diagnostic::{Diagnostic, Part};
use crate::document::{Cursor, Diagnostics, Live, Locate, Node, Place};
use crate::inject::pod::{Form, job, restarts};
use crate::inject::task::producer::{ObjectResults, Producer};
use crate::inject::task::{self, Operation, Placement, checked, references};
use crate::inject::{Outcome, Refusal, ResultsFrom, Settings, exemption, pod, removal, stray};
use crate::kinds;
use crate::task::fields::{self, Unknown, Version};
use crate::task::pipeline;
use crate::task::site::{is_tekton, kind_of};
use crate::task::step_variables::{self, Misused};
use crate::task::{DeclarationSite, pod_template, resource_templates};

/// The findings about a document.
#[derive(Debug, Default)]
pub struct Report {
    /// Errors that make Gleaner reject the document, sorted by position if the document was read from text.
    pub errors: Vec<Diagnostic>,
    /// Errors that make Tekton's webhook or the API server reject the object, although Gleaner's webhook accepts it.
    pub refused_elsewhere: Vec<Diagnostic>,
    /// Constructs that work but are probably not intended.
    pub warnings: Vec<Diagnostic>,
    /// The injected document, if injection changes it and there are no errors.
    pub injected: Option<Value>,
    /// The number of declarations that were read.
    pub declarations: usize,
}

/// Checks a document. `tasks` are the Tasks that the document may refer to.
pub fn document(
    document: &Node,
    source: &dyn Locate,
    settings: &Settings,
    placement: Placement,
    tasks: &ObjectResults,
) -> Report {
    let mut sites = DeclarationSite::all(document);
    let created = resource_templates::all(document);
    // Declaration sites in the resource templates of Tekton Triggers are checked below, with the objects that the templates
    // create.
    sites.retain(|site| {
        let is_in = |item: &Cursor<'_>| site.metadata().within(&item.place).is_some();
        !created.iter().any(is_in)
    });
    let read = sites.iter().filter(|site| site.is_read());
    let declarations = read.filter(|site| site.declares()).count();
    let mut report = match kind_of(document) {
        "Task" | "TaskRun" | "Pipeline" | "PipelineRun" => {
            let mut report = tekton(document, &sites, settings, placement);
            report.refer(document, tasks);
            let tasks = sites
                .iter()
                .filter_map(|site| Some((site, site.task().ok()??)));
            for (site, spec) in tasks {
                report.misused(step_variables::of_task(site, &spec));
            }
            report
        }
        "StepAction" if is_tekton(document) => {
            let mut report = of_templates(document, &sites, settings, placement);
            // Errors in the fields of a StepAction are not reported here, because Tekton reports them.
            let spec = Cursor::root(document).field("spec");
            let found = spec.and_then(|spec| step_variables::of_step_action(&spec).ok());
            report.misused(found.unwrap_or_default());
            report
        }
        "Pod" => Report::of(pod::inject(&pod::original(&document.to_json()), settings)),
        _ => of_templates(document, &sites, settings, placement),
    };
    report.declarations = declarations;
    if placement == Placement::Webhook {
        let exempt = exemption::warnings(document, &sites);
        report.warnings.extend(exempt);
    }
    report.warnings.extend(stray::carried(document));
    if is_tekton(document) {
        let is_old = sites
            .iter()
            .any(|site| site.declares() && !site.is_annotated());
        report.unknown_fields(document, is_old);
        report.misused(pipeline::check_document(document, is_old));
    }
    let mut read = sites.iter().filter(|site| site.is_read());
    // A document in the proposal's syntax is skipped, because it is translated before it reaches a cluster.
    if read.any(DeclarationSite::is_annotated) {
        let (refused, warnings) = kinds::check_document(document, report.errors.is_empty());
        report.refused_elsewhere.extend(refused);
        report.warnings.extend(warnings);
    }
    let Report {
        errors,
        refused_elsewhere,
        warnings,
        ..
    } = &mut report;
    for found in [errors, refused_elsewhere, warnings] {
        for diagnostic in found
            .iter_mut()
            .filter(|diagnostic| diagnostic.omitted == 0)
        {
            *diagnostic = located(diagnostic, document, source);
        }
        found.sort_by_key(|diagnostic| (diagnostic.omitted > 0, diagnostic.at));
    }
    for item in created {
        let own = triggers::check(&item, source, settings, placement, tasks);
        report.append(own, &item.place, document);
    }
    report
}

/// Returns the Tasks among `documents` by name, each with the results in its declaration. If the name is not unique or the Task
/// has no valid declaration, the value is `None`.
pub fn object_results<'a>(documents: impl IntoIterator<Item = &'a Node>) -> ObjectResults {
    let mut results = ObjectResults::new();
    for document in documents {
        let name = document
            .descend(&["metadata", "name"])
            .and_then(Node::as_str);
        if let ("Task", Some(name)) = (kind_of(document), name)
            && let Some(site) = DeclarationSite::all(document).first()
        {
            let known = results.entry(name.to_owned());
            known
                .and_modify(|known| *known = None)
                .or_insert_with(|| Producer::of(site));
        }
    }
    results
}

fn tekton(
    document: &Node,
    sites: &[DeclarationSite<'_>],
    settings: &Settings,
    placement: Placement,
) -> Report {
    let mut object = document.to_json();
    if object["apiVersion"].is_null() {
        object["apiVersion"] = "tekton.dev/v1".into();
    }
    let injected = task::inject_for(&object, Operation::Create, settings, placement);
    let mut report = Report::of(injected);
    if !report.errors.is_empty() {
        let annotated = sites
            .iter()
            .filter(|site| site.is_annotated() && site.is_read());
        let declared = annotated.filter_map(|site| site.declaration(&Live).ok().flatten());
        report.warnings = declared.flat_map(|declared| declared.warnings).collect();
    }
    if placement == Placement::Webhook && report.errors.is_empty() {
        report.check_injected(&object, settings);
    }
    // The webhook never receives declarations in the proposal's syntax, so they are checked here.
    for site in sites
        .iter()
        .filter(|site| site.declares() && !site.is_annotated())
    {
        let place = site.task_spec().map(Place::pointer);
        let spec = place.and_then(|place| object.pointer(&place));
        let metadata = object.pointer(&site.metadata().pointer());
        let checked = spec.map(|spec| checked::check(site, spec, metadata, settings, placement));
        match checked {
            Some(Ok(Some(checked))) => report.warnings.extend(checked.warnings),
            Some(Err(errors)) => report.errors.extend(errors),
            Some(Ok(None)) | None => {}
        }
    }
    report
}

/// Checks the pod templates in a document, for example in a Job.
fn of_templates(
    document: &Node,
    sites: &[DeclarationSite<'_>],
    settings: &Settings,
    placement: Placement,
) -> Report {
    let mut found = Diagnostics::default();
    stray::find(document, &Default::default(), &mut found);
    let mut report = Report {
        errors: found.into_vec(),
        ..Report::default()
    };
    let object = document.to_json();
    let mut changed = object.clone();
    for site in sites.iter().filter(|site| site.declares()) {
        let Some(place) = site.pod() else { continue };
        let pointer = place.pointer();
        let Some(template) = object.pointer(&pointer).map(pod::original) else {
            continue;
        };
        let owner = pod_template::owner(document, place);
        if let Some(wrong) = owner.and_then(|(group, kind)| restarts::of_kind(group, kind)) {
            report.errors.push(below(place, wrong));
            continue;
        }
        let properties: &[job::Property] = match placement {
            Placement::Webhook => &[],
            Placement::AheadOfTime(_) => job::properties(document, place),
        };
        let form = Form::Template(properties);
        let own = Report::of(of_template(&template, form, settings));
        if let (Some(injected), Some(template)) = (own.injected, changed.pointer_mut(&pointer)) {
            *template = injected;
        }
        let below = |one| below(place, one);
        report.errors.extend(own.errors.into_iter().map(below));
        report.warnings.extend(own.warnings.into_iter().map(below));
        if let Ok(Some(declared)) = site.declaration(&Live) {
            let found = job::check(document, place, &declared, placement);
            report.errors.extend(found.errors);
            report.warnings.extend(found.warnings);
        }
    }
    if report.errors.is_empty() && changed != object {
        report.injected = Some(changed);
    }
    report
}

/// Injects into a pod template, which is a Pod without `apiVersion` and `kind`.
fn of_template(template: &Value, form: Form, settings: &Settings) -> Result<Outcome, Refusal> {
    let mut pod = template.clone();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    let mut outcome = pod::inject_containers(&pod, form, settings)?;
    if let Outcome::Changed(changed) = &mut outcome
        && let Value::Object(fields) = &mut changed.object
    {
        fields.retain(|key, _| template.get(key).is_some());
    }
    Ok(outcome)
}

/// Converts the diagnostic's place, which is relative to the object at `place`, to a place in the whole document.
fn below(place: &Place, one: Diagnostic) -> Diagnostic {
    match &one.annotation {
        Some(annotation) => Diagnostic {
            annotation: Some(place.join(annotation)),
            ..one
        },
        None => Diagnostic {
            place: place.join(&one.place),
            ..one
        },
    }
}

/// Returns the diagnostic with its line and column in `source`.
fn located(diagnostic: &Diagnostic, document: &Node, source: &dyn Locate) -> Diagnostic {
    let diagnostic = diagnostic.clone();
    match &diagnostic.annotation {
        Some(annotation) => match document.find(annotation) {
            Some(node) => source.locate(node, diagnostic),
            None => diagnostic,
        },
        None => source.settle(document, diagnostic),
    }
}

impl Report {
    fn of(injected: Result<Outcome, Refusal>) -> Self {
        match injected {
            Ok(Outcome::Changed(changed)) => Self {
                warnings: changed.warnings,
                injected: Some(changed.object),
                ..Self::default()
            },
            Ok(Outcome::Skipped(_)) => Self::default(),
            Err(refusal) => Self {
                errors: refusal.diagnostics,
                ..Self::default()
            },
        }
    }

    /// Checks TaskSpecs that were injected ahead of time, because they may have been edited since then. The webhook does not
    /// inject into them again, so it reports none of their errors.
    fn check_injected(&mut self, object: &Value, settings: &Settings) {
        let original = removal::remove(object).object;
        let node = Node::from(&original);
        let placement = Placement::AheadOfTime(ResultsFrom::default());
        for site in DeclarationSite::all(&node) {
            let Some(place) = site.task_spec().filter(|_| site.is_annotated()) else {
                continue;
            };
            let pointer = place.pointer();
            let (Some(injected), Some(spec)) = (object.pointer(&pointer), node.find(place)) else {
                continue;
            };
            if task::is_incomplete(injected) {
                let message = "the steps use Gleaner's redirector, but the sidecar is missing";
                let help = "inject the file again with `gleaner inject`";
                let diagnostic = Diagnostic::new(place.key("steps"), None, message);
                self.warnings.push(diagnostic.help(help));
            } else if task::is_complete(injected) {
                let metadata = original.pointer(&site.metadata().pointer());
                let spec = spec.to_json();
                match checked::check(&site, &spec, metadata, settings, placement) {
                    Ok(checked) => self
                        .warnings
                        .extend(checked.into_iter().flat_map(|checked| checked.warnings)),
                    Err(errors) => self.errors.extend(errors),
                }
            }
        }
    }

    /// Adds the report on the object at `place` in `document`.
    fn append(&mut self, own: Self, place: &Place, document: &Node) {
        let below = |one: Diagnostic| match one.omitted {
            0 => below(place, one),
            _ => one,
        };
        self.errors.extend(own.errors.into_iter().map(below));
        let refused = own.refused_elsewhere.into_iter().map(below);
        self.refused_elsewhere.extend(refused);
        self.warnings.extend(own.warnings.into_iter().map(below));
        self.declarations += own.declarations;
        if let Some(injected) = own.injected {
            let all = self.injected.get_or_insert_with(|| document.to_json());
            if let Some(object) = all.pointer_mut(&place.pointer()) {
                *object = injected;
            }
        }
    }

    /// Adds the findings about misused variables, except those that the report already contains.
    fn misused(&mut self, mut found: Misused) {
        let key = |one: &Diagnostic| (one.place.clone(), one.part, one.omitted);
        let known = self.errors.iter().chain(&self.warnings).map(key);
        let known: HashSet<(Place, Part, usize)> = known.collect();
        let is_new = |one: &Diagnostic| !known.contains(&key(one));
        let refused = std::mem::take(&mut found.refused).into_vec();
        self.refused_elsewhere
            .extend(refused.into_iter().filter(is_new));
        self.warnings.extend(found.warnings().filter(is_new));
    }

    /// Adds the findings about unknown fields in a Tekton document. If `is_old` is true, the fields that `gleaner translate`
    /// converts are allowed.
    fn unknown_fields(&mut self, document: &Node, is_old: bool) {
        let is_v1 = document.text_of("apiVersion") == Some(RUN_API_VERSION);
        let version = match is_v1 && !is_old {
            true => Version::V1,
            false => Version::Old,
        };
        let mut found = Unknown::default();
        fields::check(&Cursor::root(document), version, &mut found);
        let is_new = |one: &Diagnostic| {
            let is_same = |known: &Diagnostic| known.place == one.place && one.omitted == 0;
            !self.errors.iter().any(is_same)
        };
        let errors = found.errors.into_vec().into_iter().filter(is_new);
        self.refused_elsewhere.extend(errors);
        let others = found.others.into_vec().into_iter().filter(is_new);
        self.warnings.extend(others);
    }

    /// Adds the findings that depend on the Tasks that the document refers to.
    fn refer(&mut self, document: &Node, tasks: &ObjectResults) {
        if tasks.is_empty() {
            return;
        }
        let (mut errors, mut warnings) = Default::default();
        references::find(document, tasks, &mut errors, &mut warnings);
        for (known, found) in [(&mut self.errors, errors), (&mut self.warnings, warnings)] {
            let is_new = |diagnostic: &Diagnostic| {
                let same = |other: &Diagnostic| {
                    (&other.place, &other.message) == (&diagnostic.place, &diagnostic.message)
                };
                !known.iter().any(same)
            };
            let new: Vec<_> = found.into_vec().into_iter().filter(is_new).collect();
            known.extend(new);
        }
    }
}

/// Returns the diagnostic for a document that declares no outputs.
pub fn nothing_declared(what: &str) -> Diagnostic {
    let message = format!("nothing in {what} declares outputs");
    Diagnostic::new(Place::root(), None, message).help(format!(
        "declare outputs in the annotation {} of a Task, or in the fields steps[].outputs and outputs of its spec",
        annotation::OUTPUTS
    ))
}

/// Returns the diagnostic for a file without documents.
pub fn no_document() -> Diagnostic {
    Diagnostic::new(Place::root(), None, "the file contains no documents")
        .help("pass a file with Kubernetes objects")
}
