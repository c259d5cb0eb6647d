//! The fields of each kind of map, at every level (Tekton's `pkg/apis/pipeline/v1` and `pkg/apis/pipeline/pod`, those of
//! older versions that `gleaner translate` converts, and those of the proposal).

use super::Kind;

/// The fields of a map.
#[derive(Debug)]
pub(super) struct Fields {
    /// The fields that this kind has in common with others.
    pub(super) base: Option<&'static Self>,
    /// Fields whose values are not checked further.
    pub(super) plain: &'static [&'static str],
    pub(super) nested: &'static [(&'static str, Shape)],
}

/// The fields of a value.
#[derive(Debug)]
pub(super) enum Shape {
    Map(Fields),
    /// A list of values.
    Each(&'static Self),
    /// A map with arbitrary keys.
    Values(&'static Self),
    /// The type of a field of a container.
    Container(&'static str),
    /// The type of a field of a pod's spec.
    Pod(&'static str),
    /// The type of a pod's volume, or of the volume source with this name.
    Volume(Option<&'static str>),
    /// A PersistentVolumeClaim.
    Claim,
}

use Shape::{Claim, Container, Each, Map, Pod, Values, Volume};

const fn plain(plain: &'static [&'static str]) -> Fields {
    Fields {
        base: None,
        plain,
        nested: &[],
    }
}

// === impl Kind ===

impl Kind {
    pub(super) const fn fields(self) -> &'static Fields {
        match self {
            Self::Document => &DOCUMENT,
            Self::TaskRun => &TASK_RUN,
            Self::PipelineRun => &PIPELINE_RUN,
            Self::TaskRunSpec => &TASK_RUN_SPEC,
            Self::Pipeline => &PIPELINE,
            Self::PipelineTask => &PIPELINE_TASK,
            Self::Task => &TASK,
            Self::Step => &STEP,
            Self::StepTemplate => &CONTAINER,
            Self::StepAction => &STEP_ACTION,
            Self::Reference => &REFERENCE,
            Self::StepReference => &STEP_REFERENCE,
        }
    }
}

const DOCUMENT: Fields = plain(&["apiVersion", "kind", "metadata", "spec", "status"]);

const TASK_RUN: Fields = Fields {
    base: None,
    plain: &[
        "taskRef",
        "taskSpec",
        "timeout",
        "serviceAccountName",
        "managedBy",
        "retries",
        "debug",
        "status",
        "statusMessage",
        "resources",
        "inputs",
        "outputs",
    ],
    nested: &[
        ("params", PARAMS),
        ("podTemplate", POD_TEMPLATE),
        ("workspaces", BINDINGS),
        ("stepSpecs", OVERRIDES),
        ("sidecarSpecs", OVERRIDES),
        ("computeResources", RESOURCES),
    ],
};

const PIPELINE_RUN: Fields = Fields {
    base: None,
    plain: &[
        "pipelineRef",
        "pipelineSpec",
        "taskRunSpecs",
        "managedBy",
        "serviceAccountName",
        "timeout",
        "status",
        "resources",
    ],
    nested: &[
        ("params", PARAMS),
        ("timeouts", Map(plain(&["pipeline", "tasks", "finally"]))),
        (
            "taskRunTemplate",
            Map(Fields {
                base: None,
                plain: &["serviceAccountName"],
                nested: &[("podTemplate", POD_TEMPLATE)],
            }),
        ),
        ("podTemplate", POD_TEMPLATE),
        ("workspaces", BINDINGS),
    ],
};

const TASK_RUN_SPEC: Fields = Fields {
    base: None,
    plain: &[
        "pipelineTaskName",
        "serviceAccountName",
        "metadata",
        "timeout",
    ],
    nested: &[
        ("podTemplate", POD_TEMPLATE),
        ("stepSpecs", OVERRIDES),
        ("sidecarSpecs", OVERRIDES),
        ("computeResources", RESOURCES),
    ],
};

const PIPELINE: Fields = Fields {
    base: None,
    plain: &[
        "displayName",
        "description",
        "tasks",
        "finally",
        "resources",
    ],
    nested: &[
        ("params", PARAM_SPECS),
        (
            "workspaces",
            Each(&Map(plain(&["name", "description", "optional"]))),
        ),
        (
            "results",
            Each(&Map(plain(&["name", "type", "description", "value"]))),
        ),
    ],
};

const PIPELINE_TASK: Fields = Fields {
    base: None,
    plain: &[
        "name",
        "displayName",
        "description",
        "taskRef",
        "taskSpec",
        "runAfter",
        "timeout",
        "onError",
        "retries",
        "matrix",
        "pipelineRef",
        "pipelineSpec",
        "resources",
        "conditions",
    ],
    nested: &[
        ("params", PARAMS),
        ("when", WHEN),
        (
            "workspaces",
            Each(&Map(plain(&["name", "workspace", "subPath"]))),
        ),
    ],
};

/// Also has the fields of an embedded spec, of the 2019 proposal, and of Tekton in 2019.
const TASK: Fields = Fields {
    base: None,
    plain: &[
        "displayName",
        "description",
        "steps",
        "stepTemplate",
        "resources",
        "inputs",
        "outputs",
        "containerTemplate",
        "metadata",
        "apiVersion",
        "kind",
        "spec",
    ],
    nested: &[
        ("params", PARAM_SPECS),
        (
            "results",
            Each(&Map(Fields {
                base: None,
                plain: &["name", "type", "description", "value"],
                nested: &[("properties", PROPERTIES)],
            })),
        ),
        (
            "workspaces",
            Each(&Map(plain(&[
                "name",
                "description",
                "mountPath",
                "readOnly",
                "optional",
            ]))),
        ),
        ("volumes", Volume(None)),
        ("sidecars", Each(&SIDECAR)),
    ],
};

const STEP: Fields = Fields {
    base: Some(&CONTAINER),
    plain: &[
        "displayName",
        "script",
        "onError",
        "timeout",
        "ref",
        "outputs",
    ],
    nested: &[
        ("workspaces", WORKSPACE_USAGES),
        ("stdoutConfig", OUTPUT_CONFIG),
        ("stderrConfig", OUTPUT_CONFIG),
        ("params", PARAMS),
        ("results", STEP_RESULTS),
        ("when", WHEN),
    ],
};

/// The fields of a step, sidecar and step template, in v1 and v1beta1.
const CONTAINER: Fields = Fields {
    base: None,
    plain: &[
        "name",
        "image",
        "command",
        "args",
        "workingDir",
        "imagePullPolicy",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "stdin",
        "stdinOnce",
        "tty",
    ],
    nested: &[
        ("env", Container("env")),
        ("envFrom", Container("envFrom")),
        ("volumeMounts", Container("volumeMounts")),
        ("volumeDevices", Container("volumeDevices")),
        ("securityContext", Container("securityContext")),
        ("ports", Container("ports")),
        ("livenessProbe", Container("livenessProbe")),
        ("readinessProbe", Container("readinessProbe")),
        ("startupProbe", Container("startupProbe")),
        ("lifecycle", Container("lifecycle")),
        ("computeResources", RESOURCES),
        ("resources", RESOURCES),
    ],
};

const SIDECAR: Shape = Map(Fields {
    base: Some(&CONTAINER),
    plain: &["script", "restartPolicy"],
    nested: &[("workspaces", WORKSPACE_USAGES)],
});

const STEP_ACTION: Fields = Fields {
    base: None,
    plain: &[
        "description",
        "image",
        "command",
        "args",
        "script",
        "workingDir",
    ],
    nested: &[
        ("env", Container("env")),
        ("params", PARAM_SPECS),
        ("results", STEP_RESULTS),
        ("securityContext", Container("securityContext")),
        ("volumeMounts", Container("volumeMounts")),
    ],
};

const REFERENCE: Fields = plain(&["name", "kind", "apiVersion", "resolver", "params", "bundle"]);
const STEP_REFERENCE: Fields = plain(&["name", "kind", "apiVersion", "resolver", "params"]);

const PROPERTIES: Shape = Values(&Map(plain(&["type"])));
const PARAM_SPECS: Shape = Each(&Map(Fields {
    base: None,
    plain: &["name", "type", "description", "default", "enum"],
    nested: &[("properties", PROPERTIES)],
}));
const PARAMS: Shape = Each(&Map(plain(&["name", "value"])));
const WHEN: Shape = Each(&Map(plain(&["input", "operator", "values", "cel"])));
const WORKSPACE_USAGES: Shape = Each(&Map(plain(&["name", "mountPath"])));
const OUTPUT_CONFIG: Shape = Map(plain(&["path"]));
const STEP_RESULTS: Shape = Each(&Map(Fields {
    base: None,
    plain: &["name", "type", "description"],
    nested: &[("properties", PROPERTIES)],
}));
const RESOURCES: Shape = Container("resources");
const OVERRIDES: Shape = Each(&Map(Fields {
    base: None,
    plain: &["name"],
    nested: &[("computeResources", RESOURCES)],
}));
const POD_TEMPLATE: Shape = Map(Fields {
    base: None,
    plain: &[
        "nodeSelector",
        "runtimeClassName",
        "automountServiceAccountToken",
        "dnsPolicy",
        "enableServiceLinks",
        "priorityClassName",
        "schedulerName",
        "hostNetwork",
        "hostUsers",
    ],
    nested: &[
        ("env", Container("env")),
        ("tolerations", Pod("tolerations")),
        ("affinity", Pod("affinity")),
        ("securityContext", Pod("securityContext")),
        ("volumes", Volume(None)),
        ("dnsConfig", Pod("dnsConfig")),
        ("imagePullSecrets", Pod("imagePullSecrets")),
        ("hostAliases", Pod("hostAliases")),
        (
            "topologySpreadConstraints",
            Pod("topologySpreadConstraints"),
        ),
    ],
});
const BINDINGS: Shape = Each(&Map(Fields {
    base: None,
    plain: &["name", "subPath"],
    nested: &[
        ("volumeClaimTemplate", Claim),
        (
            "persistentVolumeClaim",
            Volume(Some("persistentVolumeClaim")),
        ),
        ("emptyDir", Volume(Some("emptyDir"))),
        ("configMap", Volume(Some("configMap"))),
        ("secret", Volume(Some("secret"))),
        ("projected", Volume(Some("projected"))),
        ("csi", Volume(Some("csi"))),
    ],
}));
