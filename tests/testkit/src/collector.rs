//! A trace collector, which records the export requests that it receives.

use std::net::Ipv4Addr;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use crate::fault::{self, Backend, Fault, FaultServer, Outcome, Reply};

/// The path of export requests: see "OTLP/HTTP Request" in OpenTelemetry's protocol specification.
const PATH: &str = "/v1/traces";

/// A running collector. Dropping it stops the collector.
pub struct Collector(FaultServer);

/// Accepts every export request that contains no credentials.
struct Accepts;

impl Backend for Accepts {
    async fn perform(&self, request: Request<Bytes>) -> Option<Reply> {
        let headers = request.headers();
        let content = headers.get(header::CONTENT_TYPE);
        let known = content.is_some_and(|content| {
            ["application/json", "application/x-protobuf"].contains(&content.to_str().unwrap_or(""))
        });
        let status = match (request.uri().path(), known) {
            (PATH, true) if headers.contains_key(header::AUTHORIZATION) => StatusCode::BAD_REQUEST,
            (PATH, true) => StatusCode::OK,
            (PATH, false) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => StatusCode::NOT_FOUND,
        };
        Some(fault::json(status, &json!({})))
    }
}

impl Collector {
    /// Starts a collector on a free port at the loopback address.
    pub fn start() -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST)
    }

    /// Starts a collector on a free port. `address` is one of this machine's addresses.
    pub fn start_at(address: Ipv4Addr) -> Self {
        Self(FaultServer::start_at(address, Accepts))
    }

    /// Applies a fault to all later requests.
    pub fn fail(self, fault: Fault) -> Self {
        self.0.on(Method::POST, PATH).fail(fault);
        self
    }

    /// Returns the URL of the endpoint.
    pub fn url(&self) -> String {
        format!("{}{PATH}", self.0.url())
    }

    /// Returns the bodies of all export requests received so far, including those to which a fault was applied. Requests that
    /// the collector rejected, because they had credentials or a media type other than OTLP's, are not included.
    pub fn bodies(&self) -> Vec<Bytes> {
        let rejected = |outcome| match outcome {
            Outcome::Answered(status) => !status.is_success(),
            _ => false,
        };
        let mut requests = self.0.requests_to(&Method::POST, &format!("^{PATH}$"));
        requests.retain(|request| !rejected(request.outcome));
        requests.into_iter().map(|request| request.body).collect()
    }

    /// Returns all spans received so far in JSON bodies, ordered by start time.
    pub fn spans(&self) -> Vec<Value> {
        let mut spans = Vec::new();
        for body in self.bodies() {
            let Ok(request) = serde_json::from_slice::<Value>(&body) else {
                continue;
            };
            let scopes = &request["resourceSpans"][0]["scopeSpans"];
            let all = scopes[0]["spans"].as_array().expect("a list of spans");
            spans.extend(all.iter().cloned());
        }
        spans.sort_by_key(start);
        spans
    }
}

/// Returns the start time of a span in nanoseconds.
pub fn start(span: &Value) -> u64 {
    nanoseconds(&span["startTimeUnixNano"])
}

/// Returns the end time of a span in nanoseconds.
pub fn end(span: &Value) -> u64 {
    nanoseconds(&span["endTimeUnixNano"])
}

/// Reads a 64-bit number, which JSON for protobuf messages contains as a string.
fn nanoseconds(value: &Value) -> u64 {
    let text = value.as_str().expect("a string");
    text.parse().expect("a number")
}
