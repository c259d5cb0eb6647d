//! Parses request bodies. Most request bodies are objects of the kind to which the request path refers.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::kind::Kind;
use crate::refusal::Refusal;

/// The maximum size of a body in bytes, which is the same as on a real server (`--max-resource-write-bytes`, in effect 3 MiB).
pub(crate) const LIMIT: usize = 3 * 1024 * 1024;

/// A body that axum read, or the error that made reading fail.
pub(crate) type Received = Result<Bytes, BytesRejection>;

/// Parses a body as an object of `kind`.
/// Errors: 415 if the media type is not `expected`, 413 if the body exceeds [`LIMIT`], 400 if it is not an object of this kind.
pub(crate) fn object(
    kind: &Kind,
    headers: &HeaderMap,
    expected: &str,
    body: Received,
) -> Result<Value, Refusal> {
    let media_type = headers.get(header::CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|value| value.split(';').next());
    if media_type.is_none_or(|media_type| media_type.trim() != expected) {
        return Err(Refusal::unsupported_media_type(expected));
    }
    let object = json(body)?;
    let api_version = kind.api_version();
    if object["apiVersion"] != api_version || object["kind"] != kind.kind {
        let message = format!("the body must be a {} of {api_version}", kind.kind);
        return Err(Refusal::bad_request(message));
    }
    Ok(object)
}

/// Parses a body without checking its kind. Returns null for an empty body, because a client may omit the `DeleteOptions`.
/// Errors: 413 if the body exceeds [`LIMIT`], 400 if it is not JSON.
pub(crate) fn json(body: Received) -> Result<Value, Refusal> {
    let bytes = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::too_large(LIMIT),
        _ => Refusal::bad_request(rejection.body_text()),
    })?;
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| Refusal::bad_request(format!("the body is not JSON: {error}")))
}
