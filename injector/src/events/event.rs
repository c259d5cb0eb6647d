//! An Event (`events.k8s.io/v1`) about a refusal.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Notice;

const CONTROLLER: &str = "gleaner.dev/injector";
/// Bound on a note, in bytes (k8s.io/kubernetes, pkg/apis/core/validation/events.go).
const NOTE_BYTES: usize = 1024;
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
        "note": bounded(&notice.message),
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

/// The text as far as an Event takes it.
pub(super) fn bounded(message: &str) -> &str {
    cut(message, NOTE_BYTES)
}

fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len()))
        .rev()
        .find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::Owner;

    fn notice(name: &str, message: &str) -> Notice {
        let owner = json!({"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": "j-1"});
        Notice {
            owner: serde_json::from_value::<Owner>(owner).unwrap(),
            namespace: "ci".to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn whatever_it_is_about_an_event_stays_within_the_bounds_of_kubernetes() {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        // Names end in what may not stand before a dot, where they are cut.
        let name = format!("{}-{}", "a".repeat(235), "b".repeat(17));
        let event = event(&notice(&name, &"ä".repeat(600)), &"i".repeat(300), now);
        let text = |pointer: &str| event.pointer(pointer).unwrap().as_str().unwrap();
        assert!(text("/metadata/name").len() <= 253, "{event}");
        assert!(
            text("/metadata/name").starts_with(&format!("{}.", "a".repeat(235))),
            "{event}"
        );
        assert_eq!(text("/note").len(), 1024);
        assert_eq!(text("/reportingInstance").len(), 128);
        assert_eq!(text("/eventTime"), "2026-09-21T14:13:20.000000Z");
        assert_eq!(text("/regarding/name"), name);
    }
}
