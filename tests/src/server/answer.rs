//! Sends a request, and provides the response to assertions.

use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::Value;

/// A response from a server.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON; null if the body is not JSON.
    pub json: Value,
}

impl Answer {
    /// Returns the response if it has this status.
    ///
    /// # Panics
    ///
    /// Panics with the server's message if the status differs.
    #[track_caller]
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// Returns the reason and the message of a `Status` object, as `REASON: MESSAGE`.
    #[must_use]
    pub fn refusal(&self) -> String {
        let text = |field: &str| self.json[field].as_str().unwrap_or_default().to_owned();
        format!("{}: {}", text("reason"), text("message"))
    }

    /// Returns the reason of a `Status` object; empty if the object has no reason.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.json["reason"].as_str().unwrap_or_default()
    }

    /// Returns the sorted fields of the causes in a `Status` object. Causes without a field are omitted.
    #[must_use]
    pub fn fields(&self) -> Vec<&str> {
        let causes = self.json["details"]["causes"].as_array();
        let fields = causes
            .into_iter()
            .flatten()
            .filter_map(|cause| cause["field"].as_str());
        let mut fields: Vec<&str> = fields.filter(|field| *field != "<nil>").collect();
        fields.sort_unstable();
        fields
    }

    /// Returns the texts of the `Warning` headers, without the warning codes.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.headers
            .get_all("warning")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .map(|value| value.trim_start_matches("299 - ").to_owned())
            .collect()
    }
}

/// Sends a request through a client.
///
/// # Panics
///
/// Panics if no response arrives.
pub async fn send(
    client: &Client,
    method: Method,
    path: &str,
    media_type: &str,
    body: Vec<u8>,
) -> Answer {
    let mut request = Request::builder().method(&method).uri(path);
    if !body.is_empty() {
        request = request.header("content-type", media_type);
    }
    let request = request.body(Body::from(body)).expect("a request");
    let answer = client
        .send(request)
        .await
        .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    let (parts, body) = answer.into_parts();
    let bytes = body
        .collect()
        .await
        .expect("a complete response")
        .to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let json = serde_json::from_str(&text).unwrap_or_default();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text,
        json,
    }
}
