use super::*;

const REASON: &str = "OutputMissing";
const MESSAGE: &str = "output 'digest' is missing\n";

const OURS: &str = r#"{"key":"Reason","value":"OutputMissing","type":3},{"key":"Gleaner","value":"output 'digest' is missing"}"#;

#[test]
fn existing_entries_are_kept() {
    assert_eq!(
        merged("", REASON, MESSAGE, CONTAINER_MAX),
        format!("[{OURS}]")
    );
    assert_eq!(
        merged("[]\n", REASON, MESSAGE, CONTAINER_MAX),
        format!("[{OURS}]")
    );
    assert_eq!(
        merged("oops", REASON, MESSAGE, CONTAINER_MAX),
        format!("[{OURS}]")
    );
    let theirs = r#"{"key":"img","value":"x","type":1}"#;
    assert_eq!(
        merged(&format!("[{theirs}]"), REASON, MESSAGE, CONTAINER_MAX),
        format!("[{theirs},{OURS}]")
    );
}

#[test]
fn the_message_stays_within_the_kubelets_limit() {
    for room in [0, 60, 200, 1024] {
        let merged = merged("", REASON, &"<\"".repeat(900), room);
        assert!(merged.contains("OutputMissing"));
        assert!(merged.len() <= room.max(60), "{} in {room}", merged.len());
    }
    let long = "\"".repeat(9000);
    assert!(merged("", REASON, &long, CONTAINER_MAX).len() < MESSAGE_MAX + 200);
    let theirs = format!(r#"[{{"key":"img","value":"{}"}}]"#, "x".repeat(3900));
    let merged = merged(&theirs, REASON, &long, CONTAINER_MAX);
    assert!(
        merged.contains("OutputMissing") && merged.len() <= CONTAINER_MAX,
        "{}",
        merged.len()
    );
}
