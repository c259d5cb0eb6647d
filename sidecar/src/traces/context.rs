//! The context of the run's parent span, in the format that Tekton uses (W3C Trace Context, version 00).
//!
//! Tekton writes a JSON object with the HTTP headers from the W3C recommendation into the annotation
//! `tekton.dev/taskrunSpanContext` of each TaskRun that a PipelineRun creates (`pkg/reconciler/pipelinerun/tracing.go`), and
//! copies a TaskRun's annotations to the TaskRun's pod (`pkg/pod/pod.go`).

use serde::Deserialize;

/// The length in bytes of a `traceparent` in version 00. Fields that later versions append are ignored.
const LENGTH: usize = 55;
/// The maximum length of a `tracestate` that is exported, in bytes. According to the W3C recommendation, at least 512
/// characters should be propagated.
const STATE_MAX: usize = 512;
/// The flag in a `traceparent` that is set if the trace is sampled.
const SAMPLED: u8 = 1;

/// The run's parent span, which belongs to another process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parent {
    /// 32 hexadecimal digits.
    pub(super) trace_id: String,
    /// 16 hexadecimal digits.
    pub(super) span_id: String,
    /// False if the spans of this trace must not be exported.
    pub(super) sampled: bool,
    /// The `tracestate`: data that tracing systems added to the trace; empty if there is no valid data.
    pub(super) state: String,
}

/// The reason why a span context is ignored. The reason contains no text from the context, because the context is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ContextError {
    #[error("the span context is not a JSON object whose values are strings")]
    Carrier,
    #[error("the span context does not contain a traceparent")]
    Missing,
    #[error("the traceparent does not have the form 00-TRACE_ID-SPAN_ID-FLAGS")]
    Form,
    #[error("an ID in the traceparent consists only of zeros")]
    Zero,
}

/// The headers that the W3C recommendation defines. Other headers, such as `baggage`, are ignored.
#[derive(Deserialize)]
struct Carrier {
    traceparent: Option<String>,
    #[serde(default)]
    tracestate: String,
}

impl Parent {
    /// Parses the annotation's value. Returns `None` for an empty value, which means that the pod does not have the annotation.
    ///
    /// # Errors
    /// Returns the reason why the context cannot be used.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, ContextError> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let carrier: Carrier = serde_json::from_str(text).map_err(|_| ContextError::Carrier)?;
        let traceparent = carrier.traceparent.ok_or(ContextError::Missing)?;
        let (trace_id, span_id, flags) = fields(&traceparent).ok_or(ContextError::Form)?;
        if [trace_id, span_id].iter().any(|id| is_zero(id)) {
            return Err(ContextError::Zero);
        }
        // As the W3C recommendation requires, an invalid `tracestate` is dropped, but the IDs are used.
        let state = Some(carrier.tracestate).filter(|state| is_state(state));
        Ok(Some(Self {
            trace_id: trace_id.to_owned(),
            span_id: span_id.to_owned(),
            sampled: flags & SAMPLED != 0,
            state: state.unwrap_or_default(),
        }))
    }
}

