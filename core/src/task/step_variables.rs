//! Checks the variables in a Task's own fields. Reports variables that Tekton's webhook rejects, variables that Tekton leaves
//! unchanged, so that the step receives them literally, and variables that are available only in templates.
//!
//! | module | contains |
//! | --- | --- |
//! | `admission` | the variables that make Tekton's webhook reject an object |
//! | `artifacts` | artifact variables |
//! | `names` | the names to which a Task's variables may refer |
//! | `of_results` | variables for the results and exit codes of steps |
//! | `of_templates` | template variables in the Task's own fields |
//! | `field` | the place of a string in a Task |
//! | `rule` | the message and remedy for a variable |
//! | `shell` | shell text that looks like a variable |

mod admission;
mod artifacts;
mod field;
mod names;
mod of_results;
mod of_templates;
mod rule;
mod shell;

pub use of_templates::find;
pub(crate) use of_templates::{OF_TEKTON, SKIPPED};

use crate::document::diagnostic::{Diagnostic, Part};
use crate::document::{Content, Cursor, Diagnostics, Key, Locate, Node};
use crate::variable::occurrence::occurrences;
use gleaner_proto::kubernetes::SIDECAR;

use super::{DeclarationSite, ParamSpec, TaskSpec};
use field::{Field, Owner};
use names::Names;
use rule::{Effect, Rule};

/// The unknown or misused variables in the strings of a Task or StepAction, by effect. The places are relative to the document;
/// the positions are not set yet.
#[derive(Debug, Default)]
pub struct Misused {
    /// Variables that make Tekton's webhook reject the object or, for an embedded task, its TaskRun.
    pub refused: Diagnostics,
    /// Variables that neither Tekton nor `gleaner run` replaces.
    pub literal: Diagnostics,
    /// Variables that Tekton leaves unchanged, but that `gleaner run` replaces.
    pub replaced: Diagnostics,
    /// Variables whose effect depends on the cluster's settings, or on the Task that refers to the StepAction.
    pub elsewhere: Diagnostics,
}

impl Misused {
    /// Returns the findings about variables that Tekton leaves unchanged.
    pub fn warnings(self) -> impl Iterator<Item = Diagnostic> {
        let found = [self.literal, self.replaced].into_iter();
        found.flat_map(Diagnostics::into_vec)
    }

    /// Returns the findings about variables that `gleaner run` rejects, with their positions, in document order.
    pub fn in_document(self, document: &Node, source: &dyn Locate) -> Vec<Diagnostic> {
        let found = [self.refused, self.literal, self.elsewhere].into_iter();
        let found = found.flat_map(Diagnostics::into_vec);
        let mut found: Vec<Diagnostic> = found
            .map(|one| match one.omitted {
                0 => source.settle(document, one),
                _ => one,
            })
            .collect();
        found.sort_by_key(|one| (one.omitted > 0, one.at));
        found
    }
}

/// Checks the steps, the step template and the result values of the TaskSpec `written`. `site` is the same TaskSpec with its
/// StepActions inlined, and `spec` was read from `site`.
pub fn of_steps(written: &Cursor<'_>, site: &DeclarationSite<'_>, spec: &TaskSpec) -> Misused {
    let names = Names::of(site, spec);
    let mut check = Check::new(&names);
    check.steps(written);
    check.values_of("results", "value", written);
    check.found
}

/// Checks the whole TaskSpec at `site`: steps, step template, sidecars, volumes, workspace mount paths and result values. `spec`
/// was read from `site`.
pub fn of_task(site: &DeclarationSite<'_>, spec: &TaskSpec) -> Misused {
    let names = Names::of(site, spec);
    let mut check = Check::new(&names);
    if let Some(written) = site.task_cursor() {
        check.steps(written);
        check.rest(written);
    }
    check.found
}

