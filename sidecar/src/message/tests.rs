use super::*;

#[test]
fn values_within_text_are_not_counted() {
    let measured = |json: &[u8]| (extent(json).values, extent(json).depth);
    assert_eq!(measured(br#"{"a": [1, 2], "b": {"c": true}}"#), (8, 2));
    assert_eq!(measured(br#""[{,:\\\",:""#), (0, 0));
    assert_eq!(measured(b"\"not closed \\"), (0, 0));
    assert_eq!(measured(b"]]]["), (1, 1));
}

#[test]
fn no_key_has_a_special_meaning() {
    for key in [
        "$serde_json::private::RawValue",
        "$serde_json::private::Number",
    ] {
        let body = format!(r#"{{"outputs": {{"a": {{"{key}": "[1]"}}}}}}"#);
        let message = read(body.as_bytes()).unwrap();
        assert_eq!(message.outputs["a"][key], "[1]");
    }
}

#[test]
fn a_duplicate_key_is_refused_at_every_level() {
    for body in [
        r#"{"outputs": {"z": "1", "z": "2"}}"#,
        r#"{"outputs": {"z": "1", "\u007a": "1"}}"#,
        r#"{"outputs": {"z": {"k": 1, "k": 2}}}"#,
        r#"{"outputs": {"z": [{"a": {"k": 1, "\u006b": 2}}]}}"#,
        r#"{"outputs": {"z": "1"}, "outputs": {"z": "2"}}"#,
        r#"{"outputs": {}, "exitCode": 0, "exitCode": 1}"#,
    ] {
        assert!(read(body.as_bytes()).is_err(), "{body}");
    }
    let twins = r#"{"outputs": {"z": {"k": 1}, "y": {"k": 1}}, "exitCode": 0}"#;
    assert!(read(twins.as_bytes()).is_ok());
}

#[test]
fn a_duplicate_key_is_reported_with_its_output() {
    for (value, twin) in [
        (r#"{"k": 1, "k": 2}"#, "k"),
        (r#"[{"a": {"total": 1, "\u0074otal": 2}}]"#, "total"),
    ] {
        let body = format!(r#"{{"outputs": {{"y": {{"k": 1}}, "z": {value}}}}}"#);
        match read(body.as_bytes()).unwrap_err() {
            ReadError::DuplicateKey { output, key } => {
                assert_eq!((output.as_str(), key.as_str()), ("z", twin));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_error_message_quotes_nothing_of_the_body() {
    for body in [
        r#"{"outputs": "canary"}"#,
        r#"{"canary": 1, "outputs": {}}"#,
        r#"{"outputs": {}, "exitCode": "canary"}"#,
        r#"{"outputs": {"a": canary}}"#,
        r#""canary"#,
        "canary",
    ] {
        let error = read(body.as_bytes()).unwrap_err();
        assert!(
            !explained(&error).contains("canary"),
            "{}",
            explained(&error)
        );
    }
}

#[test]
fn large_text_is_parsed_like_small_text() {
    for unit in [
        "plain",
        r"\n",
        r"\\",
        r#"\""#,
        r"\u00e9",
        r"\ud83d\ude00",
        "é😀",
        r"a\/b\tc",
        "x😀\\n",
    ] {
        for shift in 0..12 {
            let json = format!(
                "\"{}{}\"",
                "s".repeat(shift),
                unit.repeat(3 * PIECE / unit.len())
            );
            let expected: Value = serde_json::from_str(&json).unwrap();
            assert!(value(&json).unwrap() == expected, "{unit} {shift}");
        }
    }
    let lone = format!("\"{}\\ud83d\"", "s".repeat(PIECE));
    assert!(value(&lone).is_err());
}

#[test]
fn a_message_is_parsed_as_proto_describes_it() {
    for body in [
        r#"{"outputs": {"a": "1", "b\n": [1, {"c": null}], "d": -1.5e-3}, "exitCode": 3}"#,
        r#" { "outputs" : { } } "#,
    ] {
        let expected: Outputs = serde_json::from_str(body).unwrap();
        assert_eq!(read(body.as_bytes()).unwrap(), expected);
    }
    let deep = format!(
        r#"{{"outputs": {{"a": {}{}}}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    assert!(read(deep.as_bytes()).is_err());
    assert!(read(b"{\"outputs\": {\"a\": \"\xff\"}}").is_err());
}

#[test]
fn a_number_that_the_parser_would_round_is_refused_with_its_output() {
    for number in [
        "18446744073709551616",
        "12345678901234567890123",
        "9223372036854775808",
        "0.1234567890123456789",
        "-0.10000000000000000001",
    ] {
        for value in [number.to_owned(), format!(r#"{{"a": ["1", {number}]}}"#)] {
            let body = format!(r#"{{"outputs": {{"b": 1, "size": {value}}}}}"#);
            let error = read(body.as_bytes()).unwrap_err();
            let explained = explained(&error);
            assert!(
                explained.contains("'size'") && !explained.contains(number),
                "{explained}"
            );
        }
    }
    for kept in [
        "1.10",
        "1e3",
        "9223372036854775807",
        "36893488147419103000",
        r#""0.1234567890123456789""#,
    ] {
        let body = format!(r#"{{"outputs": {{"size": {kept}}}}}"#);
        assert!(read(body.as_bytes()).is_ok(), "{body}");
    }
}
