//! The API server calls Gleaner's webhooks only for objects that request Gleaner. No injector is running in these tests, so the
//! API server refuses every object for which it calls a webhook, and creates all other objects unchanged.

use std::net::TcpListener;
use std::time::Duration;

use gleaner_tests::cases;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use gleaner_tests::wait;
use serde_json::{Value, json};

use crate::helm::{collection, find, render_on};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        tekton_objects_are_unchanged_unless_they_request_gleaner,
        pods_are_unchanged_unless_they_request_gleaner,
    ]
    .into_iter()
    .map(|case| case.crds(&[ANY_TEKTON]).real_only())
    .collect()
}

/// CRDs for Tekton's kinds, without schemas. The webhook's match conditions must handle any value, because admission runs
/// before schema validation.
pub(crate) const ANY_TEKTON: &str = include_str!("../../fixtures/tekton-any-crds.yaml");

/// A Kubernetes version without admission policies. For such a version, the chart renders a webhook that refuses pods while the
/// injector is down.
const WITHOUT_POLICIES: &str = "1.29.0";

/// Returns Tekton objects that do not request Gleaner, including some that Tekton would refuse.
fn strangers() -> Vec<Value> {
    [
        ("v1", "Task", json!({"steps": [{"name": "a", "image": "b"}], "sidecars": [{"name": "gleaner-not"}]})),
        ("v1beta1", "Task", json!({"steps": []})),
        ("v1", "TaskRun", json!({"taskRef": {"name": "a"}})),
        ("v1", "TaskRun", json!({"taskSpec": {"steps": [{"image": "b"}], "sidecars": [{"image": "c"}]}})),
        ("v1", "Pipeline", json!({"tasks": [{"taskRef": {"name": "a"}}, {"taskSpec": {"metadata": {"annotations": {"a": "b"}}}}]})),
        ("v1", "PipelineRun", json!({"pipelineSpec": {"tasks": [], "finally": [{"taskSpec": {"metadata": {"labels": {"gleaner.dev/outputs": "a"}}}}]}})),
        ("v1", "PipelineRun", json!({"pipelineRef": {"name": "a"}})),
        // The following objects are malformed.
        ("v1", "Task", Value::Null),
        ("v1", "Task", json!("text")),
        ("v1", "Task", json!([{"sidecars": [{"name": "gleaner"}]}])),
        ("v1", "Task", json!({"sidecars": {"name": "gleaner"}})),
        ("v1", "Task", json!({"sidecars": [1, null, "gleaner", ["gleaner"], {"name": 5}, {}]})),
        ("v1", "TaskRun", json!({"taskSpec": "gleaner"})),
        ("v1", "TaskRun", json!({"taskSpec": null})),
        ("v1", "Pipeline", json!({"tasks": "a", "finally": {"a": 1}})),
        ("v1", "Pipeline", json!({"tasks": [1, null, [], {"taskSpec": 1}, {"taskSpec": {"metadata": 1, "sidecars": 1}}]})),
        ("v1", "Pipeline", json!({"tasks": [{"taskSpec": {"metadata": {"annotations": ["gleaner.dev/outputs"]}}}]})),
        ("v1", "PipelineRun", json!({"pipelineSpec": [{"tasks": 1}]})),
    ]
    .map(|(version, kind, spec)| tekton(version, kind, &spec))
    .into()
}

/// Returns Tekton objects that request Gleaner, each through a different field.
fn callers() -> Vec<Value> {
    let sidecars = json!([1, {"name": "gleaner"}]);
    let asking = json!({"annotations": {"gleaner.dev/outputs": ""}});
    let mut callers: Vec<Value> = [
        ("v1", "Task", json!({"sidecars": sidecars})),
        ("v1beta1", "Task", json!({"sidecars": sidecars})),
        ("v1", "TaskRun", json!({"taskSpec": {"sidecars": sidecars}})),
        ("v1", "Pipeline", json!({"tasks": [{"taskSpec": {"metadata": asking}}]})),
        ("v1", "Pipeline", json!({"finally": [null, {"taskSpec": {"sidecars": sidecars}}]})),
        ("v1", "Pipeline", json!({"tasks": [{"pipelineSpec": {}}]})),
        ("v1beta1", "PipelineRun", json!({"pipelineSpec": {"tasks": [{"taskSpec": {"metadata": asking}}]}})),
        ("v1", "PipelineRun", json!({"pipelineSpec": {"tasks": 1, "finally": [{"taskSpec": {"sidecars": sidecars}}]}})),
    ]
    .map(|(version, kind, spec)| tekton(version, kind, &spec))
    .into();
    for kind in ["Task", "TaskRun", "Pipeline", "PipelineRun"] {
        for spec in [json!({}), json!("odd")] {
            let mut object = tekton("v1", kind, &spec);
            object["metadata"]["annotations"] = asking["annotations"].clone();
            callers.push(object);
        }
    }
    callers
}

