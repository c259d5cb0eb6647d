//! The health endpoints for the kubelet, and the metrics endpoint for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::Readiness;
use crate::metrics::Metrics;

#[derive(Clone)]
pub(super) struct Health {
    pub(super) readiness: Arc<Readiness>,
    pub(super) metrics: Metrics,
}

pub(super) async fn live() -> &'static str {
    "ok\n"
}

pub(super) async fn ready(State(health): State<Health>) -> (StatusCode, String) {
    match health.readiness.missing() {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("{missing}\n")),
    }
}

pub(super) async fn metrics(State(health): State<Health>) -> Response {
    health.metrics.response()
}
