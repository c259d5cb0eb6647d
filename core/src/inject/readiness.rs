//! The hook and the probe that tell the kubelet that the sidecar is ready.

use gleaner_proto::path::IMAGE_SIDECAR;
use serde_json::{Value, json};

/// Returns the hook of a native sidecar: no later container starts before the hook has finished (KEP-753). A startup probe would
/// also work, but would cost a whole second.
pub(crate) fn lifecycle() -> Value {
    json!({"postStart": {"exec": {"command": [IMAGE_SIDECAR, "ready"]}}})
}

/// Returns the probe of a Tekton sidecar: Tekton starts the first step when all sidecars are ready.
pub(crate) fn probe() -> Value {
    json!({
        "exec": {"command": [IMAGE_SIDECAR, "ready", "--wait=1s"]},
        "periodSeconds": 1,
        "timeoutSeconds": 2,
    })
}
