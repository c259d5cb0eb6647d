//! Checks variables for a step's own results, and for the results and exit codes of other steps.

use crate::variable::Access;
use crate::variable::occurrence::key;

use super::artifacts::only_in_a_cluster;
use super::field::{Field, Owner};
use super::rule::{Rule, Wrong, dotted};

impl Rule<'_> {
    /// Checks `$(step.results.NAME.path)`.
    pub(super) fn of_own_step(
        &self,
        inner: &str,
        parts: &[Access],
        field: &Field<'_>,
    ) -> Option<Wrong> {
        match (key(parts, 1), key(parts, 2), key(parts, 3)) {
            (Some("results"), Some(name), Some(_))
                if parts.last() == Some(&Access::Key("path".to_owned())) =>
            {
                let Some(step) = field.step() else {
                    return unknown_of_no_step(inner, field);
                };
                let known = self.names.step_results(step)?;
                let name = dotted(inner, "step.results.", ".path").unwrap_or(name);
                self.lacks(inner, "the step has no result", name, known)
            }
            (Some("artifacts"), ..) => Some(only_in_a_cluster(inner)),
            _ => Some((
                format!("unknown variable `$({inner})`"),
                Some("use $(step.results.NAME.path)".to_owned()),
            )),
        }
    }

    /// Checks `$(steps.STEP.results.NAME)` and `$(steps.step-STEP.exitCode.path)`.
    pub(super) fn of_steps(
        &self,
        inner: &str,
        parts: &[Access],
        field: &Field<'_>,
    ) -> Option<Wrong> {
        let (name, what) = (key(parts, 1)?, key(parts, 2));
        let steps = &self.names.steps;
        let lacks_step = || {
            let message = format!("`$({inner})`: the Task has no step '{name}'");
            Some((message, self.suggestion(name, steps.keys().copied())))
        };
        match what {
            Some("exitCode") => match name.strip_prefix("step-") {
                Some(name) if steps.contains_key(name) => None,
                other => Some((
                    format!(
                        "`$({inner})`: the Task has no step '{}'",
                        other.unwrap_or(name)
                    ),
                    Some("use $(steps.step-NAME.exitCode.path)".to_owned()),
                )),
            },
            Some("results") => {
                let Some((index, _, step)) = steps.get_full(name) else {
                    return lacks_step();
                };
                if field.step().is_some_and(|own| index >= own) {
                    let message =
                        format!("`$({inner})`: step '{name}' does not run before this step");
                    return Some((message, Some("use a result of an earlier step".to_owned())));
                }
                let result = key(parts, 3).unwrap_or_default();
                if !step.is_unknown && !step.results.contains(result) {
                    let lacks_it = format!("step '{name}' has no result");
                    return self.lacks(inner, &lacks_it, result, &step.results);
                }
                if field.has_step_results() {
                    return None;
                }
                let message = format!(
                    "`$({inner})`: Tekton does not replace step results in '{}'",
                    field.name
                );
                Some((message, Some("pass it to a step in env or args".to_owned())))
            }
            Some("outputs" | "inputs") => Some(only_in_a_cluster(inner)),
            _ if !steps.contains_key(name) => lacks_step(),
            _ => Some((
                format!(
                    "`$({inner})` is not available in a step: step outputs are only available in templates"
                ),
                Some(
                    "read the output's file in this step, or let the other step write a result"
                        .to_owned(),
                ),
            )),
        }
    }
}

/// If `field` does not belong to a step, returns the message and the remedy for a variable for a step's own result. The step
/// template counts as part of each step.
fn unknown_of_no_step(inner: &str, field: &Field<'_>) -> Option<Wrong> {
    let message = format!("`$({inner})` is available only in a step");
    let help = "use $(results.NAME.path) or a workspace";
    (field.owner == Owner::Other).then(|| (message, Some(help.to_owned())))
}
