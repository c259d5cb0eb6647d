//! Sends requests to the sidecar over one of its Unix sockets.

use std::path::PathBuf;
use std::time::Duration;

use gleaner_proto::message::{Outcome, Problem, Status};
use gleaner_proto::route;
use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use serde_json::Value;
use tokio::net::UnixStream;

use crate::http::{self, PATIENCE, unreadable};

/// A client of the sidecar. Its errors explain why the sidecar did not send a valid response.
#[derive(Debug, Clone)]
pub(crate) struct SidecarClient {
    pub(crate) socket: PathBuf,
}

impl SidecarClient {
    /// Returns true if the sidecar reports that it is ready.
    pub(crate) async fn is_ready(&self) -> bool {
        let response = self.send(Method::GET, route::READY, PATIENCE).await;
        response.is_ok_and(|(status, _)| status.is_success())
    }

    pub(crate) async fn status(&self) -> Result<Status, String> {
        let (_, body) = self.send(Method::GET, route::STATUS, PATIENCE).await?;
        serde_json::from_slice(&body).map_err(unreadable)
    }

    /// Returns the rendered objects with masked secrets. Returns an empty list if the sidecar rejects the request, for example
    /// because variables are still unknown.
    pub(crate) async fn resources(&self) -> Result<Vec<Value>, String> {
        let (status, body) = self.send(Method::GET, route::RESOURCES, PATIENCE).await?;
        if !status.is_success() {
            return Ok(Vec::new());
        }
        serde_json::from_slice(&body).map_err(unreadable)
    }

    /// Requests the submission, and returns its outcome or the problem that the sidecar reports. Fails if the sidecar does not
    /// respond within `patience`.
    pub(crate) async fn submit(
        &self,
        patience: Duration,
    ) -> Result<Result<Outcome, Problem>, String> {
        let (status, body) = self.send(Method::POST, route::SUBMIT, patience).await?;
        let read = if status.is_success() {
            serde_json::from_slice(&body).map(Ok)
        } else {
            serde_json::from_slice(&body).map(Err)
        };
        read.map_err(unreadable)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        patience: Duration,
    ) -> Result<(StatusCode, Bytes), String> {
        http::within(patience, self.exchange(method, path)).await
    }

    async fn exchange(&self, method: Method, path: &str) -> Result<(StatusCode, Bytes), String> {
        let stream = UnixStream::connect(&self.socket).await;
        let stream = stream.map_err(|error| format!("cannot connect to the sidecar: {error}"))?;
        http::exchange(stream, method, path).await
    }
}
