//! Sends spans to a collector with OTLP over HTTP, encoded as JSON.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gleaner_runtime::api_server::{AccessError, ApiServer, Bounds, Reason};
use gleaner_runtime::error_chain;
use http::uri::PathAndQuery;
use http::{Request, StatusCode, Uri, header};

use super::span::{Span, Trace};
use crate::metrics::Metrics;

/// The time limit for a request, which is also the default of OpenTelemetry's exporters.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum size of a response in bytes. The sidecar uses only the status of a response.
const RESPONSE_MAX: usize = 64 << 10;

/// The reason why spans did not reach the collector.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    #[error("cannot set up an HTTP client")]
    Setup(#[source] AccessError),
    #[error("the request failed")]
    Request(#[source] Reason),
    #[error(
        "the endpoint responded with status {0}; it must be the full URL, usually with the path /v1/traces"
    )]
    NotFound(StatusCode),
    #[error("status {0}")]
    Refused(StatusCode),
    #[error("the endpoint did not respond before the sidecar had to exit")]
    Shutdown,
}

/// Sends spans to a collector.
#[derive(Debug)]
pub(super) struct Exporter {
    /// The scheme, host and port of the endpoint.
    address: Uri,
    path: PathAndQuery,
    metrics: Metrics,
    is_reported: AtomicBool,
}

impl Exporter {
    /// Returns the exporter for an endpoint's URL, or `None` if the URL lacks a scheme, a host or a path.
    pub(super) fn new(endpoint: &str, metrics: Metrics) -> Option<Self> {
        let endpoint: Uri = endpoint.parse().ok()?;
        let path = endpoint.path_and_query()?.clone();
        let address = Uri::builder()
            .scheme(endpoint.scheme_str()?)
            .authority(endpoint.authority()?.as_str())
            .path_and_query("/");
        Some(Self {
            address: address.build().ok()?,
            path,
            metrics,
            is_reported: AtomicBool::new(false),
        })
    }

    /// Sends `spans` in one request, without retries, and counts the request.
    pub(super) async fn send(&self, trace: &Trace, spans: Vec<Span>) {
        match self.request(trace, spans).await {
            Ok(()) => self.metrics.exported("sent"),
            Err(error) => self.failed(&error),
        }
    }

    /// Counts a failed export. Logs the error only for the first failure in this process.
    pub(super) fn failed(&self, error: &ExportError) {
        self.metrics.exported("failed");
        if !self.is_reported.swap(true, Ordering::Relaxed) {
            tracing::warn!(error = error_chain(error), "traces-not-exported");
        }
    }

    async fn request(&self, trace: &Trace, spans: Vec<Span>) -> Result<(), ExportError> {
        // Use the API server's client without credentials, because the program contains no other HTTP client.
        let bounds = Bounds {
            timeout: TIMEOUT,
            response: RESPONSE_MAX,
        };
        // Use the blocking pool, because this thread must respond to steps, and reading the CA certificates for the client takes
        // time.
        let (address, trace) = (self.address.clone(), trace.clone());
        let prepared = tokio::task::spawn_blocking(move || {
            let server = ApiServer::at(address, bounds).map_err(ExportError::Setup)?;
            Ok((server, trace.export(&spans)))
        });
        let (server, body) = match prepared.await {
            Ok(prepared) => prepared?,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        let request =
            Request::post(self.path.as_str()).header(header::CONTENT_TYPE, "application/json");
        let response = server.send(request, body.into(), TIMEOUT).await;
        match response.map_err(ExportError::Request)?.status() {
            status if status.is_success() => Ok(()),
            status @ StatusCode::NOT_FOUND => Err(ExportError::NotFound(status)),
            status => Err(ExportError::Refused(status)),
        }
    }
}
