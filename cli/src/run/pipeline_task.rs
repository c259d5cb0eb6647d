//! Reads a pipeline task: its Task, parameters, conditions and workspaces.

use std::collections::{BTreeMap, BTreeSet};

use gleaner_core::document::{Cursor, Diagnostics, Finding};
use gleaner_core::task::{ParamSpec, structure};
use gleaner_proto::duration;
use serde_json::Value;

use super::documents::{Document, Documents};
use super::fields::{self, Kind};
use super::model::{BoundWorkspace, Guard, Params, PlannedTask};
use super::params::{self, given_params, given_with_places};
use super::reference::{self, Given, TASK};
use super::task_source::{self, ReadTask};

/// A PipelineSpec, and the parameters and workspaces that a run passes to the Pipeline.
pub(crate) struct PipelineSource<'a> {
    pub(crate) document: Document<'a>,
    pub(crate) spec: Cursor<'a>,
    pub(crate) specs: Vec<ParamSpec>,
    pub(crate) params: Params,
    pub(crate) workspaces: BTreeMap<String, BoundWorkspace>,
    pub(crate) namespace: Option<&'a str>,
}

impl PipelineSource<'_> {
    /// Returns the names of the workspaces that the Pipeline declares or its run binds.
    pub(crate) fn known_workspaces(&self) -> Vec<&str> {
        let declared = self.spec.node.list_of("workspaces").iter();
        let declared = declared.filter_map(|item| item.text_of("name"));
        declared
            .chain(self.workspaces.keys().map(String::as_str))
            .collect()
    }
}

/// The collected errors, notes and cluster-only features of the tasks.
pub(crate) struct Notices<'n> {
    pub(crate) cluster: &'n mut BTreeSet<&'static str>,
    pub(crate) notes: &'n mut Vec<String>,
    pub(crate) found: &'n mut Diagnostics,
}

/// Reads a pipeline task. Returns the task, and a flag that is true if the task declares outputs. Adds errors in the pipeline
/// task to `notices`. If an error prevents reading the pipeline task, returns `None`.
///
/// # Errors
/// Returns all errors in the Task.
pub(crate) fn read<'a>(
    source: &PipelineSource<'a>,
    item: &Cursor<'a>,
    documents: &Documents<'_>,
    notices: &mut Notices<'_>,
) -> Result<Option<(PlannedTask, bool)>, Vec<Finding>> {
    let Notices {
        cluster,
        notes,
        found,
    } = notices;
    fields::check(item, Kind::PipelineTask, found, cluster);
    let Some(name) = item.name(found) else {
        return Ok(None);
    };
    let Some(read) = task_of(source, item, documents, cluster, found)? else {
        return Ok(None);
    };
    let timeout = item.field("timeout").and_then(|field| {
        let parsed = duration::parse(field.node.as_str()?).ok()?;
        Some(parsed).filter(|timeout| !timeout.is_zero())
    });
    let on_error = [("continue", true), ("stopAndFail", false)];
    let mut params = given_params(item, found);
    let embedded = item.field("taskSpec").is_some();
    complete_params(source, item, &read, embedded, &mut params, found);
    params.retain(|param, _| {
        let is_known = read.task.spec.params.iter().any(|spec| spec.name == *param);
        if !is_known {
            notes.push(format!(
                "task '{name}' passes the parameter '{param}', which its Task does not declare, so Tekton ignores it"
            ));
        }
        is_known
    });
    let planned = PlannedTask {
        params,
        when: guards(item, found),
        after: item.texts_at("runAfter", found).into_iter().collect(),
        takes: BTreeSet::new(),
        workspaces: workspaces(source, item, &read, embedded, found),
        mounts: read.mounts,
        timeout,
        continues: item.word_at("onError", &on_error, found),
        task: read.task,
        name,
    };
    Ok(Some((planned, read.declares)))
}

/// Reads the Task that `item` references or embeds.
fn task_of(
    source: &PipelineSource<'_>,
    item: &Cursor<'_>,
    documents: &Documents<'_>,
    cluster: &mut BTreeSet<&'static str>,
    found: &mut Diagnostics,
) -> Result<Option<ReadTask>, Vec<Finding>> {
    // `fields::check` already rejected a task that contains a Pipeline, so do not also report a missing Task.
    let mut nested = ["pipelineRef", "pipelineSpec"].into_iter();
    let has_task = ["taskRef", "taskSpec"]
        .iter()
        .any(|key| item.field(key).is_some());
    if !has_task && nested.any(|field| fields::is_set(item, field)) {
        return Ok(None);
    }
    match TASK.given_by(item, "task", found) {
        Some(Given::Spec(spec)) => {
            // Tekton implicitly declares the workspaces that the task binds (`pkg/workspace/apply.go`).
            let bound = item.node.list_of("workspaces").iter();
            let bound = bound.filter_map(|item| item.text_of("name").map(str::to_owned));
            let workspaces = source.workspaces.keys().cloned().chain(bound).collect();
            let (document, inherited) = (source.document, Some(&workspaces));
            let read = task_source::read(document, &spec.place, inherited, documents, cluster);
            read.map(Some)
        }
        Some(Given::Reference(reference)) => {
            let (namespace, params) = (source.namespace, Some(&source.params));
            reference::task(&reference, namespace, params, documents, cluster, found)
        }
        None => Ok(None),
    }
}

