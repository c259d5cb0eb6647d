//! The nested fields below those in the tables, at every level that Tekton decodes strictly (`DisallowUnknownFields` of its
//! webhook; the types are in Tekton's `pkg/apis/pipeline/v1` and `pkg/apis/pipeline/pod`).

use gleaner_core::document::{Cursor, Diagnostics};
use gleaner_core::kinds;

use super::Kind;

/// The permitted fields of a value.
#[derive(Debug)]
enum Shape {
    /// Any fields.
    Any,
    /// These fields, each with its shape.
    Map(&'static [(&'static str, Self)]),
    /// A list whose items have this shape.
    Each(&'static Self),
    /// A map with arbitrary keys, whose values have this shape.
    Values(&'static Self),
    /// The fields of a Kubernetes kind at this path.
    Kubernetes(&'static [&'static str]),
}

use Shape::{Any, Each, Kubernetes, Map, Values};

type Fields = &'static [(&'static str, Shape)];

const PROPERTIES: Shape = Values(&Map(&[("type", Any)]));
const PARAM_SPECS: Shape = Each(&Map(&[
    ("name", Any),
    ("type", Any),
    ("description", Any),
    ("properties", PROPERTIES),
    ("default", Any),
    ("enum", Any),
]));
const PARAMS: Shape = Each(&Map(&[("name", Any), ("value", Any)]));
const WHEN: Shape = Each(&Map(&[
    ("input", Any),
    ("operator", Any),
    ("values", Any),
    ("cel", Any),
]));
const WORKSPACE_USAGES: Shape = Each(&Map(&[("name", Any), ("mountPath", Any)]));
const OUTPUT_CONFIG: Shape = Map(&[("path", Any)]);
const STEP_RESULTS: Shape = Each(&Map(&[
    ("name", Any),
    ("type", Any),
    ("properties", PROPERTIES),
    ("description", Any),
]));
const VOLUME: [&str; 3] = ["Pod", "spec", "volumes"];
const RESOURCES: Shape = Kubernetes(&["Pod", "spec", "containers", "resources"]);
const POD_TEMPLATE: Shape = Map(&[
    ("nodeSelector", Any),
    ("env", Kubernetes(&["Pod", "spec", "containers", "env"])),
    ("tolerations", Kubernetes(&["Pod", "spec", "tolerations"])),
    ("affinity", Kubernetes(&["Pod", "spec", "affinity"])),
    (
        "securityContext",
        Kubernetes(&["Pod", "spec", "securityContext"]),
    ),
    ("volumes", Kubernetes(&VOLUME)),
    ("runtimeClassName", Any),
    ("automountServiceAccountToken", Any),
    ("dnsPolicy", Any),
    ("dnsConfig", Kubernetes(&["Pod", "spec", "dnsConfig"])),
    ("enableServiceLinks", Any),
    ("priorityClassName", Any),
    ("schedulerName", Any),
    (
        "imagePullSecrets",
        Kubernetes(&["Pod", "spec", "imagePullSecrets"]),
    ),
    ("hostAliases", Kubernetes(&["Pod", "spec", "hostAliases"])),
    ("hostNetwork", Any),
    ("hostUsers", Any),
    (
        "topologySpreadConstraints",
        Kubernetes(&["Pod", "spec", "topologySpreadConstraints"]),
    ),
]);
const OVERRIDES: Shape = Each(&Map(&[("name", Any), ("computeResources", RESOURCES)]));
const BINDINGS: Shape = Each(&Map(&[
    ("name", Any),
    ("subPath", Any),
    (
        "volumeClaimTemplate",
        Kubernetes(&["PersistentVolumeClaim"]),
    ),
    (
        "persistentVolumeClaim",
        Kubernetes(&["Pod", "spec", "volumes", "persistentVolumeClaim"]),
    ),
    (
        "emptyDir",
        Kubernetes(&["Pod", "spec", "volumes", "emptyDir"]),
    ),
    (
        "configMap",
        Kubernetes(&["Pod", "spec", "volumes", "configMap"]),
    ),
    ("secret", Kubernetes(&["Pod", "spec", "volumes", "secret"])),
    (
        "projected",
        Kubernetes(&["Pod", "spec", "volumes", "projected"]),
    ),
    ("csi", Kubernetes(&["Pod", "spec", "volumes", "csi"])),
]));

const TASK: Fields = &[
    ("params", PARAM_SPECS),
    (
        "results",
        Each(&Map(&[
            ("name", Any),
            ("type", Any),
            ("properties", PROPERTIES),
            ("description", Any),
            ("value", Any),
        ])),
    ),
    (
        "workspaces",
        Each(&Map(&[
            ("name", Any),
            ("description", Any),
            ("mountPath", Any),
            ("readOnly", Any),
            ("optional", Any),
        ])),
    ),
    ("volumes", Kubernetes(&VOLUME)),
    ("sidecars", Each(&SIDECAR)),
];

