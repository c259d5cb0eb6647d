//! Changing objects: PUT, merge patch, and the status on its own.

use gleaner_tests::cases;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use serde_json::json;

use crate::{config_map, config_maps, resource, resources};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_put_replaces_the_spec,
        an_outdated_put_is_a_conflict,
        a_custom_object_is_updated_at_a_known_version_only,
        a_merge_patch_merges,
        a_merge_patch_is_validated,
        the_status_is_a_resource_of_its_own,
        nothing_changed_is_no_new_version,
        what_is_not_there_cannot_be_changed,
    ]
}

const MODIFIED: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

async fn a_put_replaces_the_spec(server: &Server) {
    let mut object = server
        .post(&resources(server), &resource("a"))
        .await
        .expect_status(201)
        .json;
    let path = format!("{}/a", resources(server));
    object["spec"] = json!({"type": "git"});
    object["metadata"]["labels"] = json!({"l": "1"});
    object["metadata"]["creationTimestamp"] = json!("2001-01-01T00:00:00Z");
    let updated = server.put(&path, &object).await.expect_status(200).json;
    assert_eq!(updated["spec"], json!({"type": "git"}));
    assert_eq!(updated["metadata"]["labels"], json!({"l": "1"}));
    assert_eq!(updated["metadata"]["generation"], 2);
    assert_ne!(
        updated["metadata"]["creationTimestamp"],
        "2001-01-01T00:00:00Z"
    );
    assert_ne!(
        updated["metadata"]["resourceVersion"],
        object["metadata"]["resourceVersion"]
    );
}

async fn an_outdated_put_is_a_conflict(server: &Server) {
    let path = format!("{}/a", config_maps(server));
    let old = server
        .post(&config_maps(server), &config_map("a", &json!({"a": "1"})))
        .await;
    let mut old = old.expect_status(201).json;
    server
        .merge(&path, &json!({"data": {"a": "2"}}))
        .await
        .expect_status(200);
    old["data"]["a"] = json!("3");
    let answer = server.put(&path, &old).await.expect_status(409);
    assert_eq!(
        answer.refusal(),
        format!("Conflict: Operation cannot be fulfilled on configmaps \"a\": {MODIFIED}")
    );
    let mut other = config_map("a", &json!({}));
    other["metadata"]["uid"] = json!("other");
    let answer = server.put(&path, &other).await.expect_status(409);
    assert!(
        answer.refusal().contains("UID in precondition: other"),
        "{}",
        answer.text
    );
    server
        .put(&path, &config_map("a", &json!({"b": "1"})))
        .await
        .expect_status(200);
    let answer = server
        .put(&path, &config_map("b", &json!({})))
        .await
        .expect_status(400);
    assert_eq!(
        answer.refusal(),
        "BadRequest: the name of the object (b) does not match the name on the URL (a)"
    );
}

async fn a_custom_object_is_updated_at_a_known_version_only(server: &Server) {
    server
        .post(&resources(server), &resource("a"))
        .await
        .expect_status(201);
    let path = format!("{}/a", resources(server));
    let answer = server.put(&path, &resource("a")).await.expect_status(422);
    assert_eq!(
        answer.refusal(),
        "Invalid: pipelineresources.tekton.dev \"a\" is invalid: metadata.resourceVersion: Invalid value: 0: must be \
         specified for an update"
    );
    let answer = server
        .merge(&path, &json!({"metadata": {"resourceVersion": "1"}}))
        .await;
    assert_eq!(
        answer.expect_status(409).refusal(),
        format!(
            "Conflict: Operation cannot be fulfilled on pipelineresources.tekton.dev \"a\": {MODIFIED}"
        )
    );
}

async fn a_merge_patch_merges(server: &Server) {
    server
        .post(
            &config_maps(server),
            &config_map("a", &json!({"a": "1", "b": "2"})),
        )
        .await;
    let path = format!("{}/a", config_maps(server));
    let patch = json!({"data": {"a": null, "c": "3"}, "metadata": {"labels": {"l": "1"}}});
    let shown = server
        .merge(&format!("{path}?dryRun=All"), &patch)
        .await
        .expect_status(200)
        .json;
    assert_eq!(shown["data"], json!({"b": "2", "c": "3"}));
    let before = server.get(&path).await.json;
    assert_eq!(before["data"], json!({"a": "1", "b": "2"}));
    let patched = server.merge(&path, &patch).await.expect_status(200).json;
    assert_eq!(patched["data"], json!({"b": "2", "c": "3"}));
    assert_eq!(patched["metadata"]["labels"], json!({"l": "1"}));
    let read = server.get(&path).await.json;
    assert_eq!(read, patched);
}

