//! The measurements of a load test.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::time::Duration;

/// The measurements of one load test.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// For each steady review, the time from the moment at which the review was due until the end of its response.
    pub(super) steady: Vec<Duration>,
    /// The duration of each large review.
    pub(super) large: Vec<Duration>,
    /// The certificates that the injector presented, in DER format.
    pub(super) certificates: HashSet<Vec<u8>>,
    /// The CA bundles that the clients trusted.
    pub(super) bundles: HashSet<String>,
    /// The number of slow clients that the injector disconnected.
    pub(super) cut_off: usize,
    /// The peak resident memory of the injector, in KiB: in the first half (without the first sixth of the time), in the second
    /// half, and overall.
    pub(super) memory: [u64; 3],
}

/// The measurements of one steady client.
#[derive(Debug, Default)]
pub(super) struct Steady {
    pub(super) latencies: Vec<Duration>,
    pub(super) certificates: HashSet<Vec<u8>>,
    pub(super) bundles: HashSet<String>,
}

impl Figures {
    pub(super) fn add_steady(&mut self, steady: Steady) {
        self.steady.extend(steady.latencies);
        self.certificates.extend(steady.certificates);
        self.bundles.extend(steady.bundles);
    }

    pub(super) fn describe(&self, rate: u32, time: Duration) -> String {
        let mut text = format!("{rate} reviews/s for {time:?}:");
        let per_second = self.steady.len() as f64 / time.as_secs_f64();
        let mut line = |what: &str, latencies: &[Duration]| {
            let mut sorted = latencies.to_vec();
            sorted.sort_unstable();
            let at = |share: f64| {
                let index = (sorted.len() as f64 * share) as usize;
                sorted.get(index.min(sorted.len().saturating_sub(1)))
            };
            let [median, p99, slowest] = [0.5, 0.99, 1.0].map(|share| at(share).copied());
            let _ = write!(
                text,
                "\n  {} {what}: p50 {:.1?}, p99 {:.1?}, slowest {:.1?}",
                sorted.len(),
                median.unwrap_or_default(),
                p99.unwrap_or_default(),
                slowest.unwrap_or_default()
            );
        };
        line("reviews", &self.steady);
        line("reviews of 3 MiB", &self.large);
        let [early, late, peak] = self.memory;
        let _ = write!(
            text,
            "\n  {per_second:.0} reviews/s; {} certificates, {} bundles, {} slow clients disconnected\
             \n  memory: up to {early} KiB in the first half, {late} KiB in the second, {peak} KiB at the peak",
            self.certificates.len(),
            self.bundles.len(),
            self.cut_off
        );
        text
    }
}
