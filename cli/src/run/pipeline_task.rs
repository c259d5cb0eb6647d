//! One task of a Pipeline: its Task, parameters, conditions and workspaces.

use std::collections::{BTreeMap, BTreeSet};

use gleaner_core::document::{Cursor, Diagnostics, Finding, Place};
use gleaner_core::task::param::value;
use gleaner_core::task::{ParamKind, ParamSpec};
use gleaner_proto::duration;
use serde_json::Value;

use super::documents::Documents;
use super::fields::{self, Kind};
use super::model::{BoundWorkspace, Guard, Params, PlannedTask};
use super::pipeline::PipelineSource;
use super::task_source::{self, ReadTask};

/// The sinks of errors and notes about the tasks.
pub(crate) struct Notices<'n> {
    pub(crate) cluster: &'n mut BTreeSet<&'static str>,
    pub(crate) notes: &'n mut Vec<String>,
    pub(crate) found: &'n mut Diagnostics,
}

/// Reads a task; on errors, adds them to the notices and returns `None`. True if it declares outputs.
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
        let parsed = field.parsed(duration::parse, found)?;
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
                "the Task of '{name}' has no parameter '{param}'; Tekton ignores it"
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

/// Reads the Task that `item` refers to or embeds.
fn task_of(
    source: &PipelineSource<'_>,
    item: &Cursor<'_>,
    documents: &Documents<'_>,
    cluster: &mut BTreeSet<&'static str>,
    found: &mut Diagnostics,
) -> Result<Option<ReadTask>, Vec<Finding>> {
    if let Some(spec) = item.field("taskSpec") {
        let around = source.workspaces.keys().cloned().collect();
        let read = task_source::read(
            source.document,
            &spec.place,
            Some(&around),
            documents,
            cluster,
        );
        return read.map(Some);
    }
    let Some(reference) = item.field("taskRef") else {
        if item.field("pipelineRef").is_none() && item.field("pipelineSpec").is_none() {
            found.refuse(item, "the task has no Task", "write taskRef: {name: NAME}");
        }
        return Ok(None);
    };
    referenced(&reference, source.namespace, documents, cluster, found)
}

/// Reads the Task of a `taskRef`.
pub(crate) fn referenced(
    reference: &Cursor<'_>,
    namespace: Option<&str>,
    documents: &Documents<'_>,
    cluster: &mut BTreeSet<&'static str>,
    found: &mut Diagnostics,
) -> Result<Option<ReadTask>, Vec<Finding>> {
    fields::check(reference, Kind::Reference, found, cluster);
    let kind = reference
        .text_at("kind", found)
        .unwrap_or_else(|| "Task".to_owned());
    let version = reference.text_at("apiVersion", found).unwrap_or_default();
    if kind != "Task" || !(version.is_empty() || version.starts_with("tekton.dev/")) {
        let message = format!("'{kind}' is not a Task, and is not supported on this machine");
        found.refuse(reference, message, "use a Task of the files");
        return Ok(None);
    }
    let Some(name) = reference.field("name") else {
        let help = "write taskRef: {name: NAME}";
        if reference.field("resolver").is_none() && reference.field("bundle").is_none() {
            found.refuse(reference, "'name' is missing", help);
        }
        return Ok(None);
    };
    let Some(text) = name.text(found) else {
        return Ok(None);
    };
    match documents.named("Task", text, namespace) {
        Ok(document) => {
            let spec = Place::from(["spec"]);
            task_source::read(document, &spec, None, documents, cluster).map(Some)
        }
        Err((message, help)) => {
            found.add(&name, message, help);
            Ok(None)
        }
    }
}

/// Reads `params` with their values.
pub(crate) fn given_params(parent: &Cursor<'_>, found: &mut Diagnostics) -> Params {
    let mut params = Params::new();
    for item in parent.items_at("params", found) {
        let Some(name) = item.name(found) else {
            continue;
        };
        let Some(given) = item.node.present("value") else {
            found.add(&item, format!("the parameter '{name}' has no value"), None);
            continue;
        };
        if params.insert(name.clone(), value(given)).is_some() {
            found.add(&item, format!("duplicate parameter '{name}'"), None);
        }
    }
    params
}

