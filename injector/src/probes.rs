//! Serves health and metrics on a separate thread, so that reviews cannot delay a probe.

use std::io;
use std::net::SocketAddr;
use std::thread;

use gleaner_runtime::Shutdown;
use gleaner_runtime::http::{BindError, Server, bind};
use tokio::sync::oneshot;

/// The listener for health and metrics, which is bound but does not serve requests yet.
#[must_use = "nothing is served before `serve` is called"]
pub(crate) struct Probes {
    address: SocketAddr,
    serve: oneshot::Sender<(Server, Shutdown)>,
    ended: oneshot::Receiver<()>,
}

/// An error from `Probes::bind`.
#[derive(Debug, thiserror::Error)]
pub enum ProbesError {
    #[error(transparent)]
    Listen(#[from] BindError),
    #[error("cannot start the thread that serves the probes")]
    Thread(#[from] io::Error),
}

impl Probes {
    /// Starts the thread, and waits until it has bound `address`.
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, ProbesError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (tell, bound) = oneshot::channel();
        let (serve, server) = oneshot::channel::<(Server, Shutdown)>();
        let (end, ended) = oneshot::channel();
        let serving = async move {
            match bind(address, "--health-listen").await {
                Ok((listener, address)) => {
                    // Sending fails only if the caller no longer waits for the address.
                    let _ = tell.send(Ok(address));
                    if let Ok((server, shutdown)) = server.await {
                        server.serve(listener, shutdown).await;
                    }
                }
                Err(error) => drop(tell.send(Err(error))),
            }
            let _ = end.send(());
        };
        thread::Builder::new()
            .name("probes".to_owned())
            .spawn(move || runtime.block_on(serving))?;
        let bound = bound.await;
        let address = bound.map_err(|_| io::Error::other("the thread exited"))??;
        Ok(Self {
            address,
            serve,
            ended,
        })
    }

    /// Returns the address with the actual port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves requests on the thread until shutdown is requested. The returned future completes when the thread exits.
    pub(crate) fn serve(self, server: Server, shutdown: Shutdown) -> oneshot::Receiver<()> {
        // Sending cannot fail, because the thread waits for the message as long as `self` exists.
        let _ = self.serve.send((server, shutdown));
        self.ended
    }
}
