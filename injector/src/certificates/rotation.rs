//! Decides the next step for the certificates. Pure: the inputs are the Secret's content, the time, and since when the
//! webhook configuration has trusted all of it; the output is at most one step.
//!
//! A rotation of the CA, in steps with their conditions:
//!
//! ```text
//! begin ──> [A | leaf of A] ──a third of A is left──> [B A | leaf of A] ──B has settled──> [B A | leaf of B] ──> [B | leaf of B]
//!                                 authority                            leaf                                forget
//! ```

use std::time::Duration;

use jiff::Timestamp;

use super::content::{Certificate, Content};
use super::issue::{self, IssueError};
use super::{BACKDATE, Policy};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A new CA and a certificate of it: nothing valid exists yet.
    Begin,
    /// A new CA, which signs nothing yet.
    Authority,
    /// A new certificate of the newest CA.
    Leaf,
    /// CAs of which no certificate can be valid are removed.
    Forget,
}

/// Returns the next step; `None` if all is well, or if it is not yet time for one.
///
/// `settled` is how long the webhook configuration has been seen to contain the whole bundle, without a break.
pub fn next(
    content: Option<&Content>,
    now: Timestamp,
    settled: Option<Duration>,
    policy: &Policy,
) -> Option<Step> {
    let Some(content) = content else {
        return Some(Step::Begin);
    };
    let newest = content.newest();
    if !newest.validity.holds(now) {
        return Some(Step::Begin);
    }
    let is_of = |authority: &Certificate| content.leaf.is_of(authority, &policy.names, now);
    let of_newest = is_of(newest);
    if of_newest && is_due(newest, now) {
        return Some(Step::Authority);
    }
    if !of_newest || is_due(&content.leaf, now) {
        let trusted = settled.is_some_and(|settled| settled >= policy.settle);
        let served = of_newest || content.authorities.iter().skip(1).any(is_of);
        // Without a working certificate, one that not all may trust yet does no harm. And if the
        // CA stays the same, clients that trust the old certificate trust the new one.
        if trusted || of_newest || !served {
            return Some(Step::Leaf);
        }
        return None;
    }
    let forgotten = content
        .authorities
        .iter()
        .any(|old| is_over(old, newest, now, policy));
    forgotten.then_some(Step::Forget)
}

/// Returns the content after a step. `known` are the CAs that an API server is known to trust, or of which a replica is
/// known to serve a certificate.
///
/// # Errors
/// Fails if no certificate can be issued.
pub fn take(
    step: Step,
    content: Option<&Content>,
    known: &[Certificate],
    now: Timestamp,
    policy: &Policy,
) -> Result<Content, IssueError> {
    let Some(content) = content else {
        // A deleted Secret: its old certificates are still served for a moment.
        let known = known
            .iter()
            .filter(|known| known.validity.holds(now))
            .cloned();
        return Ok(issue::begin(policy, now)?.trusting(known));
    };
    match step {
        Step::Begin => take(step, None, &content.authorities, now, policy),
        Step::Authority => {
            let (authority, key) = issue::authority(policy, now)?;
            Ok(content.clone().with_authority(authority, key))
        }
        Step::Leaf => {
            let (leaf, leaf_key) =
                issue::leaf(content.newest(), &content.authority_key, policy, now)?;
            Ok(Content {
                leaf,
                leaf_key,
                ..content.clone()
            })
        }
        Step::Forget => {
            let newest = content.newest().clone();
            let mut content = content.clone();
            content
                .authorities
                .retain(|old| !is_over(old, &newest, now, policy));
            Ok(content)
        }
    }
}

/// Returns true if at most a third of the validity is left.
fn is_due(certificate: &Certificate, now: Timestamp) -> bool {
    let validity = certificate.validity;
    let made = validity.from + BACKDATE;
    let left = validity.until.duration_since(now);
    let whole = validity.until.duration_since(made);
    left * 3 <= whole
}

/// Returns true if no certificate of `old` can be valid any more. Its key was deleted when `newest` was made: its last
/// certificate is older than that.
fn is_over(old: &Certificate, newest: &Certificate, now: Timestamp, policy: &Policy) -> bool {
    let made = newest.validity.from + BACKDATE;
    old != newest && (now > old.validity.until || now > made + policy.leaf)
}

impl Step {
    /// Returns the step's name in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Authority => "authority",
            Self::Leaf => "leaf",
            Self::Forget => "forget",
        }
    }
}

#[cfg(test)]
mod tests;
