//! Request bodies: bounded, and JSON or YAML.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;

use crate::kind::Kind;
use crate::status::Refusal;

/// The bound of a real server (`--max-resource-write-bytes`, in effect 3 MiB).
pub(crate) const LIMIT: usize = 3 * 1024 * 1024;

/// Takes the whole body in.
///
/// # Errors
///
/// 413 past [`LIMIT`], 400 when it does not arrive whole.
pub(crate) async fn read(body: Body) -> Result<Bytes, Refusal> {
    match Limited::new(body, LIMIT).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::too_large(LIMIT)),
        Err(error) => Err(Refusal::bad_request(format!(
            "cannot read the request body: {error}"
        ))),
    }
}

/// The media type of the body, without parameters; JSON when none is given.
pub(crate) fn media_type(headers: &HeaderMap) -> &str {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map_or("application/json", str::trim)
}

/// An object of `kind`, as sent: its `apiVersion` and `kind` are there and fit.
///
/// # Errors
///
/// 415 for another media type, 400 for what is no object of this kind.
pub(crate) fn object(kind: &Kind, headers: &HeaderMap, bytes: &[u8]) -> Result<Value, Refusal> {
    let value = match media_type(headers) {
        "application/json" => json(kind, bytes)?,
        "application/yaml" => yaml(kind, bytes)?,
        _ => {
            return Err(Refusal::unsupported_media_type(
                "the body of the request was in an unknown format - accepted media types include: \
                 application/json, application/yaml"
                    .to_owned(),
            ));
        }
    };
    fits(kind, value, bytes)
}

/// An object of `kind` in YAML (of which JSON is a part): the body of a server-side apply.
///
/// # Errors
///
/// 400 for what is no object of this kind.
pub(crate) fn yaml_object(kind: &Kind, bytes: &[u8]) -> Result<Value, Refusal> {
    fits(kind, yaml(kind, bytes)?, bytes)
}

/// A JSON document without a fixed kind, such as `DeleteOptions`; nothing for an empty body.
///
/// # Errors
///
/// 400 for what is no JSON.
pub(crate) fn optional_json(bytes: &[u8]) -> Result<Value, Refusal> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(bytes)
        .map_err(|error| Refusal::bad_request(format!("json parse error: {error}")))
}

fn json(kind: &Kind, bytes: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(bytes).map_err(|error| {
        unrecognised(
            kind,
            bytes,
            &format!("couldn't get version/kind; json parse error: {error}"),
        )
    })
}

fn yaml(kind: &Kind, bytes: &[u8]) -> Result<Value, Refusal> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| unrecognised(kind, bytes, &error.to_string()))?;
    serde_saphyr::from_str(text)
        .map_err(|error| unrecognised(kind, bytes, &format!("yaml: {error}")))
}

fn fits(kind: &Kind, value: Value, bytes: &[u8]) -> Result<Value, Refusal> {
    let Some(fields) = value.as_object() else {
        return Err(unrecognised(
            kind,
            bytes,
            "couldn't get version/kind; json parse error: no object",
        ));
    };
    let text = |name: &str| {
        let text = fields.get(name).and_then(Value::as_str);
        text.unwrap_or_default()
    };
    let (api_version, name) = (text("apiVersion"), text("kind"));
    if name.is_empty() && api_version.is_empty() && !kind.is_custom() {
        // Kubernetes' own kinds are taken as what the path says.
        let mut value = value;
        value["apiVersion"] = kind.api_version().into();
        value["kind"] = kind.kind.clone().into();
        return Ok(value);
    }
    if name.is_empty() {
        let shown = String::from_utf8_lossy(bytes);
        return Err(unrecognised(
            kind,
            bytes,
            &format!("Object 'Kind' is missing in '{shown}'"),
        ));
    }
    let expected = kind.api_version();
    if api_version != expected {
        return Err(Refusal::bad_request(format!(
            "the API version in the data ({api_version}) does not match the expected API version ({expected})"
        )));
    }
    if name != kind.kind {
        return Err(wrong_kind(kind, name, &value));
    }
    Ok(value)
}

/// A real server says this of its own kinds while decoding, of CRDs' kinds while validating.
fn wrong_kind(kind: &Kind, name: &str, value: &Value) -> Refusal {
    if kind.is_custom() {
        let object_name = value["metadata"]["name"].as_str().unwrap_or_default();
        let why = format!("must be {}", kind.kind);
        let cause = crate::status::Cause::invalid("kind", &name.into(), &why);
        return Refusal::invalid(&kind.group, name, object_name, &[cause]);
    }
    Refusal::bad_request(format!(
        "{name} in version {:?} cannot be handled as a {}: no kind {name:?} is registered for version {:?}",
        kind.version,
        kind.kind,
        kind.api_version(),
    ))
}

fn unrecognised(kind: &Kind, bytes: &[u8], why: &str) -> Refusal {
    let whole = String::from_utf8_lossy(bytes);
    let mut shown: String = whole.chars().take(30).collect();
    if shown.len() < whole.len() {
        shown.push_str(" ...");
    }
    Refusal::bad_request(format!(
        "the object provided is unrecognized (must be of type {}): {why} ({shown})",
        kind.kind
    ))
}
