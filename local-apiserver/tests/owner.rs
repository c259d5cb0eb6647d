//! Tests the interface for the server's owner: the code that starts, fills, inspects and stops the server.

use std::time::Duration;

use gleaner_local_apiserver::{LocalApiServer, SeedError};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn seeded_objects_are_listed() {
    let server = LocalApiServer::builder()
        .namespace("team-a")
        .start()
        .await
        .unwrap();
    assert!(server.objects().is_empty());
    let run =
        json!({"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "metadata": {"name": "run"}});
    let seeded = server.seed(run).unwrap();
    assert_eq!(seeded["metadata"]["namespace"], "default");
    assert!(seeded["metadata"]["uid"].is_string());
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "team-a"},
    });
    server.seed(map).unwrap();
    let kinds: Vec<_> = server
        .objects()
        .iter()
        .map(|object| object["kind"].clone())
        .collect();
    assert_eq!(kinds, ["ConfigMap", "TaskRun"]);
}

#[tokio::test]
async fn seeding_an_invalid_object_returns_the_reason() {
    let server = LocalApiServer::builder().start().await.unwrap();
    let unknown = json!({"apiVersion": "x.dev/v1", "kind": "Thing", "metadata": {"name": "a"}});
    let error = server.seed(unknown).unwrap_err();
    assert!(matches!(error, SeedError::UnknownKind { .. }), "{error}");
    let elsewhere = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "nonesuch"},
    });
    let error = server.seed(elsewhere).unwrap_err();
    assert_eq!(error.to_string(), "namespaces \"nonesuch\" not found");
}

#[tokio::test]
async fn the_owner_sets_a_status() {
    let server = LocalApiServer::builder().start().await.unwrap();
    let set = |name: &str| {
        let status = json!({"phase": "Running"});
        server.set_status("v1", "pods", "default", name, status)
    };
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "status": {"phase": "Made up"},
        "spec": {"containers": [{"name": "a"}]},
    });
    let seeded = server.seed(pod).unwrap();
    assert_eq!(seeded.get("status"), None);
    assert_eq!(set("a").unwrap()["status"]["phase"], "Running");
    assert_eq!(server.objects()[0]["status"]["phase"], "Running");
    assert_eq!(set("b"), None);
}

#[tokio::test]
async fn a_server_that_was_shut_down_refuses_connections() {
    let server = LocalApiServer::builder().start().await.unwrap();
    let address = server.address();
    TcpStream::connect(address).await.unwrap();
    timeout(DEADLINE, server.shutdown()).await.unwrap();
    TcpStream::connect(address).await.unwrap_err();
}
