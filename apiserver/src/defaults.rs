//! What the server fills in for Kubernetes' own kinds.
//!
//! Only what others find them by. The many defaults of pods, services and workloads are left out: nothing here runs
//! them.

use serde_json::{Value, json};

use crate::kind::Kind;
use crate::metadata;

/// Completes a new object.
pub(crate) fn fill(kind: &Kind, object: &mut Value) {
    if kind.is_custom() {
        return;
    }
    match kind.kind.as_str() {
        "Namespace" => {
            let name = metadata::text(object, "name").to_owned();
            let labels = metadata::of(object)
                .entry("labels")
                .or_insert_with(|| json!({}));
            labels["kubernetes.io/metadata.name"] = name.into();
            object["spec"] = json!({ "finalizers": ["kubernetes"] });
            object["status"] = json!({ "phase": "Active" });
        }
        "Secret" if object["type"].is_null() => object["type"] = "Opaque".into(),
        _ => {}
    }
}
