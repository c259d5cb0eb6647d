//! Requests that the server refuses for reasons other than an invalid object.

use gleaner_tests::cases;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use http::Method;
use serde_json::json;

use crate::{config_map, config_maps, resource, resources};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = cases![
        a_taken_name_is_a_conflict,
        a_missing_object_is_not_found,
        a_missing_namespace_is_not_found,
        another_namespace_is_refused,
        another_kind_is_refused,
        another_version_is_refused,
        a_body_that_is_not_json_is_refused,
        a_body_over_three_mebibytes_is_too_large,
        another_media_type_is_refused,
        another_method_is_refused,
        namespaced_kinds_are_created_in_a_namespace,
        options_are_checked,
        an_object_with_a_resource_version_cannot_be_created,
        etcd_has_a_size_limit_that_a_dry_run_does_not_check,
    ];
    let local = cases![
        a_list_with_selectors_is_refused,
        every_write_is_validated_strictly,
    ];
    cases.extend(local.into_iter().map(Case::local_only));
    cases
}

async fn a_taken_name_is_a_conflict(server: &Server) {
    let path = resources(server);
    server.post(&path, &resource("a")).await.expect_status(201);
    let answer = server.post(&path, &resource("a")).await.expect_status(409);
    assert_eq!(
        answer.json,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "pipelineresources.tekton.dev \"a\" already exists",
            "reason": "AlreadyExists",
            "details": {"name": "a", "group": "tekton.dev", "kind": "pipelineresources"},
            "code": 409,
        })
    );
    server
        .post(&config_maps(server), &config_map("a", &json!({})))
        .await
        .expect_status(201);
    let answer = server
        .post(&config_maps(server), &config_map("a", &json!({})))
        .await;
    assert_eq!(answer.json["message"], "configmaps \"a\" already exists");
    assert_eq!(
        answer.json["details"],
        json!({"name": "a", "kind": "configmaps"})
    );
}

async fn a_missing_object_is_not_found(server: &Server) {
    let path = format!("{}/nope", resources(server));
    for method in [Method::GET, Method::DELETE] {
        let answer = server
            .send(method, &path, "", &json!(null))
            .await
            .expect_status(404);
        assert_eq!(
            answer.json,
            json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "pipelineresources.tekton.dev \"nope\" not found",
                "reason": "NotFound",
                "details": {"name": "nope", "group": "tekton.dev", "kind": "pipelineresources"},
                "code": 404,
            })
        );
    }
}

async fn a_missing_namespace_is_not_found(server: &Server) {
    for query in ["", "?dryRun=All"] {
        let path =
            format!("/apis/tekton.dev/v1alpha1/namespaces/nonesuch/pipelineresources{query}");
        let answer = server.post(&path, &resource("a")).await.expect_status(404);
        assert_eq!(
            answer.refusal(),
            "NotFound: namespaces \"nonesuch\" not found"
        );
        assert_eq!(
            answer.json["details"],
            json!({"name": "nonesuch", "kind": "namespaces"})
        );
    }
}

async fn another_namespace_is_refused(server: &Server) {
    let mut object = resource("a");
    object["metadata"]["namespace"] = json!("elsewhere");
    let answer = server
        .post(&resources(server), &object)
        .await
        .expect_status(400);
    assert_eq!(answer.reason(), "BadRequest");
}

async fn another_kind_is_refused(server: &Server) {
    let mut object = config_map("a", &json!({}));
    object["kind"] = json!("ConfigMapp");
    let answer = server
        .post(&config_maps(server), &object)
        .await
        .expect_status(400);
    assert_eq!(answer.reason(), "BadRequest");
}

async fn another_version_is_refused(server: &Server) {
    let mut object = resource("a");
    object["apiVersion"] = json!("tekton.dev/v1");
    let answer = server
        .post(&resources(server), &object)
        .await
        .expect_status(400);
    assert_eq!(answer.reason(), "BadRequest");
}

