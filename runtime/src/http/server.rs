//! Listens, and serves connections.
//!
//! hyper is used directly rather than through `axum::serve`, which has no time limit for headers (axum 0.8.9): a client that
//! sends half a header would hold its connection forever.

use std::future::{self, Future};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::{Listener, ListenerExt, TapIo};
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::Limits;
use super::header_timeout::{HeaderTimeout, ObservedStream, Stream};
use super::write_timeout::{WRITE_TIMEOUT, WriteTimeout};
use crate::Shutdown;

/// The maximum number of header fields.
const HEADER_FIELDS: usize = 64;

/// The maximum number of connections that wait to be accepted, as in tokio.
const BACKLOG: i32 = 1024;

/// The size of the kernel's send buffer for a Unix socket connection, in bytes. The buffer contains the bytes that the client has
/// not read yet, and counts toward the memory of this process's cgroup. Linux doubles the size (socket(7)).
const SEND_BUFFER: usize = 32 << 10;
/// The size of the send buffer for a TCP connection, in bytes. A buffer for only one segment (64 KiB on loopback) would make the
/// server wait for delayed acknowledgments.
const TCP_SEND_BUFFER: usize = 128 << 10;

/// A TCP listener that disables Nagle's algorithm and sets the size of the send buffer for each connection.
pub type Tcp = TapIo<TcpListener, fn(&mut TcpStream)>;

/// A Unix socket listener that sets the size of the send buffer for each connection.
pub type Unix = TapIo<UnixListener, fn(&mut UnixStream)>;

/// An error from [`bind`].
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}; use {flag} for another address")]
pub struct BindError {
    address: SocketAddr,
    flag: &'static str,
    #[source]
    source: io::Error,
}

/// A router, and the limits within which it is served.
#[derive(Debug, Clone)]
#[must_use = "nothing is served before `serve` is called"]
pub struct Server {
    router: Router,
    limits: Limits,
    header_bytes: usize,
    idle_timeout: Duration,
    write_timeout: Duration,
}

/// Binds an address, and returns the listener and the address with the actual port. The error
/// message names `flag`, the flag that sets the address.
///
/// `[::]` binds all IPv4 and IPv6 addresses, even if `net.ipv6.bindv6only` is set; on a system without IPv6, it binds `0.0.0.0`.
///
/// # Errors
/// Fails if the system does not allow the address to be bound.
pub async fn bind(address: SocketAddr, flag: &'static str) -> Result<(Tcp, SocketAddr), BindError> {
    let bound = async {
        let listener = match address {
            SocketAddr::V6(address) if address.ip().is_unspecified() => bind_all(address)?,
            address => TcpListener::bind(address).await?,
        };
        let address = listener.local_addr()?;
        let set_up: fn(&mut TcpStream) = |stream| {
            // Responses are small and written as a whole, so waiting for more data before sending them has no benefit.
            let _ = stream.set_nodelay(true);
            let _ = SockRef::from(&*stream).set_send_buffer_size(TCP_SEND_BUFFER);
        };
        Ok((listener.tap_io(set_up), address))
    };
    bound.await.map_err(|source| BindError {
        address,
        flag,
        source,
    })
}

/// Binds all IPv4 and IPv6 addresses.
fn bind_all(address: SocketAddrV6) -> io::Result<TcpListener> {
    let (address, socket) = match Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)) {
        Ok(socket) => {
            socket.set_only_v6(false)?;
            (SocketAddr::V6(address), socket)
        }
        // The system may lack IPv6. If the error has a different cause, creating the IPv4 socket fails too.
        Err(_) => {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
            ((Ipv4Addr::UNSPECIFIED, address.port()).into(), socket)
        }
    };
    // tokio also sets this option, so that a program that restarts immediately can bind its port.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Prepares a Unix socket for [`Server::serve`].
pub fn unix(listener: UnixListener) -> Unix {
    let set_up: fn(&mut UnixStream) = |stream| {
        let _ = SockRef::from(&*stream).set_send_buffer_size(SEND_BUFFER);
    };
    listener.tap_io(set_up)
}

impl Server {
    /// Returns a server that serves `router` within `limits`, and accepts request headers of at most `header_bytes` bytes.
    ///
    /// `idle_timeout` limits the time from the start of a connection, or from the end of a response, to the end of the next
    /// header.
    pub fn new(
        router: Router,
        limits: &Limits,
        header_bytes: usize,
        idle_timeout: Duration,
    ) -> Self {
        Self {
            router,
            limits: limits.clone(),
            header_bytes,
            idle_timeout,
            write_timeout: WRITE_TIMEOUT,
        }
    }

    /// Sets the time within which a client must read 64 KiB of a response, or the rest if less remains. The default is
    /// [`WRITE_TIMEOUT`].
    pub const fn write_timeout(mut self, write_timeout: Duration) -> Self {
        self.write_timeout = write_timeout;
        self
    }

    /// Serves until shutdown is requested, and then completes pending requests.
    pub async fn serve(self, listener: impl Listener, shutdown: Shutdown) {
        self.serve_after(|stream| future::ready(Some(stream)), listener, shutdown)
            .await;
    }

    /// Calls `handshake` for each connection. If the handshake returns a stream, serves the stream; otherwise, closes the
    /// connection. Handshakes run concurrently; each must limit its own time.
    pub async fn serve_after<L, H, S>(
        self,
        handshake: impl Fn(L::Io) -> H,
        mut listener: L,
        shutdown: Shutdown,
    ) where
        L: Listener,
        H: Future<Output = Option<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Each listener has its own permits, so the clients of one listener cannot block those of another.
        let permits = Arc::new(Semaphore::new(self.limits.max_connections));
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = async {
                let permit = Arc::clone(&permits).acquire_owned().await;
                // If the system lacks a resource, such as file descriptors, `accept` waits until the resource is available.
                let (stream, _) = listener.accept().await;
                (stream, permit)
            };
            let (stream, permit) = tokio::select! {
                accepted = accepted => accepted,
                () = shutdown.requested() => break,
            };
            let (handshake, server, watcher) =
                (handshake(stream), self.clone(), graceful.watcher());
            tokio::spawn(async move {
                if let Some(stream) = handshake.await {
                    server.connection(Box::new(stream), watcher).await;
                }
                drop(permit);
            });
        }
        // Close the listener before pending requests complete, so that a new client is refused immediately and can connect to
        // another server.
        drop(listener);
        graceful.shutdown().await;
    }

    async fn connection(self, stream: Box<dyn Stream>, watcher: Watcher) {
        let header = HeaderTimeout::new();
        let router = TowerToHyperService::new(self.router);
        let service = service_fn(|request: Request<Incoming>| {
            header.request();
            let (header, response) = (header.clone(), router.call(request));
            async move {
                let response = response.await;
                header.response();
                response
            }
        });
        let stream = ObservedStream::new(
            stream,
            header.clone(),
            WriteTimeout::new(self.write_timeout),
        );
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.idle_timeout)
            .max_buf_size(self.header_bytes)
            .max_headers(HEADER_FIELDS)
            .serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            served = watcher.watch(connection) => {
                if let Err(error) = served {
                    tracing::debug!(%error, "connection-interrupted");
                }
            }
            () = header.exceeded(self.limits.header_timeout) => tracing::debug!("header-too-slow"),
        }
    }
}
