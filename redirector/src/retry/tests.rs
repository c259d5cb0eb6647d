//! Unit tests of `retry`.

use super::*;

/// Simulates attempts that all fail, each immediately after the previous pause. Returns the pauses and the reason for giving up.
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
fn a_deadline_of_zero_means_one_attempt() {
    let now = Instant::now();
    let mut retry = Retry::new(Duration::ZERO, now + Duration::from_secs(900));
    assert_eq!(retry.failed(now, Duration::ZERO), Next::OutOfReach);
}

#[test]
fn the_deadline_starts_again_after_the_sidecar_was_reachable() {
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
fn the_response_has_a_time_limit_even_if_the_sidecar_is_reachable() {
    let now = Instant::now();
    let mut retry = Retry::new(Duration::from_secs(60), now + Duration::from_secs(10));
    let (pauses, end) = all(&mut retry, now, WAS_IN_REACH);
    assert_eq!((pauses.len(), end), (9, Next::NoAnswer));
}

#[test]
fn a_sidecar_that_crashes_at_every_request_is_not_retried_forever() {
    let now = Instant::now();
    let mut retry = Retry::new(Duration::from_secs(60), now + Duration::from_secs(900));
    let (_, end) = all(&mut retry, now, Duration::from_millis(100));
    assert_eq!(end, Next::OutOfReach);
}