fn tekton(version: &str, kind: &str, spec: &Value) -> Value {
    let api_version = format!("tekton.dev/{version}");
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"generateName": "a-"}, "spec": spec})
}

fn plural(object: &Value) -> String {
    format!(
        "{}s",
        object["kind"].as_str().unwrap_or_default().to_lowercase()
    )
}

pub(crate) fn place(server: &Server, object: &Value) -> String {
    server.path(
        object["apiVersion"].as_str().unwrap_or_default(),
        &plural(object),
    )
}

/// Asserts that the API server creates the object unchanged, and returns it.
async fn passes(server: &Server, object: &Value) -> Value {
    let answer = server.post(&place(server, object), object).await;
    assert_eq!(answer.status.as_u16(), 201, "{object}: {}", answer.text);
    assert_eq!(answer.json.get("spec"), object.get("spec"), "{object}");
    assert_eq!(
        answer.json["metadata"].get("annotations"),
        object["metadata"].get("annotations"),
        "{object}"
    );
    answer.json
}

/// Asserts that the API server calls this webhook for the object, and refuses the object because no injector is running.
async fn is_refused(server: &Server, object: &Value, webhook: &str) {
    let answer = server.post(&place(server, object), object).await;
    assert_eq!(answer.status.as_u16(), 500, "{object}: {}", answer.text);
    let reason = format!("failed calling webhook \"{webhook}\"");
    assert!(
        answer.refusal().contains(&reason),
        "{object}: {}",
        answer.text
    );
}

/// Installs the webhooks that the chart renders for this Kubernetes version, with the URL of a port on which no process listens.
pub(crate) async fn install(server: &Server, version: &str) {
    let objects = render_on(version, "gleaner", &[]);
    let mut configuration = find(&objects, "MutatingWebhookConfiguration", "gleaner.dev").clone();
    // The kernel has just chosen this free port, so it is very unlikely that another process uses it during the test.
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port();
    let webhooks = configuration["webhooks"].as_array_mut().expect("webhooks");
    assert_eq!(webhooks.len(), 2);
    for webhook in webhooks {
        webhook["clientConfig"] = json!({"url": format!("https://127.0.0.1:{port}/")});
    }
    let path = collection(server, &configuration).await;
    server.post(&path, &configuration).await.expect_status(201);
    let mut asking = tekton("v1", "Task", &json!({}));
    asking["metadata"]["annotations"] = json!({"gleaner.dev/outputs": ""});
    wait::until(
        "the webhooks take effect",
        Duration::from_secs(30),
        async || {
            let path = format!("{}?dryRun=All", place(server, &asking));
            (server.post(&path, &asking).await.status.as_u16() == 500).then_some(())
        },
    )
    .await;
}

async fn label_namespace(server: &Server, labels: Value) {
    let path = format!("/api/v1/namespaces/{}", server.namespace());
    server
        .merge(&path, &json!({"metadata": {"labels": labels}}))
        .await
        .expect_status(200);
}