/// Adds the parameters that an embedded spec gets from the Pipeline, and reports those without a value.
fn complete_params(
    source: &PipelineSource<'_>,
    item: &Cursor<'_>,
    read: &ReadTask,
    embedded: bool,
    params: &mut Params,
    found: &mut Diagnostics,
) {
    let own = item.field("taskSpec");
    let own = own.map(|spec| spec.items_at("params", found));
    let own = own.unwrap_or_default();
    let declares = |name: &str| {
        own.iter()
            .any(|item| item.node.text_of("name") == Some(name))
    };
    for spec in &read.task.spec.params {
        // The task's own default takes precedence over the Pipeline's value, but the Pipeline's default does not.
        let has_default = spec.default.is_some() && (!embedded || declares(&spec.name));
        if params.contains_key(&spec.name) || has_default {
            continue;
        }
        match source.params.get(&spec.name).filter(|_| embedded) {
            Some(value) => {
                params.insert(spec.name.clone(), value.clone());
            }
            None => {
                let message = format!("the parameter '{}' of the Task has no value", spec.name);
                let help = format!(
                    "add it to the params: {{name: {}, value: VALUE}}",
                    spec.name
                );
                found.refuse(item, message, help);
            }
        }
    }
    for spec in &read.task.spec.params {
        if let Some(message) = params.get(&spec.name).and_then(|value| misfit(spec, value)) {
            found.add(item, message, None);
        }
    }
}

pub(crate) fn guards(item: &Cursor<'_>, found: &mut Diagnostics) -> Vec<Guard> {
    let mut guards = Vec::new();
    for condition in item.items_at("when", found) {
        if let Some(cel) = condition.field("cel") {
            let message = "a condition in CEL is evaluated only in a cluster";
            found.refuse(&cel, message, "write input, operator and values");
            continue;
        }
        condition.fields(&["input", "operator", "values"], found);
        let Some(operator) = condition.required("operator", "in", found) else {
            continue;
        };
        let Some(among) = operator.word(&[("in", true), ("notin", false)], found) else {
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

/// Returns the workspaces of a task: those that it maps, and those of the same name.
fn workspaces(
    source: &PipelineSource<'_>,
    item: &Cursor<'_>,
    read: &ReadTask,
    embedded: bool,
    found: &mut Diagnostics,
) -> BTreeMap<String, BoundWorkspace> {
    let declared = &read.task.spec.workspaces;
    let mut bound = BTreeMap::new();
    for mapping in item.items_at("workspaces", found) {
        mapping.fields(&["name", "workspace", "subPath"], found);
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
            (false, None) if workspace.optional => {}
            (false, None) => {
                let message = format!("the workspace '{name}' of the Task is not bound");
                let help = "bind it in the task's workspaces and in those of the run";
                found.refuse(item, message, help);
            }
        }
    }
    bound
}

/// Returns a message if a given value is not of the declared type; values with variables of unknown type pass.
pub(crate) fn misfit(spec: &ParamSpec, value: &Value) -> Option<String> {
    let has_variables = value.as_str().is_some_and(|text| text.contains("$("));
    let fits = match (&spec.kind, value) {
        (ParamKind::String, Value::String(_))
        | (ParamKind::Array, Value::Array(_))
        | (ParamKind::Object { .. }, Value::Object(_)) => true,
        (ParamKind::Array | ParamKind::Object { .. }, Value::String(_)) => has_variables,
        _ => false,
    };
    let found = match value {
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
        _ => "a string",
    };
    (!fits).then(|| {
        let (name, kind) = (&spec.name, spec.kind.as_str());
        format!("the parameter '{name}' is of type {kind}, and its value is {found}")
    })
}
