//! OpenTelemetry traces: exports the phases of the run as spans to a collector, with OTLP over HTTP.
//!
//! | module | content |
//! | --- | --- |
//! | `context` | the context of the parent span |
//! | `record` | the creation of the run's spans |
//! | `span` | a span, and its encoding in OTLP/JSON |
//! | `export` | the request to the collector |
//!
//! The sidecar exports the spans after the submission and before it exits. Steps do not wait for an export, and a failed export
//! is not retried. Spans contain only names, numbers and codes, and never an output or a message.

mod context;
mod export;
mod record;
mod span;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gleaner_core::run::Run;
use gleaner_proto::message::Problem;
use gleaner_proto::traces;
use gleaner_runtime::text::hex;
use gleaner_submission::Progress;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::config::Tracing;
use crate::metrics::Metrics;
use context::Parent;
use export::{ExportError, Exporter};
use record::{Ids, Record, Time};
use span::Trace;

/// The time limit for the exports before the process exits.
const LAST_EXPORT: Duration = Duration::from_secs(2);

/// The trace of the run. Clones share the same trace. The default value is a trace that is off and records nothing.
#[derive(Debug, Clone, Default)]
pub struct Traces(Option<Arc<Active>>);

#[derive(Debug)]
struct Active {
    clock: Clock,
    trace: Trace,
    record: Mutex<Record>,
    exporter: Exporter,
    /// The task that exports spans after the submission.
    exporting: Mutex<Option<JoinHandle<()>>>,
}

/// A clock that returns the wall-clock time, but never goes back.
#[derive(Debug)]
struct Clock {
    start: Instant,
    /// The wall-clock time at `start`, in nanoseconds since 1970.
    at_start: u64,
}

/// The time at which an operation started, in nanoseconds since 1970; 0 if the trace is off.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start(u64);

// === impl Traces ===

impl Traces {
    /// Begins the trace of `run`. The trace is off if there is no valid endpoint, if the parent is not sampled, or if no random
    /// IDs can be generated.
    pub(crate) fn begin(config: Tracing, run: &Run, metrics: &Metrics) -> Self {
        let Tracing {
            traces_endpoint: endpoint,
            span_context,
            pod_name,
        } = config;
        if endpoint.is_empty() {
            return Self::default();
        }
        // An invalid endpoint must not fail the run, so it only turns the trace off.
        let exporter = traces::endpoint(&endpoint).and_then(|endpoint| {
            let exporter = Exporter::new(&endpoint, metrics.clone());
            exporter.ok_or_else(|| "the endpoint is not a valid URL".to_owned())
        });
        let exporter = match exporter {
            Ok(exporter) => exporter,
            Err(error) => {
                tracing::warn!(error, "traces-off");
                return Self::default();
            }
        };
        let parent = Parent::parse(&span_context).unwrap_or_else(|error| {
            tracing::warn!(%error, "span-context-ignored");
            None
        });
        if parent.as_ref().is_some_and(|parent| !parent.sampled) {
            return Self::default();
        }
        let mut random = [0; 24];
        if let Err(error) = getrandom::fill(&mut random) {
            tracing::warn!(%error, "traces-off");
            return Self::default();
        }
        metrics.exports_begin();
        let (trace_id, span_id) = random.split_at(16);
        let ids = span_id
            .iter()
            .fold(0, |id, byte| id << 8 | u64::from(*byte));
        let clock = Clock::start();
        let remote = parent.as_ref().map(|parent| parent.span_id.clone());
        let record = Record::new(Ids(ids), remote, attributes(run), clock.now());
        let trace = Trace {
            id: parent
                .as_ref()
                .map_or_else(|| hex(trace_id), |parent| parent.trace_id.clone()),
            parent,
            resource: resource(run, &pod_name),
        };
        Self(Some(Arc::new(Active {
            clock,
            trace,
            record: Mutex::new(record),
            exporter,
            exporting: Mutex::new(None),
        })))
    }

