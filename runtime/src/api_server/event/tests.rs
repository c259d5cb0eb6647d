use super::*;

#[test]
fn the_fields_of_an_event_are_truncated_to_the_limits_of_kubernetes() {
    let now = Timestamp::from_second(1_790_000_000).unwrap();
    // A truncated name must not end with `-`, which is invalid before the dot of the suffix.
    let name = format!("{}-{}", "a".repeat(235), "b".repeat(17));
    let event = Event {
        controller: "gleaner.dev/injector",
        instance: &"i".repeat(300),
        kind: EventKind::Warning,
        reason: "GleanerRefused",
        action: "Admit",
        note: &"ä".repeat(600),
        regarding: Regarding {
            api_version: "batch/v1",
            kind: "Job",
            namespace: "ci",
            name: &name,
            uid: "j-1",
        },
    };
    let event = event.to_json(now);
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
