//! The HTTP routes: admission reviews, health, readiness and metrics.

mod admission;
mod health;
mod lanes;
mod readiness;

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use gleaner_core::inject::settings::Settings;
use http::StatusCode;

pub use lanes::Lanes;
pub use readiness::Readiness;

use crate::config::Limits;
use crate::decision::Functions;
use crate::events::Recorder;
use crate::metrics::Metrics;

#[derive(Debug)]
pub struct Admission {
    pub settings: Settings,
    pub functions: Functions,
    pub recorder: Recorder,
    pub metrics: Metrics,
    pub lanes: Lanes,
}

impl Admission {
    /// Starts the threads that decide reviews.
    ///
    /// # Errors
    /// Fails if a thread cannot be started.
    pub fn start(
        settings: Settings,
        recorder: Recorder,
        metrics: Metrics,
        limits: &Limits,
    ) -> io::Result<Self> {
        Ok(Self {
            settings,
            functions: Functions::default(),
            recorder,
            metrics,
            lanes: Lanes::start(limits)?,
        })
    }
}

pub fn admission(admission: Arc<Admission>) -> Router {
    Router::new()
        .route("/mutate/tekton", post(admission::tekton))
        .route("/mutate/pods", post(admission::pods))
        .fallback(nothing_here)
        .with_state(admission)
}

/// Returns the routes for the kubelet and Prometheus.
pub fn health(readiness: Arc<Readiness>, metrics: Metrics) -> Router {
    Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(nothing_here)
        .with_state(health::Health { readiness, metrics })
}

async fn nothing_here() -> (StatusCode, &'static str) {
    (
        StatusCode::NOT_FOUND,
        "not found; the webhook address serves POST /mutate/tekton and POST /mutate/pods; the health address serves GET /livez, /readyz and /metrics\n",
    )
}
