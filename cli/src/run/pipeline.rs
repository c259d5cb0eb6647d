//! Reads a Pipeline: checks its tasks and sorts them in execution order.

use std::collections::{BTreeMap, BTreeSet};

use gleaner_core::document::{Cursor, Diagnostics, Finding};
use gleaner_core::task::param::value;
use gleaner_core::task::pipeline;
use serde_json::Value;

use super::documents::Documents;
use super::fields::{self, Kind};
use super::model::{Pipeline, PlannedTask};
use super::pipeline_task::{self, Notices, PipelineSource};
use super::pipeline_variables::{Names, ResultShapes, shapes};
use super::variable::{key, occurrences, parts, root};

/// The tasks and settings of a pipeline.
pub(crate) struct ReadPipeline {
    pub(crate) tasks: Vec<PlannedTask>,
    pub(crate) pipeline: Pipeline,
    /// True if at least one task declares outputs.
    pub(crate) declares: bool,
}

/// Reads the tasks of a Pipeline.
///
/// # Errors
/// All errors in the Pipeline and its tasks.
pub(crate) fn read(
    source: &PipelineSource<'_>,
    documents: &Documents<'_>,
    cluster: &mut BTreeSet<&'static str>,
    notes: &mut Vec<String>,
) -> Result<ReadPipeline, Vec<Finding>> {
    let mut found = Diagnostics::default();
    fields::check(&source.spec, Kind::Pipeline, &mut found, cluster);
    pipeline::check(&source.spec, &mut found);
    let mut findings = Vec::new();
    let mut lists = ["tasks", "finally"].map(|list| {
        let items = source.spec.items_at(list, &mut found).into_iter();
        let read = items.filter_map(|item| {
            let mut notice = Notices {
                cluster,
                notes,
                found: &mut found,
            };
            match pipeline_task::read(source, &item, documents, &mut notice) {
                Ok(task) => task.map(|task| (item, task)),
                Err(errors) => {
                    findings.extend(errors);
                    None
                }
            }
        });
        read.collect::<Vec<_>>()
    });
    findings.splice(
        0..0,
        source
            .document
            .errors(std::mem::take(&mut found).into_vec()),
    );
    if !findings.is_empty() {
        return Err(findings);
    }
    let shapes = [0, 1].map(|list| {
        let all = lists[list].iter();
        all.map(|(_, (task, _))| (task.name.clone(), shapes(&task.task)))
            .collect()
    });
    check(source, &mut lists, &shapes[0], &mut found);
    let results = results(source, &shapes, &mut found);
    let [tasks, finally] = lists;
    let declares = tasks
        .iter()
        .chain(&finally)
        .any(|(_, (_, declares))| *declares);
    let [tasks, finally] =
        [tasks, finally].map(|list| list.into_iter().map(|(_, (task, _))| task).collect());
    let tasks = sorted(tasks);
    let pipeline = Pipeline {
        params: source.params.clone(),
        workspaces: source.workspaces.keys().cloned().collect(),
        finally,
        results,
        ..Pipeline::default()
    };
    found
        .finish(ReadPipeline {
            tasks,
            pipeline,
            declares,
        })
        .map_err(|found| source.document.errors(found))
}

/// The types of the tasks' results, by task name.
type TaskResults = BTreeMap<String, ResultShapes>;

/// A task's place in the document, the task, and a flag that is true if the task declares outputs.
type Listed<'a> = (Cursor<'a>, (PlannedTask, bool));

/// Checks the variables in the tasks. Records for each task the names of the tasks whose results it uses.
fn check(
    source: &PipelineSource<'_>,
    lists: &mut [Vec<Listed<'_>>; 2],
    results: &TaskResults,
    found: &mut Diagnostics,
) {
    let workspaces = source.known_workspaces();
    for (position, list) in lists.iter_mut().enumerate() {
        for (item, (task, _)) in list {
            let names = Names {
                params: &source.specs,
                tasks: results,
                finally: None,
                workspaces: &workspaces,
                statuses: position == 1,
            };
            let mut takes = BTreeSet::new();
            for field in ["params", "when", "workspaces", "taskSpec"] {
                if let Some(cursor) = item.field(field) {
                    names.check(&cursor, field, source.document.source, &mut takes, found);
                }
            }
            task.after.extend(takes.iter().cloned());
            task.takes = takes;
        }
    }
}

/// Returns true if `value` refers to a task result (`validatePipelineResults` in `pkg/apis/pipeline/v1/pipeline_validation.go`).
fn takes_result(value: &Value) -> bool {
    match value {
        Value::String(text) => occurrences(text).any(|one| {
            let of_task = matches!(root(one.inner), Some("tasks" | "finally"));
            of_task && parts(one.inner).is_some_and(|parts| key(&parts, 2) == Some("results"))
        }),
        Value::Array(items) => items.iter().any(takes_result),
        Value::Object(entries) => entries.values().any(takes_result),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Sorts the tasks in execution order. Cyclic dependencies were reported earlier.
fn sorted(tasks: Vec<PlannedTask>) -> Vec<PlannedTask> {
    let names = tasks.iter().map(|task| (task.name.as_str(), &task.after));
    let Ok(order) = pipeline::sort(&names.collect::<Vec<_>>()) else {
        return tasks;
    };
    let mut tasks: Vec<Option<PlannedTask>> = tasks.into_iter().map(Some).collect();
    let sorted = order.into_iter().filter_map(|index| tasks[index].take());
    sorted.collect()
}

fn results(
    source: &PipelineSource<'_>,
    [tasks, finally]: &[TaskResults; 2],
    found: &mut Diagnostics,
) -> Vec<(String, Value)> {
    let names = Names {
        params: &source.specs,
        tasks,
        finally: Some(finally),
        workspaces: &source.known_workspaces(),
        statuses: true,
    };
    let mut results = Vec::new();
    for item in source.spec.items_at("results", found) {
        let Some(name) = item.name(found) else {
            continue;
        };
        if let Some(field) = item.required("value", "$(tasks.NAME.results.NAME)", found) {
            let mut takes = BTreeSet::new();
            let before = found.count();
            names.check(&field, "results", source.document.source, &mut takes, found);
            let value = value(field.node);
            if found.count() == before && !takes_result(&value) {
                let message = format!("the result '{name}' does not refer to a task's result");
                let help = "write $(tasks.NAME.results.NAME), because Tekton rejects other values";
                found.refuse(&field, message, help);
            }
            results.push((name, value));
        }
    }
    results
}
