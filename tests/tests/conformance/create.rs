//! Creating objects.

use gleaner_tests::cases;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use serde_json::json;

use crate::{config_map, config_maps, resource, resources};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_new_object_gets_its_identity,
        a_dry_run_leaves_nothing_behind,
        a_dry_run_of_a_taken_name_says_so,
        a_name_is_generated,
        a_given_name_wins_over_a_prefix,
        an_owner_reference_is_kept,
        a_status_is_not_created,
        the_manager_is_recorded,
        a_cluster_scoped_object_has_no_namespace,
        lists_show_what_is_there,
        an_object_without_a_kind_is_of_the_paths_kind,
    ]
}

async fn a_new_object_gets_its_identity(server: &Server) {
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
    assert_eq!(metadata["generation"], 1);
    assert_eq!(made["spec"], sent["spec"]);
    let read = server
        .get(&format!("{path}/a"))
        .await
        .expect_status(200)
        .json;
    assert_eq!(read, made);

    let made = server
        .post(&config_maps(server), &config_map("a", &json!({"a": "b"})))
        .await;
    assert_eq!(
        made.expect_status(201).json["metadata"]["generation"],
        json!(null)
    );
}

async fn a_dry_run_leaves_nothing_behind(server: &Server) {
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

async fn a_dry_run_of_a_taken_name_says_so(server: &Server) {
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

async fn a_name_is_generated(server: &Server) {
    let path = resources(server);
    let mut object = resource("");
    object["metadata"] = json!({"generateName": "build-and-push-image-"});
    let mut names = Vec::new();
    for _ in 0..2 {
        let made = server.post(&path, &object).await.expect_status(201).json;
        let name = made["metadata"]["name"]
            .as_str()
            .expect("a name")
            .to_owned();
        let suffix = name
            .strip_prefix("build-and-push-image-")
            .expect("the prefix");
        assert_eq!(suffix.len(), 5, "{name}");
        assert!(
            suffix
                .bytes()
                .all(|b| b"bcdfghjklmnpqrstvwxz2456789".contains(&b)),
            "{name}"
        );
        names.push(name);
    }
    assert_ne!(names[0], names[1]);
}

async fn a_given_name_wins_over_a_prefix(server: &Server) {
    let mut object = resource("a");
    object["metadata"]["generateName"] = json!("b-");
    let made = server
        .post(&resources(server), &object)
        .await
        .expect_status(201)
        .json;
    assert_eq!(made["metadata"]["name"], "a");
}

async fn an_owner_reference_is_kept(server: &Server) {
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

async fn the_manager_is_recorded(server: &Server) {
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

async fn lists_show_what_is_there(server: &Server) {
    let path = resources(server);
    for (name, label) in [("b", "1"), ("a", "2"), ("c", "1")] {
        let mut object = resource(name);
        object["metadata"]["labels"] = json!({"l": label});
        server.post(&path, &object).await.expect_status(201);
    }
    let list = async |query: &str| {
        let list = server
            .get(&format!("{path}{query}"))
            .await
            .expect_status(200)
            .json;
        assert_eq!(list["kind"], "PipelineResourceList");
        let items = list["items"].as_array().expect("items").clone();
        items
            .iter()
            .map(|i| {
                i["metadata"]["name"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    };
    let names: Vec<String> = list("").await;
    assert_eq!(names, ["a", "b", "c"]);
    let names: Vec<String> = list("?labelSelector=l%3D1").await;
    assert_eq!(names, ["b", "c"]);
    let names: Vec<String> = list("?labelSelector=l%20notin%20(1),l").await;
    assert_eq!(names, ["a"]);
    let names: Vec<String> = list("?fieldSelector=metadata.name%3Dc").await;
    assert_eq!(names, ["c"]);
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

async fn an_object_without_a_kind_is_of_the_paths_kind(server: &Server) {
    // Kubernetes' own kinds only: for CRDs' kinds it is an error.
    let object = json!({"metadata": {"name": "a"}});
    let made = server
        .post(&config_maps(server), &object)
        .await
        .expect_status(201)
        .json;
    assert_eq!(
        (&made["kind"], &made["apiVersion"]),
        (&json!("ConfigMap"), &json!("v1"))
    );
    let answer = server
        .post(&resources(server), &object)
        .await
        .expect_status(400);
    assert!(
        answer.refusal().contains("Object 'Kind' is missing"),
        "{}",
        answer.text
    );
}
