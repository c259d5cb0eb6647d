//! The recorded requests.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::Value;

/// A request and its outcome.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The method.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The query; empty if the request has none.
    pub query: String,
    /// The body.
    pub body: Bytes,
    /// The outcome so far.
    pub outcome: Outcome,
}

/// The outcome of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// No response has been sent yet, or the client disconnected before a response was sent.
    Pending,
    /// The request was performed. The client received the backend's response, possibly changed by a fault.
    Answered(StatusCode),
    /// The request was performed, but the client did not receive the response, which had this status.
    ReplyLost(StatusCode),
    /// A rule sent the response; the request was not passed to the backend.
    Refused(StatusCode),
    /// The connection was closed; the request was not passed to the backend.
    Reset,
    /// No response was ever sent; the request was not passed to the backend.
    Hung,
    /// The request was passed to the backend, which did not respond.
    UpstreamFailed,
}

impl Recorded {
    /// Returns the path and query, which the rules match against.
    pub fn target(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        }
    }

    /// Returns the body as JSON; null if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Returns the name of the object in the body.
    pub fn name(&self) -> String {
        let object = self.json();
        let name = object["metadata"]["name"].as_str();
        name.unwrap_or_default().to_owned()
    }

    /// Returns true if the request is a dry run.
    pub fn is_dry_run(&self) -> bool {
        self.query.split('&').any(|pair| pair == "dryRun=All")
    }
}
