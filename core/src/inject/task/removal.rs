//! The inverse of injection into a TaskSpec.

use gleaner_proto::arguments::{DECLARATION, UNWRAPPED};
use gleaner_proto::kubernetes::SIDECAR;
use serde_json::Value;

use super::{ahead, finish_step, results};
use crate::inject::{list, mounts};

/// Removes only the injected parts; the user's own parts with the same names remain.
pub(crate) fn remove(spec: &mut Value) {
    // If the TaskSpec is not injected, a volume with Gleaner's volume name belongs to the user and is not removed.
    let is_injected = is_injected(spec);
    let steps = ahead::unwrap_steps(spec);
    if is_injected || steps > 0 {
        mounts::remove(spec, "volumes");
    }
    list::retain(spec, "sidecars", |sidecar| !is_own_sidecar(sidecar));
    list::retain(spec, "steps", |step| !finish_step::is_own_step(step));
    list::retain(spec, "results", |result| !results::is_added(result));
}

/// Returns true if the TaskSpec is injected.
pub(super) fn is_injected(spec: &Value) -> bool {
    list::items(spec, "sidecars").iter().any(is_own_sidecar)
}

/// Returns true if steps of the TaskSpec use the redirector, but the sidecar is missing.
pub(crate) fn is_incomplete(spec: &Value) -> bool {
    !is_injected(spec) && ahead::unwrap_steps(&mut spec.clone()) > 0
}

/// Returns true if the TaskSpec was injected ahead of time and needs no webhook.
pub(crate) fn is_complete(spec: &Value) -> bool {
    let is_complete = |sidecar| !list::texts(sidecar, "args").any(|arg| arg == UNWRAPPED);
    let mut sidecars = list::items(spec, "sidecars").iter();
    sidecars.any(|sidecar| is_own_sidecar(sidecar) && is_complete(sidecar))
}

fn is_own_sidecar(sidecar: &Value) -> bool {
    let mut args = list::texts(sidecar, "args");
    sidecar["name"] == SIDECAR && args.any(|argument| argument.starts_with(DECLARATION))
}
