//! The default values that the server sets in objects of built-in kinds.
//!
//! The server sets only the defaults that clients read or use to select objects. It omits the many defaults of pods, Services and
//! workloads, because it does not start containers.

use k8s_openapi::ByteString;
use serde_json::{Value, json};

use crate::kind::Kind;
use crate::metadata;

pub(crate) fn fill(kind: &Kind, object: &mut Value) {
    if !kind.built_in {
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
        "Secret" => {
            string_data(object);
            if object["type"].is_null() {
                object["type"] = "Opaque".into();
            }
        }
        "ClusterRoleBinding" | "RoleBinding" => {
            if let Some(role) = object["roleRef"].as_object_mut() {
                let group = role.entry("apiGroup").or_insert(Value::Null);
                if group.is_null() || *group == "" {
                    *group = kind.group.as_str().into();
                }
            }
        }
        "PriorityClass" if object["value"].is_null() => object["value"] = 0.into(),
        _ => {}
    }
}

/// Moves the values of the write-only field `stringData` into `data`, encoded as base64.
fn string_data(object: &mut Value) {
    let texts = object
        .as_object_mut()
        .and_then(|fields| fields.remove("stringData"));
    let Some(Value::Object(texts)) = texts else {
        return;
    };
    for (key, text) in texts {
        let bytes = text.as_str().unwrap_or_default().as_bytes().to_vec();
        object["data"][key] = json!(ByteString(bytes));
    }
}
