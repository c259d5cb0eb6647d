//! The fields of Tekton's documents by their treatment in a run on this machine: used, ignored with a note, or
//! refused.

use std::collections::BTreeSet;

use gleaner_core::document::{Cursor, Diagnostics};
use serde_json::Value;

use super::paths::is_file_name;

/// The treatment of a field.
#[derive(Debug, Clone, Copy)]
enum Use {
    /// It is used, or is only informative.
    Played,
    /// Only a cluster has it; the term for it in a note.
    Cluster(&'static str),
    /// It is refused, with this remedy.
    Refused(&'static str),
}

use Use::{Cluster, Played, Refused};

const REMOVE: &str = "remove it to run it here";

type Table = &'static [(&'static str, Use)];

const DOCUMENT: Table = &[
    ("apiVersion", Played),
    ("kind", Played),
    ("metadata", Played),
    ("spec", Played),
    ("status", Played),
];

const TASK_RUN: Table = &[
    ("params", Played),
    ("taskRef", Played),
    ("taskSpec", Played),
    ("timeout", Played),
    ("workspaces", Played),
    ("serviceAccountName", Cluster("service accounts")),
    ("podTemplate", Cluster("pod templates")),
    ("stepSpecs", Cluster("stepSpecs")),
    ("sidecarSpecs", Cluster("sidecarSpecs")),
    ("computeResources", Cluster("resource limits")),
    ("managedBy", Cluster("managedBy")),
    ("retries", Refused(REMOVE)),
    ("debug", Refused(REMOVE)),
    (
        "status",
        Refused("a canceled run does not start; remove it"),
    ),
    ("statusMessage", Refused(REMOVE)),
    ("resources", Refused(TRANSLATE)),
];

const TRANSLATE: &str =
    "translate the documents first: gleaner translate -f FILE | gleaner run -f -";

const PIPELINE_RUN: Table = &[
    ("params", Played),
    ("pipelineRef", Played),
    ("pipelineSpec", Played),
    ("timeouts", Played),
    ("workspaces", Played),
    ("taskRunTemplate", Cluster("taskRunTemplate")),
    ("taskRunSpecs", Played),
    ("managedBy", Cluster("managedBy")),
    ("serviceAccountName", Cluster("service accounts")),
    ("podTemplate", Cluster("pod templates")),
    ("timeout", Refused("in v1 it is timeouts.pipeline")),
    (
        "status",
        Refused("a canceled or pending run does not start; remove it"),
    ),
    ("resources", Refused(TRANSLATE)),
];

const TASK_RUN_SPEC: Table = &[
    ("pipelineTaskName", Played),
    ("serviceAccountName", Cluster("service accounts")),
    ("podTemplate", Cluster("pod templates")),
    ("stepSpecs", Cluster("stepSpecs")),
    ("sidecarSpecs", Cluster("sidecarSpecs")),
    ("computeResources", Cluster("resource limits")),
    ("metadata", Refused(REMOVE)),
    ("timeout", Refused("set the timeout of the pipeline's task")),
];

const PIPELINE: Table = &[
    ("displayName", Played),
    ("description", Played),
    ("params", Played),
    ("tasks", Played),
    ("finally", Played),
    ("workspaces", Played),
    ("results", Played),
    ("resources", Refused(TRANSLATE)),
];

const PIPELINE_TASK: Table = &[
    ("name", Played),
    ("displayName", Played),
    ("description", Played),
    ("taskRef", Played),
    ("taskSpec", Played),
    ("params", Played),
    ("when", Played),
    ("runAfter", Played),
    ("workspaces", Played),
    ("timeout", Played),
    ("onError", Played),
    ("retries", Refused(REMOVE)),
    (
        "matrix",
        Refused("write a task for each combination to run it here"),
    ),
    (
        "pipelineRef",
        Refused("pipelines in pipelines run only in a cluster; name a task"),
    ),
    (
        "pipelineSpec",
        Refused("pipelines in pipelines run only in a cluster; name a task"),
    ),
    ("resources", Refused(TRANSLATE)),
    ("conditions", Refused(TRANSLATE)),
];

const TASK: Table = &[
    ("displayName", Played),
    ("description", Played),
    ("params", Played),
    ("steps", Played),
    ("stepTemplate", Played),
    ("workspaces", Played),
    ("results", Played),
    ("volumes", Played),
    ("sidecars", Cluster("sidecars")),
    // The proposal's own, and Tekton's of 2019.
    ("resources", Played),
    ("inputs", Played),
    ("outputs", Played),
    ("containerTemplate", Played),
    // Of an embedded spec.
    ("metadata", Played),
    (
        "apiVersion",
        Refused("custom tasks run only in a cluster; remove it"),
    ),
    (
        "kind",
        Refused("custom tasks run only in a cluster; remove it"),
    ),
    (
        "spec",
        Refused("custom tasks run only in a cluster; write steps"),
    ),
];

const STEP: Table = &[
    ("name", Played),
    ("displayName", Played),
    ("image", Cluster("images")),
    ("command", Played),
    ("args", Played),
    ("script", Played),
    ("workingDir", Played),
    ("env", Played),
    ("onError", Played),
    ("timeout", Played),
    ("when", Played),
    ("results", Played),
    ("params", Played),
    ("ref", Played),
    ("stdoutConfig", Played),
    ("stderrConfig", Played),
    ("outputs", Played),
    ("volumeMounts", Played),
    ("workspaces", Cluster("workspaces of single steps")),
    ("envFrom", Cluster("envFrom")),
    ("computeResources", Cluster("resource limits")),
    ("resources", Cluster("resource limits")),
    ("imagePullPolicy", Cluster("images")),
    ("securityContext", Cluster("security contexts")),
    ("volumeDevices", Cluster("volumes")),
    ("ports", Cluster("ports")),
    ("livenessProbe", Cluster("probes")),
    ("readinessProbe", Cluster("probes")),
    ("startupProbe", Cluster("probes")),
    ("lifecycle", Cluster("lifecycle hooks")),
    ("terminationMessagePath", Cluster("termination messages")),
    ("terminationMessagePolicy", Cluster("termination messages")),
    ("stdin", Cluster("stdin")),
    ("stdinOnce", Cluster("stdin")),
    ("tty", Cluster("terminals")),
];