const SIDECAR: Shape = Map(&[
    ("name", Any),
    ("image", Any),
    ("command", Any),
    ("args", Any),
    ("script", Any),
    ("workingDir", Any),
    ("ports", Kubernetes(&["Pod", "spec", "containers", "ports"])),
    (
        "envFrom",
        Kubernetes(&["Pod", "spec", "containers", "envFrom"]),
    ),
    ("env", Kubernetes(&["Pod", "spec", "containers", "env"])),
    ("computeResources", RESOURCES),
    ("resources", RESOURCES),
    (
        "volumeMounts",
        Kubernetes(&["Pod", "spec", "containers", "volumeMounts"]),
    ),
    (
        "volumeDevices",
        Kubernetes(&["Pod", "spec", "containers", "volumeDevices"]),
    ),
    (
        "livenessProbe",
        Kubernetes(&["Pod", "spec", "containers", "livenessProbe"]),
    ),
    (
        "readinessProbe",
        Kubernetes(&["Pod", "spec", "containers", "readinessProbe"]),
    ),
    (
        "startupProbe",
        Kubernetes(&["Pod", "spec", "containers", "startupProbe"]),
    ),
    (
        "lifecycle",
        Kubernetes(&["Pod", "spec", "containers", "lifecycle"]),
    ),
    ("terminationMessagePath", Any),
    ("terminationMessagePolicy", Any),
    ("imagePullPolicy", Any),
    (
        "securityContext",
        Kubernetes(&["Pod", "spec", "containers", "securityContext"]),
    ),
    ("stdin", Any),
    ("stdinOnce", Any),
    ("tty", Any),
    ("workspaces", WORKSPACE_USAGES),
    ("restartPolicy", Any),
]);

const STEP: Fields = &[
    (
        "envFrom",
        Kubernetes(&["Pod", "spec", "containers", "envFrom"]),
    ),
    ("env", Kubernetes(&["Pod", "spec", "containers", "env"])),
    ("computeResources", RESOURCES),
    ("resources", RESOURCES),
    (
        "volumeMounts",
        Kubernetes(&["Pod", "spec", "containers", "volumeMounts"]),
    ),
    (
        "volumeDevices",
        Kubernetes(&["Pod", "spec", "containers", "volumeDevices"]),
    ),
    (
        "securityContext",
        Kubernetes(&["Pod", "spec", "containers", "securityContext"]),
    ),
    ("workspaces", WORKSPACE_USAGES),
    ("stdoutConfig", OUTPUT_CONFIG),
    ("stderrConfig", OUTPUT_CONFIG),
    ("params", PARAMS),
    ("results", STEP_RESULTS),
    ("when", WHEN),
];

const STEP_ACTION: Fields = &[
    ("env", Kubernetes(&["Pod", "spec", "containers", "env"])),
    ("params", PARAM_SPECS),
    ("results", STEP_RESULTS),
    (
        "securityContext",
        Kubernetes(&["Pod", "spec", "containers", "securityContext"]),
    ),
    (
        "volumeMounts",
        Kubernetes(&["Pod", "spec", "containers", "volumeMounts"]),
    ),
];

const TASK_RUN: Fields = &[
    ("params", PARAMS),
    ("podTemplate", POD_TEMPLATE),
    ("workspaces", BINDINGS),
    ("stepSpecs", OVERRIDES),
    ("sidecarSpecs", OVERRIDES),
    ("computeResources", RESOURCES),
];

const PIPELINE_RUN: Fields = &[
    ("params", PARAMS),
    (
        "timeouts",
        Map(&[("pipeline", Any), ("tasks", Any), ("finally", Any)]),
    ),
    (
        "taskRunTemplate",
        Map(&[("podTemplate", POD_TEMPLATE), ("serviceAccountName", Any)]),
    ),
    ("podTemplate", POD_TEMPLATE),
    ("workspaces", BINDINGS),
];

const TASK_RUN_SPEC: Fields = &[
    ("podTemplate", POD_TEMPLATE),
    ("stepSpecs", OVERRIDES),
    ("sidecarSpecs", OVERRIDES),
    ("computeResources", RESOURCES),
];

const PIPELINE: Fields = &[
    ("params", PARAM_SPECS),
    (
        "workspaces",
        Each(&Map(&[
            ("name", Any),
            ("description", Any),
            ("optional", Any),
        ])),
    ),
    (
        "results",
        Each(&Map(&[
            ("name", Any),
            ("type", Any),
            ("description", Any),
            ("value", Any),
        ])),
    ),
];

const PIPELINE_TASK: Fields = &[
    ("params", PARAMS),
    ("when", WHEN),
    (
        "workspaces",
        Each(&Map(&[("name", Any), ("workspace", Any), ("subPath", Any)])),
    ),
];

impl Kind {
    const fn nested(self) -> Fields {
        match self {
            Self::Task => TASK,
            Self::Step | Self::StepTemplate => STEP,
            Self::StepAction => STEP_ACTION,
            Self::TaskRun => TASK_RUN,
            Self::PipelineRun => PIPELINE_RUN,
            Self::TaskRunSpec => TASK_RUN_SPEC,
            Self::Pipeline => PIPELINE,
            Self::PipelineTask => PIPELINE_TASK,
            Self::Document | Self::Reference | Self::StepReference => &[],
        }
    }
}

/// Reports unknown nested fields in `map`.
pub(super) fn check(map: &Cursor<'_>, kind: Kind, found: &mut Diagnostics) {
    for (field, shape) in kind.nested() {
        if let Some(cursor) = map.field(field) {
            shape.check(&cursor, found);
        }
    }
}

impl Shape {
    /// Reports the unknown fields of `cursor`. A value of the wrong type is reported by the code that parses it.
    fn check(&self, cursor: &Cursor<'_>, found: &mut Diagnostics) {
        let mut ignored = Diagnostics::default();
        match self {
            Any => {}
            Map(fields) => {
                if cursor.node.mapping().is_none() {
                    return;
                }
                let known: Vec<&str> = fields.iter().map(|(field, _)| *field).collect();
                cursor.fields(&known, found);
                for (field, shape) in *fields {
                    if let Some(cursor) = cursor.field(field) {
                        shape.check(&cursor, found);
                    }
                }
            }
            Each(item) => {
                for cursor in cursor.items(&mut ignored) {
                    item.check(&cursor, found);
                }
            }
            Values(value) => {
                for (_, cursor) in cursor.entries(&mut ignored) {
                    value.check(&cursor, found);
                }
            }
            Kubernetes(path) => kinds::check_fields(path, cursor, found),
        }
    }
}
