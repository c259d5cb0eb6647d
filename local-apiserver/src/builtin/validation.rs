//! Kubernetes' validation rules for single fields. The schemas do not contain these rules, which come from
//! `pkg/apis/*/validation` and `pkg/apis/*/*/defaults.go` in k8s.io/kubernetes.

use serde_json::{Value, json};

use crate::schema::{KEYS, PORT};

/// Fields that the schema requires, but that a real server does not require, because the server sets a default or uses the zero
/// value.
const OPTIONAL: [(&str, &[&str]); 16] = [
    ("core.v1.Event", &["involvedObject"]),
    ("core.v1.HTTPHeader", &["value"]),
    ("core.v1.ISCSIPersistentVolumeSource", &["lun"]),
    ("core.v1.ISCSIVolumeSource", &["lun"]),
    ("core.v1.LimitRangeSpec", &["limits"]),
    ("core.v1.LocalObjectReference", &["name"]),
    ("core.v1.PreferredSchedulingTerm", &["preference"]),
    ("core.v1.ScaleIOVolumeSource", &["secretRef"]),
    ("core.v1.SleepAction", &["seconds"]),
    ("apps.v1.ControllerRevision", &["revision"]),
    ("batch.v1.PodFailurePolicy", &["rules"]),
    (
        "batch.v1.PodFailurePolicyOnPodConditionsPattern",
        &["status"],
    ),
    (
        "apiextensions.v1.CustomResourceDefinitionVersion",
        &["served", "storage"],
    ),
    ("discovery.v1.EndpointSlice", &["endpoints"]),
    ("rbac.v1.RoleRef", &["apiGroup"]),
    ("scheduling.v1.PriorityClass", &["value"]),
];

/// The allowed values of string fields and of the items in list fields. Each line contains a type, the name of a field, and its
/// values. The empty string is also allowed, and means that the field is not set.
const WORDS: &str = include_str!("words.txt");

const LAST_PORT: i64 = 65_535;

/// The bounds of numeric fields. Each entry contains a type, its fields, and their minimum and maximum.
const BOUNDS: [(&str, &[&str], i64, i64); 18] = [
    ("core.v1.ContainerPort", &["containerPort"], 1, LAST_PORT),
    // 0 means that the field is not set.
    ("core.v1.ContainerPort", &["hostPort"], 0, LAST_PORT),
    ("core.v1.ServicePort", &["port"], 1, LAST_PORT),
    ("core.v1.ServicePort", &["nodePort"], 0, LAST_PORT),
    ("core.v1.EndpointPort", &["port"], 1, LAST_PORT),
    ("core.v1.GRPCAction", &["port"], 1, LAST_PORT),
    (
        "networking.v1.ServiceBackendPort",
        &["number"],
        0,
        LAST_PORT,
    ),
    ("core.v1.PreferredSchedulingTerm", &["weight"], 1, 100),
    ("core.v1.WeightedPodAffinityTerm", &["weight"], 1, 100),
    (
        "core.v1.Probe",
        &[
            "failureThreshold",
            "initialDelaySeconds",
            "periodSeconds",
            "successThreshold",
            "timeoutSeconds",
        ],
        0,
        MOST,
    ),
    (
        "core.v1.ReplicationControllerSpec",
        &["replicas", "minReadySeconds"],
        0,
        MOST,
    ),
    (
        "apps.v1.DeploymentSpec",
        &[
            "replicas",
            "minReadySeconds",
            "revisionHistoryLimit",
            "progressDeadlineSeconds",
        ],
        0,
        MOST,
    ),
    (
        "apps.v1.ReplicaSetSpec",
        &["replicas", "minReadySeconds"],
        0,
        MOST,
    ),
    (
        "apps.v1.StatefulSetSpec",
        &["replicas", "minReadySeconds", "revisionHistoryLimit"],
        0,
        MOST,
    ),
    (
        "batch.v1.JobSpec",
        &[
            "backoffLimit",
            "completions",
            "parallelism",
            "ttlSecondsAfterFinished",
        ],
        0,
        MOST,
    ),
    (
        "batch.v1.CronJobSpec",
        &["failedJobsHistoryLimit", "successfulJobsHistoryLimit"],
        0,
        MOST,
    ),
    (
        "autoscaling.v1.HorizontalPodAutoscalerSpec",
        &["maxReplicas"],
        1,
        MOST,
    ),
    (
        "autoscaling.v2.HorizontalPodAutoscalerSpec",
        &["maxReplicas"],
        1,
        MOST,
    ),
];

const MOST: i64 = i32::MAX as i64;

/// Fields that accept a port's number or name.
const PORTS: [(&str, &str); 4] = [
    ("core.v1.HTTPGetAction", "port"),
    ("core.v1.ServicePort", "targetPort"),
    ("core.v1.TCPSocketAction", "port"),
    ("networking.v1.NetworkPolicyPort", "port"),
];

/// Maps whose keys must have a certain format. Each entry contains a type, the field, and the format: `label` (also for the
/// values), `annotation`, or `key` for the keys of a ConfigMap or Secret.
const MAPS: [(&str, &str, &str); 9] = [
    ("meta.v1.ObjectMeta", "labels", "label"),
    ("meta.v1.ObjectMeta", "annotations", "annotation"),
    ("meta.v1.LabelSelector", "matchLabels", "label"),
    ("core.v1.ServiceSpec", "selector", "label"),
    ("core.v1.ConfigMap", "data", "key"),
    ("core.v1.ConfigMap", "binaryData", "key"),
    ("core.v1.Secret", "data", "key"),
    ("core.v1.Secret", "stringData", "key"),
    ("core.v1.PodSpec", "nodeSelector", "label"),
];

/// Adds the rules for the type `name`, such as `io.k8s.api.core.v1.Pod`, to its schema.
pub(super) fn complete(name: &str, schema: &mut Value) {
    let is = |own: &str| {
        let rest = name.strip_suffix(own);
        rest.is_some_and(|rest| rest.ends_with('.'))
    };
    for (_, optional) in OPTIONAL.iter().filter(|(own, _)| is(own)) {
        if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|field| !optional.iter().any(|own| field == own));
        }
    }
    let Some(fields) = schema.get_mut("properties") else {
        return;
    };
    for line in WORDS.lines() {
        let mut words = line.split(' ');
        if !words.next().is_some_and(is) {
            continue;
        }
        let field = field(fields, words.next().unwrap_or_default());
        let words: Vec<&str> = words.chain([""]).collect();
        match field.get_mut("items") {
            Some(items) => items["enum"] = json!(words),
            None => field["enum"] = json!(words),
        }
    }
    for (_, bounded, least, most) in BOUNDS.iter().filter(|(own, ..)| is(own)) {
        for name in *bounded {
            field(fields, name)["minimum"] = (*least).into();
            field(fields, name)["maximum"] = (*most).into();
        }
    }
    for (_, name) in PORTS.iter().filter(|(own, _)| is(own)) {
        field(fields, name)[PORT] = true.into();
    }
    for (_, name, form) in MAPS.iter().filter(|(own, ..)| is(own)) {
        field(fields, name)[KEYS] = (*form).into();
    }
}

fn field<'a>(fields: &'a mut Value, name: &str) -> &'a mut Value {
    let field = fields.get_mut(name);
    field.expect("invariant: the tables contain only fields that exist")
}
