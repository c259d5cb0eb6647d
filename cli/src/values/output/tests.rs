//! Unit tests of `output`.

use gleaner_core::declaration::Scope;
use serde_json::json;

use super::*;

fn declaration() -> Declaration {
    let text = "
steps:
  build:
    - {name: digest}
    - {name: size, type: number, default: 7}
    - {name: pin, type: number, secret: true}
objects: []
";
    Declaration::parse(text, &Scope::default()).unwrap()
}

fn given(text: &str) -> Result<Outputs, Vec<String>> {
    let texts = [text.parse().unwrap()];
    outputs(&declaration(), &texts, &[])
        .map_err(|found| found.iter().map(ToString::to_string).collect())
}

#[test]
fn a_value_is_parsed_as_its_declared_type() {
    assert_eq!(given("build.size=5").unwrap()["build"]["size"], json!(5));
    let outputs = given("build.digest=5").unwrap();
    assert_eq!(outputs["build"]["digest"], json!("5"));
    assert_eq!(outputs["build"]["size"], json!(7));
}

#[test]
fn errors_include_a_remedy() {
    assert_eq!(
        given("build.digset=x").unwrap_err(),
        ["undeclared output 'build.digset'; did you mean 'build.digest'?"]
    );
    assert_eq!(
        given("build.size=\"5\"").unwrap_err(),
        ["the output 'build.size' is of type number: the value \"5\" has a different type"]
    );
    assert_eq!(
        given("build.size=12345678901234567890123").unwrap_err(),
        [
            "the output 'build.size' is of type number: the number 12345678901234567890123 cannot be stored exactly; \
             declare type: string"
        ]
    );
}

#[test]
fn no_message_quotes_part_of_a_secret() {
    for canary in [
        "12345678901234567890123",
        "[\"canary\"]",
        "\"canary\"",
        "canary",
        "4canary",
    ] {
        let [message] = given(&format!("build.pin={canary}"))
            .unwrap_err()
            .try_into()
            .unwrap();
        assert!(
            message.starts_with("the output 'build.pin' is of type number: "),
            "{message}"
        );
        for part in ["canary", "1234"] {
            assert!(!message.contains(part), "{message}");
        }
    }
}
