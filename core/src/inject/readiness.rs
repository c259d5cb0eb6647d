//! The hook and the probe that delay the steps until the sidecar is ready.

use gleaner_proto::path::IMAGE_SIDECAR;
use serde_json::{Value, json};

/// Returns the `postStart` hook for a native sidecar. No later container starts until the hook has finished (KEP-753). A startup
/// probe would also work, but would delay the pod by a whole second.
pub(crate) fn lifecycle() -> Value {
    json!({"postStart": {"exec": {"command": [IMAGE_SIDECAR, "ready"]}}})
}

/// Returns the probe for a Tekton sidecar. Tekton starts the first step when all sidecars are ready.
pub(crate) fn probe() -> Value {
    json!({
        "exec": {"command": [IMAGE_SIDECAR, "ready", "--wait=1s"]},
        "periodSeconds": 1,
        "timeoutSeconds": 2,
    })
}