/// Returns the trace ID, the span ID and the flags of a `traceparent`, or `None` if the `traceparent` is malformed.
fn fields(traceparent: &str) -> Option<(&str, &str, u8)> {
    let known = traceparent.get(..LENGTH)?;
    let mut parts = known.split('-');
    let (version, trace_id) = (parts.next()?, parts.next()?);
    let (span_id, flags) = (parts.next()?, parts.next()?);
    let has_form = [(version, 2), (trace_id, 32), (span_id, 16), (flags, 2)]
        .iter()
        .all(|(part, length)| part.len() == *length && part.bytes().all(is_digit));
    let rest = &traceparent[LENGTH..];
    let is_known = match version {
        "00" => rest.is_empty(),
        "ff" => false,
        _ => rest.is_empty() || rest.starts_with('-'),
    };
    if !has_form || !is_known || parts.next().is_some() {
        return None;
    }
    let flags = u8::from_str_radix(flags, 16).ok()?;
    Some((trace_id, span_id, flags))
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_zero(id: &str) -> bool {
    id.bytes().all(|digit| digit == b'0')
}

fn is_state(state: &str) -> bool {
    state.len() <= STATE_MAX
        && state
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "0f57e147e992b304d977436289d10628";
    const SPAN: &str = "73d5909e31793992";

    fn carrier(traceparent: &str) -> String {
        serde_json::json!({"traceparent": traceparent}).to_string()
    }

    fn parsed(traceparent: &str) -> Result<Parent, ContextError> {
        Parent::parse(&carrier(traceparent)).map(|parent| parent.expect("a parent"))
    }

    #[test]
    fn the_value_of_tektons_annotation_is_parsed() {
        // From Tekton's own tests (`pkg/reconciler/pipelinerun/tracing_test.go`).
        let text = r#"{"traceparent":"00-0f57e147e992b304d977436289d10628-73d5909e31793992-01"}"#;
        let parent = Parent::parse(text).unwrap().unwrap();
        assert_eq!(
            parent,
            Parent {
                trace_id: TRACE.into(),
                span_id: SPAN.into(),
                sampled: true,
                state: String::new(),
            }
        );
        let state = r#"{"traceparent":"00-0f57e147e992b304d977436289d10628-73d5909e31793992-00",
            "tracestate":"vendor=1,other=a","baggage":"user=x"}"#;
        let parent = Parent::parse(state).unwrap().unwrap();
        assert!(!parent.sampled);
        assert_eq!(parent.state, "vendor=1,other=a");
    }

    #[test]
    fn a_pod_without_the_annotation_has_no_parent() {
        for text in ["", " \n"] {
            assert_eq!(Parent::parse(text), Ok(None));
        }
    }

    #[test]
    fn only_the_lowest_flag_means_sampled() {
        for (flags, sampled) in [("00", false), ("01", true), ("02", false), ("ff", true)] {
            let parent = parsed(&format!("00-{TRACE}-{SPAN}-{flags}")).unwrap();
            assert_eq!(parent.sampled, sampled, "{flags}");
        }
    }

    #[test]
    fn a_later_version_may_append_fields() {
        assert!(parsed(&format!("01-{TRACE}-{SPAN}-01")).is_ok());
        assert!(parsed(&format!("cc-{TRACE}-{SPAN}-01-what-the-future")).is_ok());
        for wrong in [
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("cc-{TRACE}-{SPAN}-01more"),
            format!("ff-{TRACE}-{SPAN}-01"),
        ] {
            assert_eq!(parsed(&wrong), Err(ContextError::Form), "{wrong}");
        }
    }

    #[test]
    fn malformed_contexts_are_errors() {
        let upper = TRACE.to_uppercase();
        let zeros = "0".repeat(32);
        for (text, error) in [
            ("traceparent".into(), ContextError::Carrier),
            ("[]".into(), ContextError::Carrier),
            (r#"{"traceparent":1}"#.into(), ContextError::Carrier),
            ("{}".into(), ContextError::Missing),
            (carrier(""), ContextError::Form),
            (
                carrier(&format!("00-{upper}-{SPAN}-01")),
                ContextError::Form,
            ),
            (
                carrier(&format!("00-{TRACE}-{SPAN}-0g")),
                ContextError::Form,
            ),
            (
                carrier(&format!("00-{SPAN}-{TRACE}-01")),
                ContextError::Form,
            ),
            (
                carrier(&format!("00_{TRACE}_{SPAN}_01")),
                ContextError::Form,
            ),
            (carrier(&"ä".repeat(LENGTH)), ContextError::Form),
            (
                carrier(&format!("00-{zeros}-{SPAN}-01")),
                ContextError::Zero,
            ),
            (
                carrier(&format!("00-{TRACE}-{}-01", "0".repeat(16))),
                ContextError::Zero,
            ),
        ] {
            assert_eq!(Parent::parse(&text), Err(error), "{text}");
        }
    }

    #[test]
    fn an_invalid_tracestate_is_dropped() {
        for state in [
            "a=\u{7}".to_owned(),
            "ä=1".to_owned(),
            "a".repeat(STATE_MAX + 1),
        ] {
            let traceparent = format!("00-{TRACE}-{SPAN}-01");
            let text = serde_json::json!({"traceparent": traceparent, "tracestate": state});
            let parent = Parent::parse(&text.to_string()).unwrap().unwrap();
            assert_eq!(parent.state, "");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_parsed_without_a_panic(text in ".{0,80}") {
            let _ = Parent::parse(&text);
            if let Ok(parent) = parsed(&text) {
                prop_assert!(text.contains(&parent.trace_id) && text.contains(&parent.span_id));
            }
        }
    }
}
