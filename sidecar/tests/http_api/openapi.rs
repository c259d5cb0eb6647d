//! Checks that the OpenAPI document matches the router. The schemas in the document are generated from the Rust types, so they
//! are not checked here.

use std::collections::BTreeSet;

use gleaner_proto::openapi::DOCUMENT;
use serde_json::Value;

use crate::support::{MANUAL, Setup, api_server};

fn document() -> Value {
    serde_json::from_str(DOCUMENT).unwrap()
}

/// Returns every operation in the document, in the form `METHOD PATH`.
pub(crate) fn operations() -> BTreeSet<String> {
    let document = document();
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    operations.collect()
}

/// Returns `path`, with placeholders replaced by the names of an existing step and resource.
pub(crate) fn filled(path: &str) -> String {
    path.replace("{step}", "build").replace("{name}", "img")
}

#[test]
fn the_document_has_the_methods_that_the_router_allows() {
    let sidecar = Setup::new(MANUAL).start();
    let document = document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let mut documented: BTreeSet<String> = methods
            .as_object()
            .unwrap()
            .keys()
            .map(|method| method.to_uppercase())
            .collect();
        if documented.contains("GET") {
            documented.insert("HEAD".to_owned());
        }
        let refused = sidecar.loopback().ask("BREW", &filled(path), &[], b"");
        assert_eq!(refused.status, 405, "{path}");
        let allowed = refused.header("allow").unwrap().split(',');
        let allowed: BTreeSet<String> = allowed.map(|method| method.trim().to_owned()).collect();
        assert_eq!(documented, allowed, "{path}");
    }
}

#[test]
fn every_operation_responds_with_a_documented_status_and_media_type() {
    let sidecar = Setup::new(MANUAL).with(&api_server()).start();
    let document = document();
    assert_eq!(sidecar.loopback().get("/openapi.json").ok(), document);
    for operation in operations() {
        let (method, template) = operation.split_once(' ').unwrap();
        let responses = &document["paths"][template][method.to_lowercase()]["responses"];
        let path = filled(template);
        if path == "/v1/events" {
            continue; // The stream never ends; a separate test covers it.
        }
        for place in [sidecar.loopback(), sidecar.step("build")] {
            let answer = place.ask(method, &path, &[], b"{}");
            let response = resolved(&document, &responses[answer.status.to_string()]);
            let given = answer.header("content-type").unwrap();
            let given = given.split(';').next().unwrap();
            let known = response["content"].as_object();
            let known = known.is_some_and(|known| known.contains_key(given));
            assert!(known, "{operation}: {} {given}", answer.status);
        }
    }
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap(),
        None => value,
    }
}
