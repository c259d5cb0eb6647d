//! What is done to which requests.

use std::time::Duration;

use http::{Method, StatusCode};
use regex::Regex;

use super::FaultProxy;

/// What is done to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The upstream does it, but the client's connection is cut instead of a reply: the ambiguous case.
    DropReply,
    /// Answered with this status, never passed on; a `Retry-After` in seconds goes with it when given.
    Refuse {
        /// Such as 409, 429, 500, 503.
        status: StatusCode,
        /// Seconds.
        retry_after: Option<u32>,
    },
    /// Neither passed on nor ever answered.
    Hang,
    /// The connection is reset before anything is passed on.
    Reset,
    /// Passed on; the reply is held back for a while.
    SlowReply(Duration),
}

impl Fault {
    /// Refuses with a status and nothing more.
    ///
    /// # Panics
    ///
    /// When the number is no status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).expect("a status");
        Self::Refuse {
            status,
            retry_after: None,
        }
    }

    /// Refuses with 429 and a `Retry-After`.
    #[must_use]
    pub fn too_many_requests(retry_after: u32) -> Self {
        Self::Refuse {
            status: StatusCode::TOO_MANY_REQUESTS,
            retry_after: Some(retry_after),
        }
    }
}

/// A rule in the making: see [`FaultProxy::on`].
#[must_use = "call `fail`"]
pub struct RuleBuilder<'a> {
    proxy: &'a FaultProxy,
    rule: Rule,
}

/// Which requests, and what is done to them.
pub(crate) struct Rule {
    method: Method,
    target: Regex,
    /// How many matching requests pass before the first that is hit.
    pass: usize,
    /// How many are hit then.
    hit: usize,
    fault: Fault,
}

impl<'a> RuleBuilder<'a> {
    pub(crate) fn new(proxy: &'a FaultProxy, method: Method, target: Regex) -> Self {
        let rule = Rule {
            method,
            target,
            pass: 0,
            hit: usize::MAX,
            fault: Fault::Hang,
        };
        Self { proxy, rule }
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
        self.proxy.state.plan().rules.push(self.rule);
    }
}

impl Rule {
    /// Counts a request if it matches, and says what is done to it.
    pub(crate) fn count(&mut self, method: &Method, target: &str) -> Option<Fault> {
        if self.method != *method || !self.target.is_match(target) {
            return None;
        }
        if self.pass > 0 {
            self.pass -= 1;
            return None;
        }
        self.hit = self.hit.checked_sub(1)?;
        Some(self.fault)
    }
}
