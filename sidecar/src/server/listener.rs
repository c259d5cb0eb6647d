//! The sockets of the API: one for each step, one for probes, and one on the loopback address.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use axum::{Extension, Router};
use gleaner_proto::{StepName, path};
use gleaner_runtime::Shutdown;
use gleaner_runtime::http::{self, BindError, Server, Tcp, bind};
use tokio::net::UnixListener;
use tokio::task::JoinSet;

use super::{Caller, Tokens};
use crate::config::Limits;

/// The maximum size of a request header, in bytes. Each connection can use this amount of memory.
const HEADER_BYTES: usize = 16 << 10;

/// All sockets on which the API is served.
#[derive(Debug)]
pub struct Listeners {
    loopback: Tcp,
    address: SocketAddr,
    steps: Vec<(StepName, UnixListener)>,
    probe: UnixListener,
}

/// An error from [`Listeners::open`].
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error(transparent)]
    Loopback(#[from] BindError),
    #[error(
        "--listen {0}: only a loopback address is allowed, because any client that can connect can read the resources"
    )]
    NotLoopback(SocketAddr),
    #[error("cannot set up the socket {path} for probes")]
    Probe {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot set up {path} for step '{step}'")]
    Step {
        step: StepName,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The operating system did not provide random bytes for tokens and keys.
    #[error("cannot get random bytes from the operating system: {0}")]
    Token(getrandom::Error),
}

impl Listeners {
    /// Listens on the loopback address. For each of `steps`, creates a directory in `run_dir` with a socket and a token.
    ///
    /// Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// Fails if a socket or file cannot be created.
    pub async fn open<'a>(
        run_dir: &Path,
        address: SocketAddr,
        steps: impl Iterator<Item = &'a StepName> + Clone,
    ) -> Result<(Self, Tokens), ListenError> {
        if !address.ip().is_loopback() {
            return Err(ListenError::NotLoopback(address));
        }
        let (loopback, address) = bind(address, "--listen").await?;
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
            // Allow every user to connect, because a step may run as any user. Other steps cannot connect, because they do not
            // mount this directory.
            fs::set_permissions(&socket, fs::Permissions::from_mode(0o666)).map_err(at(&socket))?;
            let token_file = folder.join(path::TOKEN_FILE);
            write_anew(&token_file, token).map_err(at(&token_file))?;
            listeners.push((step.clone(), listener));
        }
        Ok((
            Self {
                loopback,
                address,
                steps: listeners,
                // Open this socket last, so that a client that finds this socket also finds the others.
                probe: probe(run_dir)?,
            },
            tokens,
        ))
    }

    /// Returns the loopback address with the actual port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `router` on every socket. Returns after shutdown was requested and all pending requests were completed.
    pub async fn serve(self, router: Router, limits: &Limits, shutdown: &Shutdown) {
        let server = |caller| {
            let router = router.clone().layer(Extension(caller));
            let http = &limits.http;
            // The header timeout also applies before the first byte, because a client connects only to send a request.
            Server::new(router, http, HEADER_BYTES, http.header_timeout)
                .write_timeout(limits.write_timeout)
        };
        let mut serving = JoinSet::new();
        serving.spawn(server(Caller::Loopback).serve(self.loopback, shutdown.clone()));
        serving.spawn(server(Caller::Probe).serve(http::unix(self.probe), shutdown.clone()));
        for (step, listener) in self.steps {
            serving.spawn(server(Caller::Step(step)).serve(http::unix(listener), shutdown.clone()));
        }
        while let Some(served) = serving.join_next().await {
            if let Err(error) = served {
                tracing::error!(%error, "listener-failed");
            }
        }
    }
}

/// Opens the socket for probes.
fn probe(run_dir: &Path) -> Result<UnixListener, ListenError> {
    let path = run_dir.join(path::READY_SOCKET);
    let bound = fs::create_dir_all(run_dir)
        .and_then(|()| remove(&path))
        .and_then(|()| UnixListener::bind(&path));
    bound.map_err(|source| ListenError::Probe { path, source })
}

/// Removes a file that a killed sidecar process may have left behind.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file that all users may read. A symbolic link at this path is removed, not followed, because a step may have
/// created the link.
fn write_anew(path: &Path, content: &str) -> io::Result<()> {
    remove(path)?;
    let mut file = fs::File::create_new(path)?;
    file.write_all(content.as_bytes())?;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}
