//! The fields of each part of Tekton's documents (`pkg/apis/pipeline/v1`, `v1beta1`, `v1alpha1` and `pod`).

use super::{Part, Shape};
use Shape::{Any, Each, Flag, Kubernetes, Map, Of, Old, Text, Values};

pub(super) type Fields = &'static [(&'static str, Shape)];

const PROPERTIES: Shape = Values(&Map(&[("type", Text)]));
const PARAM_SPECS: Shape = Each(&Map(&[
    ("name", Text),
    ("type", Text),
    ("description", Text),
    ("properties", PROPERTIES),
    ("default", Any),
    ("enum", Each(&Text)),
]));
const PARAMS: Shape = Each(&Map(&[("name", Text), ("value", Any)]));
#[rustfmt::skip]
const WHEN: Shape =
    Each(&Map(&[("input", Text), ("operator", Text), ("values", Each(&Text)), ("cel", Text)]));
const WORKSPACE_USAGES: Shape = Each(&Map(&[("name", Text), ("mountPath", Text)]));
const OUTPUT_CONFIG: Shape = Map(&[("path", Text)]);
const STEP_RESULTS: Shape = Each(&Map(&[
    ("name", Text),
    ("type", Text),
    ("properties", PROPERTIES),
    ("description", Text),
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
const OVERRIDES: Shape = Each(&Map(&[("name", Text), ("computeResources", RESOURCES)]));
const BINDINGS: Shape = Each(&Map(&[
    ("name", Text),
    ("subPath", Text),
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

const METADATA: Shape = Map(&[("labels", Any), ("annotations", Any)]);

pub(super) const TASK: Fields = &[
    ("displayName", Text),
    ("description", Text),
    ("params", PARAM_SPECS),
    ("steps", Each(&Of(Part::Step))),
    ("stepTemplate", Of(Part::StepTemplate)),
    ("sidecars", Each(&Of(Part::Sidecar))),
    ("volumes", Kubernetes(&VOLUME)),
    (
        "workspaces",
        Each(&Map(&[
            ("name", Text),
            ("description", Text),
            ("mountPath", Text),
            ("readOnly", Flag),
            ("optional", Flag),
        ])),
    ),
    (
        "results",
        Each(&Map(&[
            ("name", Text),
            ("type", Text),
            ("properties", PROPERTIES),
            ("description", Text),
            ("value", Any),
        ])),
    ),
    ("resources", Old(&Any)),
    ("inputs", Old(&Any)),
    ("outputs", Old(&Any)),
    ("containerTemplate", Old(&Any)),
];

/// The fields of a TaskSpec in a Pipeline, in addition to [`TASK`].
pub(super) const EMBEDDED: Fields = &[
    ("metadata", METADATA),
    // The fields of a custom task.
    ("apiVersion", Text),
    ("kind", Text),
    ("spec", Any),
];

/// The fields that steps, sidecars and the step template have in common.
pub(super) const CONTAINER: Fields = &[
    ("image", Text),
    ("command", Each(&Text)),
    ("args", Each(&Text)),
    ("workingDir", Text),
    (
        "envFrom",
        Kubernetes(&["Pod", "spec", "containers", "envFrom"]),
    ),
    ("env", Kubernetes(&["Pod", "spec", "containers", "env"])),
    ("computeResources", RESOURCES),
    ("resources", Old(&RESOURCES)),
    (
        "volumeMounts",
        Kubernetes(&["Pod", "spec", "containers", "volumeMounts"]),
    ),
    (
        "volumeDevices",
        Kubernetes(&["Pod", "spec", "containers", "volumeDevices"]),
    ),
    ("imagePullPolicy", Text),
    (
        "securityContext",
        Kubernetes(&["Pod", "spec", "containers", "securityContext"]),
    ),
];

/// The v1beta1 fields of steps and step templates that, in v1, only sidecars have.
pub(super) const OLD_OF_STEPS: Fields = &[
    // Only for the step template, because the name of a step is in `STEP`.
    ("name", Old(&Any)),
    ("ports", Old(&Any)),
    ("livenessProbe", Old(&Any)),
    ("readinessProbe", Old(&Any)),
    ("startupProbe", Old(&Any)),
    ("lifecycle", Old(&Any)),
    ("terminationMessagePath", Old(&Any)),
    ("terminationMessagePolicy", Old(&Any)),
    ("stdin", Old(&Any)),
    ("stdinOnce", Old(&Any)),
    ("tty", Old(&Any)),
];

pub(super) const STEP: Fields = &[
    ("name", Text),
    ("displayName", Text),
    ("script", Text),
    ("timeout", Text),
    ("workspaces", WORKSPACE_USAGES),
    ("onError", Text),
    ("stdoutConfig", OUTPUT_CONFIG),
    ("stderrConfig", OUTPUT_CONFIG),
    (
        "ref",
        Map(&[("name", Text), ("resolver", Text), ("params", PARAMS)]),
    ),
    ("params", PARAMS),
    ("results", STEP_RESULTS),
    ("when", WHEN),
    ("outputs", Old(&Any)),
];

pub(super) const SIDECAR: Fields = &[
    ("name", Text),
    ("script", Text),
    ("ports", Kubernetes(&["Pod", "spec", "containers", "ports"])),
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
    ("stdin", Flag),
    ("stdinOnce", Flag),
    ("tty", Flag),
    ("workspaces", WORKSPACE_USAGES),
    ("restartPolicy", Any),
];

pub(super) const STEP_ACTION: Fields = &[
    ("description", Text),
    ("image", Text),
    ("command", Each(&Text)),
    ("args", Each(&Text)),
    ("script", Text),
    ("workingDir", Text),
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

pub(super) const TASK_RUN: Fields = &[
    ("params", PARAMS),
    ("taskRef", Of(Part::TaskReference)),
    ("taskSpec", Of(Part::Task)),
    (
        "debug",
        Map(&[(
            "breakpoints",
            Map(&[("onFailure", Any), ("beforeSteps", Each(&Text))]),
        )]),
    ),
    ("serviceAccountName", Text),
    ("podTemplate", POD_TEMPLATE),
    ("workspaces", BINDINGS),
    ("timeout", Text),
    ("retries", Any),
    ("status", Text),
    ("statusMessage", Text),
    ("stepSpecs", OVERRIDES),
    ("sidecarSpecs", OVERRIDES),
    ("computeResources", RESOURCES),
    ("managedBy", Text),
    ("resources", Old(&Any)),
    ("inputs", Old(&Any)),
    ("outputs", Old(&Any)),
    ("stepOverrides", Old(&Any)),
    ("sidecarOverrides", Old(&Any)),
    ("serviceAccount", Old(&Any)),
    ("nodeSelector", Old(&Any)),
    ("tolerations", Old(&Any)),
    ("affinity", Old(&Any)),
    ("trigger", Old(&Any)),
    ("results", Old(&Any)),
];

pub(super) const PIPELINE_RUN: Fields = &[
    ("params", PARAMS),
    ("pipelineRef", Of(Part::PipelineReference)),
    ("pipelineSpec", Of(Part::Pipeline)),
    ("status", Text),
    (
        "timeouts",
        Map(&[("pipeline", Text), ("tasks", Text), ("finally", Text)]),
    ),
    (
        "taskRunTemplate",
        Map(&[("podTemplate", POD_TEMPLATE), ("serviceAccountName", Text)]),
    ),
    ("workspaces", BINDINGS),
    ("taskRunSpecs", Each(&Of(Part::TaskRunSpec))),
    ("managedBy", Text),
    ("resources", Old(&Any)),
    ("timeout", Old(&Any)),
    ("podTemplate", Old(&POD_TEMPLATE)),
    ("serviceAccountName", Old(&Any)),
    ("serviceAccountNames", Old(&Any)),
    ("serviceAccount", Old(&Any)),
    ("nodeSelector", Old(&Any)),
    ("tolerations", Old(&Any)),
    ("affinity", Old(&Any)),
    ("trigger", Old(&Any)),
    ("results", Old(&Any)),
];

pub(super) const TASK_RUN_SPEC: Fields = &[
    ("pipelineTaskName", Text),
    ("serviceAccountName", Text),
    ("podTemplate", POD_TEMPLATE),
    ("stepSpecs", OVERRIDES),
    ("sidecarSpecs", OVERRIDES),
    ("metadata", METADATA),
    ("computeResources", RESOURCES),
    ("timeout", Text),
    ("taskServiceAccountName", Old(&Any)),
    ("taskPodTemplate", Old(&Any)),
    ("stepOverrides", Old(&Any)),
    ("sidecarOverrides", Old(&Any)),
];

pub(super) const PIPELINE: Fields = &[
    ("displayName", Text),
    ("description", Text),
    ("params", PARAM_SPECS),
    ("tasks", Each(&Of(Part::PipelineTask))),
    ("finally", Each(&Of(Part::PipelineTask))),
    (
        "workspaces",
        Each(&Map(&[
            ("name", Text),
            ("description", Text),
            ("optional", Flag),
        ])),
    ),
    (
        "results",
        Each(&Map(&[
            ("name", Text),
            ("type", Text),
            ("description", Text),
            ("value", Any),
        ])),
    ),
    ("resources", Old(&Any)),
];

pub(super) const PIPELINE_TASK: Fields = &[
    ("name", Text),
    ("displayName", Text),
    ("description", Text),
    ("taskRef", Of(Part::TaskReference)),
    ("taskSpec", Of(Part::EmbeddedTask)),
    ("pipelineRef", Of(Part::PipelineReference)),
    ("pipelineSpec", Of(Part::Pipeline)),
    ("params", PARAMS),
    (
        "matrix",
        Map(&[
            ("params", PARAMS),
            ("include", Each(&Map(&[("name", Text), ("params", PARAMS)]))),
        ]),
    ),
    ("when", WHEN),
    ("runAfter", Each(&Text)),
    ("retries", Any),
    (
        "workspaces",
        Each(&Map(&[
            ("name", Text),
            ("workspace", Text),
            ("subPath", Text),
        ])),
    ),
    ("timeout", Text),
    ("onError", Text),
    ("resources", Old(&Any)),
    ("conditions", Old(&Any)),
];

pub(super) const TASK_REFERENCE: Fields = &[
    ("name", Text),
    ("kind", Text),
    ("apiVersion", Text),
    ("resolver", Text),
    ("params", PARAMS),
    ("bundle", Old(&Any)),
];

pub(super) const PIPELINE_REFERENCE: Fields = &[
    ("name", Text),
    ("apiVersion", Text),
    ("resolver", Text),
    ("params", PARAMS),
    ("bundle", Old(&Any)),
];
