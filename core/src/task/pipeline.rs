//! Errors that make Tekton reject a Pipeline (`pkg/apis/pipeline/v1/pipeline_validation.go`).

mod order;
mod variables;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use gleaner_proto::{StepName, duration};

use super::structure;
use crate::document::{Content, Cursor, Diagnostics, Node};
use crate::variable::Access;
use crate::variable::occurrence::{occurrences, parts, root};

pub use order::sort;
pub(crate) use variables::check_document;
pub use variables::context_of;

/// Fields of a pipeline task in which references to other tasks do not affect the order: descriptive text, and an embedded
/// Pipeline, whose tasks are ordered separately.
const OTHERS: [&str; 3] = ["description", "displayName", "pipelineSpec"];

/// Reports errors that make Tekton reject the spec of a Pipeline. Other modules check the embedded TaskSpecs and the variables.
pub fn check(spec: &Cursor<'_>, found: &mut Diagnostics) {
    structure::params(spec, found);
    let [tasks, finally] = ["tasks", "finally"].map(|list| structure::items(spec, list));
    if tasks.is_empty() && finally.is_empty() {
        found.refuse(spec, "the Pipeline has no tasks", "add tasks");
    }
    let mut names = HashSet::new();
    for item in tasks.iter().chain(&finally) {
        structure::conditions(item, found);
        for condition in structure::items(item, "when") {
            if condition.field("cel").is_none() {
                structure::operator(&condition, found);
            }
        }
        of_timeout(item, found);
        let Some(name) = name_of(item.node) else {
            continue;
        };
        if let Err(error) = StepName::new(name) {
            found.refuse(item, error.to_string(), "rename the task");
        }
        if !names.insert(name) {
            let message = format!("duplicate task name '{name}'");
            found.refuse(item, message, "rename one of them");
        }
    }
    let after = finally.iter().filter_map(|item| item.field("runAfter"));
    for after in after.filter(|after| !after.node.sequence().is_some_and(<[_]>::is_empty)) {
        found.refuse(
            &after,
            "a task in 'finally' cannot have runAfter",
            "remove it",
        );
    }
    order_of(spec, &tasks, found);
}

fn name_of(task: &Node) -> Option<&str> {
    task.text_of("name").filter(|name| !name.is_empty())
}

fn of_timeout(task: &Cursor<'_>, found: &mut Diagnostics) {
    if let Some(field) = task.field("timeout")
        && let Some(text) = field.node.as_str().filter(|text| !text.contains("$("))
        && let Err(error) = duration::parse(text)
    {
        found.add(&field, error.to_string(), None);
    }
}

/// Reports each `runAfter` that names an unknown task, and tasks that wait for each other.
fn order_of(spec: &Cursor<'_>, tasks: &[Cursor<'_>], found: &mut Diagnostics) {
    let named = tasks.iter().filter_map(|item| name_of(item.node));
    let known: BTreeSet<&str> = named.collect();
    let mut is_sound = true;
    let mut after: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for item in tasks {
        let Some(name) = name_of(item.node) else {
            continue;
        };
        let own = after.entry(name).or_default();
        for field in item.list_of("runAfter") {
            let Some(other) = field.node.as_str() else {
                continue;
            };
            if !known.contains(other) {
                is_sound = false;
                let help = found.suggestion(other, known.iter().copied());
                let message = format!("runAfter: the Pipeline has no task '{other}'");
                found.add(&field, message, help);
            }
            own.insert(other.to_owned());
        }
        let fields = item.entries(&mut Diagnostics::default()).into_iter();
        let fields = fields.filter(|(key, _)| !OTHERS.contains(key));
        fields.for_each(|(_, value)| taken(value.node, &known, own));
    }
    if !is_sound || known.len() < tasks.len() {
        return;
    }
    let tasks: Vec<_> = after.iter().map(|(name, after)| (*name, after)).collect();
    if let Err(waiting) = sort(&tasks) {
        let message = format!("these tasks wait for each other: {}", waiting.join(", "));
        let at = spec.field("tasks");
        let help = "remove a runAfter or a reference to a result";
        found.refuse(at.as_ref().unwrap_or(spec), message, help);
    }
}

/// Adds to `after` the tasks whose results are used in the strings of `node`.
fn taken(node: &Node, known: &BTreeSet<&str>, after: &mut BTreeSet<String>) {
    match &node.content {
        Content::String(text) => {
            let tasks = occurrences(text).filter_map(|one| {
                if root(one.inner)? != "tasks" {
                    return None;
                }
                let parts = parts(one.inner)?;
                match parts.as_slice() {
                    [_, Access::Key(task), Access::Key(field), ..] if field == "results" => {
                        Some(task.clone())
                    }
                    _ => None,
                }
            });
            after.extend(tasks.filter(|task| known.contains(task.as_str())));
        }
        Content::Sequence(items) => items.iter().for_each(|item| taken(item, known, after)),
        Content::Mapping(entries) => {
            let values = entries.iter().map(|(_, value)| value);
            values.for_each(|value| taken(value, known, after));
        }
        _ => {}
    }
}
