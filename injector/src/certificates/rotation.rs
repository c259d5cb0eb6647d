//! Determines the next step of a certificate rotation, without side effects. The inputs are the Secret's content, the current
//! time, and the time for which the webhook configuration has trusted all CAs in the Secret. The output is at most one step.
//!
//! The steps of a CA rotation and their conditions:
//!
//! ```text
//! begin ──> [A | leaf of A] ──a third of A remains──> [B A | leaf of A] ──B has settled──> [B A | leaf of B] ──> [B | leaf of B]
//!                                 authority                            leaf                                forget
//! ```

use std::time::Duration;

use jiff::Timestamp;

use super::content::{Certificate, Content};
use super::issue::{self, IssueError};
use super::{BACKDATE, Policy};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Create a CA and a certificate, because no valid ones exist.
    Begin,
    /// Create a CA that does not sign certificates yet.
    Authority,
    /// Create a certificate signed by the newest CA.
    Leaf,
    /// Remove the CAs whose certificates have all expired.
    Forget,
}

/// Returns the next step, or `None` if no step is due.
///
/// `settled` is the time for which the webhook configuration has trusted the whole bundle without interruption.
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
        // If no valid certificate is being served, a certificate that some API servers do not trust yet does no harm. If the CA
        // stays the same, API servers that trust the old certificate also trust the new one.
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

/// Returns the content after a step. `known` contains the CAs that API servers trust and the CAs whose certificates replicas
/// serve, as far as this replica knows.
///
/// # Errors
/// Fails if a certificate cannot be issued.
pub fn take(
    step: Step,
    content: Option<&Content>,
    known: &[Certificate],
    now: Timestamp,
    policy: &Policy,
) -> Result<Content, IssueError> {
    let Some(content) = content else {
        // After the Secret is deleted, replicas serve certificates from it until their next check, so the old CAs stay in the
        // bundle.
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

/// Returns true if at most a third of the validity period remains.
fn is_due(certificate: &Certificate, now: Timestamp) -> bool {
    let validity = certificate.validity;
    let made = validity.from + BACKDATE;
    let left = validity.until.duration_since(now);
    let whole = validity.until.duration_since(made);
    left * 3 <= whole
}

/// Returns true if all certificates signed by `old` have expired. The key of `old` was deleted when `newest` was created, so
/// `old` signed its last certificate before `newest` was created.
fn is_over(old: &Certificate, newest: &Certificate, now: Timestamp, policy: &Policy) -> bool {
    let made = newest.validity.from + BACKDATE;
    old != newest && (now > old.validity.until || now > made + policy.leaf)
}

impl Step {
    /// Returns the name of the step in logs and metrics.
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
