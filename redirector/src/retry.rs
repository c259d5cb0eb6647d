//! When to ask again, and when to give up. No clock of its own: the time is told.

use std::time::{Duration, Instant};

/// Pause after the first failed attempt; it doubles from there.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// A sidecar that had a whole request for this long was in reach: when it is gone then, the deadline starts anew.
/// Shorter, and one that dies of every request would be asked for ever.
const WAS_IN_REACH: Duration = Duration::from_secs(1);

/// The attempts to get one answer.
#[derive(Debug)]
pub(crate) struct Retry {
    /// How long the other side may be out of reach without a break.
    deadline: Duration,
    /// When an answer is no longer waited for at all.
    until: Instant,
    out_of_reach_since: Option<Instant>,
    pause: Duration,
}

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Ask again, after this pause.
    AgainAfter(Duration),
    /// Give up: out of reach for too long.
    OutOfReach,
    /// Give up: there should have been an answer long ago.
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

    /// An attempt has failed at `now`, after the other side had the whole request for as long as `held`.
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
