//! The sidecar's metrics. They contain no output values.

use std::sync::Arc;

use axum::response::Response;
use gleaner_proto::message::Phase;
use gleaner_runtime::metrics::{self, register};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

const PHASES: [Phase; 5] = [
    Phase::Collecting,
    Phase::Resolved,
    Phase::Submitting,
    Phase::Committed,
    Phase::Failed,
];

/// The possible results of an export request. Both counters exist from the start, with the value 0, if traces are on.
const EXPORTS: [&str; 2] = ["sent", "failed"];

/// The possible results of a submission. Both counters exist from the start, with the value 0.
const RESULTS: [&str; 2] = ["committed", "failed"];

type Label<T> = [(&'static str, T); 1];

/// The metrics of the sidecar. Clones share the same counters.
#[derive(Debug, Clone)]
pub struct Metrics {
    accepted: Counter,
    bytes: Counter,
    refused: Family<Label<String>, Counter>,
    submissions: Family<Label<&'static str>, Counter>,
    phase: Family<Label<String>, Gauge>,
    exports: Family<Label<&'static str>, Counter>,
    registry: Arc<Registry>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("gleaner");
        let all = &mut registry;
        let bytes = Counter::default();
        all.register_with_unit(
            "outputs",
            "Total size of the messages that the sidecar accepted",
            Unit::Bytes,
            bytes.clone(),
        );
        let metrics = Self {
            accepted: register(
                all,
                "outputs_accepted",
                "Messages from steps that the sidecar accepted",
            ),
            bytes,
            refused: register(
                all,
                "outputs_refused",
                "Messages from steps that the sidecar rejected",
            ),
            submissions: register(all, "submissions", "Finished submissions, by result"),
            phase: register(
                all,
                "phase",
                "Phase of the run: 1 for the current phase, 0 for the others",
            ),
            exports: register(
                all,
                "trace_exports",
                "Requests to export spans to the trace collector, by result",
            ),
            registry: Arc::new(registry),
        };
        for result in RESULTS {
            drop(metrics.submissions.get_or_create(&[("result", result)]));
        }
        metrics
    }
}

impl Metrics {
    pub(crate) fn accepted(&self, bytes: usize) {
        self.accepted.inc();
        self.bytes.inc_by(bytes as u64);
    }

    /// Counts a refused message. `problem` is one of the predefined problem types, never text from a client.
    pub(crate) fn refused(&self, problem: &str) {
        let problem = problem.trim_start_matches("/problems/").to_owned();
        self.refused.get_or_create(&[("problem", problem)]).inc();
    }

    pub(crate) fn submitted(&self, result: &'static str) {
        self.submissions.get_or_create(&[("result", result)]).inc();
    }

    pub(crate) fn phase(&self, current: Phase) {
        for phase in PHASES {
            let label = [("phase", format!("{phase:?}"))];
            let gauge = self.phase.get_or_create(&label);
            gauge.set(i64::from(phase == current));
        }
    }

    pub(crate) fn exports_begin(&self) {
        for result in EXPORTS {
            drop(self.exports.get_or_create(&[("result", result)]));
        }
    }

    /// Counts an export request. `result` is one of [`EXPORTS`].
    pub(crate) fn exported(&self, result: &'static str) {
        self.exports.get_or_create(&[("result", result)]).inc();
    }

    pub fn response(&self) -> Response {
        metrics::response(&self.registry)
    }
}
