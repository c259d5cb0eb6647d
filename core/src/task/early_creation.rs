//! Warns about objects that are created before the last step runs.

use std::collections::HashSet;

use gleaner_proto::path::FINISH_STEP;

use crate::declaration::{Declaration, Submit};
use crate::document::Place;
use crate::document::diagnostic::Diagnostic;
use crate::variable::Reference;

use super::spec::TaskSpec;

/// Returns a warning if a step runs after the objects are created, because the objects remain if that step fails. The warning's
/// place is relative to the declaration. The caller skips this check if the declaration sets `submit`.
pub(super) fn warning(declaration: &Declaration, spec: &TaskSpec) -> Option<Diagnostic> {
    if declaration.submit != Submit::Resolved {
        return None;
    }
    let used: HashSet<&str> = declaration
        .uses()
        .filter_map(|usage| match &usage.reference {
            Reference::Output { step, .. } => Some(step.as_str()),
            _ => None,
        })
        .collect();
    let is_used = |name: &str| used.contains(name);
    let last = spec.steps.iter().rposition(|step| is_used(&step.name))?;
    let later: Vec<&str> = spec.steps[last + 1..]
        .iter()
        .map(|step| step.name.as_str())
        .filter(|name| *name != FINISH_STEP)
        .collect();
    let (first, name) = (later.first()?, &spec.steps[last].name);
    let message = format!(
        "the objects are created after the step '{name}', so they remain if a later step, such as '{first}', fails"
    );
    let help = "set submit: Completed to create them after the last step, or submit: Resolved if this is intended";
    let place = Place::from(["steps", name.as_str()]);
    Some(Diagnostic::new(place, None, message).help(help))
}
