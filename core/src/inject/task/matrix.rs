//! Checks the objects that a task with a matrix creates. Such a task runs one TaskRun for each combination of the matrix
//! parameters.

use std::collections::HashSet;

use crate::document::{Content, Cursor, Diagnostics};

use super::producer::Producer;

/// Returns the error and the remedy for a reference to the object result `name`. Tekton collects the results of a matrix into an
/// array only if they are strings (TEP-0140). A reference to a result of another type is empty, but the run still succeeds.
pub(super) fn lost(variable: &str, task: &str, name: &str) -> (String, String) {
    let message = format!(
        "`$({variable})` is always empty: Tekton does not collect object results such as '{name}' from the task '{task}', because this task has a matrix"
    );
    let help = format!(
        "in the next task, find the objects by the label tekton.dev/pipelineTask={task}, or write a string result in a step of '{task}'"
    );
    (message, help)
}

/// Reports objects of `task` that would have the same name in every TaskRun of `matrix`, so that each TaskRun after the first
/// fails. The report is a warning if the number of TaskRuns is not known.
pub(super) fn alike(
    task: &str,
    producer: &Producer,
    matrix: &Cursor<'_>,
    found: &mut Diagnostics,
    warnings: &mut Diagnostics,
) {
    let count = runs(matrix);
    let into = match count {
        Some(0 | 1) => return,
        Some(_) => found,
        None => warnings,
    };
    let varying = varying(matrix);
    for template in producer.alike(&varying) {
        into.push_with(|_| {
            let runs = count.map_or_else(|| "the".to_owned(), |count| format!("the {count}"));
            let message = format!(
                "{runs} TaskRuns of the task '{task}' would all create '{}' with the same name",
                template.name
            );
            let param = varying.iter().min();
            let param = param.map_or_else(String::new, |name| format!(" or $(params.{name})"));
            let help = format!(
                "put $(context.taskRun.name){param} into its metadata.name, or omit the name"
            );
            matrix.diagnostic(message).help(help)
        });
    }
}

/// Returns the minimum number of TaskRuns for a matrix, or `None` if the number depends on values.
fn runs(matrix: &Cursor<'_>) -> Option<usize> {
    let params = matrix.node.list_of("params");
    if params.is_empty() {
        return Some(matrix.node.list_of("include").len());
    }
    let lengths = params.iter().map(|param| {
        let items = param.get("value")?.sequence()?;
        let is_list = |item: &crate::document::Node| match &item.content {
            Content::String(text) => text.contains("[*]"),
            _ => false,
        };
        (!items.iter().any(is_list)).then_some(items.len())
    });
    lengths.product()
}

/// Returns the parameters that a matrix sets.
fn varying<'a>(matrix: &Cursor<'a>) -> HashSet<&'a str> {
    let include = matrix.node.list_of("include").iter();
    let included = include.flat_map(|item| item.list_of("params"));
    let params = matrix.node.list_of("params").iter().chain(included);
    params.filter_map(|param| param.text_of("name")).collect()
}
