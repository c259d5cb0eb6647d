use std::collections::BTreeMap;

use gleaner_proto::message::{Action, Outcome};
use serde_json::{Map, json};

use super::*;

/// Parses `text`, and returns its parts, one per line, and the error.
fn parts(text: &str) -> (Vec<String>, Option<String>) {
    let mut parts = Vec::new();
    let read = read(&mut text.as_bytes(), &mut |part| {
        parts.push(match part {
            Part::Created(created) => created.to_string(),
            Part::Result(name) => format!("{name}:"),
            Part::ResultText(text) => text.to_owned(),
            other => format!("{other:?}"),
        });
        Ok(())
    });
    let error = read.err().map(|unread| match unread {
        Unread::Failed(failure) => failure.message,
        Unread::Interrupted(error) => error.to_string(),
    });
    (parts, error)
}

#[test]
fn the_sidecar_writes_the_parts_of_an_outcome_in_the_order_in_which_they_are_read() {
    let created = |name: &str| Created {
        resource: "r".into(),
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: None,
        name: name.into(),
        uid: "u".into(),
        action: Action::Created,
    };
    let fields = Map::from_iter([
        ("a\"".to_owned(), json!("x\ny")),
        ("b".to_owned(), json!("")),
    ]);
    let outcome = Outcome {
        phase: Phase::Committed,
        pending: vec!["steps.a.b".into()],
        resources: vec![created("one"), created("two")],
        results: BTreeMap::from([("img".to_owned(), fields), ("none".to_owned(), Map::new())]),
        notes: vec!["n".into()],
    };
    let (parts, error) = parts(&serde_json::to_string(&outcome).unwrap());
    let expected = [
        "Phase(Committed)",
        "ConfigMap one (r): created",
        "ConfigMap two (r): created",
        "img:",
        r#"{"a\"":"x\ny""#,
        r#","b":"""#,
        "}",
        "none:",
        "{}",
        r#"Note("n")"#,
    ];
    assert_eq!(
        (parts.as_slice(), error),
        (&expected.map(str::to_owned)[..], None)
    );
}

#[test]
fn a_malformed_outcome_is_an_error_after_its_valid_parts() {
    for (text, right, error) in [
        ("[]", 0, "invalid type: sequence, expected struct Outcome"),
        ("{}", 0, "missing field `phase`"),
        (
            r#"{"notes":["n"],"phase":"Committed"}"#,
            0,
            "`phase` is not the first field",
        ),
        (
            r#"{"phase":"Committed","notes":["n",1]}"#,
            2,
            "invalid type: integer `1`, expected a string",
        ),
        (
            r#"{"phase":"Committed","results":{"a":1}}"#,
            2,
            "expected a map of fields",
        ),
        (
            r#"{"phase":"Committed","resources":{}}"#,
            1,
            "expected a sequence",
        ),
        (r#"{"phase":"Committed"} x"#, 1, "trailing characters"),
        (r#"{"phase":"Committed""#, 1, "EOF while parsing"),
        (r#"{"phase":"Tomorrow"}"#, 0, "unknown variant `Tomorrow`"),
    ] {
        let (parts, message) = parts(text);
        let message = message.unwrap();
        assert!(message.contains(error), "{text}: {message}");
        assert!(message.contains("use a redirector and a sidecar of the same version"));
        assert_eq!(parts.len(), right, "{text}");
    }
    assert_eq!(parts(r#"{"later":[{}],"phase":"Committed"}"#).1, None);
}

#[test]
fn the_first_failure_of_the_callers_function_stops_parsing() {
    let mut taken = 0;
    let text = r#"{"phase":"Committed","notes":["a","b"]}"#;
    let read = read(&mut text.as_bytes(), &mut |part| {
        taken += 1;
        match part {
            Part::Note(_) => Err(Failure::new(Reason::ResultNotWritten, "full")),
            _ => Ok(()),
        }
    });
    let Err(Unread::Failed(failure)) = read else {
        panic!("{read:?}");
    };
    assert_eq!((failure.message.as_str(), taken), ("full", 2));
}

#[test]
fn an_interrupted_connection_is_distinguished_from_a_malformed_outcome() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let mut body = br#"{"phase":"Comm"#.chain(Broken);
    let read = read(&mut body, &mut |_| Ok(()));
    let Err(Unread::Interrupted(error)) = read else {
        panic!("{read:?}");
    };
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}
