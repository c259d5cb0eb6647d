//! Reports the variables that cause Tekton's webhook to reject a Pipeline
//! (`pkg/apis/pipeline/v1/pipeline_validation.go`), and the variables that Tekton leaves unchanged. In embedded
//! TaskSpecs, only references to other tasks are checked.

use std::collections::HashSet;

use crate::document::diagnostic::{Diagnostic, Part};
use crate::document::{Content, Cursor, Diagnostics, Node};
use crate::task::site::kind_of;
use crate::task::step_variables::Misused;
use crate::variable::occurrence::{Occurrence, key, occurrences, parts, root};
use crate::variable::{Access, Reference};

/// Fields of a pipeline task in which the webhook rejects unknown variables.
const CHECKED: [&str; 3] = ["params", "matrix", "when"];
/// Fields of a pipeline task that are not checked: embedded specs, descriptive text, and `resources`.
const SKIPPED: [&str; 5] = [
    "taskSpec",
    "pipelineSpec",
    "description",
    "displayName",
    "resources",
];
/// The context variables of a Pipeline (`docs/variables.md`).
const CONTEXT: [&str; 5] = [
    "pipelineRun.name",
    "pipelineRun.namespace",
    "pipelineRun.uid",
    "pipeline.name",
    "pipelineTask.retries",
];
/// The context variables of a Task, which Tekton replaces in the TaskRun.
const OF_TASK: [&str; 5] = [
    "taskRun.name",
    "taskRun.namespace",
    "taskRun.uid",
    "task.name",
    "task.retry-count",
];

/// Returns the names of the context variables that Tekton replaces in the given field of a pipeline task. Tekton passes
/// `params` and `matrix` to the TaskRun, where Tekton replaces the TaskRun's context variables after the parameters
/// (`pkg/reconciler/taskrun/taskrun.go`). In every other field, Tekton replaces only the Pipeline's context variables.
pub fn context_of(field: &str) -> impl Iterator<Item = &'static str> + Clone {
    let of_task: &[&str] = match field {
        "params" | "matrix" => &OF_TASK,
        _ => &[],
    };
    CONTEXT.iter().chain(of_task).copied()
}

/// Checks the PipelineSpec of a Pipeline or PipelineRun. If `is_old` is true, the results of the Pipeline are not checked,
/// because a cluster accepts the document only after `gleaner translate` has converted it.
pub(crate) fn check_document(document: &Node, is_old: bool) -> Misused {
    let root = Cursor::root(document);
    let mut found = Misused::default();
    let (spec, run) = match kind_of(document) {
        "Pipeline" => (root.field("spec"), None),
        "PipelineRun" => (root.descend(&["spec", "pipelineSpec"]), root.field("spec")),
        _ => (None, None),
    };
    let Some(spec) = spec else {
        return found;
    };
    let mut params = spec.list_of("params");
    params.extend(run.iter().flat_map(|run| run.list_of("params")));
    let [tasks, finally] = ["tasks", "finally"].map(|list| spec.list_of(list));
    let pipeline = Pipeline {
        params: Names::of(&params),
        tasks: Names::of(&tasks),
        finally: Names::of(&finally),
        workspaces: Names::of(&spec.list_of("workspaces")),
        is_run: run.is_some(),
    };
    super::check(&spec, &mut found.refused);
    for (list, is_last) in [(&tasks, false), (&finally, true)] {
        for item in list {
            pipeline.task(item, is_last, &mut found);
        }
    }
    if !is_old {
        for result in spec.list_of("results") {
            pipeline.result(&result, &mut found.refused);
        }
    }
    found
}

/// The names of a list's items, in order.
struct Names<'a> {
    all: Vec<&'a str>,
    known: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    fn of(items: &[Cursor<'a>]) -> Self {
        let names = items.iter().filter_map(|item| item.node.text_of("name"));
        let all: Vec<&str> = names.collect();
        let known = all.iter().copied().collect();
        Self { all, known }
    }

    fn contains(&self, name: &str) -> bool {
        self.known.contains(name)
    }

    /// Returns the remedy for a name that is not in the list.
    fn suggestion(&self, wrong: &str, found: &Diagnostics) -> Option<String> {
        found.suggestion(wrong, self.all.iter().copied())
    }
}

/// The names that the variables of a Pipeline may refer to.
struct Pipeline<'a> {
    /// The parameters of the Pipeline, and of the PipelineRun that embeds it.
    params: Names<'a>,
    tasks: Names<'a>,
    finally: Names<'a>,
    workspaces: Names<'a>,
    is_run: bool,
}

/// The effect of an unknown variable.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Refused,
    Literal,
}

use Effect::{Literal, Refused};

