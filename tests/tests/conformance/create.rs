//! Creating objects.

use gleaner_tests::cases;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use serde_json::{Value, json};

use crate::{resource, resources};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        the_server_sets_the_uid_version_and_time_of_a_new_object,
        a_dry_run_creates_no_object,
        a_dry_run_with_a_taken_name_is_refused,
        a_name_takes_precedence_over_a_generate_name,
        an_owner_reference_is_stored,
        a_status_is_not_created,
        the_field_manager_is_recorded,
        a_cluster_scoped_object_has_no_namespace,
        lists_contain_the_existing_objects,
        an_object_without_a_kind_is_refused,
    ]
}

async fn the_server_sets_the_uid_version_and_time_of_a_new_object(server: &Server) {
    let path = resources(server);
    let mut sent = resource("a");
    sent["metadata"]["uid"] = json!("mine");
    let made = server.post(&path, &sent).await.expect_status(201).json;
    let metadata = &made["metadata"];
    assert_eq!(metadata["name"], "a");
    assert_eq!(metadata["namespace"], server.namespace());
    assert_eq!(metadata["uid"].as_str().map(str::len), Some(36));
    assert!(
        metadata["resourceVersion"]
            .as_str()
            .is_some_and(|v| !v.is_empty())
    );
    assert_eq!(
        metadata["creationTimestamp"].as_str().map(str::len),
        Some(20)
    );
    assert_eq!(made["spec"], sent["spec"]);
    let read = server
        .get(&format!("{path}/a"))
        .await
        .expect_status(200)
        .json;
    assert_eq!(read, made);
}

async fn a_dry_run_creates_no_object(server: &Server) {
    let path = resources(server);
    let shown = server
        .post(&format!("{path}?dryRun=All"), &resource("a"))
        .await;
    let shown = shown.expect_status(201).json;
    assert_eq!(shown["spec"], resource("a")["spec"]);
    assert!(shown["metadata"]["uid"].is_string());
    assert_eq!(shown["metadata"].get("resourceVersion"), None);
    server.get(&format!("{path}/a")).await.expect_status(404);
    server.post(&path, &resource("a")).await.expect_status(201);
}

async fn a_dry_run_with_a_taken_name_is_refused(server: &Server) {
    let path = resources(server);
    server.post(&path, &resource("a")).await.expect_status(201);
    let answer = server
        .post(&format!("{path}?dryRun=All"), &resource("a"))
        .await
        .expect_status(409);
    assert_eq!(
        answer.refusal(),
        "AlreadyExists: pipelineresources.tekton.dev \"a\" already exists"
    );
}

async fn a_name_takes_precedence_over_a_generate_name(server: &Server) {
    let mut object = resource("a");
    object["metadata"]["generateName"] = json!("b-");
    let made = server
        .post(&resources(server), &object)
        .await
        .expect_status(201)
        .json;
    assert_eq!(made["metadata"]["name"], "a");
}

async fn an_owner_reference_is_stored(server: &Server) {
    let owner = json!({
        "apiVersion": "tekton.dev/v1", "kind": "TaskRun", "metadata": {"name": "run"}, "spec": {"any": 1},
    });
    let runs = server.path("tekton.dev/v1", "taskruns");
    let owner = server.post(&runs, &owner).await.expect_status(201).json;
    let reference = json!([{
        "apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": "run",
        "uid": owner["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
    }]);
    let mut object = resource("a");
    object["metadata"]["ownerReferences"] = reference.clone();
    let made = server
        .post(&resources(server), &object)
        .await
        .expect_status(201)
        .json;
    assert_eq!(made["metadata"]["ownerReferences"], reference);
}

async fn a_status_is_not_created(server: &Server) {
    let mut object = resource("a");
    object["status"] = json!({"phase": "Made up"});
    let made = server
        .post(&resources(server), &object)
        .await
        .expect_status(201)
        .json;
    assert_eq!(made.get("status"), None);
}

async fn the_field_manager_is_recorded(server: &Server) {
    let path = format!("{}?fieldManager=gleaner", resources(server));
    let mut object = resource("a");
    object["metadata"]["labels"] = json!({"l": "1"});
    let made = server.post(&path, &object).await.expect_status(201).json;
    let managers = made["metadata"]["managedFields"]
        .as_array()
        .expect("managers");
    assert_eq!(managers.len(), 1);
    assert_eq!(managers[0]["manager"], "gleaner");
    assert_eq!(managers[0]["operation"], "Update");
    assert_eq!(
        managers[0]["fieldsV1"],
        json!({
            "f:metadata": {"f:labels": {".": {}, "f:l": {}}},
            "f:spec": {".": {}, "f:params": {}, "f:type": {}},
        })
    );
}

async fn a_cluster_scoped_object_has_no_namespace(server: &Server) {
    let name = format!("{}-other", server.namespace());
    let object = json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "namespace": "nonsense"},
    });
    let made = server
        .post("/api/v1/namespaces", &object)
        .await
        .expect_status(201)
        .json;
    assert_eq!(made["metadata"].get("namespace"), None);
    assert_eq!(
        made["metadata"]["labels"]["kubernetes.io/metadata.name"],
        json!(name)
    );
    assert_eq!(made["status"]["phase"], "Active");
}

async fn lists_contain_the_existing_objects(server: &Server) {
    let path = resources(server);
    for name in ["b", "a", "c"] {
        server.post(&path, &resource(name)).await.expect_status(201);
    }
    let list = server.get(&path).await.expect_status(200).json;
    assert_eq!(list["kind"], "PipelineResourceList");
    let items = list["items"].as_array().expect("items");
    let names: Vec<&Value> = items.iter().map(|item| &item["metadata"]["name"]).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let everywhere = server
        .get("/apis/tekton.dev/v1alpha1/pipelineresources")
        .await;
    let everywhere = everywhere.expect_status(200).json;
    let here = everywhere["items"].as_array().expect("items");
    let here = here
        .iter()
        .filter(|i| i["metadata"]["namespace"] == server.namespace())
        .count();
    assert_eq!(here, 3);
}

async fn an_object_without_a_kind_is_refused(server: &Server) {
    let object = json!({"apiVersion": "tekton.dev/v1alpha1", "metadata": {"name": "a"}});
    let answer = server
        .post(&resources(server), &object)
        .await
        .expect_status(400);
    assert_eq!(answer.reason(), "BadRequest");
}
