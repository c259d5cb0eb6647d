//! Unit tests of `schema`.

use super::*;
use crate::declaration::{read, read_template, read_wait};

const CHECKED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schemas/outputs.json");

#[test]
fn the_checked_in_schema_is_current() {
    let current = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("GLEANER_UPDATE_SCHEMA").is_some() {
        std::fs::write(CHECKED_IN, &current).unwrap();
    }
    let checked_in = std::fs::read_to_string(CHECKED_IN).unwrap_or_default();
    assert_eq!(
        checked_in, current,
        "run the tests once with GLEANER_UPDATE_SCHEMA=1 and commit {CHECKED_IN}"
    );
}

#[test]
fn the_schema_has_the_fields_that_the_reader_knows() {
    let schema = schema().to_value();
    let fields = |pointer: &str| {
        let properties = schema
            .pointer(&format!("{pointer}/properties"))
            .and_then(Value::as_object);
        let mut names: Vec<&str> = properties.unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    };
    let sorted = |known: &[&'static str]| {
        let mut names = known.to_vec();
        names.sort_unstable();
        names
    };
    assert_eq!(fields(""), sorted(&read::DECLARATION));
    assert_eq!(fields("/$defs/Output"), sorted(&read::OUTPUT));
    assert_eq!(fields("/$defs/Resource"), sorted(&read_template::RESOURCE));
    assert_eq!(
        fields("/$defs/ResourceMetadata"),
        sorted(&read_template::RESOURCE_METADATA)
    );
    assert_eq!(
        fields("/$defs/ResourceSpec"),
        sorted(&read_template::RESOURCE_SPEC)
    );
    assert_eq!(fields("/$defs/Object"), sorted(&read_template::OBJECT));
    assert_eq!(fields("/$defs/WaitFor"), sorted(&read_wait::WAIT_FOR));
    assert_eq!(fields("/$defs/WaitFailure"), sorted(&read_wait::FAILURE));
}