type Wrong = (Effect, String, Option<String>);

/// The part of a Pipeline that contains a variable.
#[derive(Clone, Copy)]
struct Within<'a> {
    /// The field of the pipeline task.
    field: &'a str,
    /// True for a task in `finally`.
    is_last: bool,
}

impl Pipeline<'_> {
    fn task(&self, item: &Cursor<'_>, is_last: bool, found: &mut Misused) {
        for (field, value) in item.entries(&mut Diagnostics::default()) {
            if !SKIPPED.contains(&field) {
                let within = Within { field, is_last };
                texts(&value, &mut |cursor, one| {
                    if let Some(wrong) = self.wrong(one, within, &found.refused) {
                        report(cursor, one, wrong, found);
                    }
                });
            }
        }
        for list in containers(item) {
            texts(&list, &mut |cursor, one| {
                if let Some(wrong) = self.embedded(one, is_last, &found.refused) {
                    report(cursor, one, wrong, found);
                }
            });
        }
        if self.is_run {
            return;
        }
        for binding in item.list_of("workspaces") {
            let text = |key| binding.node.text_of(key).filter(|text| !text.is_empty());
            let Some(name) = text("workspace").or_else(|| text("name")) else {
                continue;
            };
            if !self.workspaces.contains(name) && !name.contains("$(") {
                let message = format!("the Pipeline has no workspace '{name}'");
                let help = self.workspaces.suggestion(name, &found.refused);
                let help = help.unwrap_or_else(|| "declare it under spec.workspaces".to_owned());
                found.refused.refuse(&binding, message, help);
            }
        }
    }

    fn wrong(&self, one: Occurrence<'_>, within: Within<'_>, found: &Diagnostics) -> Option<Wrong> {
        let inner = one.inner;
        let effect = match CHECKED.contains(&within.field) {
            true => Refused,
            false => Literal,
        };
        match root(inner)? {
            "params" | "inputs" => {
                let Ok(Reference::Param { name, .. }) = Reference::parse(inner) else {
                    return None;
                };
                if self.params.contains(&name) {
                    return None;
                }
                let help = self.params.suggestion(&name, found);
                let help = help.unwrap_or_else(|| "declare it under params".to_owned());
                let (effect, who) = match self.is_run {
                    true => (Literal, "neither the Pipeline nor the PipelineRun has a"),
                    false => (effect, "the Pipeline has no"),
                };
                let message = format!("`$({inner})`: {who} parameter '{name}'");
                Some((effect, message, Some(help)))
            }
            "context" => {
                let name = &inner["context.".len()..];
                let known = context_of(within.field);
                if known.clone().any(|known| known == name) {
                    return None;
                }
                let is_of_pipeline = name.starts_with("pipeline");
                let effect = if is_of_pipeline { effect } else { Literal };
                let message = format!("unknown variable `$({inner})`");
                Some((effect, message, found.suggestion(name, known)))
            }
            "workspaces" if within.field == "when" && !self.is_run => {
                let parts = parts(inner)?;
                let name = key(&parts, 1)?;
                let is_known = self.workspaces.contains(name);
                (key(&parts, 2) == Some("bound") && !is_known).then(|| {
                    let message = format!("`$({inner})`: the Pipeline has no workspace '{name}'");
                    let help = self.workspaces.suggestion(name, found);
                    (Literal, message, help)
                })
            }
            "finally" => {
                let message = format!("unknown variable `$({inner})`");
                let help =
                    "only the Pipeline's results can refer to the results of tasks in 'finally'";
                Some((Literal, message, Some(help.to_owned())))
            }
            "tasks" => {
                let (message, help) = self.of_task(inner, &parts(inner)?, within.is_last, found)?;
                Some((effect, message, help))
            }
            _ => None,
        }
    }

    /// Checks `$(tasks.NAME.results.NAME...)`, `$(tasks.NAME.status)`, `$(tasks.NAME.reason)` and `$(tasks.status)`.
    fn of_task(
        &self,
        inner: &str,
        parts: &[Access],
        is_last: bool,
        found: &Diagnostics,
    ) -> Option<(String, Option<String>)> {
        let task = key(parts, 1)?;
        let is_aggregate = parts.len() == 2 && task == "status";
        let is_status = parts.len() == 3 && matches!(key(parts, 2), Some("status" | "reason"));
        if !is_last && (is_aggregate || is_status) {
            let help = "a task's status is available only in 'finally'";
            return Some((
                format!("unknown variable `$({inner})`"),
                Some(help.to_owned()),
            ));
        }
        let is_result = key(parts, 2) == Some("results");
        if is_aggregate || !(is_status || is_result) || self.tasks.contains(task) {
            return None;
        }
        Some(self.no_task(inner, task, found))
    }

    /// Checks a variable that refers to another task from the steps or sidecars of an embedded TaskSpec.
    fn embedded(&self, one: Occurrence<'_>, is_last: bool, found: &Diagnostics) -> Option<Wrong> {
        let inner = one.inner;
        let parts = parts(inner).filter(|_| root(inner) == Some("tasks"))?;
        let task = key(&parts, 1)?;
        match (key(&parts, 2), parts.len()) {
            (Some("results"), _) if !self.tasks.contains(task) => {
                // Tekton reads these references only to order `tasks`, so it does not detect an unknown task in `finally`.
                let effect = if is_last { Literal } else { Refused };
                let (message, help) = self.no_task(inner, task, found);
                Some((effect, message, help))
            }
            // Tekton's `ApplyPipelineTaskStateContext` replaces these variables, but not in an embedded TaskSpec
            // (`pkg/reconciler/pipelinerun/resources/apply.go`).
            (Some("status" | "reason"), 3) | (None, 2) if parts.len() == 3 || task == "status" => {
                let message = format!("`$({inner})` is not replaced in an embedded taskSpec");
                let help = "pass it as a parameter of the pipeline task: params: [{name: NAME, value: ...}]";
                Some((Literal, message, Some(help.to_owned())))
            }
            _ => None,
        }
    }

    fn no_task(&self, inner: &str, task: &str, found: &Diagnostics) -> (String, Option<String>) {
        if self.finally.contains(task) {
            let message = format!(
                "`$({inner})`: the task '{task}' is in 'finally', so other tasks cannot use its results or status"
            );
            let help = "use a task under 'tasks'";
            return (message, Some(help.to_owned()));
        }
        let message = format!("`$({inner})`: unknown task '{task}'");
        (message, self.tasks.suggestion(task, found))
    }

    /// Checks the value of a Pipeline result.
    fn result(&self, result: &Cursor<'_>, found: &mut Diagnostics) {
        let Some(value) = result.field("value") else {
            return;
        };
        let mut takes = false;
        texts(&value, &mut |cursor, one| {
            let parts = parts(one.inner).unwrap_or_default();
            let of = match root(one.inner) {
                Some("tasks") => &self.tasks,
                Some("finally") => &self.finally,
                _ => return,
            };
            let (Some("results"), Some(task)) = (key(&parts, 2), key(&parts, 1)) else {
                return;
            };
            takes = true;
            if !of.contains(task) {
                let message = format!("`$({})`: unknown task '{task}'", one.inner);
                let help = of.suggestion(task, found);
                found.push_with(|_| located(cursor, one, message, help));
            }
        });
        if !takes {
            let name = result.node.text_of("name").unwrap_or_default();
            let message = format!("the result '{name}' does not refer to a task's result");
            let help = "write $(tasks.NAME.results.NAME), because Tekton rejects other values";
            found.refuse(&value, message, help);
        }
    }
}

