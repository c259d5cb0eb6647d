//! Which notices are new. A Job whose pods are refused tries again and again, and one Event says it all.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

use super::Notice;

/// How long the same notice is not told again.
const QUIET: Duration = Duration::from_secs(600);
/// How many are remembered.
const REMEMBERED: usize = 512;

#[derive(Debug, Default)]
pub(super) struct Repeats {
    hasher: RandomState,
    told: VecDeque<(u64, Instant)>,
}

impl Repeats {
    /// Whether this has not been told of late; remembers it if so.
    pub(super) fn is_new(&mut self, notice: &Notice, now: Instant) -> bool {
        let aged = |told: &(u64, Instant)| now.saturating_duration_since(told.1) >= QUIET;
        while self.told.front().is_some_and(aged) || self.told.len() >= REMEMBERED {
            self.told.pop_front();
        }
        let hash = self.hasher.hash_one(notice);
        let new = self.told.iter().all(|(told, _)| *told != hash);
        if new {
            self.told.push_back((hash, now));
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(uid: usize) -> Notice {
        let owner = serde_json::json!({"apiVersion": "v1", "kind": "A", "name": "a", "uid": uid.to_string()});
        Notice {
            owner: serde_json::from_value(owner).unwrap(),
            namespace: "ci".to_owned(),
            message: "no".to_owned(),
        }
    }

    #[test]
    fn the_same_is_told_again_only_after_a_while() {
        let (mut repeats, start) = (Repeats::default(), Instant::now());
        assert!(repeats.is_new(&notice(1), start));
        assert!(!repeats.is_new(&notice(1), start + QUIET / 2));
        assert!(repeats.is_new(&notice(2), start + QUIET / 2));
        assert!(repeats.is_new(&notice(1), start + QUIET));
        assert!(!repeats.is_new(&notice(2), start + QUIET));
    }

    #[test]
    fn many_notices_are_remembered_but_not_any_number() {
        let (mut repeats, now) = (Repeats::default(), Instant::now());
        for uid in 0..REMEMBERED + 1 {
            assert!(repeats.is_new(&notice(uid), now));
        }
        assert!(!repeats.is_new(&notice(REMEMBERED), now));
        assert!(repeats.is_new(&notice(0), now), "the oldest one fell out");
        assert!(repeats.told.len() <= REMEMBERED);
    }
}
