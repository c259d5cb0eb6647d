//! Requests that are refused before anything is looked at closely.

use gleaner_tests::cases;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use http::Method;
use serde_json::json;

use crate::{config_map, config_maps, resource, resources};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_taken_name_is_a_conflict,
        a_missing_object_is_not_found,
        a_missing_namespace_is_not_found,
        another_namespace_is_refused,
        another_kind_is_refused,
        another_version_is_refused,
        a_body_that_is_no_json_is_refused,
        a_body_over_three_mebibytes_is_too_large,
        another_media_type_is_refused,
        another_method_is_refused,
        namespaced_kinds_are_created_in_a_namespace,
        options_are_checked,
        a_resource_version_cannot_be_created,
        storage_has_a_bound_that_a_dry_run_does_not_show,
    ]
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
    assert_eq!(
        answer.refusal(),
        "BadRequest: the namespace of the provided object does not match the namespace sent on the request"
    );
}

async fn another_kind_is_refused(server: &Server) {
    let mut object = resource("a");
    object["kind"] = json!("PipelineResourcx");
    let answer = server
        .post(&resources(server), &object)
        .await
        .expect_status(422);
    assert_eq!(
        answer.refusal(),
        "Invalid: PipelineResourcx.tekton.dev \"a\" is invalid: kind: Invalid value: \"PipelineResourcx\": must be \
         PipelineResource"
    );
    let mut object = config_map("a", &json!({}));
    object["kind"] = json!("ConfigMapp");
    let answer = server
        .post(&config_maps(server), &object)
        .await
        .expect_status(400);
    let start = "BadRequest: ConfigMapp in version \"v1\" cannot be handled as a ConfigMap: no kind \"ConfigMapp\" is \
                 registered for version \"v1\"";
    assert!(answer.refusal().starts_with(start), "{}", answer.text);
}

async fn another_version_is_refused(server: &Server) {
    let mut object = resource("a");
    object["apiVersion"] = json!("tekton.dev/v1");
    let answer = server
        .post(&resources(server), &object)
        .await
        .expect_status(400);
    assert_eq!(
        answer.refusal(),
        "BadRequest: the API version in the data (tekton.dev/v1) does not match the expected API version \
         (tekton.dev/v1alpha1)"
    );
}

async fn a_body_that_is_no_json_is_refused(server: &Server) {
    for body in ["{\"apiVersion\":", "[1]"] {
        for path in [resources(server), config_maps(server)] {
            let answer = server.post(&path, &json!(body)).await.expect_status(400);
            assert!(
                answer.refusal().starts_with("BadRequest: "),
                "{}",
                answer.text
            );
            assert!(
                answer.refusal().contains("json parse error"),
                "{}",
                answer.text
            );
        }
    }
}

async fn a_body_over_three_mebibytes_is_too_large(server: &Server) {
    let text = |bytes: usize| {
        let mut object = config_map("big", &json!({"a": ""}));
        let rest = bytes - object.to_string().len();
        object["data"]["a"] = json!("x".repeat(rest));
        json!(object.to_string())
    };
    let answer = server
        .post(&config_maps(server), &text(3_145_729))
        .await
        .expect_status(413);
    assert_eq!(
        answer.refusal(),
        "RequestEntityTooLarge: Request entity too large: limit is 3145728"
    );
    // What passes the door meets the kind's own bound.
    let answer = server
        .post(&config_maps(server), &text(3_145_728))
        .await
        .expect_status(422);
    assert!(
        answer
            .refusal()
            .contains("Too long: may not be more than 1048576 bytes"),
        "{}",
        answer.refusal()
    );
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
    let start = "UnsupportedMediaType: the body of the request was in an unknown format - accepted media types include: \
                 application/json, application/yaml";
    assert!(answer.refusal().starts_with(start), "{}", answer.text);
    server
        .post(&config_maps(server), &config_map("a", &json!({})))
        .await
        .expect_status(201);
    let path = format!("{}/a", config_maps(server));
    let answer = server
        .send(Method::PATCH, &path, "application/json", &json!({}))
        .await;
    assert_eq!(
        answer.expect_status(415).refusal(),
        "UnsupportedMediaType: 415: Unsupported Media Type"
    );
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yaml}\ndata: {a: 'no'}\n";
    let answer = server
        .send(
            Method::POST,
            &config_maps(server),
            "application/yaml",
            &json!(yaml),
        )
        .await;
    assert_eq!(answer.expect_status(201).json["data"], json!({"a": "no"}));
}

async fn another_method_is_refused(server: &Server) {
    let path = format!("{}/a", config_maps(server));
    for (method, path) in [(Method::POST, path.as_str()), (Method::PUT, "/api")] {
        let answer = server
            .send(method, path, "application/json", &json!({}))
            .await;
        assert_eq!(
            answer.expect_status(405).refusal(),
            "MethodNotAllowed: the server does not allow this method on the requested resource"
        );
    }
}

async fn namespaced_kinds_are_created_in_a_namespace(server: &Server) {
    let object = config_map("a", &json!({}));
    server
        .post("/api/v1/configmaps", &object)
        .await
        .expect_status(405);
    let path = "/apis/tekton.dev/v1alpha1/pipelineresources";
    server.post(path, &resource("a")).await.expect_status(404);
}

async fn options_are_checked(server: &Server) {
    let path = resources(server);
    let answer = server
        .post(&format!("{path}?dryRun=Some"), &resource("a"))
        .await
        .expect_status(422);
    assert_eq!(
        answer.refusal(),
        "Invalid: CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"Some\"]: supported values: \
         \"All\""
    );
    let answer = server
        .post(&format!("{path}?fieldValidation=Some"), &resource("a"))
        .await;
    assert_eq!(
        answer.expect_status(422).refusal(),
        "Invalid: CreateOptions.meta.k8s.io \"\" is invalid: fieldValidation: Unsupported value: \"Some\": supported \
         values: \"\", \"Ignore\", \"Strict\", \"Warn\""
    );
}

async fn a_resource_version_cannot_be_created(server: &Server) {
    let mut object = resource("a");
    object["metadata"]["resourceVersion"] = json!("5");
    let answer = server
        .post(&resources(server), &object)
        .await
        .expect_status(500);
    assert_eq!(
        answer.json["message"],
        "resourceVersion should not be set on objects to be created"
    );
    assert_eq!(answer.json.get("reason"), None);
}

async fn storage_has_a_bound_that_a_dry_run_does_not_show(server: &Server) {
    let path = resources(server);
    for (bytes, message) in [
        (1_700_000, "etcdserver: request is too large"),
        (
            2_500_000,
            "rpc error: code = ResourceExhausted desc = trying to send message larger than max (",
        ),
    ] {
        let mut object = resource("big");
        object["spec"]["params"][0]["value"] = json!("x".repeat(bytes));
        server
            .post(&format!("{path}?dryRun=All"), &object)
            .await
            .expect_status(201);
        let answer = server.post(&path, &object).await.expect_status(500);
        assert!(
            answer.json["message"]
                .as_str()
                .is_some_and(|m| m.starts_with(message)),
            "{}",
            answer.text
        );
        assert_eq!(answer.json.get("reason"), None);
    }
}
