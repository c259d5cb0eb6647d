//! Tests that requests to an API server respect their limits and report errors.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use gleaner_runtime::api_server::{ApiServer, Bounds, Reason};
use gleaner_runtime::error_chain;
use http::{Method, StatusCode};
use serde_json::json;

const SECRET: &str = r#"{"kind": "Secret", "metadata": {"name": "a/b"}}"#;

async fn url() -> String {
    let router = Router::new()
        .route("/api/v1/namespaces/ci/secrets/a%2Fb", get(async || SECRET))
        .route(
            "/refused",
            get(async || (StatusCode::FORBIDDEN, r#"{"message": "not for you"}"#)),
        )
        .route("/silent", get(std::future::pending::<()>))
        .route("/large", get(async || "x".repeat(200)))
        .route("/text", get(async || "secret"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn api_server() -> ApiServer {
    let bounds = Bounds {
        timeout: Duration::from_millis(300),
        response: 100,
    };
    ApiServer::at(url().await.parse().unwrap(), bounds).unwrap()
}

#[tokio::test]
async fn an_object_is_returned_if_it_exists() {
    let server = api_server().await;
    let object = server.object("v1", "secrets", "ci", "a/b").await.unwrap();
    assert_eq!(object.unwrap()["kind"], "Secret");
    let object = server.object("v1", "secrets", "ci", "b").await.unwrap();
    assert_eq!(object, None);
}

#[tokio::test]
async fn the_error_of_a_request_names_the_request_and_the_reason() {
    let server = api_server().await;
    let cases = [
        (
            "/refused?a=b",
            "the API server rejected GET /refused: 403 Forbidden not for you",
        ),
        (
            "/silent",
            "the API server did not send a usable response to GET /silent: no response within 0.3 s",
        ),
        ("/large", "larger than 100 bytes"),
        ("/text", "is not JSON"),
        ("/a b", "the request is invalid"),
    ];
    for (path, text) in cases {
        let error = server.get(path).await.unwrap_err();
        let chain = error_chain(&error);
        assert!(chain.contains(text), "{chain}");
        assert!(!chain.contains("secret"), "{chain}");
    }
}

#[tokio::test]
async fn a_single_request_may_have_a_shorter_time_limit_and_returns_any_status() {
    let server = api_server().await;
    let request = |path| http::Request::builder().method(Method::GET).uri(path);
    let short = Duration::from_millis(50);
    let late = server.send(request("/silent"), Bytes::new(), short).await;
    assert!(matches!(late, Err(Reason::Timeout(within)) if within == short));
    let refused = server
        .send(request("/refused"), Bytes::new(), Duration::MAX)
        .await;
    assert_eq!(refused.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_kubeconfig_sets_server_context_and_namespace() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config");
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "one",
        "clusters": [{"name": "c", "cluster": {"server": url().await}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [
            {"name": "one", "context": {"cluster": "c", "user": "u"}},
            {"name": "two", "context": {"cluster": "c", "user": "u", "namespace": "ci"}},
        ],
    });
    std::fs::write(&file, kubeconfig.to_string()).unwrap();
    for (context, found) in [(None, ("one", "default")), (Some("two"), ("two", "ci"))] {
        let server = ApiServer::of_kubeconfig(Some(&file), context, Bounds::default()).await;
        let server = server.unwrap();
        assert_eq!(
            (server.context(), server.namespace()),
            (Some(found.0), found.1)
        );
        assert!(server.get("/refused").await.is_err());
    }
    let missing = ApiServer::of_kubeconfig(Some(&file), Some("three"), Bounds::default()).await;
    assert!(missing.is_err());
}
