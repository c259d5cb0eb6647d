//! The injector's metrics. Their labels contain no text from objects.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use gleaner_runtime::metrics::{self, register};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::tls::validity::Validity;

/// Bucket bounds, in seconds. They include the goal for a review (2 ms) and end at the API server's default timeout (10 s).
const BUCKETS: [f64; 12] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 10.0,
];

/// The values of the label `resource`, which are the resources that the webhook handles.
const RESOURCES: [&str; 6] = [
    "pods",
    "tasks",
    "taskruns",
    "pipelines",
    "pipelineruns",
    "other",
];

/// The review outcomes that are counted without a reason.
const OUTCOMES: [&str; 3] = ["changed", "refused", "failed"];

/// The possible results of creating an Event.
const EVENTS: [&str; 4] = ["created", "failed", "dropped", "repeated"];

/// The changes that a replica makes to the Secret or the webhook configuration.
const STEPS: [&str; 5] = ["begin", "authority", "leaf", "forget", "trust"];

/// The names and values of labels. All values come from fixed sets.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// The injector's metrics. Clones share the same counters.
#[derive(Debug, Clone)]
pub struct Metrics {
    reviews: Family<Labels<3>, Counter>,
    duration: Family<Labels<1>, Histogram>,
    unreadable: Counter,
    overdue: Counter,
    panics: Counter,
    events: Family<Labels<1>, Counter>,
    handshakes_failed: Counter,
    certificate_expiry: Gauge,
    certificate_checks_failed: Counter,
    certificate_steps: Family<Labels<1>, Counter>,
    registry: Arc<Registry>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("gleaner_injector");
        let all = &mut registry;
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        all.register("build", "Build information", build);
        let duration =
            Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        all.register_with_unit(
            "review_duration",
            "Time to handle an admission review, measured from the receipt of its last byte",
            Unit::Seconds,
            duration.clone(),
        );
        let certificate_expiry = Gauge::default();
        all.register_with_unit(
            "tls_certificate_expiry_timestamp",
            "Expiry of the served certificate, in seconds since 1970; 0 until a certificate is served",
            Unit::Seconds,
            certificate_expiry.clone(),
        );
        let metrics = Self {
            reviews: register(all, "reviews", "Admission reviews by outcome"),
            duration,
            unreadable: register(
                all,
                "unreadable_reviews",
                "Requests whose body could not be read or was not an AdmissionReview",
            ),
            overdue: register(
                all,
                "overdue_reviews",
                "Admission reviews that were not completed within --decision-timeout",
            ),
            panics: register(
                all,
                "panics",
                "Panics while handling an admission request; each is a bug in Gleaner",
            ),
            events: register(all, "events", "Events about rejected objects, by result"),
            handshakes_failed: register(all, "tls_handshakes_failed", "TLS handshakes that failed"),
            certificate_expiry,
            certificate_checks_failed: register(
                all,
                "certificate_checks_failed",
                "Failed checks of the certificate files, the certificate Secret or the webhook configuration",
            ),
            certificate_steps: register(
                all,
                "certificate_steps",
                "Changes by this replica to the certificate Secret (step is begin for its first content, authority for a new CA, leaf for a new certificate, forget for the removal of an expired CA) or to the caBundle (trust)",
            ),
            registry: Arc::new(registry),
        };
        metrics.begin();
        metrics
    }
}

impl Metrics {
    /// Initializes to 0 the series that alerts and dashboards use, because Prometheus detects no increase in a series that first
    /// appears with a nonzero value.
    fn begin(&self) {
        for resource in RESOURCES.map(|resource| ("resource", resource)) {
            drop(self.duration.get_or_create(&[resource]));
            for outcome in OUTCOMES {
                let labels = [resource, ("outcome", outcome), ("reason", "")];
                drop(self.reviews.get_or_create(&labels));
            }
        }
        for result in EVENTS {
            drop(self.events.get_or_create(&[("result", result)]));
        }
        for step in STEPS {
            drop(self.certificate_steps.get_or_create(&[("step", step)]));
        }
    }

    /// Counts a review. `reason` is the reason why an object was skipped, and is empty for other outcomes.
    pub(crate) fn reviewed(
        &self,
        resource: &'static str,
        outcome: &'static str,
        reason: &'static str,
        duration: Duration,
    ) {
        let resource = ("resource", resource);
        let labels = [resource, ("outcome", outcome), ("reason", reason)];
        self.reviews.get_or_create(&labels).inc();
        let histogram = self.duration.get_or_create(&[resource]);
        histogram.observe(duration.as_secs_f64());
    }

    pub(crate) fn unreadable(&self) {
        self.unreadable.inc();
    }

    pub(crate) fn overdue(&self) {
        self.overdue.inc();
    }

    pub(crate) fn panicked(&self) {
        self.panics.inc();
    }

    /// Counts an Event; `result` is created, failed, dropped or repeated.
    pub(crate) fn event(&self, result: &'static str) {
        self.events.get_or_create(&[("result", result)]).inc();
    }

    pub(crate) fn handshake_failed(&self) {
        self.handshakes_failed.inc();
    }

    pub(crate) fn certificate(&self, validity: Validity) {
        self.certificate_expiry.set(validity.until.as_second());
    }

    pub(crate) fn certificate_check_failed(&self) {
        self.certificate_checks_failed.inc();
    }

    pub(crate) fn certificate_step(&self, step: &'static str) {
        self.certificate_steps
            .get_or_create(&[("step", step)])
            .inc();
    }

    pub fn response(&self) -> Response {
        metrics::response(&self.registry)
    }
}
