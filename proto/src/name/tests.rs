//! Unit tests of `name`.

use super::*;

#[test]
fn a_step_name_is_a_dns_label() {
    assert!(StepName::new("build-and-push").is_ok());
    assert!(StepName::new("a".repeat(63)).is_ok());
    for wrong in ["", "-a", "a-", "A", "a_b", "a.b", "ä", "../x", "a/b"] {
        assert!(StepName::new(wrong).is_err(), "{wrong}");
    }
    assert_eq!(
        StepName::new("a".repeat(64)),
        Err(NameError::TooLong("a".repeat(64), 63))
    );
}

#[test]
fn an_output_name_cannot_leave_its_directory() {
    assert!(OutputName::new("image_digest.v1").is_ok());
    for wrong in [
        "", ".", "..", "../x", "a/b", "1a", "a b", "a,b", "a=b", "$(a)",
    ] {
        assert!(OutputName::new(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn dns_labels_are_recognized() {
    for (text, valid) in [
        ("a-1", true),
        ("", false),
        ("-a", false),
        ("a.b", false),
        ("A", false),
    ] {
        assert_eq!(is_dns_label(text), valid, "{text}");
    }
}
