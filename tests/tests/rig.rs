//! Tests the features of the rig that suites need: users with few permissions, admission plugins, and CRDs for a single case.

use std::process::ExitCode;

use gleaner_local_apiserver::TEKTON_CRDS;
use gleaner_tests::server::{self, Server};
use gleaner_tests::suite::{Case, Suite};
use gleaner_tests::{KNATIVE_CRDS, cases, rig};
use http::Method;
use serde_json::{Value, json};

fn main() -> ExitCode {
    let enforcing = rig::Options {
        owner_references_permission_enforcement: true,
    };
    Suite::new(cases![kinds_of_other_cases_are_not_served])
        .crds(&[TEKTON_CRDS])
        .case(
            Case::new(
                "a_user_has_only_the_permissions_in_its_rules",
                a_user_has_only_the_permissions_in_its_rules,
            )
            .real_only(),
        )
        .case(
            Case::new(
                "setting_block_owner_deletion_requires_permission",
                setting_block_owner_deletion_requires_permission,
            )
            .rig(enforcing)
            .real_only(),
        )
        .case(
            Case::new(
                "a_case_can_install_additional_crds",
                a_case_can_install_additional_crds,
            )
            .crds(&[KNATIVE_CRDS]),
        )
        .run()
}

fn resource(name: &str) -> Value {
    json!({
        "apiVersion": "tekton.dev/v1alpha1", "kind": "PipelineResource",
        "metadata": {"name": name}, "spec": {"type": "image"},
    })
}

/// Creates a PipelineResource as a user who may only create PipelineResources, and asserts that the user cannot list them.
async fn post_as_restricted_user(server: &Server, object: &Value) -> server::Answer {
    let rules = json!([{"apiGroups": ["tekton.dev"], "resources": ["pipelineresources"], "verbs": ["create"]}]);
    let user = server.restricted_user(rules).await;
    let client =
        server::client(&server.url(), Some(&user.token), server.authority()).expect("a client");
    let path = server.path("tekton.dev/v1alpha1", "pipelineresources");
    let list = server::send(&client, Method::GET, &path, "", Vec::new())
        .await
        .expect_status(403);
    assert!(
        list.refusal()
            .contains(&format!("User \"{}\" cannot list resource", user.name)),
        "{}",
        list.text
    );
    server::send(
        &client,
        Method::POST,
        &path,
        "application/json",
        object.to_string().into_bytes(),
    )
    .await
}

async fn a_user_has_only_the_permissions_in_its_rules(server: &Server) {
    post_as_restricted_user(server, &resource("a"))
        .await
        .expect_status(201);
}

async fn setting_block_owner_deletion_requires_permission(server: &Server) {
    let mut object = resource("a");
    object["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": "run", "uid": "1",
        "controller": true, "blockOwnerDeletion": true,
    }]);
    let answer = post_as_restricted_user(server, &object)
        .await
        .expect_status(403);
    assert!(
        answer
            .refusal()
            .contains("cannot set blockOwnerDeletion if an ownerReference refers to a resource"),
        "{}",
        answer.text
    );
    object["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = json!(false);
    post_as_restricted_user(server, &object)
        .await
        .expect_status(201);
}

async fn a_case_can_install_additional_crds(server: &Server) {
    let service = json!({
        "apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "a"},
        "spec": {"template": {"spec": {"containers": [{"image": "x"}]}}},
    });
    let path = server.path("serving.knative.dev/v1", "services");
    server.post(&path, &service).await.expect_status(201);
    server
        .get("/apis/tekton.dev/v1alpha1")
        .await
        .expect_status(200);
}

async fn kinds_of_other_cases_are_not_served(server: &Server) {
    server
        .get("/apis/serving.knative.dev/v1")
        .await
        .expect_status(404);
}
