//! Server-side apply.

use gleaner_tests::cases;
use gleaner_tests::server::{Answer, Server};
use gleaner_tests::suite::Case;
use serde_json::{Value, json};

use crate::{config_map, config_maps, resource, resources};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        an_apply_creates_a_missing_object,
        a_repeated_apply_changes_nothing,
        a_field_that_is_no_longer_applied_is_removed,
        applying_another_managers_field_is_a_conflict,
        applying_a_field_that_a_create_set_is_a_conflict,
        force_transfers_the_field_to_the_new_manager,
        two_managers_can_apply_the_same_value,
        a_dry_run_applies_nothing,
        an_apply_requires_a_field_manager,
        an_apply_of_an_undeclared_field_is_refused_without_a_reason,
        a_body_with_a_different_name_is_refused,
    ]
}

async fn applied(server: &Server, path: &str, manager: &str, object: &Value) -> Value {
    let answer = server
        .apply(&format!("{path}?fieldManager={manager}"), object)
        .await;
    assert!(answer.status.is_success(), "{}", answer.text);
    answer.json
}

/// Asserts that the response reports a conflict with `manager` about these fields, and that its message contains the manager and
/// the fields.
#[track_caller]
fn conflicts(answer: &Answer, manager: &str, fields: &[&str]) {
    assert_eq!(answer.reason(), "Conflict");
    assert_eq!(answer.fields(), fields);
    let message = answer.refusal();
    for part in fields.iter().chain([&manager]) {
        assert!(message.contains(part), "{message}");
    }
}

async fn an_apply_creates_a_missing_object(server: &Server) {
    let path = format!("{}/a?fieldManager=gleaner", resources(server));
    let made = server
        .apply(&path, &resource("a"))
        .await
        .expect_status(201)
        .json;
    assert_eq!(made["spec"], resource("a")["spec"]);
    let manager = &made["metadata"]["managedFields"][0];
    assert_eq!(
        (&manager["manager"], &manager["operation"]),
        (&json!("gleaner"), &json!("Apply"))
    );
    assert_eq!(
        manager["fieldsV1"],
        json!({"f:spec": {"f:params": {}, "f:type": {}}})
    );
    let nowhere =
        "/apis/tekton.dev/v1alpha1/namespaces/nonesuch/pipelineresources/a?fieldManager=gleaner";
    let answer = server
        .apply(nowhere, &resource("a"))
        .await
        .expect_status(404);
    assert_eq!(
        answer.refusal(),
        "NotFound: namespaces \"nonesuch\" not found"
    );
}

async fn a_repeated_apply_changes_nothing(server: &Server) {
    let path = format!("{}/a", resources(server));
    let first = applied(server, &path, "gleaner", &resource("a")).await;
    let second = applied(server, &path, "gleaner", &resource("a")).await;
    assert_eq!(
        first["metadata"]["resourceVersion"],
        second["metadata"]["resourceVersion"]
    );
    assert_eq!(first["metadata"]["uid"], second["metadata"]["uid"]);
}

async fn a_field_that_is_no_longer_applied_is_removed(server: &Server) {
    let path = format!("{}/a", config_maps(server));
    let mut object = config_map("a", &json!({"a": "1", "b": "2"}));
    object["metadata"]["labels"] = json!({"l": "1"});
    applied(server, &path, "gleaner", &object).await;
    let now = applied(
        server,
        &path,
        "gleaner",
        &config_map("a", &json!({"a": "1"})),
    )
    .await;
    assert_eq!(now["data"], json!({"a": "1"}));
    assert_eq!(now["metadata"].get("labels"), None);
    let theirs = config_map("a", &json!({"theirs": "3"}));
    applied(server, &path, "other", &theirs).await;
    let now = applied(
        server,
        &path,
        "gleaner",
        &config_map("a", &json!({"c": "4"})),
    )
    .await;
    assert_eq!(now["data"], json!({"c": "4", "theirs": "3"}));
}

async fn applying_another_managers_field_is_a_conflict(server: &Server) {
    let path = format!("{}/a", config_maps(server));
    applied(
        server,
        &path,
        "one",
        &config_map("a", &json!({"a": "1", "b": "1"})),
    )
    .await;
    let two = format!("{path}?fieldManager=two");
    let answer = server
        .apply(&two, &config_map("a", &json!({"a": "2"})))
        .await
        .expect_status(409);
    conflicts(&answer, "\"one\"", &[".data.a"]);
    assert_eq!(
        answer.json["details"],
        json!({"causes": [{
            "reason": "FieldManagerConflict", "message": "conflict with \"one\"", "field": ".data.a"}]})
    );
    let answer = server
        .apply(&two, &config_map("a", &json!({"a": "2", "b": "2"})))
        .await
        .expect_status(409);
    conflicts(&answer, "\"one\"", &[".data.a", ".data.b"]);
    let now = server.get(&path).await.json;
    assert_eq!(now["data"], json!({"a": "1", "b": "1"}));
}

