//! The faults, and the requests that they are for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use regex::Regex;
use serde_json::{Value, json};

use super::{Plan, Recorded};

/// What is done to a request.
#[derive(Clone)]
pub enum Fault {
    /// Performed, but the connection is closed instead of a reply: the ambiguous case.
    DropReply,
    /// Performed, and answered with something that is not JSON.
    GarbleReply,
    /// Performed; the header of the reply promises all of it, and the connection is cut after half.
    HalfReply,
    /// Performed, and answered with this status and JSON instead, as by something between client and server.
    OtherReply(StatusCode, Value),
    /// Performed; the reply is held back for a while.
    SlowReply(Duration),
    /// Performed after a while, whether or not the client is still there, and never answered.
    Late(Duration),
    /// Answered with this and not performed.
    Answer {
        /// Such as 409, 429, 500, 503.
        status: StatusCode,
        /// Header fields besides the content type.
        headers: Vec<(&'static str, String)>,
        /// JSON.
        body: Value,
    },
    /// Neither performed nor ever answered.
    Hang,
    /// The connection is closed before anything is performed.
    Close,
    /// The connection is reset before anything is performed.
    Reset,
    /// Performed after this, as if somebody else had been quicker.
    After(Arc<dyn Fn() + Send + Sync>),
}

impl Fault {
    /// Answers with this status, header fields and JSON.
    pub fn answer(status: u16, headers: &[(&'static str, &str)], body: Value) -> Self {
        let owned = |(name, value): &(&'static str, &str)| (*name, (*value).to_owned());
        Self::Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: headers.iter().map(owned).collect(),
            body,
        }
    }

    /// Performs the request, and answers with this status and JSON instead.
    pub fn other_reply(status: u16, body: Value) -> Self {
        Self::OtherReply(StatusCode::from_u16(status).expect("a status"), body)
    }

    /// Refuses with a `Status` object.
    pub fn refuse(status: u16, reason: &str, message: &str) -> Self {
        Self::answer(status, &[], refusal(status, reason, message))
    }

    /// Refuses with a status and the reason that goes with it.
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

/// A rule in the making: see [`FaultServer::on`](super::FaultServer::on).
#[must_use = "call `fail`"]
pub struct RuleBuilder<'a> {
    plan: &'a Plan,
    rule: Rule,
}

/// The requests that a fault is for.
pub(crate) struct Rule {
    method: Method,
    target: Regex,
    name: Option<String>,
    /// The number of matching requests that pass before the first that is hit.
    pass: usize,
    /// The number that are hit then.
    hit: usize,
    fault: Fault,
}

impl<'a> RuleBuilder<'a> {
    pub(crate) fn new(plan: &'a Plan, method: Method, target: Regex) -> Self {
        let rule = Rule {
            method,
            target,
            name: None,
            pass: 0,
            hit: usize::MAX,
            fault: Fault::Hang,
        };
        Self { plan, rule }
    }

    /// Only requests whose body is an object with this name.
    pub fn named(mut self, name: &str) -> Self {
        self.rule.name = Some(name.to_owned());
        self
    }

    /// Only the first `count` matching requests from now on.
    pub fn first(mut self, count: usize) -> Self {
        self.rule.hit = count;
        self
    }

    /// Only the `nth` matching request from now on, counted from 1.
    pub fn nth(mut self, nth: usize) -> Self {
        self.rule.pass = nth.saturating_sub(1);
        self.rule.hit = 1;
        self
    }

    /// Only the `nth` matching request and those after it, counted from 1.
    pub fn from(mut self, nth: usize) -> Self {
        self.rule.pass = nth.saturating_sub(1);
        self
    }

    /// Puts the rule in force.
    pub fn fail(mut self, fault: Fault) {
        self.rule.fault = fault;
        self.plan.add(self.rule);
    }
}

impl Rule {
    pub(crate) fn matches(&self, request: &Recorded) -> bool {
        let is_named = |name: &String| *name == request.name();
        self.method == request.method
            && self.target.is_match(&request.target())
            && self.name.as_ref().is_none_or(is_named)
    }

    /// Counts a matching request as one that passes, if the rule is not due yet; returns true then.
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