    /// Returns the current time as the start of an operation.
    pub(crate) fn start(&self) -> Start {
        Start(self.0.as_ref().map_or(0, |active| active.clock.now()))
    }

    /// Records a span for a step's message, from `start` to now. If the message was refused, `problem` is the reason.
    pub(crate) fn collected(&self, step: &str, start: Start, problem: Option<&Problem>) {
        self.record(|record, now| record.collected(step, start.until(now), problem));
    }

    /// Records the start of the submission.
    pub(crate) fn submitting(&self) {
        self.record(Record::submitting);
    }

    /// Records a span for the rendering, from `start` to now. If the rendering failed, `problem` is the reason.
    pub(crate) fn rendered(&self, start: Start, problem: Option<&Problem>) {
        self.record(|record, now| record.rendered(start.until(now), problem));
    }

    /// Records an event of the submission.
    pub(crate) fn progress(&self, progress: Progress<'_>) {
        self.record(|record, now| record.progress(progress, now));
    }

    /// Records the end of the submission, and starts an export. If the submission failed, `problem` is the reason.
    pub(crate) fn submitted(&self, problem: Option<&Problem>) {
        let Some(active) = &self.0 else { return };
        self.record(|record, now| record.submitted(problem, now));
        let export = Arc::clone(active);
        let export = tokio::spawn(async move { export.export().await });
        *lock(&active.exporting) = Some(export);
    }

    /// Ends the trace, and exports the remaining spans within a time limit.
    pub(crate) async fn end(&self) {
        let Some(active) = &self.0 else { return };
        self.record(Record::end);
        let earlier = lock(&active.exporting).take();
        let exports = async {
            if let Some(earlier) = earlier {
                // Ignore a panic in the earlier export, because the panic hook logs it.
                let _ = earlier.await;
            }
            active.export().await;
        };
        if tokio::time::timeout(LAST_EXPORT, exports).await.is_err() {
            active.exporter.failed(&ExportError::Shutdown);
        }
    }

    fn record(&self, add: impl FnOnce(&mut Record, u64)) {
        if let Some(active) = &self.0 {
            add(&mut lock(&active.record), active.clock.now());
        }
    }
}

impl Active {
    async fn export(&self) {
        let spans = lock(&self.record).take();
        self.exporter.send(&self.trace, spans).await;
    }
}

impl Clock {
    fn start() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let since = since.unwrap_or_default();
        Self {
            start: Instant::now(),
            at_start: nanoseconds(since),
        }
    }

    fn now(&self) -> u64 {
        self.at_start
            .saturating_add(nanoseconds(self.start.elapsed()))
    }
}

impl Start {
    fn until(self, end: u64) -> Time {
        Time { start: self.0, end }
    }
}

/// Returns the time in nanoseconds. A `u64` can represent the nanoseconds from 1970 to the year 2554.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the attributes of the process, with names from OpenTelemetry's semantic conventions.
fn resource(run: &Run, pod_name: &str) -> Vec<(&'static str, Value)> {
    known([
        ("service.name", Some(env!("CARGO_PKG_NAME"))),
        ("service.version", Some(env!("CARGO_PKG_VERSION"))),
        ("k8s.namespace.name", run.namespace()),
        ("k8s.pod.name", Some(pod_name)),
    ])
}

/// Returns the attributes of the span `gleaner run`, with names from OpenTelemetry's semantic conventions.
fn attributes(run: &Run) -> Vec<(&'static str, Value)> {
    known([
        ("cicd.pipeline.task.name", Some(run.task())),
        ("cicd.pipeline.task.run.id", run.uid()),
    ])
}

fn known<const N: usize>(
    attributes: [(&'static str, Option<&str>); N],
) -> Vec<(&'static str, Value)> {
    let known = attributes.into_iter().filter_map(|(key, value)| {
        let value = value.filter(|value| !value.is_empty())?;
        Some((key, value.into()))
    });
    known.collect()
}