fn report(
    cursor: &Cursor<'_>,
    one: Occurrence<'_>,
    (effect, message, help): Wrong,
    found: &mut Misused,
) {
    let list = match effect {
        Refused => &mut found.refused,
        Literal => &mut found.literal,
    };
    list.push_with(|_| located(cursor, one, message, help));
}

fn located(
    cursor: &Cursor<'_>,
    one: Occurrence<'_>,
    message: String,
    help: Option<String>,
) -> Diagnostic {
    let diagnostic = cursor.diagnostic(message).maybe_help(help);
    diagnostic.about(Part::Offset(one.offset))
}

/// Returns the `steps` and `sidecars` lists of a pipeline task's embedded TaskSpec.
fn containers<'a>(item: &Cursor<'a>) -> impl Iterator<Item = Cursor<'a>> {
    let spec = item.field("taskSpec").into_iter();
    spec.flat_map(|spec| ["steps", "sidecars"].map(|list| spec.field(list)))
        .flatten()
}

/// Calls `visit` for each variable in the strings that `cursor` contains at any depth.
fn texts(cursor: &Cursor<'_>, visit: &mut impl FnMut(&Cursor<'_>, Occurrence<'_>)) {
    match &cursor.node.content {
        Content::String(text) => occurrences(text).for_each(|one| visit(cursor, one)),
        Content::Sequence(items) => {
            for (index, node) in items.iter().enumerate() {
                texts(&Cursor::new(node, cursor.place.index(index)), visit);
            }
        }
        Content::Mapping(entries) => {
            for (key, node) in entries {
                texts(&Cursor::new(node, cursor.place.key(&key.name)), visit);
            }
        }
        Content::Null | Content::Boolean(_) | Content::Number(_) => {}
    }
}
