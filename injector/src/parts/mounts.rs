//! The shared volume, and who sees which part of it.
//!
//! ```text
//! bin/redirector      the sidecar copies it there; steps: /gleaner/bin, read-only
//! run/STEP/           socket and token of one step; that step alone: /gleaner/run/me, read-only
//! outputs/STEP/       room for its outputs; that step alone: /gleaner/outputs
//! state/              the journal; the sidecar alone
//! ```

use gleaner_proto::diagnostic::Diagnostic;
use gleaner_proto::path;
use serde_json::{Value, json};

/// The volume. Tekton refuses `tekton-internal-` in TaskSpecs; so this name could only clash on purpose.
const VOLUME: &str = "gleaner-internal";

/// The volume, for a pod or a TaskSpec.
pub(crate) fn volume() -> Value {
    json!({"name": VOLUME, "emptyDir": {}})
}

/// The sidecar's own mount: all of it.
pub(crate) fn of_sidecar() -> Value {
    json!({"name": VOLUME, "mountPath": path::GLEANER})
}

/// Gives a step its parts.
///
/// # Errors
/// A mount of the step's own in the way.
pub(crate) fn add_to_step(
    container: &mut Value,
    step: &str,
    place: &str,
) -> Result<(), Diagnostic> {
    let own = container.get("volumeMounts").and_then(Value::as_array);
    for (index, mount) in own.into_iter().flatten().enumerate() {
        let at = mount
            .get("mountPath")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let at = at.trim_end_matches('/');
        if at == path::GLEANER || at.starts_with(&format!("{}/", path::GLEANER)) {
            let message = format!(
                "the mount at '{at}' is in the way: Gleaner needs {}",
                path::GLEANER
            );
            let place = format!("{place}.volumeMounts[{index}].mountPath");
            return Err(Diagnostic::new(place, None, message).help("mount it elsewhere"));
        }
    }
    let parts = [
        json!({"name": VOLUME, "mountPath": path::BIN, "subPath": "bin", "readOnly": true}),
        json!({"name": VOLUME, "mountPath": path::OWN_RUN, "subPath": format!("run/{step}"), "readOnly": true}),
        json!({"name": VOLUME, "mountPath": path::OUTPUTS, "subPath": format!("outputs/{step}")}),
    ];
    for part in parts {
        add(container, "volumeMounts", part);
    }
    Ok(())
}

/// Appends to a list, which is made when there is none.
pub(crate) fn add(parent: &mut Value, list: &str, item: Value) {
    match &mut parent[list] {
        Value::Array(items) => items.push(item),
        none => *none = Value::Array(vec![item]),
    }
}
