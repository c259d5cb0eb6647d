//! Kinds that a client defines with a CRD.

use std::time::Duration;

use gleaner_tests::cases;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use gleaner_tests::wait;
use serde_json::{Value, json};

const PATH: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_kind_is_served_until_its_crd_is_deleted,
        a_dry_run_of_a_crd_defines_nothing,
        a_crd_must_be_named_after_its_kind_and_have_one_storage_version,
    ]
}

fn crd(server: &Server, plural: &str) -> (String, Value) {
    let group = format!("{}.example.com", server.namespace());
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group,
            "scope": "Cluster",
            "names": {"kind": "Gadget", "plural": plural},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"size": {"type": "integer"}},
            }}}],
        },
    });
    (group, crd)
}

async fn a_kind_is_served_until_its_crd_is_deleted(server: &Server) {
    let (group, crd) = crd(server, "gadgets");
    let list = format!("/apis/{group}/v1");
    server.get(&list).await.expect_status(404);
    server.post(PATH, &crd).await.expect_status(201);
    let own = format!("{PATH}/gadgets.{group}");
    wait::until(
        "the CRD is established",
        Duration::from_secs(30),
        async || {
            let read = server.get(&own).await.expect_status(200).json;
            let conditions = read["status"]["conditions"].as_array()?.clone();
            let is_true = |condition: &Value| {
                condition["type"] == "Established" && condition["status"] == "True"
            };
            conditions.iter().any(is_true).then_some(())
        },
    )
    .await;
    let gadget = json!({
        "apiVersion": format!("{group}/v1"), "kind": "Gadget", "metadata": {"name": "g"}, "size": 1,
    });
    let objects = format!("{list}/gadgets");
    wait::until("the kind is served", Duration::from_secs(30), async || {
        (server.post(&objects, &gadget).await.status.as_u16() == 201).then_some(())
    })
    .await;
    let resources = wait::until("the kind is listed", Duration::from_secs(30), async || {
        server.get(&list).await.json["resources"]
            .as_array()
            .cloned()
    })
    .await;
    assert!(resources.iter().any(|one| one["name"] == "gadgets"));
    server.delete(&own, &json!(null)).await.expect_status(200);
    wait::until(
        "the kind is no longer served",
        Duration::from_secs(30),
        async || (server.get(&format!("{objects}/g")).await.status.as_u16() == 404).then_some(()),
    )
    .await;
}

async fn a_dry_run_of_a_crd_defines_nothing(server: &Server) {
    let (group, crd) = crd(server, "dries");
    server
        .post(&format!("{PATH}?dryRun=All"), &crd)
        .await
        .expect_status(201);
    server
        .get(&format!("/apis/{group}/v1"))
        .await
        .expect_status(404);
}

async fn a_crd_must_be_named_after_its_kind_and_have_one_storage_version(server: &Server) {
    let (_, mut crd) = crd(server, "wrongs");
    crd["metadata"]["name"] = "other.example.com".into();
    crd["spec"]["versions"][0]["storage"] = false.into();
    let refused = server.post(PATH, &crd).await.expect_status(422).json;
    let fields: Vec<&Value> = refused["details"]["causes"]
        .as_array()
        .expect("causes")
        .iter()
        .map(|cause| &cause["field"])
        .collect();
    for field in ["metadata.name", "spec.versions"] {
        assert!(fields.contains(&&json!(field)), "{field}: {refused}");
    }
}
