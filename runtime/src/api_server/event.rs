//! An Event (`events.k8s.io/v1`) about a refusal.

use gleaner_runtime::text::cut;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Notice;

const CONTROLLER: &str = "gleaner.dev/injector";
/// Bound on a note, in bytes (k8s.io/kubernetes, pkg/apis/core/validation/events.go).
pub(super) const NOTE_BYTES: usize = 1024;
/// Bound on the name of an instance, in bytes (ibid.).
const INSTANCE_BYTES: usize = 128;
/// Bound on the name of an Event without its suffix, in bytes: names have 253, the suffix 17.
const NAME_BYTES: usize = 236;

pub(super) fn event(notice: &Notice, instance: &str, now: Timestamp) -> Value {
    let owner = &notice.owner;
    // As client-go names them: what it is about, and the time in hexadecimal nanoseconds.
    let base = cut(&owner.name, NAME_BYTES).trim_end_matches(['.', '-']);
    let name = format!("{base}.{:x}", now.as_nanosecond());
    json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": notice.namespace},
        "type": "Warning",
        "reason": "GleanerRefused",
        "action": "Admit",
        "note": cut(&notice.message, NOTE_BYTES),
        "eventTime": format!("{now:.6}"),
        "reportingController": CONTROLLER,
        "reportingInstance": cut(instance, INSTANCE_BYTES),
        "regarding": {
            "apiVersion": owner.api_version,
            "kind": owner.kind,
            "namespace": notice.namespace,
            "name": owner.name,
            "uid": owner.uid,
        },
    })
}

#[cfg(test)]
mod tests;
