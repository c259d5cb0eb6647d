//! Random faults in the API server's responses and connections.

use std::time::Duration;

use gleaner_testkit::fault::refusal;
use gleaner_tests::fault_proxy::{Fault, FaultProxy};
use http::Method;
use serde_json::json;

use crate::random::Random;

/// Matches requests for the kinds that runs create, including dry runs.
const WRITES: &str = "/(pipelineresources|configmaps|secrets)";
/// Matches only writes that are not dry runs, because the query of a dry run begins with `dryRun`.
const REAL_WRITES: &str = r"/(pipelineresources|configmaps|secrets)(/[^?]*)?\?fieldManager";
/// Patterns of paths and queries from which [`random`] picks. `REAL_WRITES` is twice as likely as any other pattern.
const KINDS: [&str; 5] = ["", WRITES, REAL_WRITES, REAL_WRITES, "/configmaps"];

/// A fault and the requests to which it applies.
#[derive(Debug)]
pub(crate) struct FaultRule {
    method: Method,
    target: &'static str,
    hits: Hits,
    fault: Fault,
}

/// The matching requests to which the fault applies, counted from 1.
#[derive(Debug, Clone, Copy)]
enum Hits {
    First(usize),
    Nth(usize),
    From(usize),
}

/// Returns rules that apply the same fault to all reads and deletes. The fault also applies to all creates and patches after the
/// first few.
pub(crate) fn outage(random: &mut Random) -> Vec<FaultRule> {
    let fault = random.pick(&[Fault::Close, Fault::Reset, Fault::status(503), Fault::Hang]);
    let from = random.count(1, 4);
    let begins = |method, from| FaultRule {
        method,
        target: WRITES,
        hits: Hits::From(from),
        fault: fault.clone(),
    };
    vec![
        begins(Method::POST, from + 2),
        begins(Method::PATCH, from),
        begins(Method::GET, 1),
        begins(Method::DELETE, 1),
    ]
}

/// Returns a rule that makes create requests fail after the first few; dry runs succeed.
pub(crate) fn refusal_midway(random: &mut Random, objects: usize) -> FaultRule {
    let refused = [
        Fault::status(422),
        forbidden(random),
        forbidden(random),
        Fault::DropReply,
    ];
    FaultRule {
        method: Method::POST,
        target: REAL_WRITES,
        hits: Hits::From(random.count(2, objects.max(2))),
        fault: random.pick(&refused),
    }
}

/// Returns a random rule.
pub(crate) fn random(random: &mut Random) -> FaultRule {
    let method = random.pick(&[
        Method::POST,
        Method::POST,
        Method::POST,
        Method::GET,
        Method::PATCH,
        Method::DELETE,
    ]);
    let target = match method {
        // Requests with these methods have no query, so `REAL_WRITES` would never match them.
        Method::GET | Method::DELETE => random.pick(&["", WRITES]),
        _ => random.pick(&KINDS),
    };
    let hits = match random.between(1, 10) {
        1..=4 => Hits::First(random.count(1, 3)),
        5..=8 => Hits::Nth(random.count(1, 5)),
        _ => Hits::From(random.count(1, 5)),
    };
    FaultRule {
        method,
        target,
        hits,
        fault: fault(random),
    }
}

fn fault(random: &mut Random) -> Fault {
    let millis = |random: &mut Random, low, high| Duration::from_millis(random.between(low, high));
    let status = |status| refusal(status, "InternalError", "injected fault");
    match random.between(1, 20) {
        1 => Fault::status(random.pick(&[500, 502, 504])),
        2 => Fault::status(503),
        3 => Fault::too_many_requests(1),
        4 => Fault::status(409),
        5 | 6 => Fault::Reset,
        7 => Fault::Close,
        8 | 9 => Fault::DropReply,
        10 => Fault::GarbleReply,
        11 => Fault::HalfReply,
        12 => Fault::Hang,
        13 | 14 => Fault::SlowReply(millis(random, 20, 900)),
        15 => Fault::Late(millis(random, 50, 900)),
        16 => Fault::answer(
            200,
            &[],
            random.pick(&[json!({}), json!({"login": "please"})]),
        ),
        17 => Fault::other_reply(200, random.pick(&[json!({}), json!({"login": "please"})])),
        18 => Fault::other_reply(random.pick(&[500, 503]), status(500)),
        19 => Fault::refuse(401, "Unauthorized", "Unauthorized"),
        _ => forbidden(random),
    }
}

/// Returns a refusal whose reason is a missing permission, an exhausted quota, or a policy.
fn forbidden(random: &mut Random) -> Fault {
    let message = random.pick(&[
        "configmaps is forbidden: User \"system:serviceaccount:ci:default\" cannot create it",
        "configmaps \"x\" is forbidden: exceeded quota: small, used: configmaps=3, limited: configmaps=3",
        "admission webhook \"policy.example\" denied the request: no more of these",
    ]);
    Fault::refuse(403, "Forbidden", message)
}

impl FaultRule {
    /// Adds the rule to the proxy.
    pub(crate) fn apply(&self, proxy: &FaultProxy) {
        let rule = proxy.on(self.method.clone(), self.target);
        let rule = match self.hits {
            Hits::First(count) => rule.first(count),
            Hits::Nth(nth) => rule.nth(nth),
            Hits::From(nth) => rule.from(nth),
        };
        rule.fail(self.fault.clone());
    }
}
