//! A trace collector for tests, which stores the requests that it receives.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;

/// The collector's response to requests.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Manner {
    Status(u16),
    /// No response.
    Silent,
}

/// A running collector.
pub(crate) struct Collector {
    url: String,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    /// Starts a collector on a free port of the loopback address.
    pub(crate) fn start(manner: Manner) -> Self {
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/v1/traces", post(store))
            .with_state((Arc::clone(&bodies), manner));
        // The thread runs until the test process exits.
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        Self { url, bodies }
    }

    /// Returns the URL of the endpoint.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns the bodies of all requests received so far.
    pub(crate) fn bodies(&self) -> Vec<Vec<u8>> {
        lock(&self.bodies).clone()
    }

    /// Returns all spans received so far, ordered by start time.
    pub(crate) fn spans(&self) -> Vec<Value> {
        let mut spans = Vec::new();
        for body in self.bodies() {
            let request: Value = serde_json::from_slice(&body).unwrap();
            let scopes = &request["resourceSpans"][0]["scopeSpans"];
            spans.extend(scopes[0]["spans"].as_array().unwrap().clone());
        }
        spans.sort_by_key(start);
        spans
    }
}

/// Returns the start time of a span in nanoseconds.
pub(crate) fn start(span: &Value) -> u64 {
    span["startTimeUnixNano"].as_str().unwrap().parse().unwrap()
}

/// Returns the end time of a span in nanoseconds.
pub(crate) fn end(span: &Value) -> u64 {
    span["endTimeUnixNano"].as_str().unwrap().parse().unwrap()
}

type Shared = (Arc<Mutex<Vec<Vec<u8>>>>, Manner);

async fn store(
    State((bodies, manner)): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    assert_eq!(headers["content-type"], "application/json");
    assert!(!headers.contains_key("authorization"));
    lock(&bodies).push(body.to_vec());
    match manner {
        Manner::Status(status) => (StatusCode::from_u16(status).unwrap(), "{}"),
        Manner::Silent => std::future::pending().await,
    }
}

fn lock(bodies: &Mutex<Vec<Vec<u8>>>) -> MutexGuard<'_, Vec<Vec<u8>>> {
    bodies.lock().unwrap_or_else(PoisonError::into_inner)
}
