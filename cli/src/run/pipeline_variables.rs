//! Checks the variables of a pipeline before the first task runs.

use std::collections::{BTreeMap, BTreeSet};

use gleaner_core::document::suggestion::suggestion;
use gleaner_core::document::{Content, Cursor, Diagnostics, Source};
use gleaner_core::results;
use gleaner_core::task::pipeline::context_of;
use gleaner_core::task::{ParamKind, ParamSpec, Task};
use gleaner_core::variable::{Access, Reference};

use super::variable::{Occurrence, key, misspelt, occurrences, parts, root};

/// The field of a pipeline task that contains an embedded TaskSpec.
const EMBEDDED: &str = "taskSpec";

const ROOTS: [&str; 6] = [
    "params",
    "tasks",
    "finally",
    "context",
    "workspaces",
    "inputs",
];

/// The type of a task's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ResultShape {
    Text,
    List,
    /// A map, with its keys if they are known.
    Map(Option<Vec<String>>),
}

/// The types of a task's results, by result name.
pub(crate) type ResultShapes = BTreeMap<String, ResultShape>;

/// Returns the types of a Task's results, including the results for the objects in its declaration.
pub(crate) fn shapes(task: &Task) -> ResultShapes {
    let mut shapes = ResultShapes::new();
    for result in &task.spec.results {
        let shape = match result.kind.as_str() {
            "array" => ResultShape::List,
            "object" => ResultShape::Map(None),
            _ => ResultShape::Text,
        };
        shapes.insert(result.name.clone(), shape);
    }
    for template in task.declaration.templates.iter() {
        let keys = results::keys(template).into_iter().collect();
        shapes.insert(template.name.to_string(), ResultShape::Map(Some(keys)));
    }
    shapes
}

/// The names to which the variables of a pipeline may refer.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    pub(crate) params: &'a [ParamSpec],
    /// The tasks, with the types of their results.
    pub(crate) tasks: &'a BTreeMap<String, ResultShapes>,
    /// The `finally` tasks with the types of their results, if variables may refer to these tasks.
    pub(crate) finally: Option<&'a BTreeMap<String, ResultShapes>>,
    pub(crate) workspaces: &'a [&'a str],
    /// True if variables may refer to a task's status: in `finally` tasks and in the pipeline's results.
    pub(crate) statuses: bool,
}

type Problem = (String, Option<String>);

