//! Sockets, and what becomes of a connection.
//!
//! hyper is driven by hand rather than through `axum::serve`, which has no bound on the time that a header may
//! take (axum 0.8.9): a client that sends half a header would hold its connection for ever.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use axum::{Extension, Router};
use gleaner_proto::{StepName, path};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};

use super::{Caller, Tokens};
use crate::config::Limits;

/// Bound on the header of a request, in bytes.
const HEADER_BYTES: usize = 64 << 10;
/// Bound on the number of header fields.
const HEADER_FIELDS: usize = 64;

/// Every socket on which the API is served.
#[derive(Debug)]
pub struct Listeners {
    loopback: TcpListener,
    steps: Vec<(StepName, UnixListener)>,
}

/// Why a socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The loopback address.
    #[error("cannot listen on {address}; another address can be given with --listen")]
    Loopback {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The address is not a loopback one.
    #[error(
        "--listen {0}: only a loopback address, because whoever can reach it may read what is to be created"
    )]
    NotLoopback(SocketAddr),
    /// A step's folder.
    #[error("cannot set up {path} for step '{step}'")]
    Step {
        /// The step.
        step: StepName,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The system has no randomness for tokens and keys.
    #[error("the system has no randomness to give: {0}")]
    Token(getrandom::Error),
}

impl Listeners {
    /// Opens the loopback address, and a folder with socket and token for each of `steps` below `run_dir`.
    ///
    /// Must be called within a runtime.
    ///
    /// # Errors
    /// When a socket or file cannot be made.
    pub async fn open<'a>(
        run_dir: &Path,
        address: SocketAddr,
        steps: impl Iterator<Item = &'a StepName> + Clone,
    ) -> Result<(Self, Tokens), ListenError> {
        if !address.ip().is_loopback() {
            return Err(ListenError::NotLoopback(address));
        }
        let loopback = TcpListener::bind(address)
            .await
            .map_err(|source| ListenError::Loopback { address, source })?;
        let tokens = Tokens::generate(steps.clone()).map_err(ListenError::Token)?;
        let mut listeners = Vec::new();
        for (step, token) in tokens.iter() {
            let folder = run_dir.join(step.as_str());
            let at = |path: &Path| {
                let (step, path) = (step.clone(), path.to_owned());
                move |source| ListenError::Step { step, path, source }
            };
            fs::create_dir_all(&folder).map_err(at(&folder))?;
            let socket = folder.join(path::SOCKET_FILE);
            remove(&socket).map_err(at(&socket))?;
            let listener = UnixListener::bind(&socket).map_err(at(&socket))?;
            // Steps run as any user; what keeps others out is that they do not mount this folder.
            fs::set_permissions(&socket, fs::Permissions::from_mode(0o666)).map_err(at(&socket))?;
            let token_file = folder.join(path::TOKEN_FILE);
            write_anew(&token_file, token).map_err(at(&token_file))?;
            listeners.push((step.clone(), listener));
        }
        Ok((
            Self {
                loopback,
                steps: listeners,
            },
            tokens,
        ))
    }

    /// The loopback address, with the port that it got.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.loopback.local_addr()
    }

    /// Serves `router` on every socket until `ending` turns true and what is under way has ended.
    pub async fn serve(self, router: Router, limits: &Limits, ending: watch::Receiver<bool>) {
        let mut loops = Vec::new();
        let service = |caller: Caller| Service {
            router: router.clone().layer(Extension(caller)),
            header_timeout: limits.header_timeout,
            connections: Arc::new(Semaphore::new(limits.max_connections)),
            ending: ending.clone(),
        };
        let Self { loopback, steps } = self;
        let loopback_service = service(Caller::Loopback);
        loops.push(tokio::spawn(loopback_service.serve(loopback)));
        for (step, listener) in steps {
            loops.push(tokio::spawn(service(Caller::Step(step)).serve(listener)));
        }
        for one in loops {
            if let Err(error) = one.await {
                tracing::error!(%error, "listener-failed");
            }
        }
    }
}

/// Removes what a predecessor that was killed has left.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file that everybody may read, and follows no link in its place: the step may have put one there.
fn write_anew(path: &Path, content: &str) -> io::Result<()> {
    remove(path)?;
    let mut file = fs::File::create_new(path)?;
    file.write_all(content.as_bytes())?;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

/// What serves the connections of one socket.
struct Service {
    router: Router,
    header_timeout: Duration,
    connections: Arc<Semaphore>,
    ending: watch::Receiver<bool>,
}

impl Service {
    async fn serve(mut self, mut listener: impl Listener) {
        let graceful = GracefulShutdown::new();
        loop {
            // Each socket has its own bound: one step cannot keep another from speaking.
            let permit = tokio::select! {
                permit = Arc::clone(&self.connections).acquire_owned() => permit,
                _ = self.ending.wait_for(|ending| *ending) => break,
            };
            let Ok(permit) = permit else { break };
            let stream = tokio::select! {
                (stream, _) = listener.accept() => stream,
                _ = self.ending.wait_for(|ending| *ending) => break,
            };
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.header_timeout)
                .max_buf_size(HEADER_BYTES)
                .max_headers(HEADER_FIELDS)
                .serve_connection(
                    TokioIo::new(stream),
                    TowerToHyperService::new(self.router.clone()),
                );
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "connection-broke-off");
                }
                drop(permit);
            });
        }
        graceful.shutdown().await;
    }
}
