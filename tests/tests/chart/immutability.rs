//! Only runs and administrators can create and delete generated PipelineResources, and no client can edit their specs.

use std::time::Duration;

use gleaner_tests::cases;
use gleaner_tests::server::{self, Answer, Server};
use gleaner_tests::suite::Case;
use gleaner_tests::wait;
use http::Method;
use serde_json::{Value, json};

use crate::helm::install_policy;
use crate::kind::{path, resource};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_generated_resource_cannot_be_edited,
        only_a_run_can_create_and_delete_a_generated_resource
    ]
    .into_iter()
    .map(Case::real_only)
    .collect()
}

/// Returns a merge patch that changes an object's metadata.
fn metadata(change: &Value) -> Value {
    json!({"metadata": change})
}

async fn patch(server: &Server, name: &str, change: &Value) -> Answer {
    server
        .merge(&format!("{}/{name}", path(server)), change)
        .await
}

async fn a_generated_resource_cannot_be_edited(server: &Server) {
    let mut generated = resource("generated", &json!({"type": "image"}));
    generated["metadata"]["labels"] =
        json!({"app.kubernetes.io/managed-by": "gleaner", "tekton.dev/task": "build"});
    generated["metadata"]["annotations"] =
        json!({"gleaner.dev/run-uid": "1", "gleaner.dev/content": "2"});
    let own = resource("own", &json!({"type": "image"}));
    for object in [&generated, &own] {
        server.post(&path(server), object).await.expect_status(201);
    }
    let spec = json!({"spec": {"params": [{"name": "digest", "value": "sha256:0"}]}});
    install_policy(server, "pipelineresources.gleaner.dev").await;
    // The policy takes effect only some time after its creation, because the API server compiles policies asynchronously.
    wait::until(
        "the policy takes effect",
        Duration::from_secs(30),
        async || {
            let tried = server
                .merge(&format!("{}/generated?dryRun=All", path(server)), &spec)
                .await;
            (tried.status.as_u16() == 422).then_some(())
        },
    )
    .await;

    let refused = patch(server, "generated", &spec).await.expect_status(422);
    let remedy = "run the task again, or create one under another name without the label app.kubernetes.io/managed-by: gleaner";
    assert!(refused.refusal().contains(remedy), "{}", refused.text);

    for change in [
        json!({"labels": {"app.kubernetes.io/managed-by": null}}),
        json!({"labels": {"app.kubernetes.io/managed-by": "me"}}),
        json!({"labels": {"tekton.dev/task": "another"}}),
        json!({"labels": {"tekton.dev/taskRun": "added"}}),
        json!({"annotations": {"gleaner.dev/run-uid": null}}),
        json!({"annotations": {"gleaner.dev/content": "3"}}),
        json!({"labels": null, "annotations": null}),
    ] {
        let refused = patch(server, "generated", &metadata(&change))
            .await
            .expect_status(422);
        let reason = "the labels and annotations that identify the run of a PipelineResource";
        assert!(
            refused.refusal().contains(reason),
            "{change}: {}",
            refused.text
        );
    }
    // A request that removes the labels and annotations and edits the spec at the same time must be refused too.
    let mut both = spec.clone();
    both["metadata"] = json!({"labels": null, "annotations": null});
    patch(server, "generated", &both).await.expect_status(422);

    // Users and the garbage collector can change all other metadata and the status.
    let owner =
        json!({"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": "run", "uid": "1"});
    for change in [
        json!({"labels": {"team": "a"}, "annotations": {"note": "b"}}),
        json!({"finalizers": ["example.com/keep"]}),
        json!({"finalizers": null}),
        json!({"ownerReferences": [owner]}),
        json!({"ownerReferences": null}),
    ] {
        patch(server, "generated", &metadata(&change))
            .await
            .expect_status(200);
    }
    let status = format!("{}/generated/status", path(server));
    server
        .merge(&status, &json!({"status": {"seen": true}}))
        .await
        .expect_status(200);

    // Users can edit their own objects, but cannot add a label or annotation that marks an object as generated.
    patch(server, "own", &spec).await.expect_status(200);
    patch(
        server,
        "own",
        &metadata(&json!({"labels": {"app.kubernetes.io/managed-by": "me"}})),
    )
    .await
    .expect_status(200);
    for change in [
        json!({"labels": {"app.kubernetes.io/managed-by": "gleaner"}}),
        json!({"annotations": {"gleaner.dev/run-uid": "1"}}),
    ] {
        patch(server, "own", &metadata(&change))
            .await
            .expect_status(422);
    }

    server
        .delete(&format!("{}/generated", path(server)), &Value::Null)
        .await
        .expect_status(200);
}

