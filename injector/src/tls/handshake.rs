//! The TLS handshake of a connection, bounded in time.

use std::future::Future;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::metrics::Metrics;

/// Makes TLS connections of plain ones.
#[derive(Clone)]
pub(crate) struct Handshake {
    acceptor: TlsAcceptor,
    timeout: Duration,
    metrics: Metrics,
}

impl Handshake {
    /// Returns handshakes that take up to `timeout`.
    pub(crate) const fn new(acceptor: TlsAcceptor, timeout: Duration, metrics: Metrics) -> Self {
        Self {
            acceptor,
            timeout,
            metrics,
        }
    }

    /// Makes a TLS connection; none, which is counted, when the client fails to.
    pub(crate) fn accept(
        &self,
        stream: TcpStream,
    ) -> impl Future<Output = Option<TlsStream<TcpStream>>> + Send + 'static {
        let Self {
            acceptor,
            timeout,
            metrics,
        } = self.clone();
        async move {
            match tokio::time::timeout(timeout, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => return Some(stream),
                Ok(Err(error)) => tracing::debug!(%error, "handshake-failed"),
                Err(_) => tracing::debug!("handshake-too-slow"),
            }
            metrics.handshake_failed();
            None
        }
    }
}
