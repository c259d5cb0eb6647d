//! Sends single HTTP requests to a sidecar, over any connection.

use std::future::Future;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// The time limit for a request that the sidecar can answer without waiting for a cluster.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// The maximum size of a response, sufficient for several objects with an output of 16 MiB each.
const LARGEST: usize = 256 << 20;

/// Sends a request without a body, and returns the status and the body of the response. The request asks for JSON.
///
/// # Errors
/// The reason why no response was received.
pub(crate) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    method: Method,
    path: &str,
) -> Result<(StatusCode, Bytes), String> {
    let broken = |error: hyper::Error| format!("the connection to the sidecar failed: {error}");
    let connected = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = connected.map_err(broken)?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        // The sidecar rejects requests to its loopback address that contain any other host name.
        .header(header::HOST, "localhost")
        .header(header::ACCEPT, "application/json")
        .body(Empty::<Bytes>::new())
        .expect("invariant: constant headers and paths form a valid request");
    let response = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        // Dropping the sender closes the connection, so that `connection` below completes.
        drop(sender);
        Ok((status, body.map_err(unreadable)?.to_bytes()))
    };
    // Poll both, because the response makes progress only while the connection is polled. The result of the connection itself
    // does not matter.
    let (response, _) = tokio::join!(response, connection);
    response
}

/// Waits for `response`, but at most for `patience`.
///
/// # Errors
/// The reason why no response was received.
pub(crate) async fn within<T>(
    patience: Duration,
    response: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let seconds = patience.as_secs();
    let response = tokio::time::timeout(patience, response).await;
    response.unwrap_or_else(|_| Err(format!("the sidecar did not respond within {seconds} s")))
}

/// Returns the error message for a response that cannot be read or parsed.
pub(crate) fn unreadable(error: impl std::fmt::Display) -> String {
    format!("cannot read the sidecar's response: {error}")
}
