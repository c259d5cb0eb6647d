//! The validation of Kubernetes for single fields, which its schemas do not describe: `pkg/apis/*/validation` and
//! `pkg/apis/*/*/defaults.go` in k8s.io/kubernetes.

use serde_json::Value;

/// Fields that a schema requires but the server does not: it fills them in, or takes the zero value.
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

/// Adds the rules to the schema of the type with this name, such as `io.k8s.api.core.v1.Pod`.
pub(super) fn complete(name: &str, schema: &mut Value) {
    let is = |own: &str| {
        name.strip_suffix(own)
            .is_some_and(|rest| rest.ends_with('.'))
    };
    for (_, optional) in OPTIONAL.iter().filter(|(own, _)| is(own)) {
        if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|field| !optional.iter().any(|own| field == own));
        }
    }
}
