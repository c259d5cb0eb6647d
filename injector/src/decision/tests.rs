use serde_json::json;

use super::*;
use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::inject::settings::{Resources, Sidecars};

fn settings() -> Settings {
    let text = str::to_owned;
    Settings {
        image: text("gleaner:1"),
        image_pull_policy: None,
        resources: Resources {
            cpu_request: text("10m"),
            cpu_limit: text("500m"),
            memory_request: text("16Mi"),
            memory_limit: text("128Mi"),
        },
        run_as_user: None,
        sidecars: Sidecars::Native,
        log_level: None,
        traces_endpoint: None,
        kinds: Default::default(),
    }
}

fn review(operation: &str, kind: [&str; 2], object: &str, old: &str) -> String {
    let [group, kind] = kind;
    format!(
        r#"{{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {{
            "uid": "u-1", "kind": {{"group": "{group}", "version": "v1", "kind": "{kind}"}}, "namespace": "ci",
            "operation": "{operation}", "object": {object}, "oldObject": {old}}}}}"#
    )
}

const POD: [&str; 2] = ["", "Pod"];
const TASK: [&str; 2] = ["tekton.dev", "Task"];

fn decide(functions: Functions, route: Route, body: &str) -> Verdict {
    let request = Request::read(body.as_bytes()).unwrap();
    functions.decide(route, &request, &settings())
}

/// Returns functions that fail the test if they are called.
fn untouched() -> Functions {
    Functions {
        task: |_, _, _| panic!("called"),
        pod: |_, _| panic!("called"),
    }
}

/// Returns a pod that a Job created and that requests Gleaner.
fn asking() -> Value {
    json!({
        "metadata": {
            "generateName": "job-", "annotations": {"gleaner.dev/outputs": "{}"},
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Other", "name": "o", "uid": "0"},
                {"apiVersion": "batch/v1", "kind": "Job", "name": "job", "uid": "j-1", "controller": true},
            ],
        },
        "spec": {"containers": [{"name": "a"}]},
    })
}

#[test]
fn an_object_without_the_word_gleaner_is_not_parsed() {
    // The nesting is too deep for a tree parser, but valid in the spec of a custom task.
    let deep = format!("{{\"spec\": {}1{}}}", "[".repeat(5000), "]".repeat(5000));
    for (route, kind) in [(Route::Pods, POD), (Route::Tekton, TASK)] {
        let verdict = decide(untouched(), route, &review("CREATE", kind, &deep, "null"));
        assert_eq!(verdict, Verdict::Skipped(Skip::NotAsked));
    }
}

#[test]
fn kinds_and_operations_that_the_route_does_not_handle_are_left_unchanged() {
    let object = asking().to_string();
    let cases = [
        (Route::Pods, "UPDATE", POD),
        (Route::Pods, "CREATE", TASK),
        (Route::Tekton, "CREATE", POD),
        (Route::Tekton, "CONNECT", TASK),
        (Route::Tekton, "CREATE", ["tekton.dev", "CustomRun"]),
        (Route::Tekton, "CREATE", ["other.dev", "Task"]),
    ];
    for (route, operation, kind) in cases {
        let verdict = decide(
            untouched(),
            route,
            &review(operation, kind, &object, &object),
        );
        assert_eq!(
            verdict,
            Verdict::Skipped(Skip::Kind),
            "{operation} {kind:?}"
        );
    }
    // A review of a deletion contains only the old object.
    let deletion = review("DELETE", TASK, "null", &object);
    assert_eq!(
        decide(untouched(), Route::Tekton, &deletion),
        Verdict::Skipped(Skip::Kind)
    );
    let scaled = review("UPDATE", TASK, &object, &object)
        .replace("\"uid\"", "\"subResource\": \"status\", \"uid\"");
    assert_eq!(
        decide(untouched(), Route::Tekton, &scaled),
        Verdict::Skipped(Skip::Kind)
    );
}

