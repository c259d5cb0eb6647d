//! The Jobs to which pods belong. If the webhook injects into a pod, the Job identifies the pod's run (in an Indexed Job,
//! together with the completion index). If a pod template is injected ahead of time, each pod is a separate run, and environment
//! variables provide the properties that the Job controller sets on the pod.

use crate::declaration::{Declaration, Naming, Policy};
use crate::document::diagnostic::{Diagnostic, Part};
use crate::document::{Cursor, Diagnostics, Node, Place};
use crate::inject::task::Placement;
use crate::task::{Declared, consistency, pod_template};
use crate::variable::COMPLETION_INDEX;
use gleaner_proto::kubernetes::annotation;

/// A property that the Job controller sets on a pod (`k8s.io/api/batch/v1`): NAME in `$(context.NAME)`, the sidecar's environment
/// variable, and the path of the pod's field.
pub(crate) type Property = (&'static str, &'static str, &'static str);

/// The properties of a Job's pod; only the pods of an Indexed Job have the last property.
const PROPERTIES: [Property; 2] = [
    (
        NAME,
        "JOB_NAME",
        "metadata.labels['batch.kubernetes.io/job-name']",
    ),
    (
        COMPLETION_INDEX,
        "JOB_COMPLETION_INDEX",
        "metadata.annotations['batch.kubernetes.io/job-completion-index']",
    ),
];
const NAME: &str = "task.name";

/// A map that contains a pod template, such as the spec of a Job.
struct Job<'a> {
    fields: Cursor<'a>,
    /// True for the spec of a Job, and for the spec of any kind with `completionMode: Indexed`. If false, the kind's controller
    /// may still create Jobs.
    is_job: bool,
    is_indexed: bool,
}

// === impl Job ===

impl<'a> Job<'a> {
    fn of_template(document: &'a Node, template: &Place) -> Option<Self> {
        let place = template.parent()?;
        let fields = Cursor::new(document.find(&place)?, place);
        let mode = fields.node.text_of("completionMode");
        let is_indexed = mode == Some("Indexed");
        let (is_job, is_indexed) = match pod_template::owner(document, template) {
            Some(("batch", "Job" | "CronJob")) => (true, is_indexed),
            // A JobSet's Jobs are Indexed by default (`pkg/webhooks/jobset_webhook.go`).
            Some(("jobset.x-k8s.io", "JobSet")) => (true, is_indexed || mode.is_none()),
            _ => (is_indexed, is_indexed),
        };
        Some(Self {
            fields,
            is_job,
            is_indexed,
        })
    }

    fn properties(&self) -> &'static [Property] {
        match (self.is_job, self.is_indexed) {
            (_, true) => &PROPERTIES,
            (true, false) => &PROPERTIES[..1],
            (false, false) => &[],
        }
    }
}

/// Returns the properties that a pod of the template at `template` in `document` will have. The pod's Job does not exist yet.
pub(crate) fn properties(document: &Node, template: &Place) -> &'static [Property] {
    Job::of_template(document, template).map_or(&[], |job| job.properties())
}

/// Findings about the fields of a Job.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) errors: Vec<Diagnostic>,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Checks the declaration of the pod template at `template` in `document` against the fields of the Job that contains the
/// template.
pub(crate) fn check(
    document: &Node,
    template: &Place,
    declared: &Declared,
    placement: Placement,
) -> Findings {
    let declaration = &declared.declaration;
    let mut found = Findings::default();
    let Some(job) = Job::of_template(document, template) else {
        return found;
    };
    let is_ahead = matches!(placement, Placement::AheadOfTime(_));
    let mut unfit = Vec::new();
    if job.is_indexed {
        unfit.extend(alike(declaration));
    } else if job.is_job || is_ahead {
        let help = "add completionMode: Indexed to the Job";
        unfit.extend(without_index(declaration, help));
    }
    if is_ahead && !job.is_job {
        let help = "write a name instead, because without the webhook only the pods of a Job, CronJob or JobSet have this variable";
        unfit.extend(without_name(declaration, help));
    }
    match several(job.fields.node).filter(|_| !job.is_indexed) {
        Some(_) if is_ahead => unfit.extend(alike_ahead(declaration)),
        Some(key) => found.shared(declaration, &job.fields.place.key(key)),
        None => {}
    }
    let annotation = template.join(&Place::of_annotation(annotation::OUTPUTS));
    let text = document.find(&annotation).and_then(Node::as_str);
    let unfit = located(unfit, &declared.document, text, &annotation);
    found.errors.extend(unfit);
    found
}

