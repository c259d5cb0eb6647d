//! What the owner in the same process may do with the server.

use std::time::Duration;

use gleaner_local_apiserver::{LocalApiServer, SeedError};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
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
async fn what_cannot_be_seeded_is_explained() {
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
async fn a_shutdown_ends_open_watches() {
    let server = LocalApiServer::builder().start().await.unwrap();
    let mut watch = TcpStream::connect(server.address()).await.unwrap();
    let request = "GET /api/v1/configmaps?watch=true HTTP/1.1\r\nHost: test\r\n\r\n";
    watch.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    timeout(DEADLINE, watch.read_exact(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    timeout(DEADLINE, server.shutdown())
        .await
        .expect("a watch must not hold the server up");
    let mut rest = Vec::new();
    timeout(DEADLINE, watch.read_to_end(&mut rest))
        .await
        .unwrap()
        .unwrap();
    assert!(rest.ends_with(b"0\r\n\r\n"), "the stream must end in order");
}
