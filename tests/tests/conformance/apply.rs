//! Server-side apply.

use gleaner_tests::cases;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use serde_json::{Value, json};

use crate::{config_map, config_maps, resource, resources};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        an_apply_makes_what_is_not_there,
        an_apply_again_changes_nothing,
        a_field_no_longer_applied_goes,
        another_managers_field_is_a_conflict,
        a_field_made_by_a_create_is_a_conflict_too,
        force_takes_the_field,
        the_same_value_is_shared,
        keyed_lists_are_merged,
        a_dry_run_applies_nothing,
        a_manager_is_required,
        what_the_kind_does_not_have_is_refused_without_a_reason,
        what_names_another_object_is_refused,
    ]
}

async fn applied(server: &Server, path: &str, manager: &str, object: &Value) -> Value {
    let answer = server
        .apply(&format!("{path}?fieldManager={manager}"), object)
        .await;
    assert!(answer.status.is_success(), "{}", answer.text);
    answer.json
}

async fn an_apply_makes_what_is_not_there(server: &Server) {
    let path = format!("{}/a?fieldManager=gleaner", resources(server));
    let made = server
        .apply(&path, &resource("a"))
        .await
        .expect_status(201)
        .json;
    assert_eq!(made["spec"], resource("a")["spec"]);
    assert_eq!(made["metadata"]["generation"], 1);
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

async fn an_apply_again_changes_nothing(server: &Server) {
    let path = format!("{}/a", resources(server));
    let first = applied(server, &path, "gleaner", &resource("a")).await;
    let second = applied(server, &path, "gleaner", &resource("a")).await;
    assert_eq!(
        first["metadata"]["resourceVersion"],
        second["metadata"]["resourceVersion"]
    );
    assert_eq!(first["metadata"]["uid"], second["metadata"]["uid"]);
}

async fn a_field_no_longer_applied_goes(server: &Server) {
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
    server
        .merge(&path, &json!({"data": {"theirs": "3"}}))
        .await
        .expect_status(200);
    let now = applied(
        server,
        &path,
        "gleaner",
        &config_map("a", &json!({"c": "4"})),
    )
    .await;
    assert_eq!(now["data"], json!({"c": "4", "theirs": "3"}));
}

async fn another_managers_field_is_a_conflict(server: &Server) {
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
    assert_eq!(
        answer.refusal(),
        "Conflict: Apply failed with 1 conflict: conflict with \"one\": .data.a"
    );
    assert_eq!(
        answer.json["details"],
        json!({"causes": [{
            "reason": "FieldManagerConflict", "message": "conflict with \"one\"", "field": ".data.a"}]})
    );
    let answer = server
        .apply(&two, &config_map("a", &json!({"a": "2", "b": "2"})))
        .await;
    assert_eq!(
        answer.expect_status(409).refusal(),
        "Conflict: Apply failed with 2 conflicts: conflicts with \"one\":\n- .data.a\n- .data.b"
    );
    let now = server.get(&path).await.json;
    assert_eq!(now["data"], json!({"a": "1", "b": "1"}));
}

async fn a_field_made_by_a_create_is_a_conflict_too(server: &Server) {
    let create = format!("{}?fieldManager=kubectl-create", resources(server));
    server
        .post(&create, &resource("a"))
        .await
        .expect_status(201);
    let path = format!("{}/a?fieldManager=gleaner", resources(server));
    let mut object = resource("a");
    object["spec"]["type"] = json!("git");
    let answer = server.apply(&path, &object).await.expect_status(409);
    assert_eq!(
        answer.refusal(),
        "Conflict: Apply failed with 1 conflict: conflict with \"kubectl-create\" using tekton.dev/v1alpha1: .spec.type"
    );
}

async fn force_takes_the_field(server: &Server) {
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

async fn the_same_value_is_shared(server: &Server) {
    let path = format!("{}/a", config_maps(server));
    applied(server, &path, "one", &config_map("a", &json!({"a": "1"}))).await;
    applied(server, &path, "two", &config_map("a", &json!({"a": "1"}))).await;
    let now = applied(server, &path, "one", &config_map("a", &json!({"b": "1"}))).await;
    assert_eq!(now["data"], json!({"a": "1", "b": "1"}));
    let now = applied(server, &path, "two", &config_map("a", &json!({}))).await;
    assert_eq!(now["data"], json!({"b": "1"}));
}

async fn keyed_lists_are_merged(server: &Server) {
    let deployment = |containers: Value| {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
            "spec": {
                "selector": {"matchLabels": {"app": "a"}},
                "template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": containers}},
            },
        })
    };
    let images = |object: &Value| -> Vec<(String, String)> {
        let containers = object["spec"]["template"]["spec"]["containers"]
            .as_array()
            .expect("containers");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        containers
            .iter()
            .map(|c| (text(&c["name"]), text(&c["image"])))
            .collect()
    };
    let pair = |name: &str, image: &str| (name.to_owned(), image.to_owned());
    let path = format!("{}/a", server.path("apps/v1", "deployments"));
    applied(
        server,
        &path,
        "one",
        &deployment(json!([{"name": "a", "image": "1"}])),
    )
    .await;
    let now = applied(
        server,
        &path,
        "two",
        &deployment(json!([{"name": "b", "image": "2"}])),
    )
    .await;
    let mut found = images(&now);
    found.sort();
    assert_eq!(found, [pair("a", "1"), pair("b", "2")]);
    let two = format!("{path}?fieldManager=two");
    let answer = server
        .apply(&two, &deployment(json!([{"name": "a", "image": "9"}])))
        .await;
    assert_eq!(
        answer.expect_status(409).refusal(),
        "Conflict: Apply failed with 1 conflict: conflict with \"one\": \
         .spec.template.spec.containers[name=\"a\"].image"
    );
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

async fn a_manager_is_required(server: &Server) {
    let path = format!("{}/a", resources(server));
    let answer = server.apply(&path, &resource("a")).await.expect_status(422);
    assert_eq!(
        answer.refusal(),
        "Invalid: PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"
    );
}

async fn what_the_kind_does_not_have_is_refused_without_a_reason(server: &Server) {
    // A 500 that is nobody's fault but the caller's: not to be retried. Strict or not makes no difference.
    let path = format!("{}/a?fieldManager=gleaner", resources(server));
    let place =
        "failed to create typed patch object (/a; tekton.dev/v1alpha1, Kind=PipelineResource): ";
    let mut object = resource("a");
    object["spec"]["typo"] = json!(1);
    let answer = server.apply(&path, &object).await.expect_status(500);
    assert_eq!(
        answer.json["message"],
        format!("{place}.spec.typo: field not declared in schema")
    );
    assert_eq!(answer.json.get("reason"), None);
    let mut object = resource("a");
    object["spec"]["type"] = json!(1);
    let answer = server.apply(&path, &object).await.expect_status(500);
    let message = answer.json["message"].as_str().unwrap_or_default();
    assert!(
        message.starts_with(&format!("{place}.spec.type: expected string, got ")),
        "{message}"
    );
    let mut object = config_map("a", &json!({}));
    object["dat"] = json!({});
    let path = format!("{}/a?fieldManager=gleaner", config_maps(server));
    let answer = server.apply(&path, &object).await.expect_status(500);
    assert_eq!(
        answer.json["message"],
        "failed to create typed patch object (/a; /v1, Kind=ConfigMap): .dat: field not declared in schema"
    );
}

async fn what_names_another_object_is_refused(server: &Server) {
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
