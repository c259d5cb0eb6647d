//! The checks that a TaskSpec and its declaration must pass before injection.

use std::collections::BTreeSet;

use crate::document::diagnostic::{Diagnostic, Part};
use crate::document::{Cursor, Diagnostics, Live, Place};
use crate::finish::Finish;
use crate::inject::environment;
use crate::inject::messages::OfTask;
use crate::inject::settings::Settings;
use crate::inject::shape;
use crate::task::{DeclarationSite, Declared, TaskSpec, step_variables, structure};
use serde_json::Value;

use super::sidecar::Placement;
use super::{ahead, forecast, obstacles, results};

/// A checked TaskSpec, with the data that injection needs.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(super) declared: Declared,
    pub(super) spec: TaskSpec,
    pub(super) finish: Finish,
    pub(super) settings: Settings,
    pub(super) messages: OfTask,
    /// Constructs that are allowed but probably not intended.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Checks a TaskSpec and its declaration; returns `None` if the TaskSpec has no declaration. `spec` is the TaskSpec
/// as JSON, without injected parts. Fails with all errors in the TaskSpec and in the declaration.
pub(crate) fn check(
    site: &DeclarationSite<'_>,
    spec: &Value,
    metadata: Option<&Value>,
    settings: &Settings,
    placement: Placement,
) -> Result<Option<Checked>, Vec<Diagnostic>> {
    let Some(cursor) = site.task_cursor() else {
        return Ok(None);
    };
    let place = &cursor.place;
    let mut found = Diagnostics::default();
    shape::task(cursor, &mut found);
    if !found.is_empty() {
        return found.finish(None);
    }
    let none = BTreeSet::new();
    let inherited = (*place == Place::from(["spec"])).then_some(&none);
    structure::check(cursor, inherited, &mut found);
    let mut declared = site.declaration(&Live).unwrap_or_else(|wrong| {
        found.extend(wrong);
        None
    });
    let settings = settings.with_annotations(metadata).unwrap_or_else(|wrong| {
        found.extend(wrong.into_iter().map(|diagnostic| Diagnostic {
            place: below(site.metadata(), &diagnostic.place),
            ..diagnostic
        }));
        settings.clone()
    });
    let read = match &mut declared {
        Some(declared) => declared.task.take(),
        // Errors in the TaskSpec are ignored here, because they are among the errors from reading the declaration above.
        None => site.task().unwrap_or_default(),
    };
    let finish = read.as_ref().map(|read| Finish::of(&read.steps));
    if let Some(finish) = finish {
        found.extend(obstacles::all(spec, finish, place));
    }
    let (Some(declared), Some(read), Some(finish)) = (declared, read, finish) else {
        return found.finish(None);
    };
    let declaration = &declared.declaration;
    if site.is_annotated() {
        found.extend(untranslated(cursor));
    }
    let annotation = site.place_of_annotation();
    let kinds = settings.kinds.check(declaration).into_iter();
    found.extend(kinds.map(|diagnostic| diagnostic.in_annotation(&annotation)));
    found.extend(results::conflicts(spec, declaration, place));
    step_variables::find(declaration, cursor, &mut found);
    let messages = forecast::messages(spec, declaration, finish, placement.results_from());
    if let Placement::AheadOfTime(_) = placement {
        let mut spec = spec.clone();
        let wrapped = ahead::wrap_steps(&mut spec, &read, declaration, finish, &messages, place);
        found.extend(wrapped.err().into_iter().flatten());
    }
    if !found.is_empty() {
        return found.finish(None);
    }
    let mut warnings: Vec<_> = forecast::warning(spec, declaration, &messages, place)
        .into_iter()
        .collect();
    warnings.extend(declared.warnings.iter().cloned());
    let is_step = |name: &str| declaration.steps.contains_key(name);
    warnings.extend(environment::overridden(spec, "steps", place, is_step));
    if site.is_annotated() {
        warnings.extend(structure::warnings(cursor));
    }
    warnings.extend(step_variables::of_task(site, &read).warnings());
    Ok(Some(Checked {
        declared,
        spec: read,
        finish,
        settings,
        messages,
        warnings,
    }))
}

/// Reports outputs that the spec declares in addition to an annotation, because Tekton v1 has no such fields.
fn untranslated(spec: &Cursor<'_>) -> Option<Diagnostic> {
    let steps = spec.items_at("steps", &mut Diagnostics::default());
    let mut all = [spec.clone()].into_iter().chain(steps);
    let outputs = all.find_map(|part| part.field("outputs"))?;
    let message = "Tekton v1 rejects 'outputs' in a spec";
    let help = "translate the file first: gleaner translate -f FILE";
    Some(outputs.diagnostic(message).help(help).about(Part::Key))
}

/// If `place` begins with the key `metadata`, replaces that key with the metadata's actual place, the parameter `metadata`.
fn below(metadata: &Place, place: &Place) -> Place {
    match place.within(&Place::from(["metadata"])) {
        Some(rest) => metadata.join(&rest),
        None => place.clone(),
    }
}
