//! Spans, and their form in OTLP/JSON (`opentelemetry-proto`, `docs/specification.md`, "JSON Protobuf Encoding"): IDs in
//! hexadecimal, 64-bit numbers as strings, enums as numbers.

use serde_json::{Map, Value, json};

use super::context::Parent;

/// `SPAN_KIND_INTERNAL`
const KIND: u8 = 1;
/// `STATUS_CODE_ERROR`
const ERROR: u8 = 2;
/// The flags of a span: sampled (bit 0), and that it is known if the parent is remote (bit 8).
const FLAGS: u32 = 0x101;
/// The parent is remote.
const REMOTE: u32 = 0x200;

/// The attribute with the code of an error (OpenTelemetry's semantic conventions).
const ERROR_TYPE: &str = "error.type";

/// A span of the run. A finished span has an end; an unfinished one is never exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    /// 16 hexadecimal digits.
    pub(super) id: String,
    pub(super) parent: Option<String>,
    /// The kind of work, such as `render`: few different values.
    pub(super) name: String,
    /// Nanoseconds since 1970.
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) attributes: Vec<(&'static str, Value)>,
    pub(super) error: Option<Error>,
}

/// The result of failed work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Error {
    /// The cause is not known.
    Unknown,
    /// A failure code or the name of a problem; never a message, which may quote a value.
    Code(String),
}

/// The properties that all spans of the run share.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    /// 32 hexadecimal digits.
    pub(super) id: String,
    pub(super) parent: Option<Parent>,
    /// Attributes of the process.
    pub(super) resource: Vec<(&'static str, Value)>,
}

impl Trace {
    /// Returns the request that exports `spans`, as JSON.
    pub(super) fn export(&self, spans: &[Span]) -> Vec<u8> {
        let spans: Vec<Value> = spans.iter().map(|span| self.encode(span)).collect();
        let request = json!({"resourceSpans": [{
            "resource": {"attributes": attributes(&self.resource)},
            "scopeSpans": [{
                "scope": {"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")},
                "spans": spans,
            }],
        }]});
        request.to_string().into_bytes()
    }

    fn encode(&self, span: &Span) -> Value {
        let remote = self.parent.as_ref().map(|parent| &parent.span_id);
        let is_remote = span.parent.is_some() && span.parent.as_ref() == remote;
        let mut attributes = attributes(&span.attributes);
        let mut encoded = json!({
            "traceId": self.id,
            "spanId": span.id,
            "flags": if is_remote { FLAGS | REMOTE } else { FLAGS },
            "name": span.name,
            "kind": KIND,
            "startTimeUnixNano": span.start.to_string(),
            "endTimeUnixNano": span.end.to_string(),
        });
        let fields = encoded.as_object_mut();
        let fields: &mut Map<String, Value> = fields.expect("invariant: it was built as an object");
        if let Some(parent) = &span.parent {
            fields.insert("parentSpanId".to_owned(), parent.as_str().into());
        }
        let state = self.parent.as_ref().map(|parent| parent.state.as_str());
        if let Some(state) = state.filter(|state| !state.is_empty()) {
            fields.insert("traceState".to_owned(), state.into());
        }
        if let Some(error) = &span.error {
            let mut status = json!({"code": ERROR});
            if let Error::Code(code) = error {
                let code = Value::from(code.as_str());
                attributes.push(attribute(ERROR_TYPE, &code));
                status["message"] = code;
            }
            fields.insert("status".to_owned(), status);
        }
        fields.insert("attributes".to_owned(), attributes.into());
        encoded
    }
}

fn attributes(attributes: &[(&'static str, Value)]) -> Vec<Value> {
    let attributes = attributes.iter();
    attributes
        .map(|(key, value)| attribute(key, value))
        .collect()
}

fn attribute(key: &str, value: &Value) -> Value {
    let value = match value {
        Value::Number(number) => json!({"intValue": number.to_string()}),
        Value::Bool(truth) => json!({"boolValue": truth}),
        Value::String(text) => json!({"stringValue": text}),
        other => json!({"stringValue": other.to_string()}),
    };
    json!({"key": key, "value": value})
}
