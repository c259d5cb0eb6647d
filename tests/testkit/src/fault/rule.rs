//! The faults, and the requests that they apply to.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use regex::Regex;
use serde_json::{Value, json};

use super::{Plan, Recorded};

/// The effect on a request.
#[derive(Clone)]
pub enum Fault {
    /// Performed, but the connection is closed instead of a response: the ambiguous case.
    DropReply,
    /// Performed; the response is not JSON.
    GarbleReply,
    /// Performed; the response's header announces all of it, and the connection is closed after half.
    HalfReply,
    /// Performed; the response has this status and JSON instead, as from an intermediary between client and server.
    OtherReply(StatusCode, Value),
    /// Performed; the response is delayed.
    SlowReply(Duration),
    /// Performed after a delay, even if the client has disconnected, without a response.
    Late(Duration),
    /// Not performed; this is the response.
    Answer {
        /// Such as 409, 429, 500, 503.
        status: StatusCode,
        /// Header fields in addition to the content type.
        headers: Vec<(&'static str, String)>,
        /// JSON.
        body: Value,
    },
    /// Not performed, and never gets a response.
    Hang,
    /// The connection is closed before anything is performed.
    Close,
    /// The connection is reset before anything is performed.
    Reset,
    /// Performed after this, as if another client had been faster.
    After(Arc<dyn Fn() + Send + Sync>),
}

impl Fault {
    /// Responds with this status, header fields and JSON.
    pub fn answer(status: u16, headers: &[(&'static str, &str)], body: Value) -> Self {
        let owned = |(name, value): &(&'static str, &str)| (*name, (*value).to_owned());
        Self::Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: headers.iter().map(owned).collect(),
            body,
        }
    }

    /// Performs the request, and responds with this status and JSON instead.
    pub fn other_reply(status: u16, body: Value) -> Self {
        Self::OtherReply(StatusCode::from_u16(status).expect("a status"), body)
    }

    /// Refuses with a `Status` object.
    pub fn refuse(status: u16, reason: &str, message: &str) -> Self {
        Self::answer(status, &[], refusal(status, reason, message))
    }

    /// Refuses with a status and its usual reason.
    pub fn status(status: u16) -> Self {
        let reason = match status {
            409 => "Conflict",
            429 => "TooManyRequests",
            500 => "InternalError",
            503 => "ServiceUnavailable",
            504 => "Timeout",
            _ => "",
        };
        Self::refuse(status, reason, &format!("a rule of the test says {status}"))
    }

    /// Refuses with 429 and a `Retry-After` in seconds.
    pub fn too_many_requests(retry_after: u32) -> Self {
        let mut body = refusal(429, "TooManyRequests", "a rule of the test says 429");
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

/// Writes a `Status` object as an API server does.
pub fn refusal(status: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": status,
    })
}

/// A rule that is being built: see [`FaultServer::on`](super::FaultServer::on).
#[must_use = "call `fail`"]
pub struct RuleBuilder<'a> {
    plan: &'a Plan,
    rule: Rule,
}

/// The requests that a fault applies to.
pub(crate) struct Rule {
    method: Method,
    target: Regex,
    name: Option<String>,
    /// A text in the body.
    text: Option<String>,
    /// The number of matching requests that pass before the first affected one.
    pass: usize,
    /// The number of affected requests.
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

    /// Applies only to the `nth` matching request and all later ones, counted from 1.
    pub fn from(mut self, nth: usize) -> Self {
        self.rule.pass = nth.saturating_sub(1);
        self
    }

    /// Activates the rule.
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

    /// If the rule is not due yet, counts a matching request as passed and returns true.
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