async fn tekton_objects_are_unchanged_unless_they_request_gleaner(server: &Server) {
    let mut asking = tekton("v1", "Task", &json!({"steps": []}));
    asking["metadata"] = json!({"name": "earlier", "annotations": {"gleaner.dev/outputs": ""}, "finalizers": ["a/b"]});
    let tasks = place(server, &asking);
    server.post(&tasks, &asking).await.expect_status(201);
    let mut run = tekton("v1", "TaskRun", &json!({}));
    run["metadata"] = asking["metadata"].clone();
    server
        .post(&place(server, &run), &run)
        .await
        .expect_status(201);
    install(server, WITHOUT_POLICIES).await;

    for object in strangers() {
        passes(server, &object).await;
    }
    for object in callers() {
        is_refused(server, &object, "tekton.gleaner.dev").await;
    }

    // The API server calls Gleaner for an update of a Task that requests Gleaner before or after the update.
    let earlier = format!("{tasks}/earlier");
    for change in [
        json!({"spec": {"a": 1}}),
        json!({"metadata": {"annotations": {"gleaner.dev/outputs": null}}}),
    ] {
        server.merge(&earlier, &change).await.expect_status(500);
    }
    let stranger = passes(server, &strangers()[0]).await;
    let stranger = format!(
        "{tasks}/{}",
        stranger["metadata"]["name"].as_str().unwrap_or_default()
    );
    server
        .merge(&stranger, &json!({"spec": {"a": 1}}))
        .await
        .expect_status(200);
    server
        .merge(
            &stranger,
            &json!({"metadata": {"annotations": {"gleaner.dev/outputs": ""}}}),
        )
        .await
        .expect_status(500);
    // The API server does not call Gleaner for updates of runs, because Tekton's controller constantly updates runs.
    let runs = place(server, &run);
    server
        .merge(
            &format!("{runs}/earlier"),
            &json!({"metadata": {"labels": {"a": "b"}}}),
        )
        .await
        .expect_status(200);
    // An object can be deleted and its finalizers removed even if no injector responds.
    server
        .delete(&earlier, &Value::Null)
        .await
        .expect_status(200);
    server
        .merge(&earlier, &json!({"metadata": {"finalizers": null}}))
        .await
        .expect_status(200);
    server.get(&earlier).await.expect_status(404);

    asking["metadata"] = json!({"generateName": "a-", "annotations": {"gleaner.dev/outputs": ""}});
    opting_out(server, asking, "tekton.gleaner.dev").await;
}

/// Asserts that the API server does not call Gleaner for an object with the label `gleaner.dev/injection: disabled`, or in a
/// namespace with this label.
async fn opting_out(server: &Server, mut asking: Value, webhook: &str) {
    is_refused(server, &asking, webhook).await;
    asking["metadata"]["labels"] = json!({"gleaner.dev/injection": "disabled"});
    passes(server, &asking).await;
    asking["metadata"]["labels"] = json!({"gleaner.dev/injection": "enabled"});
    is_refused(server, &asking, webhook).await;
    label_namespace(server, json!({"gleaner.dev/injection": "disabled"})).await;
    wait::until(
        "the label takes effect",
        Duration::from_secs(30),
        async || {
            let answer = server.post(&place(server, &asking), &asking).await;
            (answer.status.as_u16() == 201).then_some(())
        },
    )
    .await;
    label_namespace(server, json!({"gleaner.dev/injection": null})).await;
}

pub(crate) fn pod(spec: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "a-"}, "spec": spec})
}

async fn pods_are_unchanged_unless_they_request_gleaner(server: &Server) {
    let container = |name: &str| json!({"name": name, "image": "registry.example/a:1"});
    let plain = pod(&json!({"containers": [container("step-a"), container("sidecar-other")]}));
    // Create the pod before the webhooks are installed, to compare it with the pod that is created after that. The API server
    // adds the same defaults to both.
    let before = server
        .post(&place(server, &plain), &plain)
        .await
        .expect_status(201)
        .json;
    install(server, WITHOUT_POLICIES).await;
    let after = server
        .post(&place(server, &plain), &plain)
        .await
        .expect_status(201)
        .json;
    assert_eq!(after["spec"], before["spec"]);

    let mut annotated = plain.clone();
    annotated["metadata"]["annotations"] = json!({"gleaner.dev/outputs": ""});
    let injected = pod(&json!({"containers": [container("step-a"), container("sidecar-gleaner")]}));
    let native = pod(
        &json!({"containers": [container("step-a")], "initContainers": [container("sidecar-gleaner")]}),
    );
    for asking in [&annotated, &injected, &native] {
        is_refused(server, asking, "pods.gleaner.dev").await;
    }
    let mut others = plain.clone();
    others["metadata"]["annotations"] =
        json!({"gleaner.dev/other": "", "tekton.dev/ready": "READY"});
    others["spec"]["initContainers"] = json!([container("prepare")]);
    server
        .post(&place(server, &others), &others)
        .await
        .expect_status(201);
    // The API server does not call Gleaner for updates of pods, because Tekton adds an annotation to each pod when the pod is
    // ready.
    let name = after["metadata"]["name"].as_str().unwrap_or_default();
    server
        .merge(
            &format!("{}/{name}", place(server, &plain)),
            &json!({"metadata": {"annotations": {"gleaner.dev/outputs": ""}}}),
        )
        .await
        .expect_status(200);

    // The API server does not call Gleaner for pods in kube-system, so cluster components can start without the injector.
    let kube_system = "/api/v1/namespaces/kube-system/pods";
    server
        .post(kube_system, &annotated)
        .await
        .expect_status(201);

    annotated["spec"] = before["spec"].clone();
    opting_out(server, annotated, "pods.gleaner.dev").await;
}