async fn a_merge_patch_is_validated(server: &Server) {
    server
        .post(&resources(server), &resource("a"))
        .await
        .expect_status(201);
    let path = format!("{}/a", resources(server));
    let answer = server
        .merge(&path, &json!({"spec": {"type": 1}}))
        .await
        .expect_status(422);
    assert!(
        answer
            .refusal()
            .contains("spec.type in body must be of type string"),
        "{}",
        answer.text
    );
    let strict = format!("{path}?fieldValidation=Strict");
    let answer = server
        .merge(&strict, &json!({"spec": {"x": 1}}))
        .await
        .expect_status(422);
    assert!(
        answer
            .refusal()
            .ends_with("strict decoding error: unknown field \"spec.x\""),
        "{}",
        answer.text
    );
    let answer = server
        .merge(&path, &json!({"metadata": {"name": "b"}}))
        .await
        .expect_status(400);
    assert_eq!(
        answer.refusal(),
        "BadRequest: the name of the object (b) does not match the name on the URL (a)"
    );
    let answer = server.merge(&path, &json!("{")).await.expect_status(400);
    assert!(
        answer
            .refusal()
            .starts_with("BadRequest: error decoding patch: "),
        "{}",
        answer.text
    );
}

async fn the_status_is_a_resource_of_its_own(server: &Server) {
    server
        .post(&resources(server), &resource("a"))
        .await
        .expect_status(201);
    let path = format!("{}/a", resources(server));
    let patch = json!({
        "status": {"conditions": [{"type": "Ready", "status": "True"}]}, "spec": {"type": "git"},
    });
    let patched = server
        .merge(&format!("{path}/status"), &patch)
        .await
        .expect_status(200)
        .json;
    assert_eq!(patched["status"], patch["status"]);
    assert_eq!(patched["spec"], resource("a")["spec"]);
    assert_eq!(patched["metadata"]["generation"], 1);
    let patch = json!({"status": {"a": 1}, "spec": {"type": "git"}});
    let patched = server.merge(&path, &patch).await.expect_status(200).json;
    assert_eq!(patched["status"]["conditions"][0]["type"], "Ready");
    assert_eq!(patched["status"].get("a"), None);
    assert_eq!(patched["spec"]["type"], "git");
    let mut object = patched;
    object["status"] = json!({"b": 2});
    let put = server
        .put(&format!("{path}/status"), &object)
        .await
        .expect_status(200)
        .json;
    assert_eq!(put["status"], json!({"b": 2}));
    let read = server
        .get(&format!("{path}/status"))
        .await
        .expect_status(200)
        .json;
    assert_eq!(read, put);
    let config = format!("{}/a/status", config_maps(server));
    server.get(&config).await.expect_status(404);
}

async fn nothing_changed_is_no_new_version(server: &Server) {
    let made = server
        .post(&resources(server), &resource("a"))
        .await
        .expect_status(201)
        .json;
    let path = format!("{}/a", resources(server));
    let put = server.put(&path, &made).await.expect_status(200).json;
    assert_eq!(
        put["metadata"]["resourceVersion"],
        made["metadata"]["resourceVersion"]
    );
    let patched = server
        .merge(&path, &json!({"spec": {"type": "image"}}))
        .await
        .expect_status(200)
        .json;
    assert_eq!(
        patched["metadata"]["resourceVersion"],
        made["metadata"]["resourceVersion"]
    );
}

async fn what_is_not_there_cannot_be_changed(server: &Server) {
    let path = format!("{}/a", config_maps(server));
    server
        .put(&path, &config_map("a", &json!({})))
        .await
        .expect_status(404);
    let answer = server
        .merge(&path, &json!({"data": {}}))
        .await
        .expect_status(404);
    assert_eq!(answer.refusal(), "NotFound: configmaps \"a\" not found");
}
