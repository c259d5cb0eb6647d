//! Connections: TLS or plain, bounded in number and in the time of everything that a client does.
//!
//! hyper is driven by hand rather than through `axum::serve`, which has no bound on the time that a header may take
//! (axum 0.8.9).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use super::pace::{Pace, Paced};
use crate::webhook::config::Limits;
use crate::webhook::metrics::Metrics;

/// Bound on the header of a request, in bytes.
const HEADER_BYTES: usize = 16 << 10;
/// Bound on the number of header fields.
const HEADER_FIELDS: usize = 64;

/// An address cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}; another address can be given with {flag}")]
pub struct ListenError {
    address: SocketAddr,
    flag: &'static str,
    #[source]
    source: io::Error,
}

/// Takes an address, and says which it got. `flag` is the one that names it.
///
/// # Errors
/// When the system does not give it.
pub async fn bind(
    address: SocketAddr,
    flag: &'static str,
) -> Result<(TcpListener, SocketAddr), ListenError> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bound.await.map_err(|source| ListenError {
        address,
        flag,
        source,
    })
}

/// What becomes of the connections of one address. Clones are for one connection each.
#[derive(Clone)]
pub struct Connections {
    router: Router,
    tls: Option<TlsAcceptor>,
    metrics: Metrics,
    handshake_timeout: Duration,
    header_timeout: Duration,
    idle_timeout: Duration,
    permits: Arc<Semaphore>,
}

impl Connections {
    /// Served by `router`, within `limits`; by TLS if there is an acceptor for it.
    pub fn new(
        router: Router,
        tls: Option<TlsAcceptor>,
        limits: &Limits,
        metrics: Metrics,
    ) -> Self {
        Self {
            router,
            tls,
            metrics,
            handshake_timeout: limits.handshake_timeout,
            header_timeout: limits.header_timeout,
            idle_timeout: limits.idle_timeout,
            permits: Arc::new(Semaphore::new(limits.max_connections)),
        }
    }

    /// Serves until `ending` turns true, and all that was under way then has ended.
    pub async fn serve(self, mut listener: TcpListener, mut ending: watch::Receiver<bool>) {
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = async {
                let permit = Arc::clone(&self.permits).acquire_owned().await;
                // Waits out what the system is short of, such as file descriptors.
                let (stream, _) = Listener::accept(&mut listener).await;
                (stream, permit)
            };
            let (stream, permit) = tokio::select! {
                accepted = accepted => accepted,
                _ = ending.wait_for(|ending| *ending) => break,
            };
            let (this, watcher) = (self.clone(), graceful.watcher());
            tokio::spawn(async move {
                this.connection(stream, watcher).await;
                drop(permit);
            });
        }
        // Who connects now shall hear at once that nobody is here.
        drop(listener);
        graceful.shutdown().await;
    }

    async fn connection(self, stream: TcpStream, watcher: Watcher) {
        // Answers are small and whole: nothing is gained by waiting for more.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else {
            return self.http(stream, watcher).await;
        };
        match tokio::time::timeout(self.handshake_timeout, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.http(stream, watcher).await,
            Ok(Err(error)) => {
                self.metrics.handshake_failed();
                tracing::debug!(%error, "handshake-failed");
            }
            Err(_) => {
                self.metrics.handshake_failed();
                tracing::debug!("handshake-too-slow");
            }
        }
    }

    async fn http(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        watcher: Watcher,
    ) {
        let pace = Pace::new();
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(|request: Request<Incoming>| {
            pace.request();
            let (pace, answer) = (pace.clone(), router.call(request));
            async move {
                let answer = answer.await;
                pace.answered();
                answer
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.idle_timeout)
            .max_buf_size(HEADER_BYTES)
            .max_headers(HEADER_FIELDS)
            .serve_connection(TokioIo::new(Paced::new(stream, pace.clone())), service);
        tokio::select! {
            served = watcher.watch(connection) => {
                if let Err(error) = served {
                    tracing::debug!(%error, "connection-broke-off");
                }
            }
            () = pace.exceeded(self.header_timeout) => tracing::debug!("header-too-slow"),
        }
    }
}
