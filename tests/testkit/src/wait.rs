//! Waiting for a condition, up to a deadline.

use std::time::{Duration, Instant};

/// The pause between two checks of a condition.
const PERIOD: Duration = Duration::from_millis(10);

/// Checks `condition` until it returns a value; panics with `what` after the deadline.
pub async fn until<T>(
    what: &str,
    deadline: Duration,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    let end = Instant::now() + deadline;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < end, "timed out after {deadline:?}: {what}");
        tokio::time::sleep(PERIOD).await;
    }
}

/// Checks `condition` until it is true; panics with `what` after the deadline. For use outside async code.
#[track_caller]
pub fn until_true(what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
    let held = blocking(deadline, || condition().then_some(()));
    assert!(held.is_some(), "timed out after {deadline:?}: {what}");
}

/// Checks `condition` until it returns a value; returns `None` after the deadline. For use outside async code.
pub fn blocking<T>(deadline: Duration, condition: impl FnMut() -> Option<T>) -> Option<T> {
    every(PERIOD, deadline, condition)
}

/// Like [`blocking`], with a pause of `period` between two checks.
pub fn every<T>(
    period: Duration,
    deadline: Duration,
    mut condition: impl FnMut() -> Option<T>,
) -> Option<T> {
    let end = Instant::now() + deadline;
    loop {
        if let Some(value) = condition() {
            return Some(value);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(period);
    }
}
