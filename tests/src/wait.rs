//! Waiting for a condition, up to a deadline.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const PERIOD: Duration = Duration::from_millis(20);

/// Looks again and again until `condition` gives a value; panics with `what` past the deadline.
///
/// # Panics
///
/// When the deadline passes first.
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
        assert!(Instant::now() < end, "not within {deadline:?}: {what}");
        tokio::time::sleep(PERIOD).await;
    }
}

/// The same outside of async code; none past the deadline.
pub fn blocking<T>(deadline: Duration, condition: impl FnMut() -> Option<T>) -> Option<T> {
    every(PERIOD, deadline, condition)
}

/// The same, looking less often (or more).
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
