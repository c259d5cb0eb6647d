//! Jobs with several pods. Under the webhook the identity of a pod's run is its Job's, with the completion index of an Indexed one; ahead
//! of time it is the pod's own.

use crate::declaration::{Declaration, Naming, Origin, Policy, Template};
use crate::document::diagnostic::{Diagnostic, Part};
use crate::document::{Diagnostics, Node, Place};
use crate::inject::task::Placement;
use crate::task::Declared;
use crate::variable::Reference;
use gleaner_proto::kubernetes::annotation;

/// Findings about the fields of a Job.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) errors: Vec<Diagnostic>,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Checks the declaration of the pod template at `template` of `document` against the fields of the Job around it.
pub(crate) fn check(
    document: &Node,
    template: &Place,
    declared: &Declared,
    placement: Placement,
) -> Findings {
    let declaration = &declared.declaration;
    let mut found = Findings::default();
    let Some(place) = template.parent() else {
        return found;
    };
    let Some(job) = document.find(&place) else {
        return found;
    };
    let several = several(job);
    let is_indexed = job.text_of("completionMode") == Some("Indexed");
    let annotation = template.join(&Place::of_annotation(annotation::OUTPUTS));
    let text = document.find(&annotation).and_then(Node::as_str);
    let in_template = |diagnostics: Vec<Diagnostic>| {
        let mut located = Diagnostics::default();
        located.extend(diagnostics.into_iter().map(|one| match one.part {
            // At its place, not where the template begins.
            Part::Whole => Diagnostic { at: None, ..one },
            _ => one,
        }));
        located.settle(&declared.document, text);
        let located = located.into_vec().into_iter();
        located.map(|one| one.in_annotation(&annotation))
    };
    match (placement, several) {
        (Placement::Webhook, _) if is_indexed => {
            found.errors.extend(in_template(alike(declaration)));
        }
        (Placement::Webhook, several) => {
            found.errors.extend(in_template(without_index(declaration)));
            if let Some(key) = several {
                found.shared(declaration, &place.key(key));
            }
        }
        (Placement::AheadOfTime(_), several) => {
            found.errors.extend(in_template(ahead(declaration)));
            if several.is_some() {
                found.errors.extend(in_template(alike_ahead(declaration)));
            }
        }
    }
    found
}

/// The field that gives a Job several pods to complete. Without `completions` all pods work on one queue.
fn several(job: &Node) -> Option<&'static str> {
    let is_several = |key: &str| job.present(key)?.to_json().as_i64().map(|count| count > 1);
    let key = match job.present("completions") {
        Some(_) => "completions",
        None => "parallelism",
    };
    is_several(key)?.then_some(key)
}

impl Findings {
    /// The pods have one identity, so that each adopts or replaces what another has created.
    fn shared(&mut self, declaration: &Declaration, place: &Place) {
        let of_policy = |policy: Policy| {
            let mut templates = declaration.templates.iter();
            templates.find(|template| template.policy == policy)
        };
        let help = "add completionMode: Indexed, which gives each pod its own objects";
        if let Some(template) = of_policy(Policy::Create) {
            let message = format!(
                "without completionMode: Indexed, all pods of this Job are one run, and each replaces the '{}' of another",
                template.name
            );
            self.errors
                .push(Diagnostic::new(place, None, message).help(help));
        } else if let Some(template) = of_policy(Policy::Apply) {
            let message = format!(
                "all pods of this Job apply the same '{}', which has the values of the last one",
                template.name
            );
            self.warnings
                .push(Diagnostic::new(place, None, message).help(help));
        }
    }
}

/// The objects that several pods would create under the same name; places and positions are the declaration's.
fn of_one_name(declaration: &Declaration) -> impl Iterator<Item = &Template> {
    let templates = declaration.templates.iter();
    templates.filter(|template| {
        let name = match &template.naming {
            Naming::Static(name) => name.as_literal(),
            Naming::Prefix(_) | Naming::Derived => None,
        };
        name.is_some() && template.policy == Policy::Create
    })
}

/// Reports objects that would have the same name for every completion index.
pub(super) fn alike(declaration: &Declaration) -> Vec<Diagnostic> {
    let help = "put $(context.job.completionIndex) into metadata.name, or leave the name out";
    let alike = of_one_name(declaration).map(|template| {
        let message = format!(
            "each pod of an Indexed Job would create '{}' under the same name",
            template.name
        );
        at_name(template, message).help(help)
    });
    alike.collect()
}

fn alike_ahead(declaration: &Declaration) -> Vec<Diagnostic> {
    let alike = of_one_name(declaration).map(|template| {
        let message = format!(
            "each pod of this Job would create '{}' under the same name",
            template.name
        );
        at_name(template, message).help("leave the name out, or use generateName")
    });
    alike.collect()
}

/// The variables that only the pods of an Indexed Job have.
pub(super) fn without_index(declaration: &Declaration) -> Vec<Diagnostic> {
    let message = "only the pods of an Indexed Job have a completion index";
    uses_of_index(
        declaration,
        message,
        "add completionMode: Indexed to the Job",
    )
}

fn ahead(declaration: &Declaration) -> Vec<Diagnostic> {
    let message = "the completion index of a Job is not known ahead of time";
    let help = "leave metadata.name out, or install Gleaner's injector, which sees the pod";
    uses_of_index(declaration, message, help)
}

fn uses_of_index(declaration: &Declaration, message: &str, help: &str) -> Vec<Diagnostic> {
    let uses = declaration.templates.iter();
    let uses = uses.flat_map(|template| &template.uses);
    let uses = uses.filter(|usage| {
        matches!(&usage.reference, Reference::Context(name) if name == "job.completionIndex")
    });
    uses.map(|usage| {
        let part = Part::Offset(usage.offset);
        Diagnostic::new(&usage.place, usage.at, message)
            .help(help)
            .about(part)
    })
    .collect()
}

fn at_name(template: &Template, message: String) -> Diagnostic {
    let object = match template.origin {
        Origin::PipelineResource { .. } => template.place.clone(),
        Origin::Object => template.place.key("resourceTemplate"),
    };
    let place = object.key("metadata").key("name");
    Diagnostic::new(place, template.at, message)
}
