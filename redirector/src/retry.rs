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
mod tests {
    use super::*;

    /// Fails without end, each attempt after the pause before, and returns the pauses and the reason to give up.
    fn all(retry: &mut Retry, mut now: Instant, held: Duration) -> (Vec<u128>, Next) {
        let mut pauses = Vec::new();
        loop {
            now += held;
            match retry.failed(now, held) {
                Next::AgainAfter(pause) => {
                    pauses.push(pause.as_millis());
                    now += pause;
                }
                end => return (pauses, end),
            }
        }
    }

    #[test]
    fn pauses_double_up_to_half_a_second_and_end_at_the_deadline() {
        let now = Instant::now();
        let mut retry = Retry::new(Duration::from_secs(2), now + Duration::from_secs(900));
        let (pauses, end) = all(&mut retry, now, Duration::ZERO);
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 500, 500, 365]);
        assert_eq!(end, Next::OutOfReach);
    }

    #[test]
    fn a_deadline_of_nothing_means_one_attempt() {
        let now = Instant::now();
        let mut retry = Retry::new(Duration::ZERO, now + Duration::from_secs(900));
        assert_eq!(retry.failed(now, Duration::ZERO), Next::OutOfReach);
    }

    #[test]
    fn a_sidecar_that_was_in_reach_has_its_deadline_anew() {
        let now = Instant::now();
        let mut retry = Retry::new(Duration::from_secs(60), now + Duration::from_secs(900));
        let later = now + Duration::from_secs(59);
        assert!(matches!(
            retry.failed(now, Duration::ZERO),
            Next::AgainAfter(_)
        ));
        let first = Next::AgainAfter(FIRST_PAUSE);
        assert_eq!(retry.failed(later, WAS_IN_REACH), first);
        let much_later = later + Duration::from_secs(59);
        assert!(matches!(
            retry.failed(much_later, Duration::ZERO),
            Next::AgainAfter(_)
        ));
    }

    #[test]
    fn however_often_it_was_in_reach_the_answer_has_its_bound() {
        let now = Instant::now();
        let mut retry = Retry::new(Duration::from_secs(60), now + Duration::from_secs(10));
        let (pauses, end) = all(&mut retry, now, WAS_IN_REACH);
        assert_eq!((pauses.len(), end), (9, Next::NoAnswer));
    }

    #[test]
    fn one_that_dies_of_every_request_is_not_asked_for_ever() {
        let now = Instant::now();
        let mut retry = Retry::new(Duration::from_secs(60), now + Duration::from_secs(900));
        let (_, end) = all(&mut retry, now, Duration::from_millis(100));
        assert_eq!(end, Next::OutOfReach);
    }
}
