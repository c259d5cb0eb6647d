//! Tests how the webhook changes or refuses objects.

use std::time::Duration;

use gleaner_tests::cases;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use gleaner_tests::wait;
use serde_json::{Value, json};

use crate::webhook::injected;

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_task_is_injected_and_does_not_change_when_it_is_applied_again,
        only_a_pod_that_requests_gleaner_is_injected,
        an_invalid_declaration_is_refused_with_a_message_that_kubectl_shows,
        a_refused_pod_creates_an_event_for_its_owner,
    ]
}

const DECLARATION: &str = "
steps: {make: [{name: digest}]}
resources: [{name: img, spec: {type: image, params: [{name: digest, value: $(steps.make.digest)}]}}]
";

/// Returns a Task that requests Gleaner.
pub(crate) fn task() -> Value {
    json!({
        "apiVersion": "tekton.dev/v1", "kind": "Task",
        "metadata": {"name": "build", "annotations": {"gleaner.dev/outputs": DECLARATION}},
        "spec": {"steps": [{"name": "make", "image": "img", "command": ["make"]}]},
    })
}

/// Returns a pod that requests Gleaner.
pub(crate) fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "plain",
            "annotations": {"gleaner.dev/outputs": "steps: {main: [{name: version, fromPath: /tmp/version}]}"},
        },
        // Set the field that the admission plugin ServiceAccount would set. The rig disables the plugin, because it has no
        // ServiceAccounts.
        "spec": {
            "serviceAccountName": "default",
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "img", "command": ["make"]}],
        },
    })
}

async fn a_task_is_injected_and_does_not_change_when_it_is_applied_again(server: &Server) {
    let injector = injected(server).await;
    let tasks = server.path("tekton.dev/v1", "tasks");
    let made = server.post(&tasks, &task()).await.expect_status(201).json;
    assert_eq!(made["spec"]["sidecars"][0]["name"], "gleaner", "{made}");
    assert_eq!(made["spec"]["results"][0]["name"], "img", "{made}");
    // Send the same object again, with the current resource version, as `kubectl replace` does.
    let mut again = task();
    again["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"].clone();
    let updated = server
        .put(&format!("{tasks}/build"), &again)
        .await
        .expect_status(200)
        .json;
    assert_eq!(updated["spec"], made["spec"]);
    injector.end().await;
}

async fn only_a_pod_that_requests_gleaner_is_injected(server: &Server) {
    let injector = injected(server).await;
    let pods = server.path("v1", "pods");
    let injected = server.post(&pods, &pod()).await.expect_status(201).json;
    assert_eq!(
        injected["spec"]["initContainers"][0]["name"], "sidecar-gleaner",
        "{injected}"
    );
    // The injector enables native sidecars, because the API server's version is 1.29 or later.
    assert_eq!(
        injected["spec"]["initContainers"][0]["restartPolicy"],
        "Always"
    );
    let mut other = pod();
    other["metadata"] = json!({"name": "other"});
    let untouched = server.post(&pods, &other).await.expect_status(201).json;
    let elsewhere = "/api/v1/namespaces/default/pods?dryRun=All";
    let unasked = server.post(elsewhere, &other).await.expect_status(201).json;
    assert_eq!(
        untouched["spec"], unasked["spec"],
        "the pod must be the same as without the webhook"
    );
    injector.end().await;
}

async fn an_invalid_declaration_is_refused_with_a_message_that_kubectl_shows(server: &Server) {
    let injector = injected(server).await;
    let mut wrong = task();
    wrong["metadata"]["annotations"]["gleaner.dev/outputs"] =
        json!("steps: {mke: [{name: digest, tpye: string}]}");
    let refused = server
        .post(&server.path("tekton.dev/v1", "tasks"), &wrong)
        .await
        .expect_status(400);
    let refusal = refused.refusal();
    let start = "BadRequest: admission webhook \"tekton.gleaner.dev\" denied the request: ";
    assert!(
        refusal.starts_with(start) && refusal.contains("tpye"),
        "{refusal}"
    );
    injector.end().await;
}

async fn a_refused_pod_creates_an_event_for_its_owner(server: &Server) {
    let injector = injected(server).await;
    let run = json!({
        "apiVersion": "tekton.dev/v1", "kind": "TaskRun", "metadata": {"name": "rich"},
        "spec": {"taskRef": {"name": "build"}},
    });
    let runs = server.path("tekton.dev/v1", "taskruns");
    let run = server.post(&runs, &run).await.expect_status(201).json;
    let mut pod = pod();
    pod["metadata"]["annotations"]["gleaner.dev/outputs"] = json!("steps: 1");
    pod["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": "rich", "uid": run["metadata"]["uid"],
        "controller": true, "blockOwnerDeletion": true,
    }]);
    let pods = server.path("v1", "pods");
    server
        .post(&format!("{pods}?dryRun=All"), &pod)
        .await
        .expect_status(400);
    let refused = server.post(&pods, &pod).await.expect_status(400);
    // Request the Events of the TaskRun as `kubectl describe` does.
    let events = server.path("v1", "events");
    let uid = run["metadata"]["uid"].as_str().expect("a UID");
    let selected =
        format!("{events}?fieldSelector=involvedObject.kind=TaskRun,involvedObject.uid={uid}");
    let event = wait::until("an Event", PATIENCE, async || {
        let list = server.get(&selected).await.expect_status(200).json;
        list["items"].as_array()?.first().cloned()
    })
    .await;
    assert_eq!(
        (&event["type"], &event["reason"]),
        (&json!("Warning"), &json!("GleanerRefused"))
    );
    let message = event["message"].as_str().expect("a message");
    assert!(
        !message.is_empty() && refused.refusal().contains(message),
        "{message}"
    );
    injector.end().await;
    let list = server.get(&selected).await.json;
    assert_eq!(
        list["items"].as_array().map(Vec::len),
        Some(1),
        "the dry run must not create an Event"
    );
}