/// Adds the parameters that an embedded spec inherits from the Pipeline, and reports parameters that have no value.
fn complete_params(
    source: &PipelineSource<'_>,
    item: &Cursor<'_>,
    read: &ReadTask,
    embedded: bool,
    params: &mut Params,
    found: &mut Diagnostics,
) {
    for spec in &read.task.spec.params {
        if params.contains_key(&spec.name) {
            continue;
        }
        // The Pipeline's value takes precedence over the default in an embedded spec (`propagateParams` in
        // `pkg/reconciler/pipelinerun/resources/apply.go`).
        match source.params.get(&spec.name).filter(|_| embedded) {
            Some(value) => {
                params.insert(spec.name.clone(), value.clone());
            }
            None if spec.default.is_some() => {}
            // The value may come from the matrix, so do not report it as missing. `fields::check` already rejected the matrix.
            None if fields::is_set(item, "matrix") => {}
            None => {
                let message = format!("the Task's parameter '{}' has no value", spec.name);
                let help = format!(
                    "add it to the params: {{name: {}, value: VALUE}}",
                    spec.name
                );
                found.refuse(item, message, help);
            }
        }
    }
    let own = given_with_places(item, &mut Diagnostics::default());
    for spec in &read.task.spec.params {
        if let Some(value) = params.get(&spec.name) {
            let place = own.get(&spec.name).map(|(_, place)| place);
            params::check(spec, value, place.unwrap_or(item), found);
        }
    }
}

pub(crate) fn guards(item: &Cursor<'_>, found: &mut Diagnostics) -> Vec<Guard> {
    let mut guards = Vec::new();
    for condition in item.items_at("when", found) {
        if let Some(cel) = condition.field("cel") {
            let message = "a local run does not evaluate CEL conditions";
            found.refuse(&cel, message, "use input, operator and values instead");
            continue;
        }
        // Ignore an invalid operator, because the check of the Pipeline reports it.
        let ignored = &mut Diagnostics::default();
        let Some(among) = structure::operator(&condition, ignored) else {
            continue;
        };
        let values = condition.texts_at("values", found).into_iter();
        guards.push(Guard {
            input: condition.text_at("input", found).unwrap_or_default(),
            among,
            values: values.map(Value::String).collect(),
        });
    }
    guards
}

/// Returns the workspaces that are bound in a task: the workspaces that the pipeline task binds and, if the spec is embedded,
/// the workspaces that have the same name as a workspace of the Pipeline.
fn workspaces(
    source: &PipelineSource<'_>,
    item: &Cursor<'_>,
    read: &ReadTask,
    embedded: bool,
    found: &mut Diagnostics,
) -> BTreeMap<String, BoundWorkspace> {
    let declared = &read.task.spec.workspaces;
    let of_pipeline = source.known_workspaces();
    let (mut bound, mut refused) = (BTreeMap::new(), BTreeSet::new());
    for mapping in item.items_at("workspaces", found) {
        let Some(name) = mapping.name(found) else {
            continue;
        };
        if declared.iter().all(|workspace| workspace.name != name) {
            let known = declared.iter().map(|workspace| workspace.name.as_str());
            let help = found.suggestion(&name, known);
            found.add(
                &mapping,
                format!("the Task has no workspace '{name}'"),
                help,
            );
            continue;
        }
        let of_run = mapping
            .text_at("workspace", found)
            .unwrap_or_else(|| name.clone());
        let sub_path = mapping.text_at("subPath", found);
        if !of_pipeline.contains(&of_run.as_str()) {
            let help = found.suggestion(&of_run, of_pipeline.iter().copied());
            let message = format!("the Pipeline has no workspace '{of_run}'");
            found.add(&mapping, message, help);
            refused.insert(name);
            continue;
        }
        if let Some(of_run) = source.workspaces.get(&of_run) {
            let mut own = of_run.clone();
            own.sub_path = match (own.sub_path, sub_path) {
                (Some(outer), Some(inner)) => Some(format!("{outer}/{inner}")),
                (outer, inner) => outer.or(inner),
            };
            bound.insert(name, own);
        }
    }
    for workspace in declared {
        let name = &workspace.name;
        let same_name = source.workspaces.get(name).filter(|_| embedded);
        match (bound.contains_key(name), same_name) {
            (true, _) => {}
            (false, Some(of_run)) => {
                bound.insert(name.clone(), of_run.clone());
            }
            (false, None) if workspace.optional || refused.contains(name) => {}
            (false, None) => {
                let message = format!("the Task's workspace '{name}' is not bound");
                let help = "bind it in the workspaces of the pipeline task and of the run";
                found.refuse(item, message, help);
            }
        }
    }
    bound
}