impl Names<'_> {
    /// Checks the variables in the strings of `node`, which is in the task's `field`. If a variable refers to the result of a
    /// task, adds that task to `takes`. In an embedded TaskSpec, checks only variables that refer to other tasks, because all
    /// others refer to the TaskSpec itself.
    pub(crate) fn check(
        &self,
        node: &Cursor<'_>,
        field: &str,
        source: &Source,
        takes: &mut BTreeSet<String>,
        found: &mut Diagnostics,
    ) {
        match &node.node.content {
            Content::String(text) => {
                for one in occurrences(text) {
                    if field == EMBEDDED && !matches!(root(one.inner), Some("tasks" | "finally")) {
                        continue;
                    }
                    match self.problem(one, field) {
                        Ok(Some(task)) => {
                            takes.insert(task);
                        }
                        Ok(None) => {}
                        Err((message, help)) => found.push(gleaner_core::document::Locate::locate(
                            source,
                            node.node,
                            node.diagnostic(message).maybe_help(help),
                        )),
                    }
                }
            }
            Content::Sequence(_) => {
                for item in node.items(found) {
                    self.check(&item, field, source, takes, found);
                }
            }
            Content::Mapping(_) => {
                for (_, value) in node.entries(found) {
                    self.check(&value, field, source, takes, found);
                }
            }
            Content::Null | Content::Boolean(_) | Content::Number(_) => {}
        }
    }

    /// Checks one variable. If the variable refers to a result of a task in `tasks`, returns the task's name.
    fn problem(&self, one: Occurrence<'_>, field: &str) -> Result<Option<String>, Problem> {
        let (inner, embedded) = (one.inner, field == EMBEDDED);
        let unknown = || format!("unknown variable `$({inner})`");
        let Some(root) = root(inner).filter(|root| ROOTS.contains(root)) else {
            return match misspelt(inner, &ROOTS) {
                Some(meant) => Err((unknown(), Some(format!("did you mean '{meant}'?")))),
                None => Ok(None),
            };
        };
        if let Ok(Reference::Param { name, access }) = Reference::parse(inner) {
            return self.of_param(one, &name, &access).map(|()| None);
        }
        let Some(parts) = parts(inner) else {
            return Err((unknown(), None));
        };
        match root {
            "tasks" => self.of_task(one, &parts, embedded),
            "finally" => match self.finally {
                Some(finally) => Names {
                    tasks: finally,
                    ..*self
                }
                .of_task(one, &parts, embedded)
                .map(|_| None),
                None => Err((
                    unknown(),
                    Some("only the Pipeline's results can refer to the results of tasks in 'finally'".to_owned()),
                )),
            },
            "context" => {
                let name = &inner["context.".len()..];
                let known = context_of(field);
                if known.clone().any(|known| known == name) {
                    Ok(None)
                } else {
                    Err((unknown(), suggestion(name, known)))
                }
            }
            "workspaces" if key(&parts, 2) == Some("bound") => {
                let name = key(&parts, 1).unwrap_or_default();
                if self.workspaces.contains(&name) {
                    return Ok(None);
                }
                let message = format!("`$({inner})`: the Pipeline has no workspace '{name}'");
                Err((message, suggestion(name, self.workspaces.iter().copied())))
            }
            _ => Err((unknown(), None)),
        }
    }

    fn of_param(&self, one: Occurrence<'_>, name: &str, access: &[Access]) -> Result<(), Problem> {
        let inner = one.inner;
        let Some(param) = self.params.iter().find(|param| param.name == name) else {
            let known = self.params.iter().map(|param| param.name.as_str());
            let message = format!("`$({inner})`: the Pipeline has no parameter '{name}'");
            return Err((message, suggestion(name, known)));
        };
        let is_whole = access.is_empty() || access == [Access::All];
        match (&param.kind, access.first()) {
            (ParamKind::String, Some(_)) => Err((
                format!("`$({inner})`: the parameter '{name}' is of type string"),
                Some(format!("use $(params.{name})")),
            )),
            (ParamKind::Array | ParamKind::Object { .. }, _) if is_whole && !one.is_whole => Err((
                format!("`$({inner})` is of type {}", param.kind.as_str()),
                Some("use it as the whole value".to_owned()),
            )),
            (ParamKind::Object { keys }, Some(Access::Key(key)))
                if !keys.is_empty() && !keys.contains(key) =>
            {
                Err((
                    format!("`$({inner})`: the parameter '{name}' has no key '{key}'"),
                    suggestion(key, keys.iter().map(String::as_str)),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Checks `$(tasks.NAME.results.NAME...)`, `$(tasks.NAME.status)`, `$(tasks.NAME.reason)` and `$(tasks.status)`.
    fn of_task(
        &self,
        one: Occurrence<'_>,
        parts: &[Access],
        embedded: bool,
    ) -> Result<Option<String>, Problem> {
        let inner = one.inner;
        let unknown = || format!("unknown variable `$({inner})`");
        let task = key(parts, 1).unwrap_or_default();
        let is_status = (parts.len() == 2 && task == "status")
            || (parts.len() == 3 && matches!(key(parts, 2), Some("status" | "reason")));
        if is_status && !self.statuses {
            let help = "a task's status is available only in 'finally'";
            return Err((unknown(), Some(help.to_owned())));
        }
        // `ApplyPipelineTaskStateContext` (`pkg/reconciler/pipelinerun/resources/apply.go`) ignores embedded specs.
        if is_status && embedded {
            let message = format!("Tekton does not replace `$({inner})` in an embedded spec");
            let help = "pass it to the task as a parameter: params: [{name: NAME, value: ...}]";
            return Err((message, Some(help.to_owned())));
        }
        if parts.len() == 2 && is_status {
            return Ok(None);
        }
        let Some(results) = self.tasks.get(task) else {
            let message = format!("`$({inner})`: unknown task '{task}'");
            return Err((
                message,
                suggestion(task, self.tasks.keys().map(String::as_str)),
            ));
        };
        match (key(parts, 2), key(parts, 3)) {
            (Some("status" | "reason"), None) => Ok(None),
            (Some("results"), Some(result)) => match results.get(result) {
                Some(shape) => match misuse(one, result, shape, &parts[4..]) {
                    Some(problem) => Err(problem),
                    None => Ok(Some(task.to_owned())),
                },
                None => Err((
                    format!("`$({inner})`: task '{task}' has no result '{result}'"),
                    suggestion(result, results.keys().map(String::as_str)),
                )),
            },
            _ => Err((unknown(), Some("use $(tasks.NAME.results.NAME)".to_owned()))),
        }
    }
}

fn misuse(
    one: Occurrence<'_>,
    result: &str,
    shape: &ResultShape,
    access: &[Access],
) -> Option<Problem> {
    let inner = one.inner;
    let is_whole = access.is_empty() || access == [Access::All];
    let of_type = |kind: &str, help: &str| {
        let message = format!("`$({inner})`: the result '{result}' is of type {kind}");
        Some((message, Some(help.to_owned())))
    };
    match (shape, access.first()) {
        (ResultShape::Text, Some(_)) => {
            of_type("string", "remove the part after the result's name")
        }
        (ResultShape::List, Some(Access::Key(_))) => {
            of_type("array", "use an index such as [0], or [*]")
        }
        (ResultShape::List, _) if is_whole && !one.is_whole => of_type(
            "array",
            "use it as the whole value, or use an index such as [0]",
        ),
        (ResultShape::Map(_), Some(Access::Index(_))) => {
            of_type("object", "specify a key, or use [*]")
        }
        (ResultShape::Map(_), _) if is_whole && !one.is_whole => {
            of_type("object", "use it as the whole value, or specify a key")
        }
        (ResultShape::Map(Some(keys)), Some(Access::Key(key))) if !keys.contains(key) => Some((
            format!("`$({inner})`: the result '{result}' has no key '{key}'"),
            suggestion(key, keys.iter().map(String::as_str)),
        )),
        _ => None,
    }
}