const STEP_ACTION: Table = &[
    ("description", Played),
    ("image", Cluster("images")),
    ("command", Played),
    ("args", Played),
    ("script", Played),
    ("workingDir", Played),
    ("env", Played),
    ("params", Played),
    ("results", Played),
    ("volumeMounts", Played),
    ("securityContext", Cluster("security contexts")),
];

const REFERENCE: Table = &[
    ("name", Played),
    ("kind", Played),
    ("apiVersion", Played),
    (
        "resolver",
        Refused("resolvers work only in a cluster; give the file with -f and its name here"),
    ),
    (
        "params",
        Refused("resolvers work only in a cluster; give the file with -f and its name here"),
    ),
    (
        "bundle",
        Refused("bundles work only in a cluster; give the file with -f and its name here"),
    ),
];

/// The reference of a step; if it is in no file, `--step-command` can replace it.
const STEP_REFERENCE: Table = &[
    ("name", Played),
    ("kind", Played),
    ("apiVersion", Played),
    ("resolver", Cluster("resolvers")),
    ("params", Cluster("resolvers")),
];

/// A kind of map in a document.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Document,
    TaskRun,
    PipelineRun,
    TaskRunSpec,
    Pipeline,
    PipelineTask,
    Task,
    Step,
    StepAction,
    Reference,
    StepReference,
}

impl Kind {
    const fn table(self) -> Table {
        match self {
            Self::Document => DOCUMENT,
            Self::TaskRun => TASK_RUN,
            Self::PipelineRun => PIPELINE_RUN,
            Self::TaskRunSpec => TASK_RUN_SPEC,
            Self::Pipeline => PIPELINE,
            Self::PipelineTask => PIPELINE_TASK,
            Self::Task => TASK,
            Self::Step => STEP,
            Self::StepAction => STEP_ACTION,
            Self::Reference => REFERENCE,
            Self::StepReference => STEP_REFERENCE,
        }
    }
}

/// Checks the fields of `map`: unknown and refused ones are errors, the terms for a cluster's are added to `cluster`.
pub(crate) fn check(
    map: &Cursor<'_>,
    kind: Kind,
    found: &mut Diagnostics,
    cluster: &mut BTreeSet<&'static str>,
) {
    let table = kind.table();
    let known: Vec<&str> = table.iter().map(|(field, _)| *field).collect();
    map.fields(&known, found);
    for (field, what) in table {
        let Some(cursor) = map.field(field) else {
            continue;
        };
        match what {
            Played => {}
            Cluster(word) => {
                cluster.insert(word);
            }
            Refused(_) if !is_set(map, field) => {}
            Refused(help) => {
                found.refuse(
                    &cursor,
                    format!("'{field}' is not supported on this machine"),
                    *help,
                );
            }
        }
    }
    if let Kind::Task | Kind::Step | Kind::StepAction = kind {
        check_names(map, "results", found);
    }
}

/// Returns true if `map` has `field`, and it changes something.
pub(crate) fn is_set(map: &Cursor<'_>, field: &str) -> bool {
    let field = map.node.present(field);
    field.is_some_and(|node| !is_nothing(&node.to_json()))
}

/// Returns true for a value that changes nothing: `retries: 0`, an empty list.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
    }
}

/// Checks the names in a list of workspaces, results or resources: on this machine they are those of directories and files.
fn check_names(parent: &Cursor<'_>, list: &str, found: &mut Diagnostics) {
    for item in parent.items_at(list, &mut Diagnostics::default()) {
        check_name(&item, found);
    }
}

/// Checks the name of a workspace, result or resource.
pub(crate) fn check_name(item: &Cursor<'_>, found: &mut Diagnostics) {
    if let Some(name) = item.node.text_of("name").filter(|name| !is_file_name(name)) {
        let message = format!("the name '{name}' would be a path on this machine");
        found.refuse(item, message, "use letters, digits, '-', '_' and '.'");
    }
}

/// Checks the fields of a TaskSpec and of its steps.
pub(crate) fn check_task(
    spec: &Cursor<'_>,
    found: &mut Diagnostics,
    cluster: &mut BTreeSet<&'static str>,
) {
    check(spec, Kind::Task, found, cluster);
    for (parent, list) in [
        (&[][..], "workspaces"),
        // Of the proposal, of v1beta1 and of v1alpha1.
        (&[], "resources"),
        (&["resources"], "inputs"),
        (&["inputs"], "resources"),
    ] {
        if let Some(parent) = spec.descend(parent) {
            check_names(&parent, list, found);
        }
    }
    let steps = spec.items_at("steps", found).into_iter();
    for step in steps.chain(spec.field("stepTemplate")) {
        check(&step, Kind::Step, found, cluster);
        let Some(reference) = step.field("ref") else {
            if let Some(params) = step.field("params") {
                let message = "only a step with 'ref' has params";
                found.refuse(&params, message, "declare them in the params of the Task");
            }
            continue;
        };
        check(&reference, Kind::StepReference, found, cluster);
        if !is_set(&reference, "name") && !is_set(&reference, "resolver") {
            found.refuse(&reference, "'name' is missing", "write ref: {name: NAME}");
        }
    }
}
