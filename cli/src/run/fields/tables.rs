//! The fields that a run on this machine does not use, by kind of map.

/// The use of a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Use {
    /// Only a cluster uses the field; holds the term for a note.
    Cluster(&'static str),
    /// The field is refused; holds the remedy.
    Refused(&'static str),
}

use Use::{Cluster, Refused};

const REMOVE: &str = "remove it to run it here";

pub(super) type Table = &'static [(&'static str, Use)];

pub(super) const TASK_RUN: Table = &[
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
    ("inputs", Refused(TRANSLATE)),
    ("outputs", Refused(TRANSLATE)),
];

const TRANSLATE: &str =
    "translate the documents first: gleaner translate -f FILE | gleaner run -f -";

pub(super) const PIPELINE_RUN: Table = &[
    ("taskRunTemplate", Cluster("taskRunTemplate")),
    ("managedBy", Cluster("managedBy")),
    ("serviceAccountName", Cluster("service accounts")),
    ("podTemplate", Cluster("pod templates")),
    ("timeout", Refused("in v1, set timeouts.pipeline")),
    (
        "status",
        Refused("a canceled or pending run does not start; remove it"),
    ),
    ("resources", Refused(TRANSLATE)),
];

pub(super) const TASK_RUN_SPEC: Table = &[
    ("serviceAccountName", Cluster("service accounts")),
    ("podTemplate", Cluster("pod templates")),
    ("stepSpecs", Cluster("stepSpecs")),
    ("sidecarSpecs", Cluster("sidecarSpecs")),
    ("computeResources", Cluster("resource limits")),
    ("metadata", Refused(REMOVE)),
    ("timeout", Refused("set the timeout in the pipeline's task")),
];

pub(super) const PIPELINE: Table = &[("resources", Refused(TRANSLATE))];

pub(super) const PIPELINE_TASK: Table = &[
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

pub(super) const TASK: Table = &[
    ("sidecars", Cluster("sidecars")),
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

pub(super) const STEP: Table = &[
    ("image", Cluster("images")),
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

/// The fields of v1, and the additional ones of v1beta1.
pub(super) const STEP_TEMPLATE: Table = &[
    ("image", Cluster("images")),
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

pub(super) const STEP_ACTION: Table = &[
    ("image", Cluster("images")),
    ("securityContext", Cluster("security contexts")),
];

pub(super) const REFERENCE: Table = &[
    (
        "resolver",
        Refused("resolvers work only in a cluster; pass the file with -f and set its name here"),
    ),
    (
        "params",
        Refused("resolvers work only in a cluster; pass the file with -f and set its name here"),
    ),
    (
        "bundle",
        Refused("bundles work only in a cluster; pass the file with -f and set its name here"),
    ),
];

/// The fields of a step's reference. If no file has the StepAction, `--step-command` can replace it.
pub(super) const STEP_REFERENCE: Table = &[
    ("resolver", Cluster("resolvers")),
    ("params", Cluster("resolvers")),
];
