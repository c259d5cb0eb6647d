//! Spans, and their encoding in OTLP/JSON (`opentelemetry-proto`, `docs/specification.md`, "JSON Protobuf Encoding"): IDs in
//! hexadecimal, 64-bit numbers as strings, enums as numbers.

use serde_json::{Map, Value, json};

use super::context::Parent;

/// `SPAN_KIND_INTERNAL`
const KIND: u8 = 1;
/// `STATUS_CODE_ERROR`
const ERROR: u8 = 2;
/// The flags of each span: the span is sampled (bit 0), and `REMOTE` is meaningful (bit 8).
const FLAGS: u32 = 0x101;
/// The flag for a span whose parent belongs to another process (bit 9).
const REMOTE: u32 = 0x200;

/// The attribute that contains the error code (OpenTelemetry's semantic conventions).
const ERROR_TYPE: &str = "error.type";

/// A span of the run. `end` is meaningful only when the span is finished; unfinished spans are never exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    /// 16 hexadecimal digits.
    pub(super) id: String,
    pub(super) parent: Option<String>,
    /// The name of the operation, such as `render`. It does not contain values, so that there are only a few different names.
    pub(super) name: String,
    /// The time at which the operation started, in nanoseconds since 1970.
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) attributes: Vec<(&'static str, Value)>,
    pub(super) error: Option<Error>,
}

/// The reason why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Error {
    /// The cause is not known yet.
    Unknown,
    /// A failure code or a problem type. It is never a message, because a message may quote a value.
    Code(String),
}

/// The properties that all spans of the run share.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    /// 32 hexadecimal digits.
    pub(super) id: String,
    pub(super) parent: Option<Parent>,
    /// The attributes of the process.
    pub(super) resource: Vec<(&'static str, Value)>,
}

impl Trace {
    /// Returns the JSON body of a request that exports `spans`.
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
        let fields: &mut Map<String, Value> = fields.expect("invariant: `encoded` is an object");
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
