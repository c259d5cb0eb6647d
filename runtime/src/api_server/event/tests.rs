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
