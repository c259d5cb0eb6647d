//! Unit tests of `schema`.

use super::*;
use crate::declaration::{read, read_template, read_wait};

const CHECKED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schemas/outputs.json");

#[test]
fn the_checked_in_schema_is_current() {
    let current = to_text();
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
fn the_schema_contains_the_fields_that_the_reader_accepts() {
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

/// For each default in the schema, returns the type, the field and the value.
fn defaults() -> Vec<(String, String, Value)> {
    let schema = schema().to_value();
    let types = schema["$defs"].as_object().unwrap().iter();
    let types = types.map(|(name, one)| (name.as_str(), one));
    let mut found = Vec::new();
    for (name, one) in types.chain([("", &schema)]) {
        let fields = one["properties"].as_object();
        for (field, own) in fields.into_iter().flatten() {
            let default = own.get("default");
            found.extend(default.map(|default| (name.to_owned(), field.clone(), default.clone())));
        }
    }
    found
}

/// Returns the debug text of a declaration in which the field `field` of the type `name` is set to `value`. If `value` is `None`,
/// the field is absent.
fn declared(name: &str, field: &str, value: Option<&Value>) -> String {
    let mut declaration = serde_json::json!({
        "steps": {"a": [{"name": "x"}]},
        "objects": [{
            "name": "o",
            "waitFor": {"condition": "Ready"},
            "resourceTemplate": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "n"}},
        }],
    });
    let at = match name {
        "" => "",
        "Output" => "/steps/a/0",
        "Object" => "/objects/0",
        "WaitFor" => "/objects/0/waitFor",
        other => panic!("{other} has no example"),
    };
    if let Some(value) = value {
        declaration.pointer_mut(at).unwrap()[field] = value.clone();
    }
    let (declaration, _, errors) = read::read(&crate::document::Node::from(&declaration));
    assert!(errors.is_empty(), "{name}.{field}: {errors:?}");
    format!("{declaration:?}")
}

#[test]
fn the_defaults_in_the_schema_match_the_reader() {
    let defaults = defaults();
    assert_eq!(defaults.len(), 12, "{defaults:?}");
    for (name, field, default) in defaults {
        let given = declared(&name, &field, Some(&default));
        assert_eq!(given, declared(&name, &field, None), "{name}.{field}");
    }
    let apply = declared("Object", "policy", Some(&"Apply".into()));
    assert_ne!(apply, declared("Object", "policy", None));
}
