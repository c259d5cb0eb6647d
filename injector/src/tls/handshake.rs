//! The TLS handshake of a connection, with a time limit.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::metrics::Metrics;

/// Performs the TLS handshake. Returns `None` and counts the failure if the handshake fails or takes longer than `limit`.
pub(crate) async fn handshake(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    limit: Duration,
    metrics: Metrics,
) -> Option<TlsStream<TcpStream>> {
    match tokio::time::timeout(limit, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => tracing::debug!(%error, "handshake-failed"),
        Err(_) => tracing::debug!("handshake-too-slow"),
    }
    metrics.handshake_failed();
    None
}
