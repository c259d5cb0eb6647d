//! The response to `/metrics`.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use prometheus_client::encoding::text;
use prometheus_client::registry::{Metric, Registry};

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Adds a metric to a registry and returns it.
pub fn register<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

/// Returns all metrics of a registry in the OpenMetrics text format.
pub fn response(registry: &Registry) -> Response {
    let mut encoded = String::new();
    text::encode(&mut encoded, registry).expect("invariant: writing to a String cannot fail");
    ([(header::CONTENT_TYPE, OPEN_METRICS)], encoded).into_response()
}
