//! The shared volume, and who sees which part of it.
//!
//! ```text
//! bin/redirector      the sidecar copies it there; steps: /gleaner/bin, read-only
//! run/STEP/           socket and token of one step; that step alone: /gleaner/run/me, read-only
//! outputs/STEP/       room for its outputs; that step alone: /gleaner/outputs
//! state/              the journal; the sidecar alone
//! ```

use crate::document::Place;
use crate::document::diagnostic::Diagnostic;
use gleaner_proto::path;
use serde_json::{Value, json};

use super::list;

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

/// Mounts of a container's own where Gleaner needs to mount.
pub(crate) fn in_the_way(container: &Value, place: &Place) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    for (index, mount) in list::items(container, "volumeMounts").iter().enumerate() {
        let at = mount["mountPath"].as_str();
        let at = at.unwrap_or_default().trim_end_matches('/');
        if at == path::GLEANER || at.starts_with(&format!("{}/", path::GLEANER)) {
            let needed = path::GLEANER;
            let message = format!("the mount at '{at}' is in the way: Gleaner needs {needed}");
            let place = place.key("volumeMounts").index(index).key("mountPath");
            wrong.push(Diagnostic::new(place, None, message).help("mount it elsewhere"));
        }
    }
    wrong
}

/// Gives a step its parts.
pub(crate) fn add_to_step(container: &mut Value, step: &str) {
    let parts = [
        json!({"name": VOLUME, "mountPath": path::BIN, "subPath": "bin", "readOnly": true}),
        json!({"name": VOLUME, "mountPath": path::OWN_RUN, "subPath": format!("run/{step}"), "readOnly": true}),
        json!({"name": VOLUME, "mountPath": path::OUTPUTS, "subPath": format!("outputs/{step}")}),
    ];
    for part in parts {
        list::push(container, "volumeMounts", part);
    }
}

/// Returns true if the container sees a part of the volume: a step that was injected, or the sidecar.
pub(crate) fn are_in(container: &Value) -> bool {
    let mut all = list::items(container, "volumeMounts").iter();
    all.any(|mount| mount["name"] == VOLUME)
}

/// Takes Gleaner's mounts or volumes out of a list, and the list where nothing else is in it.
pub(crate) fn remove(parent: &mut Value, list: &str) {
    list::retain(parent, list, |item| item["name"] != VOLUME);
}
