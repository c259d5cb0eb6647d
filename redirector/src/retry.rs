//! Decides whether to retry a request. The caller passes the current time; this module never reads the clock.

use std::time::{Duration, Instant};

/// The pause after the first failed attempt. It doubles with each attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// The maximum pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// If the sidecar holds a complete request for at least this long, the sidecar counts as reachable, and the deadline starts
/// again. If this time were shorter, a sidecar that crashes on every request could count as reachable each time, and the request
/// would be retried forever.
const WAS_IN_REACH: Duration = Duration::from_secs(1);

/// The state of the attempts to send one request.
#[derive(Debug)]
pub(crate) struct Retry {
    /// The maximum continuous time for which the sidecar may be unreachable.
    deadline: Duration,
    /// The time at which the redirector stops waiting for a response.
    until: Instant,
    out_of_reach_since: Option<Instant>,
    pause: Duration,
}

/// The action after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Retry after this pause.
    AgainAfter(Duration),
    /// Give up, because the sidecar was unreachable for as long as the deadline allows.
    OutOfReach,
    /// Give up, because the time limit for the response has passed.
    NoAnswer,
}

// === impl Retry ===

impl Retry {
    pub(crate) const fn new(deadline: Duration, until: Instant) -> Self {
        Self {
            deadline,
            until,
            out_of_reach_since: None,
            pause: FIRST_PAUSE,
        }
    }

    /// Records an attempt that failed at `now`. `held` is the time for which the sidecar held the complete request before the
    /// attempt failed.
    pub(crate) fn failed(&mut self, now: Instant, held: Duration) -> Next {
        if held >= WAS_IN_REACH {
            self.out_of_reach_since = None;
            self.pause = FIRST_PAUSE;
        }
        if now >= self.until {
            return Next::NoAnswer;
        }
        let since = *self.out_of_reach_since.get_or_insert(now);
        let left = (since + self.deadline).saturating_duration_since(now);
        if left.is_zero() {
            return Next::OutOfReach;
        }
        // Shorten the pause if necessary, so that the last attempt is made exactly when the deadline or the time limit passes.
        let pause = self.pause.min(left).min(self.until - now);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Next::AgainAfter(pause)
    }
}

#[cfg(test)]
mod tests;
