//! The sidecar's environment variables for the export of traces.
//!
//! Tekton stores the context of the parent span in an annotation of the TaskRun, and copies this annotation to the pod. The
//! kubelet passes the annotation's value to the sidecar (downward API), so the sidecar receives the context even if Gleaner is
//! injected ahead of time. If the pod does not have the annotation, the variable is empty.

use gleaner_proto::kubernetes::annotation::SPAN_CONTEXT;
use gleaner_proto::traces;
use serde_json::{Map, Value, json};

use super::settings::Settings;

/// Adds the variables to the sidecar's container if `settings` contains an endpoint. Does not change variables that the container
/// already has.
pub(super) fn add(container: &mut Map<String, Value>, settings: &Settings) {
    let Some(endpoint) = &settings.traces_endpoint else {
        return;
    };
    let of_pod = |name: &str, path: &str| {
        let field = json!({"apiVersion": "v1", "fieldPath": path});
        json!({"name": name, "valueFrom": {"fieldRef": field}})
    };
    let annotation = format!("metadata.annotations['{SPAN_CONTEXT}']");
    let variables = [
        json!({"name": traces::ENDPOINT, "value": endpoint}),
        of_pod(traces::SPAN_CONTEXT, &annotation),
        of_pod(traces::POD_NAME, "metadata.name"),
    ];
    let env = container.entry("env").or_insert(Value::Null);
    if !env.is_array() {
        *env = Value::Array(Vec::new());
    }
    let own = env.as_array_mut();
    let own = own.expect("invariant: the list was created above");
    for variable in variables {
        if !own.iter().any(|known| known["name"] == variable["name"]) {
            own.push(variable);
        }
    }
}
