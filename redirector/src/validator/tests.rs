//! Unit tests of `validator`.

use proptest::prelude::*;

use super::*;

/// Validates `text` in pieces of `size` bytes.
fn checked(text: &str, size: usize) -> Result<Shape, Invalid> {
    let mut validator = Validator::new();
    for piece in text.as_bytes().chunks(size) {
        validator.feed(piece)?;
    }
    validator.finish()
}

#[test]
fn the_outermost_value_determines_the_type() {
    let table = [
        (" {\"a\": [1, null]}\n", Shape::Object),
        ("-1.5e3", Shape::Number),
        ("true", Shape::Boolean),
        ("[]", Shape::Array),
        ("null", Shape::Null),
        ("\"\\ud83d\\ude00 \\u00e4\"", Shape::String),
    ];
    for (text, shape) in table {
        for size in [1, 3, 100] {
            assert_eq!(checked(text, size), Ok(shape), "{text}");
        }
    }
}

#[test]
fn an_error_contains_the_line_and_the_column() {
    assert_eq!(checked(" \n", 9), Err(Invalid::Empty));
    let table = [
        ("{a: 1}", "key must be a string", 1, 2),
        ("[\n1 2]", "expected `,` or `]`", 2, 3),
        ("{} {}", "trailing characters", 1, 4),
        ("[1,]", "expected value", 1, 4),
        ("yes", "expected value", 1, 1),
        ("nulL", "expected ident", 1, 4),
        ("\"\\ud800\"", LONE_SURROGATE, 1, 8),
        ("\"\\ude00\"", LONE_SURROGATE, 1, 7),
        ("\"\\x\"", "invalid escape", 1, 3),
        (
            "\"\t\"",
            "control character (\\u0000-\\u001F) found while parsing a string",
            1,
            2,
        ),
        ("[01]", "invalid number", 1, 4),
        ("[1", "EOF while parsing a value", 1, 2),
    ];
    for (text, what, line, column) in table {
        assert_eq!(
            checked(text, 1),
            Err(Invalid::Syntax(what, line, column)),
            "{text}"
        );
    }
}

#[test]
fn deep_nesting_is_an_error_and_does_not_crash() {
    let deep = "[".repeat(1 << 20);
    let wrong = checked(&deep, 1 << 10);
    assert_eq!(
        wrong,
        Err(Invalid::Syntax("recursion limit exceeded", 1, 128))
    );
    let deepest = format!("{}{}", "[".repeat(127), "]".repeat(127));
    assert_eq!(checked(&deepest, 7), Ok(Shape::Array));
    assert!(serde_json::from_str::<serde_json::Value>(&deepest).is_ok());
}

#[test]
fn a_number_that_cannot_be_stored_exactly_is_detected_anywhere() {
    for number in ["18446744073709551615", "1e400", "0.1234567890123456789"] {
        let found = |text: String| checked(&text, 5).unwrap_err();
        assert_eq!(found(number.to_owned()), Invalid::Number(1, 1));
        let inside = format!("{{\"a\\\\\":\n [1, {number}]}}");
        assert_eq!(found(inside), Invalid::Number(2, 6));
    }
    let text = "[1, {\"1e400\": \"0.1234567890123456789\\\"1e400\"}]";
    assert_eq!(checked(text, 5), Ok(Shape::Array));
}

#[test]
fn memory_does_not_grow_with_the_text() {
    let mut validator = Validator::new();
    let wrong = (0..1000).find_map(|_| validator.feed(&[b'9'; 1000]).err());
    assert!(matches!(wrong, Some(Invalid::Number(..))));
    assert!(validator.number.capacity() <= 4 * NUMBER_MAX);
}

proptest! {
    #[test]
    fn the_validator_accepts_the_same_json_as_a_json_parser(text in "[\\[\\]{}\":,0-9truefalsn\\\\ .e+-]{0,12}", size in 1_usize..13) {
        let parsed = serde_json::from_str::<serde_json::Value>(&text);
        match checked(&text, size) {
            Ok(_) => prop_assert!(parsed.is_ok(), "{}", text),
            Err(Invalid::Number(..)) => {}
            Err(wrong) => prop_assert!(parsed.is_err(), "{}: {:?}", text, wrong),
        }
    }

    #[test]
    fn the_output_of_a_json_writer_is_accepted(texts: Vec<String>, integer: i64, size in 1_usize..50) {
        let text = serde_json::json!({"a": [texts, integer, {}], "b": null}).to_string();
        prop_assert_eq!(checked(&text, size), Ok(Shape::Object));
    }

    #[test]
    fn the_validator_accepts_the_same_escapes_as_a_json_parser(text in "(\\\\u(d8|dc|00|Dc)[0-9]{2}|\\\\[\"nbx]|a|\u{e4}){0,4}") {
        let text = format!("\"{text}\"");
        prop_assert_eq!(checked(&text, 3).is_ok(), serde_json::from_str::<String>(&text).is_ok());
    }
}
