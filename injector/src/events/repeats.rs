//! Detects repeated notices. A Job retries a refused pod many times, but one Event is enough.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

use super::Notice;

/// The time during which a repeated notice is not reported again.
const QUIET: Duration = Duration::from_secs(600);
/// The maximum number of notices that are remembered.
const REMEMBERED: usize = 512;

#[derive(Debug, Default)]
pub(super) struct Repeats {
    hasher: RandomState,
    told: VecDeque<(u64, Instant)>,
}

impl Repeats {
    /// If the same notice was not reported recently, remembers the notice and returns true.
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
mod tests;
