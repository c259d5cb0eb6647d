//! Context variables that never have a value in the place where the declaration's steps run.

use crate::declaration::Declaration;
use crate::document::Diagnostics;
use crate::document::diagnostic::{Diagnostic, Part};
use crate::variable::{CONTEXT, Reference};

/// The name that only the pods of an Indexed Job have.
const OF_JOB: &str = "job.completionIndex";

/// Reports each variable of `declaration` that no run of a Task has.
pub(super) fn of_task(declaration: &Declaration) -> Diagnostics {
    let known: Vec<&str> = CONTEXT.into_iter().filter(|name| *name != OF_JOB).collect();
    find(declaration, &known, "a Task")
}

/// Reports each variable of `declaration` that is not among the `known` names, which are those of `pod`. Places and
/// positions are the declaration's.
pub(crate) fn find(declaration: &Declaration, known: &[&str], pod: &str) -> Diagnostics {
    let mut found = Diagnostics::default();
    let uses = declaration
        .templates
        .iter()
        .flat_map(|template| &template.uses);
    for usage in uses {
        if let Reference::Context(name) = &usage.reference
            && !known.contains(&name.as_str())
        {
            found.push_with(|_| {
                let message = format!("`$({})` has no value in {pod}", usage.reference);
                Diagnostic::new(&usage.place, usage.at, message)
                    .help(help(name, known))
                    .about(Part::Offset(usage.offset))
            });
        }
    }
    found
}

fn help(name: &str, known: &[&str]) -> String {
    match name {
        OF_JOB => "only the pods of a Job with completionMode: Indexed have it".to_owned(),
        _ => format!("expected one of: {}", known.join(", ")),
    }
}
