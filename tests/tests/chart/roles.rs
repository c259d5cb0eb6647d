//! The permissions that the chart's role grants to runs.

use gleaner_tests::rig;
use gleaner_tests::server::{self, Answer, Server};
use gleaner_tests::suite::Case;
use http::Method;
use kube::Client;
use serde_json::{Value, json};

use crate::helm::{collection, find, render};
use crate::kind::{path, resource};
use crate::webhooks::ANY_TEKTON;

pub(crate) fn cases() -> Vec<Case> {
    let enforcing = rig::Options {
        owner_references_permission_enforcement: true,
    };
    let enough = Case::new(
        "the_role_for_runs_grants_exactly_the_required_permissions",
        the_role_for_runs_grants_exactly_the_required_permissions,
    );
    vec![enough.crds(&[ANY_TEKTON]).rig(enforcing).real_only()]
}

async fn send(client: &Client, method: Method, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    server::send(client, method, path, "application/json", body).await
}

async fn the_role_for_runs_grants_exactly_the_required_permissions(server: &Server) {
    let objects = render("gleaner", &[]);
    let role = find(&objects, "ClusterRole", "gleaner-outputs");
    server
        .post(&collection(server, role).await, role)
        .await
        .expect_status(201);
    let user = server.restricted_user(json!([])).await;
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "gleaner-outputs", "namespace": server.namespace()},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "gleaner-outputs"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user.name}],
    });
    server
        .post(&collection(server, &binding).await, &binding)
        .await
        .expect_status(201);
    let client =
        server::client(&server.url(), Some(&user.token), server.authority()).expect("a client");

    let mut object = resource("a", &json!({"type": "image"}));
    // Like OpenShift, this server requires permission on the owner's finalizers for an owner reference with `blockOwnerDeletion`,
    // so the role must grant this permission too.
    object["metadata"]["ownerReferences"] = json!(["TaskRun", "PipelineRun"].map(|kind| json!({
        "apiVersion": "tekton.dev/v1", "kind": kind, "name": "run", "uid": kind,
        "controller": kind == "PipelineRun", "blockOwnerDeletion": true,
    })));
    let collection = path(server);
    let one = format!("{collection}/a");
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "create", "group": "tekton.dev", "resource": "pipelineresources", "namespace": server.namespace()}},
    });
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let allowed = send(&client, Method::POST, reviews, &review)
        .await
        .expect_status(201);
    assert_eq!(allowed.json["status"]["allowed"], true);
    send(
        &client,
        Method::POST,
        &format!("{collection}?dryRun=All"),
        &object,
    )
    .await
    .expect_status(201);
    send(&client, Method::POST, &collection, &object)
        .await
        .expect_status(201);
    send(&client, Method::GET, &one, &Value::Null)
        .await
        .expect_status(200);

    send(&client, Method::GET, &collection, &Value::Null)
        .await
        .expect_status(403);
    let change = json!({"metadata": {"labels": {"a": "b"}}})
        .to_string()
        .into_bytes();
    server::send(
        &client,
        Method::PATCH,
        &one,
        "application/merge-patch+json",
        change,
    )
    .await
    .expect_status(403);
    let elsewhere = "/apis/tekton.dev/v1alpha1/namespaces/default/pipelineresources";
    send(&client, Method::POST, elsewhere, &object)
        .await
        .expect_status(403);
    send(
        &client,
        Method::GET,
        &server.path("v1", "secrets"),
        &Value::Null,
    )
    .await
    .expect_status(403);

    let events = server.path("events.k8s.io/v1", "events");
    let event = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "run.1"},
        "type": "Normal", "reason": "GleanerCreated", "action": "Submit", "note": "1 object",
        "eventTime": "2026-09-21T14:13:20.000000Z",
        "reportingController": "gleaner.dev/sidecar", "reportingInstance": "run",
        "regarding": {"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": "run", "namespace": server.namespace()},
    });
    send(&client, Method::POST, &events, &event)
        .await
        .expect_status(201);
    send(&client, Method::GET, &events, &Value::Null)
        .await
        .expect_status(403);

    send(&client, Method::DELETE, &one, &Value::Null)
        .await
        .expect_status(200);
}