async fn applying_a_field_that_a_create_set_is_a_conflict(server: &Server) {
    let create = format!("{}?fieldManager=kubectl-create", resources(server));
    server
        .post(&create, &resource("a"))
        .await
        .expect_status(201);
    let path = format!("{}/a?fieldManager=gleaner", resources(server));
    let mut object = resource("a");
    object["spec"]["type"] = json!("git");
    let answer = server.apply(&path, &object).await.expect_status(409);
    let manager = "\"kubectl-create\" using tekton.dev/v1alpha1";
    conflicts(&answer, manager, &[".spec.type"]);
}

async fn force_transfers_the_field_to_the_new_manager(server: &Server) {
    let path = format!("{}/a", config_maps(server));
    applied(
        server,
        &path,
        "one",
        &config_map("a", &json!({"a": "1", "b": "1"})),
    )
    .await;
    let two = format!("{path}?fieldManager=two&force=true");
    let now = server
        .apply(&two, &config_map("a", &json!({"a": "2"})))
        .await
        .expect_status(200)
        .json;
    assert_eq!(now["data"], json!({"a": "2", "b": "1"}));
    let now = applied(server, &path, "one", &config_map("a", &json!({"b": "1"}))).await;
    assert_eq!(now["data"], json!({"a": "2", "b": "1"}));
}

async fn two_managers_can_apply_the_same_value(server: &Server) {
    let path = format!("{}/a", config_maps(server));
    applied(server, &path, "one", &config_map("a", &json!({"a": "1"}))).await;
    applied(server, &path, "two", &config_map("a", &json!({"a": "1"}))).await;
    let now = applied(server, &path, "one", &config_map("a", &json!({"b": "1"}))).await;
    assert_eq!(now["data"], json!({"a": "1", "b": "1"}));
    let now = applied(server, &path, "two", &config_map("a", &json!({}))).await;
    assert_eq!(now["data"], json!({"b": "1"}));
}

async fn a_dry_run_applies_nothing(server: &Server) {
    let path = format!("{}/a?fieldManager=gleaner", resources(server));
    let answer = server
        .apply(&format!("{path}&dryRun=All"), &resource("a"))
        .await;
    assert_eq!(
        answer.expect_status(201).json["spec"],
        resource("a")["spec"]
    );
    server
        .get(&format!("{}/a", resources(server)))
        .await
        .expect_status(404);
    server.apply(&path, &resource("a")).await.expect_status(201);
    let mut object = resource("a");
    object["spec"]["type"] = json!("git");
    let answer = server
        .apply(&format!("{path}&dryRun=All"), &object)
        .await
        .expect_status(200);
    assert_eq!(answer.json["spec"]["type"], "git");
    let now = server.get(&format!("{}/a", resources(server))).await.json;
    assert_eq!(now["spec"]["type"], "image");
}

async fn an_apply_requires_a_field_manager(server: &Server) {
    let path = format!("{}/a", resources(server));
    let answer = server.apply(&path, &resource("a")).await.expect_status(422);
    assert_eq!(
        (answer.reason(), answer.fields()),
        ("Invalid", vec!["fieldManager"])
    );
}

async fn an_apply_of_an_undeclared_field_is_refused_without_a_reason(server: &Server) {
    // The client's mistake is the cause of this 500, so Gleaner must not retry the request. Only the message shows this.
    let refused = async |path: String, object: &Value, expected: &str| {
        let path = format!("{path}/a?fieldManager=gleaner");
        let answer = server.apply(&path, object).await.expect_status(500);
        let message = answer.json["message"].as_str().unwrap_or_default();
        let start = "failed to create typed patch object (";
        assert!(
            message.starts_with(start) && message.contains(expected),
            "{message}"
        );
        assert_eq!(answer.reason(), "");
    };
    let mut object = resource("a");
    object["spec"]["typo"] = json!(1);
    let expected =
        "; tekton.dev/v1alpha1, Kind=PipelineResource): .spec.typo: field not declared in schema";
    refused(resources(server), &object, expected).await;
    let mut object = resource("a");
    object["spec"]["type"] = json!(1);
    let expected = ".spec.type: expected string, got ";
    refused(resources(server), &object, expected).await;
    let mut object = config_map("a", &json!({}));
    object["dat"] = json!({});
    let expected = "; /v1, Kind=ConfigMap): .dat: field not declared in schema";
    refused(config_maps(server), &object, expected).await;
}

async fn a_body_with_a_different_name_is_refused(server: &Server) {
    let path = format!("{}/a?fieldManager=gleaner", resources(server));
    let answer = server.apply(&path, &resource("b")).await.expect_status(400);
    assert_eq!(
        answer.refusal(),
        "BadRequest: the name of the object (b) does not match the name on the URL (a)"
    );
    let mut object = resource("a");
    object["metadata"]["uid"] = json!("other");
    let answer = server.apply(&path, &object).await.expect_status(409);
    assert!(answer.refusal().contains("uid mismatch"), "{}", answer.text);
    object["metadata"] = json!({"name": "a", "managedFields": []});
    let answer = server.apply(&path, &object).await.expect_status(400);
    assert_eq!(
        answer.refusal(),
        "BadRequest: metadata.managedFields must be nil"
    );
}
