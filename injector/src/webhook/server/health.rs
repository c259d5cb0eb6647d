//! For the kubelet and Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use super::Readiness;
use crate::webhook::metrics::Metrics;

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
    let kind =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], health.metrics.encode()).into_response()
}
