use std::sync::Arc;

use crate::declaration::Scope;
use serde_json::json;

use super::*;

#[test]
fn a_secret_is_taken_out_however_it_is_quoted() {
    let text = "steps: {a: [{name: token, secret: true}, {name: keys, type: object, secret: true}, {name: open}]}";
    let declaration = Declaration::parse(text, &Scope::default()).unwrap();
    let outputs = [
        ("token".to_owned(), "hunter\"2\n".into()),
        (
            "keys".to_owned(),
            json!({"pin": 48151623, "deep": ["swordfish"], "on": true, "n": 7}),
        ),
        ("open".to_owned(), "not secret".into()),
    ];
    let values = Values {
        outputs: [("a".to_owned(), Arc::new(outputs.into()))].into(),
        ..Values::default()
    };
    let redaction = Redaction::new(&declaration, &values);
    for leak in [
        "bad value \"hunter\\\"2\\n\"",
        "raw hunter\"2\n",
        "aHVudGVyIjIK is no key",
        "Value:48151623",
        "swordfish!",
    ] {
        let clean = redaction.apply(leak.to_owned());
        assert!(clean.contains(SECRET), "{clean}");
        assert!(
            !clean.contains("hunter") && !clean.contains("4815") && !clean.contains("swordfish"),
            "{clean}"
        );
    }
    assert_eq!(
        redaction.apply("7 on true, not secret".into()),
        "7 on true, not secret"
    );
}
