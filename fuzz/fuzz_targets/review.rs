//! Checks that the webhook either rejects or responds to every body, that the patch in a response can be applied, and that
//! reviewing the patched object changes nothing.
#![no_main]

use gleaner_core::declaration::AllowedKinds;
use gleaner_core::inject::settings::{Resources, Settings, Sidecars};
use gleaner_injector::decision::{Functions, Route, Verdict, name};
use gleaner_injector::review::Request;
use serde_json::Value;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    for route in [Route::Pods, Route::Tekton] {
        answered(route, body);
    }
    // The input is also used as the object in a valid review, because the fuzzer would take a long time to find a valid review on
    // its own.
    let Ok(object) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    for (route, group, kind) in [
        (Route::Pods, "", "Pod"),
        (Route::Tekton, "tekton.dev", "Task"),
        (Route::Tekton, "tekton.dev", "TaskRun"),
        (Route::Tekton, "tekton.dev", "Pipeline"),
        (Route::Tekton, "tekton.dev", "PipelineRun"),
    ] {
        let Some(mut changed) = created(route, group, kind, &object) else {
            continue;
        };
        if let Some(again) = created(route, group, kind, &changed) {
            assert_eq!(again, changed, "the second review changed the object");
        }
        // Review an update that replaces the injected object with the original one.
        changed["metadata"]["annotations"] = object["metadata"]["annotations"].clone();
        let body = review(group, kind, "UPDATE", &object, &changed);
        answered(route, body.as_bytes());
    }
});

/// Reviews the creation of `object`. If the webhook changes the object, returns the changed object.
fn created(route: Route, group: &str, kind: &str, object: &Value) -> Option<Value> {
    let body = review(group, kind, "CREATE", object, &Value::Null);
    let patch = answered(route, body.as_bytes())?;
    let patch: json_patch::Patch = serde_json::from_slice(&patch).unwrap();
    let mut changed = object.clone();
    json_patch::patch(&mut changed, &patch).unwrap();
    Some(changed)
}

fn answered(route: Route, body: &[u8]) -> Option<Vec<u8>> {
    let request = Request::read(body).ok()?;
    let _ = name(&request);
    let verdict = Functions::default().decide(route, &request, &settings());
    assert_eq!(verdict.panic(), None);
    let patch = match &verdict {
        Verdict::Changed { patch, .. } => Some(patch.clone()),
        _ => None,
    };
    let answer = verdict.answer().to_review(&request.uid, &[]);
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["response"]["uid"], *request.uid);
    patch
}

fn review(group: &str, kind: &str, operation: &str, object: &Value, old: &Value) -> String {
    serde_json::json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "u-1", "kind": {"group": group, "version": "v1", "kind": kind}, "namespace": "ci",
            "operation": operation, "object": object, "oldObject": old,
        },
    })
    .to_string()
}

fn settings() -> Settings {
    Settings {
        image: "gleaner:1".into(),
        image_pull_policy: None,
        resources: Resources {
            cpu_request: "10m".into(),
            cpu_limit: "500m".into(),
            memory_request: "16Mi".into(),
            memory_limit: "128Mi".into(),
        },
        run_as_user: None,
        sidecars: Sidecars::Native,
        log_level: None,
        traces_endpoint: None,
        kinds: AllowedKinds::unguarded(),
    }
}
