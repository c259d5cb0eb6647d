//! Generates the document from [`routes`] and the message types, and compares it with the checked-in file.

use std::collections::BTreeSet;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::DOCUMENT;
use crate::message::{Outcome, Outputs, Problem, Status};
use crate::preview::Preview;

mod routes;

/// Formats `document` in the same way as the checked-in file.
fn text(document: &Value) -> String {
    format!("{document:#}\n")
}

fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Gleaner sidecar",
            "version": "1",
            "summary": "Collects the outputs of one run's steps and turns them into Kubernetes resources.",
            "description": "The API is served on one Unix socket per step and on a loopback address. The socket on which a \
                            message arrives identifies the step; on the loopback address, GET requires no credential, and POST \
                            requires the step's bearer token. HEAD is supported on every route with GET. Every error is a problem \
                            document (RFC 9457) with a stable `type`; a request that cannot be parsed (not HTTP, header too \
                            long) gets only a status.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}
        },
        "servers": [{
            "url": "http://127.0.0.1:8440",
            "description": "The loopback address of the pod, or a port-forward to it. The same API is served on \
                            /gleaner/run/STEP/gleaner.sock."
        }],
        "tags": [
            {"name": "steps", "description": "For steps: post outputs, and control the submission."},
            {"name": "people", "description": "For users: the state of the run, and the objects that would be created."},
            {"name": "operation", "description": "For probes, monitoring and tools."}
        ],
        "paths": routes::paths(),
        "components": {
            "securitySchemes": {"stepToken": {
                "type": "http",
                "scheme": "bearer",
                "description": "The content of the file `token` next to the step's socket. Required for POST on the loopback \
                                address, not on a socket."
            }},
            "parameters": routes::parameters(),
            "responses": routes::problems(),
            "schemas": schemas()
        }
    })
}

fn schemas() -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
    });
    let mut generator = settings.into_generator();
    generator.subschema_for::<Outputs>();
    generator.subschema_for::<Outcome>();
    generator.subschema_for::<Status>();
    generator.subschema_for::<Preview>();
    generator.subschema_for::<Problem>();
    let mut schemas = generator.take_definitions(true);
    schemas.values_mut().for_each(tidy);
    schemas.insert(
        "KubernetesObject".to_owned(),
        json!({
            "type": "object",
            "description": "A Kubernetes object.",
            "required": ["apiVersion", "kind", "metadata"],
            "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
        }),
    );
    schemas
}

/// Removes what applies only to Rust: the line breaks of doc comments, and the type `null` of an `Option`, because the JSON omits
/// fields without a value.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let null = json!({"type": "null"});
            if let Some(Value::Array(choices)) = fields.get_mut("anyOf") {
                choices.retain(|choice| *choice != null);
                if let [only] = choices.as_mut_slice() {
                    let only = only.take();
                    fields.remove("anyOf");
                    fields.extend(only.as_object().cloned().unwrap_or_default());
                }
            }
            if let Some(kinds @ Value::Array(_)) = fields.get_mut("type") {
                *kinds = kinds[0].take();
            }
            if let Some(Value::String(description)) = fields.get_mut("description") {
                *description = description.replace('\n', " ");
            }
            fields.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

#[test]
fn the_checked_in_file_matches_the_messages_and_the_routes() {
    let generated = text(&document());
    if std::env::var_os("GLEANER_UPDATE_OPENAPI").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/openapi.json");
        std::fs::write(path, &generated).unwrap();
        return;
    }
    assert!(
        generated == DOCUMENT,
        "proto/src/openapi.json is out of date; run GLEANER_UPDATE_OPENAPI=1 cargo test -p gleaner-proto openapi"
    );
}

#[test]
fn every_reference_resolves_and_every_component_is_used() {
    let document = document();
    let mut used = BTreeSet::new();
    references(&document, &mut used);
    for reference in &used {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
    }
    for kind in ["schemas", "responses", "parameters"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(used.contains(&reference), "{reference}");
        }
    }
}

#[test]
fn every_operation_declares_its_security_and_every_response_has_a_description() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap()));
            assert!(operation["summary"].is_string(), "{path}");
            assert_eq!(operation["security"].is_array(), method == "post", "{path}");
            for (status, response) in operation["responses"].as_object().unwrap() {
                let response = resolved(&document, response);
                assert!(response["description"].is_string(), "{path} {status}");
                let problem = &response["content"]["application/problem+json"];
                assert_eq!(problem.is_object(), status != "200", "{path} {status}");
            }
        }
    }
}

#[test]
fn every_field_and_every_enum_value_of_a_message_is_described() {
    let schemas = schemas();
    for (name, schema) in &schemas {
        assert!(schema["description"].is_string(), "{name}");
        if name == "KubernetesObject" {
            continue;
        }
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            assert!(schema["description"].is_string(), "{name}.{field}");
        }
        for word in schema["oneOf"].as_array().into_iter().flatten() {
            assert!(word["description"].is_string(), "{name}: {word}");
        }
        let text = schema.to_string();
        assert!(!text.contains("[`"), "{name}: a link of rustdoc: {text}");
    }
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap(),
        None => value,
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(entries) => {
            let reference = entries.get("$ref").and_then(Value::as_str);
            found.extend(reference.map(str::to_owned));
            entries.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}
