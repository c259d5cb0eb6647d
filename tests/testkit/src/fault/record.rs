//! The requests that arrived.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::Value;

/// One request and its outcome.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Its method.
    pub method: Method,
    /// Its path, without the query.
    pub path: String,
    /// Its query; empty when there is none.
    pub query: String,
    /// Its body.
    pub body: Bytes,
    /// Its outcome so far.
    pub outcome: Outcome,
}

/// The outcome of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Not answered yet, or its client went away.
    Pending,
    /// Performed; the backend's reply went back, or what a fault made of it.
    Answered(StatusCode),
    /// Performed with this status, but the reply was lost.
    ReplyLost(StatusCode),
    /// Answered by a rule; the backend has not seen it.
    Refused(StatusCode),
    /// The connection was cut; the backend has not seen it.
    Reset,
    /// Never answered; the backend has not seen it.
    Hung,
    /// Passed to the backend, which gave no reply.
    UpstreamFailed,
}

impl Recorded {
    /// Path and query, as rules match them.
    pub fn target(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        }
    }

    /// The body as JSON; null when it is not.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The name of the object in the body.
    pub fn name(&self) -> String {
        let object = self.json();
        let name = object["metadata"]["name"].as_str();
        name.unwrap_or_default().to_owned()
    }

    /// Returns true if it asks for a dry run.
    pub fn is_dry_run(&self) -> bool {
        self.query.split('&').any(|pair| pair == "dryRun=All")
    }
}
