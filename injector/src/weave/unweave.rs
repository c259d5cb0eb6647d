//! The Task as it was before Gleaner came to it.

use gleaner_proto::arguments::DECLARATION;
use gleaner_proto::kubernetes::SIDECAR;
use serde_json::{Map, Value};

use super::{finish, results};

/// Takes out what weaving has put in, and nothing else: what merely has the same name stays.
pub(super) fn unweave(spec: &mut Value) {
    let Value::Object(spec) = spec else { return };
    retain(spec, "sidecars", |sidecar| !is_own_sidecar(sidecar));
    retain(spec, "steps", |step| !finish::is_own_step(step));
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

fn is_own_sidecar(sidecar: &Value) -> bool {
    let mut args = sidecar
        .get("args")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    sidecar.get("name").is_some_and(|name| name == SIDECAR)
        && args.any(|argument| argument.starts_with(DECLARATION))
}
