//! The Task as it was before Gleaner came to it.

use gleaner_proto::arguments::{DECLARATION, UNWRAPPED};
use gleaner_proto::kubernetes::SIDECAR;
use serde_json::{Map, Value};

use super::{ahead, finish_step, results};

/// Takes out what weaving has put in, and nothing else: what merely has the same name stays.
pub(super) fn remove(spec: &mut Value) {
    let Value::Object(spec) = spec else { return };
    ahead::unwrap_steps(spec);
    retain(spec, "sidecars", |sidecar| !is_own_sidecar(sidecar));
    retain(spec, "steps", |step| !finish_step::is_own_step(step));
    retain(spec, "results", |result| !results::is_added(result));
}

/// Keeps what is wanted of a list, and the list only where something is left of it.
fn retain(spec: &mut Map<String, Value>, list: &str, wanted: impl Fn(&Value) -> bool) {
    let Some(Value::Array(items)) = spec.get_mut(list) else {
        return;
    };
    let before = items.len();
    items.retain(wanted);
    if items.is_empty() && before > 0 {
        spec.shift_remove(list);
    }
}

/// Whether Gleaner has been here.
pub(super) fn is_woven(spec: &Value) -> bool {
    let sidecars = spec.get("sidecars").and_then(Value::as_array);
    sidecars.into_iter().flatten().any(is_own_sidecar)
}

/// Whether the TaskSpec has been injected ahead of time, and needs no webhook.
pub(super) fn is_complete(spec: &Value) -> bool {
    let sidecars = spec.get("sidecars").and_then(Value::as_array);
    let mut own = sidecars
        .into_iter()
        .flatten()
        .filter(|sidecar| is_own_sidecar(sidecar));
    own.any(|sidecar| !args(sidecar).any(|argument| argument == UNWRAPPED))
}

fn is_own_sidecar(sidecar: &Value) -> bool {
    sidecar.get("name").is_some_and(|name| name == SIDECAR)
        && args(sidecar).any(|argument| argument.starts_with(DECLARATION))
}

fn args(sidecar: &Value) -> impl Iterator<Item = &str> {
    let args = sidecar.get("args").and_then(Value::as_array);
    args.into_iter().flatten().filter_map(Value::as_str)
}
