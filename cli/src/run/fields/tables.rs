//! Tables that list the known fields for each kind of map. Each entry states whether a local run supports the field.

/// The way in which a local run treats a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Use {
    /// The run uses the field, or the field has no effect on runs.
    Supported,
    /// Only a cluster uses the field. The value is the term that the run's note shows.
    Cluster(&'static str),
    /// The run rejects the field. The value is the remedy.
    Refused(&'static str),
}

use Use::{Cluster, Refused, Supported};

const REMOVE: &str = "remove the field to run the task here";

pub(super) type Table = &'static [(&'static str, Use)];

pub(super) const DOCUMENT: Table = &[
    ("apiVersion", Supported),
    ("kind", Supported),
    ("metadata", Supported),
    ("spec", Supported),
    ("status", Supported),
];

pub(super) const TASK_RUN: Table = &[
    ("params", Supported),
    ("taskRef", Supported),
    ("taskSpec", Supported),
    ("timeout", Supported),
    ("workspaces", Supported),
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
        Refused("remove the field, because a canceled run does not start"),
    ),
    ("statusMessage", Refused(REMOVE)),
    ("resources", Refused(TRANSLATE)),
    ("inputs", Refused(TRANSLATE)),
    ("outputs", Refused(TRANSLATE)),
];

const TRANSLATE: &str =
    "translate the documents first: `gleaner translate -f FILE | gleaner run -f -`";

pub(super) const PIPELINE_RUN: Table = &[
    ("params", Supported),
    ("pipelineRef", Supported),
    ("pipelineSpec", Supported),
    ("timeouts", Supported),
    ("workspaces", Supported),
    ("taskRunTemplate", Cluster("taskRunTemplate")),
    ("taskRunSpecs", Supported),
    ("managedBy", Cluster("managedBy")),
    ("serviceAccountName", Cluster("service accounts")),
    ("podTemplate", Cluster("pod templates")),
    (
        "timeout",
        Refused("use timeouts.pipeline, which replaces this field in v1"),
    ),
    (
        "status",
        Refused("remove the field, because a canceled or pending run does not start"),
    ),
    ("resources", Refused(TRANSLATE)),
];

pub(super) const TASK_RUN_SPEC: Table = &[
    ("pipelineTaskName", Supported),
    ("serviceAccountName", Cluster("service accounts")),
    ("podTemplate", Cluster("pod templates")),
    ("stepSpecs", Cluster("stepSpecs")),
    ("sidecarSpecs", Cluster("sidecarSpecs")),
    ("computeResources", Cluster("resource limits")),
    ("metadata", Refused(REMOVE)),
    (
        "timeout",
        Refused("set the timeout in the Pipeline's tasks instead"),
    ),
];

pub(super) const PIPELINE: Table = &[
    ("displayName", Supported),
    ("description", Supported),
    ("params", Supported),
    ("tasks", Supported),
    ("finally", Supported),
    ("workspaces", Supported),
    ("results", Supported),
    ("resources", Refused(TRANSLATE)),
];

pub(super) const PIPELINE_TASK: Table = &[
    ("name", Supported),
    ("displayName", Supported),
    ("description", Supported),
    ("taskRef", Supported),
    ("taskSpec", Supported),
    ("params", Supported),
    ("when", Supported),
    ("runAfter", Supported),
    ("workspaces", Supported),
    ("timeout", Supported),
    ("onError", Supported),
    ("retries", Refused(REMOVE)),
    (
        "matrix",
        Refused(
            "to run the pipeline here, write a separate task for each combination of the matrix",
        ),
    ),
    (
        "pipelineRef",
        Refused("use taskRef or taskSpec, because pipelines in pipelines run only in a cluster"),
    ),
    (
        "pipelineSpec",
        Refused("use taskRef or taskSpec, because pipelines in pipelines run only in a cluster"),
    ),
    ("resources", Refused(TRANSLATE)),
    ("conditions", Refused(TRANSLATE)),
];

pub(super) const TASK: Table = &[
    ("displayName", Supported),
    ("description", Supported),
    ("params", Supported),
    ("steps", Supported),
    ("stepTemplate", Supported),
    ("workspaces", Supported),
    ("results", Supported),
    ("volumes", Supported),
    ("sidecars", Cluster("sidecars")),
    // Fields from the proposal, and from Tekton in 2019.
    ("resources", Supported),
    ("inputs", Supported),
    ("outputs", Supported),
    ("containerTemplate", Supported),
    // Only an embedded spec has this field.
    ("metadata", Supported),
    (
        "apiVersion",
        Refused("remove the task, because custom tasks run only in a cluster"),
    ),
    (
        "kind",
        Refused("remove the task, because custom tasks run only in a cluster"),
    ),
    (
        "spec",
        Refused("use a TaskSpec with steps, because custom tasks run only in a cluster"),
    ),
];

pub(super) const STEP: Table = &[
    ("displayName", Supported),
    ("script", Supported),
    ("onError", Supported),
    ("timeout", Supported),
    ("when", Supported),
    ("results", Supported),
    ("params", Supported),
    ("ref", Supported),
    ("stdoutConfig", Supported),
    ("stderrConfig", Supported),
    ("outputs", Supported),
    ("workspaces", Cluster("workspaces of individual steps")),
];

/// The container fields in v1, and the fields that exist only in v1beta1.
pub(super) const CONTAINER: Table = &[
    ("name", Supported),
    ("image", Cluster("images")),
    ("command", Supported),
    ("args", Supported),
    ("workingDir", Supported),
    ("env", Supported),
    ("volumeMounts", Supported),
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
    ("description", Supported),
    ("image", Cluster("images")),
    ("command", Supported),
    ("args", Supported),
    ("script", Supported),
    ("workingDir", Supported),
    ("env", Supported),
    ("params", Supported),
    ("results", Supported),
    ("volumeMounts", Supported),
    ("securityContext", Cluster("security contexts")),
];

pub(super) const REFERENCE: Table = &[
    ("name", Supported),
    ("kind", Supported),
    ("apiVersion", Supported),
    (
        "resolver",
        Refused(
            "pass the file with -f and refer to it by name, because resolvers work only in a cluster",
        ),
    ),
    (
        "params",
        Refused(
            "pass the file with -f and refer to it by name, because resolvers work only in a cluster",
        ),
    ),
    (
        "bundle",
        Refused(
            "pass the file with -f and refer to it by name, because bundles work only in a cluster",
        ),
    ),
];

/// The fields of a step's reference to a StepAction. A resolver is not rejected, because `--step-command` can replace the
/// StepAction.
pub(super) const STEP_REFERENCE: Table = &[
    ("name", Supported),
    ("kind", Supported),
    ("apiVersion", Supported),
    ("resolver", Cluster("resolvers")),
    ("params", Cluster("resolvers")),
];