#[test]
fn an_update_that_removes_the_annotation_is_decided_with_the_old_object() {
    let functions = Functions {
        task: |new, operation, _| {
            let Operation::Update { old } = operation else {
                panic!("an update")
            };
            assert_eq!((new, old), (&json!({"spec": {}}), &asking()));
            Ok(Outcome::Changed(json!({"spec": {"seen": true}}).into()))
        },
        ..untouched()
    };
    let body = review("UPDATE", TASK, r#"{"spec": {}}"#, &asking().to_string());
    let Verdict::Changed {
        patch, operations, ..
    } = decide(functions, Route::Tekton, &body)
    else {
        panic!("changed");
    };
    assert_eq!(operations, 1);
    let patch: Value = serde_json::from_slice(&patch).unwrap();
    assert_eq!(
        patch,
        json!([{"op": "add", "path": "/spec/seen", "value": true}])
    );
}

#[test]
fn an_empty_patch_counts_as_unchanged() {
    let functions = Functions {
        pod: |pod, _| Ok(Outcome::Changed(pod.clone().into())),
        ..untouched()
    };
    let body = review("CREATE", POD, &asking().to_string(), "null");
    assert_eq!(
        decide(functions, Route::Pods, &body),
        Verdict::Skipped(Skip::Done)
    );
}

#[test]
fn a_panic_on_an_object_that_requests_gleaner_causes_a_refusal_that_reports_the_bug() {
    panics::install();
    for object in [
        asking(),
        // The pod of a remote Task. The pod has lost the annotation, but still contains the sidecar.
        json!({"metadata": {}, "spec": {"containers": [{"name": "sidecar-gleaner"}]}}),
    ] {
        let body = review("CREATE", POD, &object.to_string(), "null");
        let Verdict::Refused(refused) = decide(untouched(), Route::Pods, &body) else {
            panic!("refused");
        };
        let place = refused.panic.unwrap();
        assert!(place.contains("decision/tests.rs:"), "{place}");
        for part in [place.as_str(), "a bug in Gleaner", "/issues"] {
            assert!(refused.message.contains(part), "{}", refused.message);
        }
        assert!(
            !refused.message.contains("called"),
            "the message must omit the panic's text, which may quote the object"
        );
    }
}

#[test]
fn a_panic_on_an_object_that_does_not_request_gleaner_leaves_it_unchanged() {
    panics::install();
    // `kubectl apply` stores the applied object in an annotation, with escaped quotation marks. An annotation
    // inside that text does not request injection.
    let applied = json!({"metadata": {"annotations": {
        "kubectl.kubernetes.io/last-applied-configuration": asking().to_string(),
        "team": "gleaner",
    }}});
    let body = review("CREATE", POD, &applied.to_string(), "null");
    let verdict = decide(untouched(), Route::Pods, &body);
    assert_eq!(verdict.as_str(), "failed");
    assert!(verdict.panic().is_some());
    assert_eq!(verdict.answer(), Answer::Allow);
}

#[test]
fn an_object_that_is_too_deep_to_parse_is_refused_only_if_it_requests_gleaner() {
    let deep = |annotations: &str| {
        let (open, close) = ("[".repeat(500), "]".repeat(500));
        format!(r#"{{"metadata": {{"annotations": {annotations}}}, "spec": {open}{close}}}"#)
    };
    let idle = review("CREATE", TASK, &deep(r#"{"team": "gleaner"}"#), "null");
    assert_eq!(
        decide(untouched(), Route::Tekton, &idle),
        Verdict::Skipped(Skip::NotAsked)
    );
    let asks = review(
        "CREATE",
        TASK,
        &deep(r#"{"gleaner.dev/outputs": "{}"}"#),
        "null",
    );
    let Verdict::Refused(refused) = decide(untouched(), Route::Tekton, &asks) else {
        panic!("refused");
    };
    assert!(
        refused
            .message
            .contains("cannot be parsed: recursion limit"),
        "{}",
        refused.message
    );
    assert_eq!(refused.panic, None);
}

#[test]
fn a_refusal_names_the_controller_of_the_object() {
    let functions = Functions {
        pod: |_, _| {
            Err(Refusal::new(Diagnostic::new(
                ["spec"],
                None,
                "w".repeat(20_000),
            )))
        },
        ..untouched()
    };
    let body = review("CREATE", POD, &asking().to_string(), "null");
    let Verdict::Refused(refused) = decide(functions, Route::Pods, &body) else {
        panic!("refused");
    };
    let owner = refused.owner.unwrap();
    assert_eq!(
        (owner.kind.as_str(), owner.name.as_str(), owner.uid.as_str()),
        ("Job", "job", "j-1")
    );
    assert!(refused.message.len() <= MESSAGE_BYTES + 3 && refused.message.ends_with('…'));
}

#[test]
fn an_object_without_a_name_is_reported_by_its_generate_name() {
    let named = |body: &str| name(&Request::read(body.as_bytes()).unwrap());
    assert_eq!(
        named(&review("CREATE", POD, &asking().to_string(), "null")),
        "job-*"
    );
    let body = review("CREATE", POD, r#"{"metadata": {"name": "a"}}"#, "null");
    assert_eq!(named(&body), "a");
    assert_eq!(
        named(&body.replace("\"uid\"", "\"name\": \"b\", \"uid\"")),
        "b"
    );
    assert_eq!(named(&review("CREATE", POD, "[]", "null")), "");
}

#[test]
fn an_annotated_run_by_reference_is_refused_if_a_user_created_it_and_skipped_if_a_controller_did() {
    let decided = |owners: Value| {
        let object = json!({
            "apiVersion": "tekton.dev/v1",
            "kind": "TaskRun",
            "metadata": {"name": "r", "annotations": {annotation::OUTPUTS: "x"}, "ownerReferences": owners},
            "spec": {"taskRef": {"name": "t"}},
        });
        let body = review(
            "CREATE",
            ["tekton.dev", "TaskRun"],
            &object.to_string(),
            "null",
        );
        let request = Request::read(body.as_bytes()).unwrap();
        Functions::default().decide(Route::Tekton, &request, &settings())
    };
    let Verdict::Refused(refused) = decided(json!([])) else {
        panic!("refused");
    };
    assert!(
        refused
            .message
            .contains("put the annotation on the Task that the TaskRun refers to"),
        "{}",
        refused.message
    );
    let owner = json!({"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": "p", "uid": "u", "controller": true});
    assert_eq!(decided(json!([owner])), Verdict::Skipped(Skip::ByReference));
}

#[test]
fn a_user_is_warned_if_injection_reduces_the_size_limit_of_results() {
    let step = json!({"name": "s", "image": "i", "script": "x"});
    let object = json!({
        "apiVersion": "tekton.dev/v1",
        "kind": "Task",
        "metadata": {"name": "t", "annotations": {annotation::OUTPUTS: "steps: {s: [{name: digest}]}"}},
        "spec": {"results": [{"name": "own"}], "steps": [step]},
    });
    let body = review(
        "CREATE",
        ["tekton.dev", "Task"],
        &object.to_string(),
        "null",
    );
    let request = Request::read(body.as_bytes()).unwrap();
    let verdict = Functions::default().decide(Route::Tekton, &request, &settings());
    let warnings = verdict.warnings(&request);
    let warning = warnings.first().expect("a warning");
    assert!(
        warning.contains("3072 bytes in total instead of 4096, because Gleaner adds a container")
            && warning.len() <= 120,
        "{warning}"
    );
}
