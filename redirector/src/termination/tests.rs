use super::*;

const REASON: &str = "OutputMissing";
const MESSAGE: &str = "output 'digest' is missing\n";

const OURS: &str = r#"{"key":"Reason","value":"OutputMissing","type":3},{"key":"Gleaner","value":"output 'digest' is missing"}"#;

#[test]
fn an_array_that_is_there_is_kept() {
    assert_eq!(merged("", REASON, MESSAGE), format!("[{OURS}]"));
    assert_eq!(merged("[]\n", REASON, MESSAGE), format!("[{OURS}]"));
    assert_eq!(merged("oops", REASON, MESSAGE), format!("[{OURS}]"));
    let theirs = r#"{"key":"img","value":"x","type":1}"#;
    assert_eq!(
        merged(&format!("[{theirs}]"), REASON, MESSAGE),
        format!("[{theirs},{OURS}]")
    );
}

#[test]
fn the_message_stays_within_what_the_kubelet_keeps() {
    let long = "\"".repeat(9000);
    assert!(merged("", REASON, &long).len() < 2 * SENTENCE_MAX + 100);
    let theirs = format!(r#"[{{"key":"img","value":"{}"}}]"#, "x".repeat(3900));
    let merged = merged(&theirs, REASON, &long);
    assert!(
        merged.contains("OutputMissing") && merged.len() <= MESSAGE_MAX,
        "{}",
        merged.len()
    );
}
