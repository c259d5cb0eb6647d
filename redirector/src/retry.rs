//! Decides when to retry, and when to give up. It reads no clock: the caller passes the time.

use std::time::{Duration, Instant};

/// Pause after the first failed attempt; it doubles from there.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// A sidecar that had a whole request for this long was reachable: if it is gone then, the deadline starts again.
/// With a shorter time, a sidecar that every request crashes would be retried forever.
const WAS_IN_REACH: Duration = Duration::from_secs(1);

/// The attempts to get one response.
#[derive(Debug)]
pub(crate) struct Retry {
    /// The longest time for which the other side may be continuously unreachable.
    deadline: Duration,
    /// The time at which the redirector stops waiting for a response.
    until: Instant,
    out_of_reach_since: Option<Instant>,
    pause: Duration,
}

/// The next action after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Retry after this pause.
    AgainAfter(Duration),
    /// Give up: unreachable for too long.
    OutOfReach,
    /// Give up: the response is overdue.
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

    /// Records an attempt that failed at `now`, after the other side had the whole request for as long as `held`.
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
        // The last attempt is made right at the deadline.
        let pause = self.pause.min(left).min(self.until - now);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Next::AgainAfter(pause)
    }
}

#[cfg(test)]
mod tests;
