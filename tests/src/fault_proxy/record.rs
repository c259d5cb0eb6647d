//! What came by.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::Value;

/// One request and what became of it.
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
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Still on its way, or its client went away.
    Pending,
    /// Passed on; the upstream's answer went back.
    Answered(StatusCode),
    /// Passed on; the upstream answered this, but the reply was lost.
    ReplyLost(StatusCode),
    /// Answered by the proxy; the upstream has not seen it.
    Refused(StatusCode),
    /// The connection was cut; the upstream has not seen it.
    Reset,
    /// Never answered; the upstream has not seen it.
    Hung,
    /// Passed on, but the upstream gave no answer.
    UpstreamFailed,
}

impl Recorded {
    /// Path and query, as rules match them.
    #[must_use]
    pub fn target(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        }
    }

    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether it asks for a dry run.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.query.split('&').any(|pair| pair == "dryRun=All")
    }
}
