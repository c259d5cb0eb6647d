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
fn a_value_takes_its_declared_type() {
    assert_eq!(given("build.size=5").unwrap()["build"]["size"], json!(5));
    let outputs = given("build.digest=5").unwrap();
    assert_eq!(outputs["build"]["digest"], json!("5"));
    assert_eq!(outputs["build"]["size"], json!(7));
}

#[test]
fn what_is_wrong_is_said_with_its_remedy() {
    assert_eq!(
        given("build.digset=x").unwrap_err(),
        ["no output 'build.digset' is declared; did you mean 'build.digest'?"]
    );
    assert_eq!(
        given("build.size=\"5\"").unwrap_err(),
        ["the output 'build.size' is of type number: \"5\" is another type"]
    );
    assert_eq!(
        given("build.size=12345678901234567890123").unwrap_err(),
        [
            "the output 'build.size' is of type number: the number 12345678901234567890123 would change on its way; \
             declare type: string"
        ]
    );
}
