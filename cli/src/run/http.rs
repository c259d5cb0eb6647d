//! Asks the sidecar over one of its Unix sockets.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gleaner_proto::message::{Outcome, Problem, Status};
use gleaner_proto::route;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

/// How long an answer may take. Nothing that is asked here waits for a cluster.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// The largest answer: some objects, each with an output of 16 MiB in it.
const LARGEST: usize = 256 << 20;

/// Where the sidecar is asked.
#[derive(Debug, Clone)]
pub(crate) struct Sidecar {
    socket: PathBuf,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("the sidecar cannot be reached: {0}")]
    Connection(#[from] std::io::Error),
    #[error("the sidecar does not answer: {0}")]
    Http(#[from] hyper::Error),
    #[error("the sidecar does not answer within {} s", PATIENCE.as_secs())]
    Patience,
    #[error("the sidecar's answer cannot be read: {0}")]
    Answer(String),
}

impl Sidecar {
    /// The sidecar behind this socket.
    pub(crate) fn at(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
        }
    }

    /// Whether it has told that it is ready.
    pub(crate) async fn is_ready(&self) -> bool {
        self.get(route::READY)
            .await
            .is_ok_and(|(status, _)| status.is_success())
    }

    /// What it knows.
    pub(crate) async fn status(&self) -> Result<Status, AskError> {
        let (_, body) = self.get(route::STATUS).await?;
        serde_json::from_slice(&body).map_err(|error| AskError::Answer(error.to_string()))
    }

    /// The objects, when all their variables are known; secrets masked.
    pub(crate) async fn resources(&self) -> Result<Option<Vec<Value>>, AskError> {
        let (status, body) = self.get(route::RESOURCES).await?;
        if !status.is_success() {
            return Ok(None);
        }
        serde_json::from_slice(&body)
            .map(Some)
            .map_err(|error| AskError::Answer(error.to_string()))
    }

    /// What a submission that is under way comes to, when it does within `patience`.
    pub(crate) async fn submit(
        &self,
        patience: Duration,
    ) -> Result<Result<Outcome, Problem>, AskError> {
        let asked = tokio::time::timeout(patience, self.exchange(Method::POST, route::SUBMIT));
        let (status, body) = asked.await.map_err(|_| AskError::Patience)??;
        let read = if status.is_success() {
            serde_json::from_slice(&body).map(Ok)
        } else {
            serde_json::from_slice(&body).map(Err)
        };
        read.map_err(|error| AskError::Answer(error.to_string()))
    }

    async fn get(&self, path: &str) -> Result<(StatusCode, Bytes), AskError> {
        tokio::time::timeout(PATIENCE, self.exchange(Method::GET, path))
            .await
            .map_err(|_| AskError::Patience)?
    }

    async fn exchange(&self, method: Method, path: &str) -> Result<(StatusCode, Bytes), AskError> {
        let stream = UnixStream::connect(&self.socket).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "gleaner")
            .header(header::ACCEPT, "application/json")
            .body(Empty::<Bytes>::new())
            .expect("invariant: constant headers and paths make a request");
        let answer = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), LARGEST).collect().await;
            let body = body
                .map_err(|error| AskError::Answer(error.to_string()))?
                .to_bytes();
            // Ends the connection, and with it the other branch.
            drop(sender);
            Ok((status, body))
        };
        // The connection has to be driven while the answer is awaited; what it says at its end is no news.
        let (answer, _) = tokio::join!(answer, connection);
        answer
    }
}
