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
    let mounts = list::items(container, "volumeMounts").iter().enumerate();
    mounts
        .filter_map(|(index, mount)| {
            at_gleaner(mount, &place.key("volumeMounts").index(index), "mount")
        })
        .collect()
}

fn at_gleaner(mount: &Value, place: &Place, what: &str) -> Option<Diagnostic> {
    let at = mount["mountPath"].as_str()?.trim_end_matches('/');
    let needed = path::GLEANER;
    let is_taken = at == needed || at.starts_with(&format!("{needed}/"));
    is_taken.then(|| {
        let message = format!("the {what} at '{at}' is in the way: Gleaner needs {needed}");
        Diagnostic::new(place.key("mountPath"), None, message).help("mount it elsewhere")
    })
}

/// Volumes of the pod's or Task's own that have the name of Gleaner's. Read from a spec to which nothing was added.
pub(crate) fn reserved(spec: &Value, place: &Place) -> Vec<Diagnostic> {
    let volumes = list::items(spec, "volumes").iter().enumerate();
    let taken = volumes.filter(|(_, volume)| volume["name"] == VOLUME);
    taken
        .map(|(index, _)| {
            let place = place.key("volumes").index(index).key("name");
            let message =
                format!("the volume '{VOLUME}' has the name that Gleaner needs for its own");
            Diagnostic::new(place, None, message).help("rename it")
        })
        .collect()
}

/// Workspaces that are mounted where Gleaner needs to mount.
pub(crate) fn workspaces_in_the_way(spec: &Value, place: &Place) -> Vec<Diagnostic> {
    let workspaces = list::items(spec, "workspaces").iter().enumerate();
    let steps = list::items(spec, "steps").iter().enumerate();
    let of_steps = steps.flat_map(|(index, step)| {
        let place = place.key("steps").index(index);
        let own = list::items(step, "workspaces").iter().enumerate();
        own.map(move |(index, one)| (place.key("workspaces").index(index), one))
    });
    workspaces
        .map(|(index, one)| (place.key("workspaces").index(index), one))
        .chain(of_steps)
        .filter_map(|(place, one)| at_gleaner(one, &place, "workspace"))
        .collect()
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
