//! The inverse of injection into a pod.

use gleaner_proto::path;
use serde_json::Value;

use super::{LISTS, containers, containers_mut, name_of, sidecar, texts};
use crate::inject::{list, mounts};

/// Removes the redirector and the sidecar from a pod that does not belong to a TaskRun. Keeps a container that has the sidecar's
/// name but does not belong to Gleaner.
pub(crate) fn remove(pod: &mut Value) {
    if let Some(place @ (list, index)) = sidecar::find(pod)
        && !matches!(sidecar::state(pod, place), sidecar::State::Foreign)
    {
        containers_mut(pod, list).remove(index);
        if containers(pod, list).is_empty()
            && let Some(Value::Object(spec)) = pod.get_mut("spec")
        {
            spec.shift_remove(list);
        }
    }
    for list in LISTS {
        let items = pod["spec"].get_mut(list).and_then(Value::as_array_mut);
        for container in items.into_iter().flatten() {
            unwrap(container);
        }
    }
    let spec = &mut pod["spec"];
    mounts::remove(spec, "volumes");
    list::retain(spec, "volumes", |volume| {
        name_of(volume) != mounts::TOKEN_VOLUME
    });
}

fn unwrap(container: &mut Value) {
    let mut command = texts(container, "command");
    let is_redirected = command.first().is_some_and(|own| own == path::REDIRECTOR);
    let end = command.iter().position(|argument| argument == "--");
    if let (true, Some(end)) = (is_redirected, end) {
        container["command"] = command.split_off(end + 1).into();
        mounts::remove(container, "volumeMounts");
    }
}
