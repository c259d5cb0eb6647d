//! One HTTP request to a sidecar, over any connection to it.

use std::future::Future;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// The time limit of a response. No request here waits for a cluster.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// The largest response: some objects, each with an output of 16 MiB.
const LARGEST: usize = 256 << 20;

/// Sends a request without a body, which prefers JSON.
///
/// # Errors
/// The reason for a missing response.
pub(crate) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    method: Method,
    path: &str,
) -> Result<(StatusCode, Bytes), String> {
    let broken = |error: hyper::Error| format!("the sidecar does not respond: {error}");
    let connected = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = connected.map_err(broken)?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        // The sidecar accepts no other name on its loopback address.
        .header(header::HOST, "localhost")
        .header(header::ACCEPT, "application/json")
        .body(Empty::<Bytes>::new())
        .expect("invariant: constant headers and paths make a request");
    let response = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        // Ends the connection, and with it the other branch.
        drop(sender);
        Ok((status, body.map_err(unreadable)?.to_bytes()))
    };
    // The connection must be polled while waiting for the response; its own result does not matter.
    let (response, _) = tokio::join!(response, connection);
    response
}

/// Waits at most `patience` for `response`.
///
/// # Errors
/// The reason for a missing response.
pub(crate) async fn within<T>(
    patience: Duration,
    response: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let seconds = patience.as_secs();
    let response = tokio::time::timeout(patience, response).await;
    response.unwrap_or_else(|_| Err(format!("the sidecar does not respond within {seconds} s")))
}

/// Returns the reason for a response that is not what the API defines.
pub(crate) fn unreadable(error: impl std::fmt::Display) -> String {
    format!("the sidecar's response cannot be read: {error}")
}
