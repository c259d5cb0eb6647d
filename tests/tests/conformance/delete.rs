//! Deleting objects.

use gleaner_tests::cases;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use serde_json::{Value, json};

use crate::{config_map, config_maps, resource, resources};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_deleted_object_is_gone,
        a_uid_precondition_spares_another_object,
        a_dry_run_deletes_nothing,
        finalizers_delay_the_end,
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

async fn a_uid_precondition_spares_another_object(server: &Server) {
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
    assert_eq!(
        answer.refusal(),
        format!(
            "Conflict: Operation cannot be fulfilled on PipelineResource.tekton.dev \"a\": the UID in the precondition \
             (other) does not match the UID in record ({}). The object might have been deleted and then recreated",
            uid.as_str().expect("a uid")
        )
    );
    let other = options(&json!({"preconditions": {"resourceVersion": "1"}}));
    let answer = server.delete(&path, &other).await.expect_status(409);
    assert!(
        answer
            .refusal()
            .contains("the ResourceVersion in the precondition (1) does not match")
    );
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

async fn finalizers_delay_the_end(server: &Server) {
    let mut object = resource("a");
    object["metadata"]["finalizers"] = json!(["gleaner.dev/test"]);
    server
        .post(&resources(server), &object)
        .await
        .expect_status(201);
    let path = format!("{}/a", resources(server));
    let marked = server
        .delete(&path, &json!(null))
        .await
        .expect_status(200)
        .json;
    assert_eq!(marked["kind"], "PipelineResource");
    assert!(marked["metadata"]["deletionTimestamp"].is_string());
    server.get(&path).await.expect_status(200);
    server
        .merge(&path, &json!({"metadata": {"finalizers": null}}))
        .await
        .expect_status(200);
    server.get(&path).await.expect_status(404);
}
