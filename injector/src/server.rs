//! Routes, health, readiness.

mod admission;
mod health;
mod readiness;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use gleaner_core::inject::settings::Settings;
use gleaner_runtime::http::Bodies;
use http::StatusCode;

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
    pub bodies: Bodies,
}

impl Admission {
    pub fn new(settings: Settings, recorder: Recorder, metrics: Metrics, limits: &Limits) -> Self {
        Self {
            settings,
            functions: Functions::default(),
            recorder,
            metrics,
            bodies: Bodies::new(limits.http.max_body, limits.http.body_timeout),
        }
    }
}

pub fn admission(admission: Arc<Admission>) -> Router {
    Router::new()
        .route("/mutate/tekton", post(admission::tekton))
        .route("/mutate/pods", post(admission::pods))
        .fallback(nothing_here)
        .with_state(admission)
}

/// The routes for the kubelet and Prometheus.
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
        "nothing here; the webhook has POST /mutate/tekton and POST /mutate/pods, the other address GET /livez, /readyz and /metrics\n",
    )
}
