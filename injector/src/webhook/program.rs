//! From the command line to the end of the process.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use std::{future, io};

use gleaner_proto::exit_code;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::certificates::keeper::Keeper;
use super::cluster::{AccessError, Api};
use super::config::{Config, Pods, Source};
use super::events::{self, Recorder};
use super::guard;
use super::metrics::Metrics;
use super::server::{self, Admission, Connections, ListenError, Readiness};
use super::telemetry::{self, chain};
use super::tls::files::FilesError;
use super::tls::{Identity, TlsError};
use gleaner_core::inject::settings::{Settings, Sidecars};

/// Between two questions for the API server's version.
const RETRY: Duration = Duration::from_secs(1);
/// How long Events that wait may take at the end.
const LAST_EVENTS: Duration = Duration::from_secs(2);

/// Why the injector ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// An address.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The way to the API server.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The certificate in the files.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Anything else that the system refused.
    #[error("{what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// An injector that has its addresses. It answers once it is told to [`serve`](Self::serve).
#[must_use = "call `serve`"]
pub struct Webhook {
    config: Config,
    listener: TcpListener,
    address: SocketAddr,
    health_listener: TcpListener,
    health_address: SocketAddr,
}

/// The whole program: parses `args`, serves until it is told to end, and gives the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let config = match Config::read(args) {
        Ok(config) => config,
        Err(error) => {
            // Nothing can be done when not even that can be printed.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(exit_code::USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    telemetry::start(&config.log);
    guard::install();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = runtime
        .map_err(|source| ProgramError::System {
            what: "the runtime could not be started",
            source,
        })
        .and_then(|runtime| {
            runtime.block_on(async {
                // First of all: a signal that comes while things are set up must not kill.
                let ending = ending()?;
                Webhook::bind(config).await?.serve(ending).await
            })
        });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = chain(&error), "ended");
            error.exit_code()
        }
    }
}

// === impl ProgramError ===

impl ProgramError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Access(_) => ExitCode::from(exit_code::NOT_CREATED),
            Self::Files(_) => ExitCode::from(exit_code::DECLARATION),
            _ => ExitCode::FAILURE,
        }
    }
}

// === impl Webhook ===

impl Webhook {
    /// Takes the addresses of `config`.
    ///
    /// # Errors
    /// When one is not to be had.
    pub async fn bind(config: Config) -> Result<Self, ProgramError> {
        // The one crypto provider of the process. It is there already when somebody else was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (listener, address) = server::bind(config.serving.listen, "--listen").await?;
        let (health_listener, health_address) =
            server::bind(config.serving.health_listen, "--health-listen").await?;
        Ok(Self {
            config,
            listener,
            address,
            health_listener,
            health_address,
        })
    }

    /// The webhook's address, with the port that it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of health and metrics, with the port that it got.
    pub fn health_address(&self) -> SocketAddr {
        self.health_address
    }

    /// Serves until `ending` turns true and all that was under way then has ended.
    ///
    /// # Errors
    /// When it cannot begin: no way to an API server that is needed, no use in the files of the certificate.
    pub async fn serve(self, ending: watch::Receiver<bool>) -> Result<(), ProgramError> {
        let Self {
            config,
            listener,
            address,
            health_listener,
            health_address,
        } = self;
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
        let managed = matches!(source, Source::Managed(_));
        let readiness = Arc::new(Readiness::new(identity.clone(), !managed));
        let api = match managed || pods.sidecars().is_none() || !cluster.no_events {
            true => Some(cluster.connect().await?),
            false => None,
        };
        let mut tasks = JoinSet::new();
        match (source, &api) {
            (Source::Managed(managed), Some(api)) => {
                let (identity, readiness) = (identity.clone(), Arc::clone(&readiness));
                let keeper =
                    Keeper::new(api.clone(), managed, identity, readiness, metrics.clone());
                tasks.spawn(keeper.run(ending.clone()));
            }
            (Source::Managed(_), None) => {}
            (Source::Files(files), _) => {
                let first = files.load(&identity, &metrics)?;
                tasks.spawn(files.follow(first, identity.clone(), metrics.clone(), ending.clone()));
            }
        }
        let recorder = match &api {
            Some(api) if !cluster.no_events => {
                let (recorder, teller) = events::recorder(api.clone(), cluster.instance, &metrics);
                tasks.spawn(teller.run());
                recorder
            }
            _ => Recorder::default(),
        };
        // Health has an end of its own: it says that the end has begun.
        let (health_end, health_ending) = watch::channel(false);
        let health = server::health(Arc::clone(&readiness), metrics.clone());
        let health = Connections::new(health, None, &limits, metrics.clone());
        let mut health = tokio::spawn(health.serve(health_listener, health_ending));
        tracing::info!(%address, %health_address, "listening");

        let mut told = ending.clone();
        let settings = tokio::select! {
            settings = settings(pods, api) => Some(settings),
            _ = told.wait_for(|ending| *ending) => None,
        };
        if let Some(settings) = settings {
            readiness.settings();
            let admission = Arc::new(Admission::new(settings, recorder, metrics.clone(), &limits));
            let router = server::admission(admission);
            let connections =
                Connections::new(router, Some(identity.acceptor()?), &limits, metrics);
            let (end, stop) = watch::channel(false);
            let serving = connections.serve(listener, stop);
            let stopping = async {
                let _ = told.wait_for(|ending| *ending).await;
                readiness.ending();
                tracing::info!("ending");
                // Until the Service has learned of it, it still sends somebody here.
                tokio::time::sleep(limits.shutdown_delay).await;
                end.send_replace(true);
                tokio::time::sleep(limits.shutdown_grace).await;
            };
            tokio::select! {
                () = serving => {}
                () = stopping => tracing::warn!(grace = ?limits.shutdown_grace, "reviews-cut-off"),
            }
        } else {
            drop(recorder);
        }
        // No recorder is left: the Events that wait are told, and the other tasks have ended by now.
        let rest = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_EVENTS, rest).await.is_err() {
            tracing::warn!("events-cut-off");
        }
        health_end.send_replace(true);
        if tokio::time::timeout(LAST_EVENTS, &mut health)
            .await
            .is_err()
        {
            health.abort();
        }
        tracing::info!("ended");
        Ok(())
    }
}

/// What goes into pods; asks the API server for its version if it must, for as long as it takes.
async fn settings(pods: Pods, api: Option<Api>) -> Settings {
    let sidecars = match (pods.sidecars(), api) {
        (Some(sidecars), _) => sidecars,
        (None, Some(api)) => ask(&api).await,
        (None, None) => future::pending().await,
    };
    tracing::info!(?sidecars, "ready-to-decide");
    pods.settings(sidecars)
}

async fn ask(api: &Api) -> Sidecars {
    let mut complained = false;
    loop {
        match api.sidecars().await {
            Ok(sidecars) => return sidecars,
            Err(error) if !complained => {
                complained = true;
                tracing::warn!(error = chain(&error), "version-not-known");
            }
            Err(_) => {}
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Turns true at SIGTERM or SIGINT.
fn ending() -> Result<watch::Receiver<bool>, ProgramError> {
    let handler = |kind| {
        signal(kind).map_err(|source| ProgramError::System {
            what: "a signal handler was refused",
            source,
        })
    };
    let mut terminate = handler(SignalKind::terminate())?;
    let mut interrupt = handler(SignalKind::interrupt())?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        sender.send_replace(true);
        // Kept, so that waiting for the end never fails for want of a sender.
        future::pending::<()>().await;
    });
    Ok(receiver)
}
