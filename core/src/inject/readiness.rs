//! The hook and the probe by which the kubelet learns that the sidecar is ready.

use gleaner_proto::path::IMAGE_SIDECAR;
use serde_json::{Value, json};

/// The hook of a native sidecar: no later container starts before it has finished (KEP-753). A startup probe would also
/// work, but cost a whole second.
pub(crate) fn lifecycle() -> Value {
    json!({"postStart": {"exec": {"command": [IMAGE_SIDECAR, "ready"]}}})
}

/// The probe of a Tekton sidecar: Tekton starts the first step when all sidecars are ready.
pub(crate) fn probe() -> Value {
    json!({
        "exec": {"command": [IMAGE_SIDECAR, "ready", "--wait=1s"]},
        "periodSeconds": 1,
        "timeoutSeconds": 2,
    })
}
