//! Warnings about declared outputs that no template uses.

use std::collections::HashSet;

use super::model::Declaration;
use crate::document::diagnostic::Diagnostic;
use crate::document::{Diagnostics, Place};
use crate::variable::Reference;

/// Adds a warning for each output that no template refers to. If there are no templates, adds only a single warning.
pub(super) fn find(declaration: &Declaration, warnings: &mut Diagnostics) {
    let all = || {
        declaration.steps.iter().flat_map(|(step, outputs)| {
            let outputs = outputs.iter().enumerate();
            outputs.map(move |(index, output)| (step.as_str(), index, output))
        })
    };
    if declaration.templates.is_empty() {
        if all().next().is_some() {
            let message = "the outputs are unused: the declaration has no resources and no objects";
            let help = "under resources or objects, declare the objects to create from the outputs";
            warnings.push(Diagnostic::new(["steps"], None, message).help(help));
        }
        return;
    }
    let used: HashSet<(&str, &str)> = declaration
        .uses()
        .filter_map(|usage| match &usage.reference {
            Reference::Output { step, output, .. } => Some((step.as_str(), output.as_str())),
            _ => None,
        })
        .collect();
    for (step, index, output) in all() {
        let name = output.spec.name.as_str();
        if !used.contains(&(step, name)) {
            warnings.push_with(|_| {
                let message = format!("no template uses the output '{step}.{name}'");
                let help = format!(
                    "use it as $(steps.{step}.{name}) in resources or objects, or remove it"
                );
                let place = Place::from(["steps", step]).index(index);
                Diagnostic::new(place, output.at, message).help(help)
            });
        }
    }
}