/// Returns a token for a new ServiceAccount. If `in_pod` is true, the token is bound to a pod, like a sidecar's token.
/// Otherwise it is not bound, like a token that a user requests.
async fn service_account_token(server: &Server, name: &str, in_pod: bool) -> String {
    let path = |kind: &str| server.path("v1", kind);
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
    server
        .post(&path("serviceaccounts"), &account)
        .await
        .expect_status(201);
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": server.namespace()}],
        "roleRef": {"kind": "ClusterRole", "name": "edit-resources", "apiGroup": "rbac.authorization.k8s.io"},
    });
    let bindings = server.path("rbac.authorization.k8s.io/v1", "rolebindings");
    server.post(&bindings, &binding).await.expect_status(201);
    let mut spec = json!({});
    if in_pod {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"serviceAccountName": name, "containers": [{"name": "c", "image": "i"}]},
        });
        let pod = server.post(&path("pods"), &pod).await.expect_status(201);
        let uid = &pod.json["metadata"]["uid"];
        spec = json!({"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid}});
    }
    let request =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
    let path = format!("{}/{name}/token", path("serviceaccounts"));
    let issued = server.post(&path, &request).await.expect_status(201);
    issued.json["status"]["token"]
        .as_str()
        .expect("a token")
        .to_owned()
}

async fn only_a_run_can_create_and_delete_a_generated_resource(server: &Server) {
    let rules = json!([{
        "apiGroups": ["tekton.dev"], "resources": ["pipelineresources"],
        "verbs": ["create", "get", "update", "patch", "delete", "deletecollection"],
    }]);
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "edit-resources"}, "rules": rules,
    });
    server
        .post("/apis/rbac.authorization.k8s.io/v1/clusterroles", &role)
        .await;
    let editor = server.restricted_user(rules).await.token;
    let run = service_account_token(server, "run", true).await;
    let robot = service_account_token(server, "robot", false).await;
    install_policy(server, "pipelineresources.gleaner.dev").await;
    let asked = async |token: &str, method: Method, name: &str, body: &Value| {
        let client = server::client(&server.url(), Some(token), server.authority());
        let path = match name {
            "" => path(server),
            name => format!("{}/{name}", path(server)),
        };
        let body = body.to_string().into_bytes();
        let client = client.expect("a client");
        server::send(&client, method, &path, "application/json", body).await
    };
    let marked = |name: &str, marks: Value| {
        let mut object = resource(name, &json!({"type": "image"}));
        object["metadata"]
            .as_object_mut()
            .unwrap()
            .extend(marks.as_object().unwrap().clone());
        object
    };
    let label = json!({"labels": {"app.kubernetes.io/managed-by": "gleaner"}});
    let annotation = json!({"annotations": {"gleaner.dev/run-uid": "1"}});
    wait::until(
        "the policy takes effect",
        Duration::from_secs(30),
        async || {
            let tried = asked(&editor, Method::POST, "", &marked("forged", label.clone())).await;
            if tried.status.as_u16() == 201 {
                server
                    .delete(&format!("{}/forged", path(server)), &Value::Null)
                    .await;
            }
            (tried.status.as_u16() == 422).then_some(())
        },
    )
    .await;
    // A client with a user's token or with a ServiceAccount token that is not bound to a pod cannot create a resource with the
    // label or the annotation.
    for token in [&editor, &robot] {
        for marks in [&label, &annotation] {
            let object = marked("forged", marks.clone());
            let refused = asked(token, Method::POST, "", &object).await;
            let refused = refused.expect_status(422).refusal();
            assert!(
                refused.contains("only a run may create a PipelineResource"),
                "{refused}"
            );
        }
    }
    // A run can create and delete the resource. The other clients cannot delete the resource, so they cannot replace it.
    for (name, marks) in [("a", &label), ("b", &annotation)] {
        let object = marked(name, marks.clone());
        asked(&run, Method::POST, "", &object)
            .await
            .expect_status(201);
        for token in [&editor, &robot] {
            let refused = asked(token, Method::DELETE, name, &json!({})).await;
            let refused = refused.expect_status(422).refusal();
            assert!(
                refused.contains("can be deleted only with its run"),
                "{refused}"
            );
        }
        asked(&run, Method::DELETE, name, &json!({}))
            .await
            .expect_status(200);
    }
    let object = marked("c", label);
    asked(&run, Method::POST, "", &object)
        .await
        .expect_status(201);
    let all = asked(&editor, Method::DELETE, "", &json!({})).await;
    assert!(!all.status.is_success(), "{}", all.text);
    // The resource still exists. A user with all verbs can delete it.
    server
        .delete(&format!("{}/c", path(server)), &Value::Null)
        .await
        .expect_status(200);
    // Objects without the label and the annotation are not restricted.
    asked(&editor, Method::POST, "", &marked("own", json!({})))
        .await
        .expect_status(201);
    asked(&editor, Method::DELETE, "own", &json!({}))
        .await
        .expect_status(200);
}
