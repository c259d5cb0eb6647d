//! The main program. It binds the addresses, starts all tasks, serves reviews, and shuts down in order.

use std::ffi::OsString;
use std::future;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use gleaner_core::inject::settings::{Settings, Sidecars};
use gleaner_proto::exit_code;
use gleaner_runtime::api_server::{AccessError, ApiServer};
use gleaner_runtime::http::{BindError, Tcp, bind};
use gleaner_runtime::program::{self, Failure};
use gleaner_runtime::{Shutdown, error_chain, shutdown};
use tokio::task::JoinSet;

use crate::certificates::given::{Follower, GivenError};
use crate::certificates::reconciler::Reconciler;
use crate::config::{Config, Pods, Source};
use crate::events::{self, Recorder};
use crate::metrics::Metrics;
use crate::probes::{Probes, ProbesError};
use crate::server::{self, Admission, Readiness};
use crate::tls::files::FilesError;
use crate::tls::handshake::handshake;
use crate::tls::{Identity, TlsError};
use crate::version::supported_sidecars;

/// The pause between two requests for the API server's version.
const RETRY: Duration = Duration::from_secs(1);
/// The time limit, during shutdown, for each of two steps: creating the queued Events, and stopping the health endpoints.
const LAST_EVENTS: Duration = Duration::from_secs(2);

/// An error that terminates the injector.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    #[error(transparent)]
    Listen(#[from] BindError),
    #[error(transparent)]
    Probes(#[from] ProbesError),
    #[error("cannot start the threads for admission reviews")]
    Threads(#[source] io::Error),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Files(#[from] FilesError),
    #[error(transparent)]
    Given(#[from] GivenError),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// An injector that has bound its addresses. It serves requests after [`serve`](Self::serve) is called.
#[must_use = "call `serve`"]
pub struct Webhook {
    config: Config,
    listener: Tcp,
    address: SocketAddr,
    probes: Probes,
}

/// Runs the whole program: parses `args`, serves until shutdown is requested, and returns the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let config = match Config::read(args) {
        Ok(config) => config,
        Err(error) => return program::print(&error),
    };
    program::run(&config.log.clone(), |shutdown| async {
        Webhook::bind(config).await?.serve(shutdown).await
    })
}

// === impl ProgramError ===

impl Failure for ProgramError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Access(_) => exit_code::NOT_CREATED,
            Self::Files(_) | Self::Given(_) => exit_code::DECLARATION,
            _ => 1,
        }
    }
}

// === impl Webhook ===

impl Webhook {
    /// Binds the addresses in `config`.
    ///
    /// # Errors
    /// Returns a [`ProgramError`] if an address cannot be bound.
    pub async fn bind(config: Config) -> Result<Self, ProgramError> {
        let (listener, address) = bind(config.serving.listen, "--listen").await?;
        let probes = Probes::bind(config.serving.health_listen).await?;
        Ok(Self {
            config,
            listener,
            address,
            probes,
        })
    }

    /// Returns the webhook's address, with the actual port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address of the health and metrics endpoints, with the actual port.
    pub fn health_address(&self) -> SocketAddr {
        self.probes.address()
    }