/// Checks the spec of a StepAction.
///
/// # Errors
/// Returns all errors in the fields that Gleaner reads.
pub fn of_step_action(spec: &Cursor<'_>) -> Result<Misused, Vec<Diagnostic>> {
    let mut found = Diagnostics::default();
    let params = ParamSpec::read_all(spec, &mut found);
    found.finish(())?;
    // Check the StepAction as if it were the only step of a Task that has the StepAction's parameters.
    let one = |content| Node {
        at: spec.node.at,
        content,
    };
    let entries = spec.node.mapping().unwrap_or_default().iter();
    let step = entries.filter(|(key, _)| key.name != "params").cloned();
    let steps = Content::Sequence(vec![one(Content::Mapping(step.collect()))]);
    let key = Key {
        at: spec.node.at,
        name: "steps".to_owned(),
    };
    let task = one(Content::Mapping(vec![(key, one(steps))]));
    let mut task = TaskSpec::read(&Cursor::root(&task))?;
    task.params = params;
    let names = Names::of_step_action(&task);
    let mut check = Check::new(&names);
    check.map(spec, Owner::Step(0));
    Ok(check.found)
}

/// The fields in which Tekton does not replace variables, and `outputs`, which the declaration reader checks.
const PASSED_OVER: [&str; 5] = ["name", "displayName", "description", "outputs", "ref"];

/// The maximum number of problems that are reported for one Task. A script may contain a hundred thousand problems,
/// and each message needs memory.
const PROBLEMS_MAX: usize = 1000;

struct Check<'a> {
    rule: Rule<'a>,
    found: Misused,
    problems: usize,
}

// === impl Check ===

impl<'a> Check<'a> {
    fn new(names: &'a Names<'a>) -> Self {
        Self {
            rule: Rule::new(names),
            found: Misused::default(),
            problems: 0,
        }
    }

    fn steps(&mut self, spec: &Cursor<'_>) {
        // The steps are checked as written, without inlined StepActions, because a StepAction is checked in its own document.
        for (index, step) in spec.list_of("steps").iter().enumerate() {
            self.map(step, Owner::Step(index));
        }
        if let Some(template) = spec.field("stepTemplate") {
            self.map(&template, Owner::Template);
        }
    }

    fn rest(&mut self, spec: &Cursor<'_>) {
        for sidecar in spec.list_of("sidecars") {
            if sidecar.node.text_of("name") != Some(SIDECAR) {
                self.map(&sidecar, Owner::Other);
            }
        }
        for volume in spec.list_of("volumes") {
            self.map(&volume, Owner::Other);
        }
        self.values_of("workspaces", "mountPath", spec);
        self.values_of("results", "value", spec);
    }

    /// Checks the field `key` of each item in `list`.
    fn values_of(&mut self, list: &str, key: &str, spec: &Cursor<'_>) {
        for item in spec.list_of(list) {
            if let Some(value) = item.field(key) {
                self.texts(&value, &Field::new(Owner::Other, key));
            }
        }
    }

    /// Checks the fields of a step, sidecar or volume.
    fn map(&mut self, map: &Cursor<'_>, owner: Owner) {
        for (name, field) in map.entries(&mut Diagnostics::default()) {
            if !PASSED_OVER.contains(&name) {
                self.texts(&field, &Field::new(owner, name));
            }
        }
    }

    fn texts(&mut self, node: &Cursor<'_>, field: &Field<'_>) {
        let ignored = &mut Diagnostics::default();
        match &node.node.content {
            Content::String(text) => self.text(text, node, field),
            Content::Sequence(_) => {
                for item in node.items(ignored) {
                    self.texts(&item, field);
                }
            }
            Content::Mapping(_) => {
                for (key, value) in node.entries(ignored) {
                    self.texts(&value, &Field { key, ..*field });
                }
            }
            Content::Null | Content::Boolean(_) | Content::Number(_) => {}
        }
    }

    fn text(&mut self, text: &str, node: &Cursor<'_>, field: &Field<'_>) {
        for one in occurrences(text) {
            if self.problems == PROBLEMS_MAX {
                return;
            }
            let Some(problem) = self.rule.problem(text, one, field) else {
                continue;
            };
            self.problems += 1;
            let found = match problem.effect {
                Effect::Refused => &mut self.found.refused,
                Effect::Literal => &mut self.found.literal,
                Effect::Replaced => &mut self.found.replaced,
                Effect::Elsewhere => &mut self.found.elsewhere,
            };
            found.push_with(|_| {
                Diagnostic::new(&node.place, None, problem.message)
                    .maybe_help(problem.help)
                    .about(Part::Offset(one.offset))
            });
        }
    }
}

#[cfg(test)]
mod tests;
