//! Unit tests of `constraint`.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::declaration::{Declaration, Output, Scope};

/// Returns the output declared by `fields`.
fn output(fields: &str) -> Output {
    let text = format!("steps: {{build: [{{name: a, {fields}}}]}}");
    let declaration = Declaration::parse(&text, &Scope::default()).unwrap();
    declaration.output("build", "a").unwrap().clone()
}

fn violation(fields: &str, value: &Value) -> String {
    let wrong = output(fields).check(value).unwrap_err();
    wrong.to_string()
}

#[test]
fn an_empty_string_array_or_object_violates_non_empty() {
    let empty = "is empty, which nonEmpty: true does not allow";
    for (kind, none, some) in [
        ("string", json!(""), json!(" ")),
        ("array", json!([]), json!([null])),
        ("object", json!({}), json!({"": null})),
    ] {
        let fields = format!("type: {kind}, nonEmpty: true");
        assert_eq!(violation(&fields, &none), empty);
        assert_eq!(output(&fields).check(&some), Ok(()));
        assert_eq!(output(&format!("type: {kind}")).check(&none), Ok(()));
    }
}

#[test]
fn a_pattern_matches_anywhere_unless_it_is_anchored() {
    let part = output("pattern: 'sha256:[0-9a-f]{4}'");
    assert_eq!(part.check(&json!("at sha256:00ff, maybe")), Ok(()));
    let digest = "pattern: '^sha256:[0-9a-f]{4}$'";
    assert_eq!(output(digest).check(&json!("sha256:00ff")), Ok(()));
    for wrong in ["sha256:00ff\n", " sha256:00ff", "sha256:00ff0", "", "x"] {
        assert!(output(digest).check(&json!(wrong)).is_err(), "{wrong:?}");
    }
    assert_eq!(output("pattern: '^$'").check(&json!("")), Ok(()));
}

#[test]
fn a_mismatch_shows_the_value_on_one_line_unless_it_is_secret() {
    let pattern = "pattern: '^v[0-9]+$'";
    assert_eq!(
        violation(pattern, &json!("error:\n denied")),
        "is 'error:\\n denied', which does not match the pattern '^v[0-9]+$'"
    );
    assert_eq!(
        violation(pattern, &json!("")),
        "is empty, which does not match the pattern '^v[0-9]+$'"
    );
    let long = violation(pattern, &json!("ü".repeat(1000)));
    assert_eq!(
        long,
        format!(
            "is '{}…', which does not match the pattern '^v[0-9]+$'",
            "ü".repeat(80)
        )
    );
    let secret = format!("{pattern}, secret: true");
    for value in ["hunter2", ""] {
        assert_eq!(
            violation(&secret, &json!(value)),
            "does not match the pattern '^v[0-9]+$'"
        );
    }
}

#[test]
fn an_invalid_pattern_is_rejected_with_a_one_line_message() {
    let long = "a".repeat(PATTERN_MAX + 1);
    for (text, message) in [
        (
            "a(?=b)",
            "invalid pattern: look-around, including look-ahead and look-behind, is not supported",
        ),
        (
            r"(a)\1",
            "invalid pattern: backreferences are not supported",
        ),
        (
            "^a$\n",
            "the pattern ends with a newline; write it in single quotes, or after |- instead of |",
        ),
        ("[a", "invalid pattern: unclosed character class"),
        (
            &long,
            "the pattern is 1025 bytes long, but at most 1024 are allowed",
        ),
        (
            r"\w{100}",
            "the compiled pattern exceeds 256 KiB; use fewer repetitions, or write [0-9A-Za-z_] for \\w, which includes the letters of \
             all scripts",
        ),
    ] {
        let wrong = Pattern::new(text).unwrap_err().to_string();
        assert_eq!(wrong, message, "{text}");
    }
    let deep = format!("{}a{}", "(".repeat(60), ")".repeat(60));
    assert!(matches!(Pattern::new(&deep), Err(PatternError::Syntax(_))));
}

#[test]
fn common_patterns_are_within_the_bounds() {
    for text in [
        "^sha256:[0-9a-f]{64}$",
        r"^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$",
        "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
        r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        r"^https?://[^\s/$.?#].[^\s]*$",
        "^.{1,63}$",
        r"(?i)^\w+$",
        r"^[\x20-\x7e]{0,1000}$",
    ] {
        assert_eq!(Pattern::new(text).err(), None, "{text}");
    }
}

#[test]
fn a_value_that_is_too_long_to_match_is_rejected() {
    let any = "pattern: '(?s).'";
    let most = "x".repeat(VALUE_MAX);
    assert_eq!(output(any).check(&json!(most)), Ok(()));
    assert_eq!(
        violation(any, &json!(format!("{most}x"))),
        "is 65537 bytes long; a value with a pattern may have at most 65536 bytes"
    );
}

/// The engine of the `regex` crate takes linear time. A backtracking engine would take 2^40 steps, and exceed the time limit.
#[test]
fn a_match_takes_linear_time() {
    let pattern = Pattern::new("^(a|a)*(a*)*$").unwrap();
    let start = std::time::Instant::now();
    assert!(!pattern.matches(&format!("{}!", "a".repeat(VALUE_MAX))));
    assert!(start.elapsed() < std::time::Duration::from_secs(60));
}

proptest! {
    #[test]
    fn any_text_is_either_a_pattern_or_rejected_with_a_one_line_message(text in "[a-z(){}\\[\\]|*+?.^$\\\\0-9-]{0,30}", value in ".{0,20}") {
        match Pattern::new(&text) {
            Ok(pattern) => { pattern.matches(&value); }
            Err(error) => prop_assert_eq!(error.to_string().lines().count(), 1),
        }
    }
}
