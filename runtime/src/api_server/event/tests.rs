use super::*;

#[test]
fn an_event_stays_within_the_bounds_of_kubernetes() {
    let now = Timestamp::from_second(1_790_000_000).unwrap();
    // Truncation must not leave a character that is invalid before a dot.
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
