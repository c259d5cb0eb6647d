//! Unit tests of `yaml`.

use super::*;

#[test]
fn nodes_have_their_positions() {
    let node = parse("a:\n  - b: |\n      text\n    c: 1\n").unwrap();
    let item = &node.get("a").unwrap().sequence().unwrap()[0];
    assert_eq!(item.get("b").unwrap().at, Location { line: 3, column: 7 });
    assert_eq!(item.get("c").unwrap().at, Location { line: 4, column: 8 });
    assert_eq!(
        node.to_json(),
        serde_json::json!({"a": [{"b": "text\n", "c": 1}]})
    );
}

#[test]
fn numbers_are_read_as_kubectl_reads_them() {
    let node = parse("[0644, 1e3, 0x1F, 1.5, -0.0, 1.0, 9223372036854775807]").unwrap();
    let expected = serde_json::json!([420, 1000, 31, 1.5, 0, 1, i64::MAX]);
    assert_eq!(node.to_json(), expected);
}

#[test]
fn errors_describe_the_document_not_the_parser() {
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    for (text, message) in [
        ("a: 1\na: 2", "duplicate mapping key: a; remove one of them"),
        ("a: .inf", "a number must be finite; put it in quotes"),
        (
            "a: 18446744073709551615",
            "Kubernetes would store the number 18446744073709551615 as a different number; write a smaller number, or put it in quotes if it is text",
        ),
        (
            deep.as_str(),
            "the document is too large, or nested too deeply; at most 40 levels",
        ),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

#[test]
fn an_integer_that_the_parser_rounds_is_rejected_at_its_position() {
    for (text, number, column) in [
        ("# é\na: 18446744073709551616", "18446744073709551616", 4),
        (
            "b: 1\n\u{e9}: [\"x\", -9223372036854775809]",
            "-9223372036854775809",
            10,
        ),
        (
            "---\n- +12345678901234567890123\n--- {}",
            "12345678901234567890123",
            3,
        ),
        (
            "a: 1\nb: &n 18446744073709551616\nc: *n",
            "18446744073709551616",
            7,
        ),
    ] {
        let error = parse_documents(text).unwrap_err();
        assert_eq!(error.at, Some(Location { line: 2, column }), "{error}");
        let message = format!("Kubernetes would store the number {number} as a different number");
        assert!(error.message.contains(&message), "{error}");
    }
    for text in [
        "a: 36893488147419103000",
        "a: 1e30",
        "a: 18446744073709551616.5",
        "a: '18446744073709551616'",
        "a: |\n  18446744073709551616",
        "a: &n 1e30\nb: *n",
    ] {
        assert!(parse(text).is_ok(), "{text}");
    }
}

#[test]
fn a_syntax_error_has_a_position() {
    let error = parse("a: 1\na: 2").unwrap_err();
    assert_eq!(error.at, Some(Location { line: 2, column: 1 }));
    assert!(
        error.message.contains("duplicate mapping key: a"),
        "{error}"
    );
    assert!(!error.message.contains("at line"), "{error}");
}

#[test]
fn an_alias_bomb_is_rejected() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        text += &format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", "));
    }
    assert!(parse(&text).is_err());
}

#[test]
fn a_value_that_needs_quotes_is_shown_with_its_line() {
    for (text, line, value) in [
        (
            "a:\n  b: {c: $(x)@$(y), d: $(params.list[*])}\n",
            2,
            "$(params.list[*])",
        ),
        ("a: [$(params.list[0]), b]\n", 1, "$(params.list[0])"),
        ("a: {b: $(params.x{y})}\n", 1, "$(params.x{y})"),
        ("a: {b: .spec.list[0].image}\n", 1, ".spec.list[0].image"),
    ] {
        let wrong = parse(text).unwrap_err();
        assert_eq!(wrong.at.map(|at| at.line), Some(line), "{wrong}");
        let help = format!("quote a value that contains [ or {{, such as \"{value}\"");
        assert_eq!(wrong.help.as_deref(), Some(help.as_str()), "{wrong}");
    }
}
