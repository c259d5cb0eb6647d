//! The OpenAPI document says what the router and the messages are.

use std::collections::BTreeSet;

use gleaner_proto::failure::{Failure, FailureCode, LeftBehind, ObjectReference};
use gleaner_proto::message::{
    Action, Created, Outcome, Outputs, Phase, Problem, ResourceStatus, Status, StepState,
    StepStatus, VariableState, VariableStatus, problem_type,
};
use serde::Serialize;
use serde_json::Value;

use crate::routes::routes;
use crate::support::{MANUAL, Setup, api_server};

fn document() -> Value {
    serde_json::from_str(include_str!("../../src/server/openapi.json")).unwrap()
}

/// The operations of the document, as `METHOD PATH`.
fn operations(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    operations.collect()
}

#[test]
fn its_operations_are_those_of_the_router() {
    assert_eq!(operations(&document()), routes().into_iter().collect());
}

#[test]
fn every_operation_is_answered_with_a_status_and_media_type_that_it_names() {
    let sidecar = Setup::new(MANUAL).with(&api_server()).start();
    let document = document();
    assert_eq!(sidecar.loopback().get("/openapi.json").ok(), document);
    for operation in operations(&document) {
        let (method, template) = operation.split_once(' ').unwrap();
        let responses = &document["paths"][template][method.to_lowercase()]["responses"];
        let path = template.replace("{step}", "build").replace("{name}", "img");
        if path == "/v1/events" {
            continue; // It has no end; its own test looks at it.
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

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
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
fn every_operation_says_who_may_ask_and_every_response_what_it_means() {
    let document = document();
    let mut ids = BTreeSet::new();
    for operation in operations(&document) {
        let (method, path) = operation.split_once(' ').unwrap();
        let operation = &document["paths"][path][method.to_lowercase()];
        assert!(ids.insert(operation["operationId"].as_str().unwrap()));
        assert!(operation["summary"].is_string(), "{path}");
        assert_eq!(operation["security"].is_array(), method == "POST", "{path}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            let response = resolved(&document, response);
            assert!(response["description"].is_string(), "{path} {status}");
            let problem = &response["content"]["application/problem+json"];
            assert_eq!(problem.is_object(), status != "200", "{path} {status}");
        }
    }
}

#[test]
fn its_schemas_have_the_fields_of_the_messages() {
    let [outputs, created, step, variable, resource, problem] = [
        json(Outputs {
            outputs: [("a".to_owned(), Value::Null)].into(),
            exit_code: 0,
        }),
        json(created()),
        json(StepStatus {
            name: String::new(),
            state: StepState::Waiting,
            exit_code: Some(0),
            outputs: Vec::new(),
        }),
        json(VariableStatus {
            name: String::new(),
            state: VariableState::Pending,
            value: Some(0.into()),
        }),
        json(ResourceStatus {
            resource: String::new(),
            api_version: String::new(),
            kind: String::new(),
            name: Some(String::new()),
            uid: Some(String::new()),
            error: Some(failure()),
        }),
        json(problem()),
    ];
    let outcome = json(Outcome {
        phase: Phase::Committed,
        pending: vec![String::new()],
        resources: vec![self::created()],
        results: [(String::new(), serde_json::Map::new())].into(),
        notes: vec![String::new()],
    });
    let status = json(Status {
        phase: Phase::Failed,
        submit: String::new(),
        steps: Vec::new(),
        variables: Vec::new(),
        resources: Vec::new(),
        problem: Some(self::problem()),
        notes: vec![String::new()],
    });
    let document = document();
    for (name, sample) in [
        ("Outputs", outputs),
        ("Outcome", outcome),
        ("Created", created),
        ("Status", status),
        ("StepStatus", step),
        ("VariableStatus", variable),
        ("ResourceStatus", resource),
        ("Problem", problem),
    ] {
        let schema = &document["components"]["schemas"][name];
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect();
        let (described, given): (BTreeSet<String>, BTreeSet<String>) =
            (keys(&schema["properties"]), keys(&sample));
        assert_eq!(described, given, "{name}");
        // What is required is what is there when everything optional is left out.
        for required in schema["required"].as_array().unwrap() {
            assert!(
                given.contains(required.as_str().unwrap()),
                "{name}: {required}"
            );
        }
    }
}

#[test]
fn its_words_are_those_of_the_messages() {
    let document = document();
    let words = |name: &str| document["components"]["schemas"][name]["enum"].clone();
    use Phase as P;
    let phases = [
        P::Collecting,
        P::Resolved,
        P::Submitting,
        P::Committed,
        P::Failed,
    ];
    assert_eq!(words("Phase"), json(phases));
    use Action as A;
    assert_eq!(
        words("Action"),
        json([A::Created, A::Adopted, A::Replaced, A::Applied])
    );
    use StepState as S;
    assert_eq!(
        words("StepState"),
        json([S::Waiting, S::Received, S::Failed, S::Skipped])
    );
    use VariableState as V;
    let states = [V::Pending, V::Resolved, V::Defaulted, V::Secret];
    assert_eq!(words("VariableState"), json(states));
    let known = words("ProblemType");
    let known = known.as_array().unwrap().iter();
    let known: BTreeSet<String> = known
        .map(|word| word.as_str().unwrap().to_owned())
        .collect();
    let types = problem_type::ALL.iter().map(|&kind| kind.to_owned());
    assert_eq!(known, types.collect());
}

fn created() -> Created {
    Created {
        resource: String::new(),
        api_version: String::new(),
        kind: String::new(),
        namespace: Some(String::new()),
        name: String::new(),
        uid: String::new(),
        action: Action::Created,
    }
}

fn problem() -> Problem {
    Problem {
        kind: String::new(),
        title: String::new(),
        status: 0,
        detail: String::new(),
        exit_code: 0,
        pending: vec![String::new()],
        failures: vec![failure()],
        left: vec![LeftBehind {
            object: object(),
            why: String::new(),
        }],
        kept: vec![object()],
    }
}

fn failure() -> Failure {
    Failure {
        resource: None,
        code: FailureCode::Unknown,
        message: String::new(),
        remedy: None,
    }
}

fn object() -> ObjectReference {
    ObjectReference {
        api_version: String::new(),
        kind: String::new(),
        namespace: None,
        name: String::new(),
        uid: None,
    }
}

fn json(message: impl Serialize) -> Value {
    serde_json::to_value(message).unwrap()
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
