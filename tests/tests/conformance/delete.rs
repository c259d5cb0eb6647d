//! Deleting objects.

use gleaner_tests::cases;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use serde_json::{Value, json};

use crate::{config_map, config_maps, resource, resources};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_deleted_object_is_gone,
        a_delete_whose_preconditions_do_not_match_is_refused,
        a_dry_run_deletes_nothing,
    ]
}

fn options(fields: &Value) -> Value {
    let mut options = json!({"apiVersion": "v1", "kind": "DeleteOptions"});
    for (name, value) in fields.as_object().into_iter().flatten() {
        options[name] = value.clone();
    }
    options
}

async fn a_deleted_object_is_gone(server: &Server) {
    let made = server
        .post(&resources(server), &resource("a"))
        .await
        .expect_status(201)
        .json;
    let path = format!("{}/a", resources(server));
    let answer = server
        .delete(&path, &json!(null))
        .await
        .expect_status(200)
        .json;
    assert_eq!(
        answer,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {
                "name": "a", "group": "tekton.dev", "kind": "pipelineresources",
                "uid": made["metadata"]["uid"],
            },
        })
    );
    server.get(&path).await.expect_status(404);
    server.delete(&path, &json!(null)).await.expect_status(404);
}

async fn a_delete_whose_preconditions_do_not_match_is_refused(server: &Server) {
    let made = server
        .post(&resources(server), &resource("a"))
        .await
        .expect_status(201)
        .json;
    let (uid, version) = (
        &made["metadata"]["uid"],
        &made["metadata"]["resourceVersion"],
    );
    let path = format!("{}/a", resources(server));
    let other = options(&json!({"preconditions": {"uid": "other"}}));
    let answer = server.delete(&path, &other).await.expect_status(409);
    assert_eq!(answer.reason(), "Conflict");
    assert_eq!(answer.json["details"]["name"], "a");
    let other = options(&json!({"preconditions": {"resourceVersion": "1"}}));
    let answer = server.delete(&path, &other).await.expect_status(409);
    assert_eq!(answer.reason(), "Conflict");
    let this = options(&json!({"preconditions": {"uid": uid, "resourceVersion": version}}));
    server.delete(&path, &this).await.expect_status(200);
    server.get(&path).await.expect_status(404);
}

async fn a_dry_run_deletes_nothing(server: &Server) {
    server
        .post(&config_maps(server), &config_map("a", &json!({})))
        .await
        .expect_status(201);
    let path = format!("{}/a", config_maps(server));
    server
        .delete(&format!("{path}?dryRun=All"), &json!(null))
        .await
        .expect_status(200);
    server
        .delete(&path, &options(&json!({"dryRun": ["All"]})))
        .await
        .expect_status(200);
    server.get(&path).await.expect_status(200);
}
