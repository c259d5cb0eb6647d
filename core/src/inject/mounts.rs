//! The shared volume, and the part of it that each container mounts.
//!
//! ```text
//! bin/redirector      copied by the sidecar; all steps mount bin/ at /gleaner/bin, read-only
//! run/STEP/           socket and token of one step; only this step mounts run/STEP/, at /gleaner/run/me, read-only
//! outputs/STEP/       the outputs of one step; only this step mounts outputs/STEP/, at /gleaner/outputs
//! state/              the journal; only the sidecar uses it
//! ```

use crate::document::Place;
use crate::document::diagnostic::Diagnostic;
use gleaner_proto::path;
use serde_json::{Value, json};

use super::list;

/// The name of the volume. The prefix `tekton-internal-` would prevent conflicts, but Tekton rejects it in TaskSpecs.
const VOLUME: &str = "gleaner-internal";
/// The name of the volume with the sidecar's ServiceAccount token, in pods whose steps have no token.
pub(crate) const TOKEN_VOLUME: &str = "gleaner-token";
/// The names of Gleaner's volumes. A container that mounted one of these volumes could read the token, or the sockets of other
/// steps.
const RESERVED: [&str; 2] = [VOLUME, TOKEN_VOLUME];

/// Returns the volume to add to a pod or a TaskSpec.
pub(crate) fn volume() -> Value {
    json!({"name": VOLUME, "emptyDir": {}})
}

/// Returns the sidecar's mount, which covers the whole volume.
pub(crate) fn of_sidecar() -> Value {
    json!({"name": VOLUME, "mountPath": path::GLEANER})
}

/// Reports the container's mounts that conflict with Gleaner's mounts.
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
        let message = format!("the {what} at '{at}' conflicts with {needed}, which Gleaner needs");
        Diagnostic::new(place.key("mountPath"), None, message).help("use a different mount path")
    })
}

/// If a container that is not injected yet mounts any of Gleaner's volumes, reports these mounts.
pub(crate) fn borrowed(container: &Value, place: &Place) -> Vec<Diagnostic> {
    let mounts = with_reserved_names(container, "volumeMounts", place);
    mounts
        .map(|(place, name)| {
            let message =
                format!("the container mounts '{name}', which only Gleaner's containers may mount");
            Diagnostic::new(place, None, message).help("remove the mount")
        })
        .collect()
}

/// Reports volumes in the pod or Task that have the same name as one of Gleaner's volumes. `spec` must not be injected yet.
pub(crate) fn reserved(spec: &Value, place: &Place) -> Vec<Diagnostic> {
    let volumes = with_reserved_names(spec, "volumes", place);
    volumes
        .map(|(place, name)| {
            let message = format!("the volume '{name}' has a name that is reserved for Gleaner");
            Diagnostic::new(place, None, message).help("rename it")
        })
        .collect()
}

/// Returns the name of each item in a list of `parent` that has the name of one of Gleaner's volumes, with the place of the name.
fn with_reserved_names(
    parent: &Value,
    list: &str,
    place: &Place,
) -> impl Iterator<Item = (Place, &'static str)> {
    let items = list::items(parent, list).iter().enumerate();
    items.filter_map(move |(index, item)| {
        let name = RESERVED.into_iter().find(|name| item["name"] == *name)?;
        Some((place.key(list).index(index).key("name"), name))
    })
}

/// Reports workspaces whose mount paths conflict with Gleaner's mounts.
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

/// Mounts three directories into the container of `step`: Gleaner's binaries and the step's run directory, both read-only, and
/// the step's outputs directory.
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

/// Returns true if the container mounts a part of the volume, that is, if it is an injected step or the sidecar.
pub(crate) fn are_in(container: &Value) -> bool {
    let mut all = list::items(container, "volumeMounts").iter();
    all.any(|mount| mount["name"] == VOLUME)
}

/// Removes Gleaner's mounts or volumes from a list, and the list itself if it becomes empty.
pub(crate) fn remove(parent: &mut Value, list: &str) {
    list::retain(parent, list, |item| item["name"] != VOLUME);
}