    /// Serves requests until shutdown is requested, and then completes pending work within the configured time limits.
    ///
    /// # Errors
    /// Returns a [`ProgramError`] if an API server is required but its address or credentials are not valid, or if the
    /// certificate files are not valid.
    pub async fn serve(self, shutdown: Shutdown) -> Result<(), ProgramError> {
        let Self {
            config,
            listener,
            address,
            probes,
        } = self;
        let health_address = probes.address();
        let Config {
            serving: _,
            pods,
            tls,
            limits,
            cluster,
            log: _,
        } = config;
        let source = tls.source();
        let metrics = Metrics::default();
        let identity = Identity::default();
        // True if this replica writes the caBundle.
        let trusts = !matches!(source, Source::Files(_));
        let readiness = Arc::new(Readiness::new(identity.clone(), !trusts));
        let api_server = match trusts || pods.sidecars().is_none() || !cluster.no_events {
            true => Some(cluster.access.connect().await?),
            false => None,
        };
        let mut tasks = JoinSet::new();
        match (source, &api_server) {
            (Source::Managed(managed), Some(api_server)) => {
                let reconciler = Reconciler::new(
                    api_server.clone(),
                    managed,
                    identity.clone(),
                    Arc::clone(&readiness),
                    metrics.clone(),
                );
                tasks.spawn(reconciler.run(shutdown.clone()));
            }
            (Source::Given(given), Some(api_server)) => {
                given.check()?;
                let follower = Follower::new(
                    api_server.clone(),
                    given,
                    identity.clone(),
                    Arc::clone(&readiness),
                    metrics.clone(),
                );
                tasks.spawn(follower.run(shutdown.clone()));
            }
            (Source::Managed(_) | Source::Given(_), None) => {}
            (Source::Files(files), _) => {
                let first = files.load(&identity, &metrics)?;
                tasks.spawn(files.follow(
                    first,
                    identity.clone(),
                    metrics.clone(),
                    shutdown.clone(),
                ));
            }
        }
        let recorder = match &api_server {
            Some(api_server) if !cluster.no_events => {
                let (recorder, sink) =
                    events::recorder(api_server.clone(), cluster.instance, &metrics);
                tasks.spawn(sink.run());
                recorder
            }
            _ => Recorder::default(),
        };
        // The health endpoints shut down last, so that probes and Prometheus can query them during the shutdown.
        let (health_end, health_shutdown) = shutdown::channel();
        let health = server::health(Arc::clone(&readiness), metrics.clone());
        let health = probes.serve(limits.server(health), health_shutdown);
        tracing::info!(%address, %health_address, "listening");

        let settings = tokio::select! {
            settings = settings(pods, api_server) => Some(settings),
            () = shutdown.requested() => None,
        };
        if let Some(settings) = settings {
            readiness.settings();
            let admission = Admission::start(settings, recorder, metrics.clone(), &limits);
            let admission = Arc::new(admission.map_err(ProgramError::Threads)?);
            let server = limits.server(server::admission(admission));
            let (acceptor, within) = (identity.acceptor()?, limits.handshake_timeout);
            let handshake = |stream| handshake(stream, acceptor.clone(), within, metrics.clone());
            let (end, stop) = shutdown::channel();
            let serving = server.serve_after(handshake, listener, stop);
            let stopping = async {
                shutdown.requested().await;
                readiness.ending();
                tracing::info!("shutting-down");
                // Keep serving for a while, because the Service sends requests to this replica until its endpoints are updated.
                tokio::time::sleep(limits.shutdown_delay).await;
                end.request();
                tokio::time::sleep(limits.shutdown_grace).await;
            };
            tokio::select! {
                () = serving => {}
                () = stopping => tracing::warn!(grace = ?limits.shutdown_grace, "reviews-cut-off"),
            }
        } else {
            drop(recorder);
        }
        // No recorder remains, so the sink finishes after it has created the queued Events. The other tasks have finished
        // already.
        let rest = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_EVENTS, rest).await.is_err() {
            tracing::warn!("events-cut-off");
        }
        health_end.request();
        // Ignore a timeout, because the health endpoints terminate with the process.
        let _ = tokio::time::timeout(LAST_EVENTS, health).await;
        tracing::info!("ended");
        Ok(())
    }
}

/// Returns the settings for injection. If they depend on the API server's version, requests the version until the
/// API server reports it.
async fn settings(pods: Pods, api_server: Option<ApiServer>) -> Settings {
    let sidecars = match (pods.sidecars(), api_server) {
        (Some(sidecars), _) => sidecars,
        (None, Some(api_server)) => ask(&api_server).await,
        (None, None) => future::pending().await,
    };
    tracing::info!(?sidecars, "ready-to-decide");
    pods.settings(sidecars)
}

async fn ask(api_server: &ApiServer) -> Sidecars {
    let mut complained = false;
    loop {
        match supported_sidecars(api_server).await {
            Ok(sidecars) => return sidecars,
            Err(error) if !complained => {
                complained = true;
                tracing::warn!(error = error_chain(&error), "version-not-known");
            }
            Err(_) => {}
        }
        tokio::time::sleep(RETRY).await;
    }
}
