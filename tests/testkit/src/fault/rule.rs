//! The faults, and the rules that select the requests to which they apply.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use regex::Regex;
use serde_json::{Value, json};

use super::{Plan, Recorded};

/// The effect of a rule on a request.
#[derive(Clone)]
pub enum Fault {
    /// The request is performed, but the connection is closed without a response, so the client cannot know the outcome.
    DropReply,
    /// The request is performed; the response is not JSON.
    GarbleReply,
    /// The request is performed; `Content-Length` is the length of the whole body, but the connection is closed after half of it.
    HalfReply,
    /// The request is performed; the client receives a response with this status and JSON instead, as if a proxy had sent it.
    OtherReply(StatusCode, Value),
    /// The request is performed; the response is delayed.
    SlowReply(Duration),
    /// The request is performed after a delay, even if the client has disconnected, and never gets a response.
    Late(Duration),
    /// The request is not performed; the client receives this response.
    Answer {
        /// The status, such as 409, 429, 500 or 503.
        status: StatusCode,
        /// The header fields in addition to the content type.
        headers: Vec<(&'static str, String)>,
        /// The body, as JSON.
        body: Value,
    },
    /// The request is not performed, and never gets a response.
    Hang,
    /// The connection is closed before the request is performed.
    Close,
    /// The connection is reset before the request is performed, without an orderly close.
    Reset,
    /// This function is called first, for example to act as a faster client; then the request is performed.
    After(Arc<dyn Fn() + Send + Sync>),
}

impl Fault {
    /// Returns a fault that responds with this status, header fields and JSON.
    pub fn answer(status: u16, headers: &[(&'static str, &str)], body: Value) -> Self {
        let owned = |(name, value): &(&'static str, &str)| (*name, (*value).to_owned());
        Self::Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: headers.iter().map(owned).collect(),
            body,
        }
    }

    /// Returns a fault that performs the request, and responds with this status and JSON instead.
    pub fn other_reply(status: u16, body: Value) -> Self {
        Self::OtherReply(StatusCode::from_u16(status).expect("a status"), body)
    }

    /// Returns a fault that refuses the request with a `Status` object.
    pub fn refuse(status: u16, reason: &str, message: &str) -> Self {
        Self::answer(status, &[], refusal(status, reason, message))
    }

    /// Returns a fault that refuses the request with a status and its usual reason.
    pub fn status(status: u16) -> Self {
        let reason = match status {
            409 => "Conflict",
            429 => "TooManyRequests",
            500 => "InternalError",
            503 => "ServiceUnavailable",
            504 => "Timeout",
            _ => "",
        };
        Self::refuse(status, reason, &format!("injected fault: {status}"))
    }

    /// Returns a fault that refuses the request with 429 and a `Retry-After` in seconds.
    pub fn too_many_requests(retry_after: u32) -> Self {
        let mut body = refusal(429, "TooManyRequests", "injected fault: 429");
        body["details"] = json!({ "retryAfterSeconds": retry_after });
        Self::answer(429, &[("retry-after", &retry_after.to_string())], body)
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DropReply => formatter.write_str("DropReply"),
            Self::GarbleReply => formatter.write_str("GarbleReply"),
            Self::HalfReply => formatter.write_str("HalfReply"),
            Self::OtherReply(status, _) => write!(formatter, "OtherReply({status})"),
            Self::SlowReply(delay) => write!(formatter, "SlowReply({delay:?})"),
            Self::Late(delay) => write!(formatter, "Late({delay:?})"),
            Self::Answer { status, .. } => write!(formatter, "Answer({status})"),
            Self::Hang => formatter.write_str("Hang"),
            Self::Close => formatter.write_str("Close"),
            Self::Reset => formatter.write_str("Reset"),
            Self::After(_) => formatter.write_str("After"),
        }
    }
}

/// Returns a `Status` object like one from an API server.
pub fn refusal(status: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": status,
    })
}

/// A builder for a rule: see [`FaultServer::on`](super::FaultServer::on).
#[must_use = "call `fail`"]
pub struct RuleBuilder<'a> {
    plan: &'a Plan,
    rule: Rule,
}

/// A fault, and the requests to which it applies.
pub(crate) struct Rule {
    method: Method,
    target: Regex,
    name: Option<String>,
    /// A text that the body must contain.
    text: Option<String>,
    /// The number of further matching requests that pass before the rule is due.
    pass: usize,
    /// The number of further requests to which the fault applies once the rule is due.
    hit: usize,
    fault: Fault,
}

impl<'a> RuleBuilder<'a> {
    pub(crate) fn new(plan: &'a Plan, method: Method, target: Regex) -> Self {
        let rule = Rule {
            method,
            target,
            name: None,
            text: None,
            pass: 0,
            hit: usize::MAX,
            fault: Fault::Hang,
        };
        Self { plan, rule }
    }

    /// Applies only to requests whose body is an object with this name.
    pub fn named(mut self, name: &str) -> Self {
        self.rule.name = Some(name.to_owned());
        self
    }

    /// Applies only to requests with this text in the body.
    pub fn containing(mut self, text: &str) -> Self {
        self.rule.text = Some(text.to_owned());
        self
    }

    /// Applies only to the first `count` matching requests from now on.
    pub fn first(mut self, count: usize) -> Self {
        self.rule.hit = count;
        self
    }

    /// Applies only to the `nth` matching request from now on, counted from 1.
    pub fn nth(mut self, nth: usize) -> Self {
        self.rule.pass = nth.saturating_sub(1);
        self.rule.hit = 1;
        self
    }

    /// Applies only to the `nth` matching request from now on, counted from 1, and to all later matching requests.
    pub fn from(mut self, nth: usize) -> Self {
        self.rule.pass = nth.saturating_sub(1);
        self
    }

    /// Activates the rule with this fault.
    pub fn fail(mut self, fault: Fault) {
        self.rule.fault = fault;
        self.plan.add(self.rule);
    }
}

impl Rule {
    pub(crate) fn matches(&self, request: &Recorded) -> bool {
        let is_named = |name: &String| *name == request.name();
        let contains = |text: &String| String::from_utf8_lossy(&request.body).contains(text);
        self.method == request.method
            && self.target.is_match(&request.target())
            && self.name.as_ref().is_none_or(is_named)
            && self.text.as_ref().is_none_or(contains)
    }

    /// Counts a matching request as passed and returns true if the rule is not due yet.
    pub(crate) fn pass(&mut self) -> bool {
        let passes = self.pass > 0;
        self.pass = self.pass.saturating_sub(1);
        passes
    }

    /// Counts a matching request, and returns the fault if the rule is due.
    pub(crate) fn fire(&mut self) -> Option<Fault> {
        if self.pass() {
            return None;
        }
        self.hit = self.hit.checked_sub(1)?;
        Some(self.fault.clone())
    }
}
