//! The Task as it was before Gleaner came to it.

use gleaner_proto::arguments::{DECLARATION, UNWRAPPED};
use gleaner_proto::kubernetes::SIDECAR;
use serde_json::Value;

use super::{ahead, finish_step, results};
use crate::inject::{list, mounts};

/// Takes out what injection has put in, and nothing else: what merely has the same name stays.
pub(crate) fn remove(spec: &mut Value) {
    // A volume of the Task's own may have the name of Gleaner's.
    let is_injected = is_injected(spec);
    ahead::unwrap_steps(spec);
    if is_injected {
        mounts::remove(spec, "volumes");
    }
    list::retain(spec, "sidecars", |sidecar| !is_own_sidecar(sidecar));
    list::retain(spec, "steps", |step| !finish_step::is_own_step(step));
    list::retain(spec, "results", |result| !results::is_added(result));
}

/// Whether Gleaner has been here.
pub(super) fn is_injected(spec: &Value) -> bool {
    list::items(spec, "sidecars").iter().any(is_own_sidecar)
}

/// Whether the TaskSpec has been injected ahead of time, and needs no webhook.
pub(super) fn is_complete(spec: &Value) -> bool {
    let is_complete = |sidecar| !list::texts(sidecar, "args").any(|arg| arg == UNWRAPPED);
    let mut sidecars = list::items(spec, "sidecars").iter();
    sidecars.any(|sidecar| is_own_sidecar(sidecar) && is_complete(sidecar))
}

fn is_own_sidecar(sidecar: &Value) -> bool {
    let mut args = list::texts(sidecar, "args");
    sidecar["name"] == SIDECAR && args.any(|argument| argument.starts_with(DECLARATION))
}