async fn a_body_that_is_not_json_is_refused(server: &Server) {
    for body in ["{\"apiVersion\":", "[1]"] {
        for path in [resources(server), config_maps(server)] {
            let answer = server.post(&path, &json!(body)).await.expect_status(400);
            assert_eq!(answer.reason(), "BadRequest");
        }
    }
}

async fn a_body_over_three_mebibytes_is_too_large(server: &Server) {
    let object = config_map("big", &json!({"a": "x".repeat(3 << 20)}));
    let answer = server
        .post(&config_maps(server), &object)
        .await
        .expect_status(413);
    assert_eq!(answer.reason(), "RequestEntityTooLarge");
}

async fn another_media_type_is_refused(server: &Server) {
    let answer = server
        .send(
            Method::POST,
            &config_maps(server),
            "text/plain",
            &json!("x"),
        )
        .await;
    let answer = answer.expect_status(415);
    assert_eq!(answer.reason(), "UnsupportedMediaType");
    server
        .post(&config_maps(server), &config_map("a", &json!({})))
        .await
        .expect_status(201);
    let path = format!("{}/a", config_maps(server));
    let answer = server
        .send(Method::PATCH, &path, "application/json", &json!({}))
        .await;
    assert_eq!(answer.expect_status(415).reason(), "UnsupportedMediaType");
}

async fn another_method_is_refused(server: &Server) {
    let path = format!("{}/a", config_maps(server));
    for (method, path) in [(Method::POST, path.as_str()), (Method::PUT, "/api")] {
        let answer = server
            .send(method, path, "application/json", &json!({}))
            .await;
        assert_eq!(answer.expect_status(405).reason(), "MethodNotAllowed");
    }
}

async fn namespaced_kinds_are_created_in_a_namespace(server: &Server) {
    let object = config_map("a", &json!({}));
    server
        .post("/api/v1/configmaps", &object)
        .await
        .expect_status(405);
}

async fn options_are_checked(server: &Server) {
    let path = format!("{}?dryRun=Some", resources(server));
    let answer = server.post(&path, &resource("a")).await.expect_status(422);
    assert_eq!(
        (answer.reason(), answer.fields()),
        ("Invalid", vec!["dryRun"])
    );
}

async fn an_object_with_a_resource_version_cannot_be_created(server: &Server) {
    let mut object = resource("a");
    object["metadata"]["resourceVersion"] = json!("5");
    let answer = server
        .post(&resources(server), &object)
        .await
        .expect_status(500);
    assert_eq!(answer.reason(), "");
}

async fn etcd_has_a_size_limit_that_a_dry_run_does_not_check(server: &Server) {
    let path = resources(server);
    for bytes in [1_700_000, 2_500_000] {
        let mut object = resource("big");
        object["spec"]["params"][0]["value"] = json!("x".repeat(bytes));
        server
            .post(&format!("{path}?dryRun=All"), &object)
            .await
            .expect_status(201);
        let answer = server.post(&path, &object).await.expect_status(500);
        // The status and the reason do not distinguish this error from a temporary one; only the message does.
        let message = answer.json["message"].as_str().unwrap_or_default();
        assert!(
            message.contains("request is too large") || message.contains("larger than max"),
            "{message}"
        );
        assert_eq!(answer.reason(), "");
    }
}

async fn a_list_with_selectors_is_refused(server: &Server) {
    let path = config_maps(server);
    for (query, status) in [
        ("watch=true", 405),
        ("labelSelector=a%3Db", 400),
        ("fieldSelector=metadata.name%3Da", 400),
    ] {
        let answer = server.get(&format!("{path}?{query}")).await;
        answer.expect_status(status);
    }
    let list = format!("{path}?limit=500&labelSelector=&watch=false");
    server.get(&list).await.expect_status(200);
}

async fn every_write_is_validated_strictly(server: &Server) {
    let mut object = config_map("a", &json!({}));
    object["dat"] = json!({});
    let answer = server.post(&config_maps(server), &object).await;
    let refusal = answer.expect_status(400).refusal();
    assert!(refusal.contains("unknown field \"dat\""), "{refusal}");
}