/// Checks the declaration of a Pod, whose owner is known.
pub(super) fn of_pod(
    declaration: &Declaration,
    has_controller: bool,
    is_indexed: bool,
) -> Vec<Diagnostic> {
    let mut found = match (has_controller, is_indexed) {
        (_, true) => alike(declaration),
        (true, false) => without_index(declaration, "add completionMode: Indexed to the Job"),
        (false, false) => {
            let help = "create the pod with a Job that has completionMode: Indexed";
            without_index(declaration, help)
        }
    };
    if !has_controller {
        let help = "write a name instead, because only pods that a Job or another controller creates have this variable";
        found.extend(without_name(declaration, help));
    }
    found
}

/// Moves findings to their places in the declaration. `text` is the text of the annotation, and `declared` is the result of
/// parsing the text.
pub(super) fn located(
    found: Vec<Diagnostic>,
    declared: &Node,
    text: Option<&str>,
    annotation: &Place,
) -> Vec<Diagnostic> {
    let mut located = Diagnostics::default();
    located.extend(found.into_iter().map(|one| match one.part {
        // Drop the position, which is only the start of the template, so that the finding gets the position of its place.
        Part::Whole => Diagnostic { at: None, ..one },
        _ => one,
    }));
    located.settle(declared, text);
    let located = located.into_vec().into_iter();
    located.map(|one| one.in_annotation(annotation)).collect()
}

/// Returns the field that makes a Job run several pods to completion: `completions` or, if it is absent, `parallelism`, because
/// the pods then share one work queue.
fn several(job: &Node) -> Option<&'static str> {
    let is_several = |key: &str| job.present(key)?.to_json().as_i64().map(|count| count > 1);
    let key = match job.present("completions") {
        Some(_) => "completions",
        None => "parallelism",
    };
    is_several(key)?.then_some(key)
}

impl Findings {
    /// Reports an object that all pods of the Job would share. The pods are one run, so each pod replaces or updates the object
    /// that another pod created.
    fn shared(&mut self, declaration: &Declaration, place: &Place) {
        let of_policy = |policy: Policy| {
            let mut templates = declaration.templates.iter();
            templates.find(|template| template.policy == policy)
        };
        let help = "add completionMode: Indexed, which gives each pod its own objects";
        if let Some(template) = of_policy(Policy::Create) {
            let message = format!(
                "without completionMode: Indexed, all pods of this Job are one run, so each pod would replace the '{}' of the previous one",
                template.name
            );
            self.errors
                .push(Diagnostic::new(place, None, message).help(help));
        } else if let Some(template) = of_policy(Policy::Apply) {
            let message = format!(
                "all pods of this Job apply the same '{}', so it keeps only the values of the last pod",
                template.name
            );
            self.warnings
                .push(Diagnostic::new(place, None, message).help(help));
        }
    }
}

/// Reports objects that would have the same name for every completion index. Places and positions are relative to the
/// declaration.
pub(super) fn alike(declaration: &Declaration) -> Vec<Diagnostic> {
    let help = "put $(context.job.completionIndex) into metadata.name, or omit the name";
    of_one_name(declaration, "an Indexed Job", help)
}

fn alike_ahead(declaration: &Declaration) -> Vec<Diagnostic> {
    let help = "omit the name, or use generateName";
    of_one_name(declaration, "this Job", help)
}

/// Reports the objects that all pods of `job` would create with the same name.
fn of_one_name(declaration: &Declaration, job: &str, help: &str) -> Vec<Diagnostic> {
    let templates = declaration.templates.iter();
    let alike = templates.filter(|template| {
        let name = match &template.naming {
            Naming::Static(name) => name.as_literal(),
            Naming::Prefix(_) | Naming::Derived => None,
        };
        name.is_some() && template.policy == Policy::Create
    });
    alike
        .map(|template| {
            let name = &template.name;
            let message = format!("the pods of {job} would all create '{name}' with the same name");
            let place = template.metadata().key("name");
            Diagnostic::new(place, template.at, message).help(help)
        })
        .collect()
}

/// Reports the variables that are only available in the pods of an Indexed Job.
fn without_index(declaration: &Declaration, help: &str) -> Vec<Diagnostic> {
    let message = "only the pods of an Indexed Job have a completion index";
    let wrong = |name: &str| {
        (name == COMPLETION_INDEX).then(|| (message.to_owned(), Some(help.to_owned())))
    };
    consistency::context_uses(declaration, wrong).into_vec()
}

/// Reports the variables that need the name of the pod's controller, which does not exist or is not known yet.
fn without_name(declaration: &Declaration, help: &str) -> Vec<Diagnostic> {
    let message = format!("`$(context.{NAME})` has no value here");
    let wrong = |name: &str| (name == NAME).then(|| (message.clone(), Some(help.to_owned())));
    consistency::context_uses(declaration, wrong).into_vec()
}
