//! The request to shut down, and the signals that trigger it.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// A request to shut down, which is pending until a [`Trigger`] or a signal triggers it. Clones share the request.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// A handle that requests a shutdown when it is triggered or dropped.
#[derive(Debug)]
#[must_use = "dropping it requests the shutdown"]
pub struct Trigger(watch::Sender<bool>);

/// Signals that the process handles, so that they do not terminate it.
#[derive(Debug)]
pub struct Signals(Vec<(Signal, u8)>);

/// Returns a pending shutdown request, and the handle that triggers it.
pub fn channel() -> (Trigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (Trigger(sender), Shutdown(receiver))
}

impl Shutdown {
    /// Returns the shutdown request that SIGTERM or SIGINT triggers. After the call, neither signal terminates the process.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Fails if the system does not allow a signal handler.
    pub fn on_signals() -> io::Result<Self> {
        let mut signals = Signals::new(&[SignalKind::terminate(), SignalKind::interrupt()])?;
        let (trigger, shutdown) = channel();
        tokio::spawn(async move {
            signals.next().await;
            drop(trigger);
        });
        Ok(shutdown)
    }

    /// Returns true if the shutdown was requested.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the shutdown is requested.
    pub async fn requested(&self) {
        // An error means that the trigger was dropped, which also requests the shutdown.
        let _ = self.0.clone().wait_for(|requested| *requested).await;
    }
}

impl Trigger {
    /// Requests the shutdown.
    pub fn request(&self) {
        self.0.send_replace(true);
    }
}

impl Drop for Trigger {
    fn drop(&mut self) {
        self.request();
    }
}

impl Signals {
    /// Installs handlers for these signals.
    ///
    /// # Errors
    /// Fails if the system does not allow a signal handler.
    pub fn new(kinds: &[SignalKind]) -> io::Result<Self> {
        let handle = |&kind: &SignalKind| {
            let number = u8::try_from(kind.as_raw_value()).unwrap_or_default();
            Ok((signal(kind)?, number))
        };
        kinds
            .iter()
            .map(handle)
            .collect::<io::Result<_>>()
            .map(Self)
    }

    /// Waits for the next signal and returns its number. If the future is dropped, no signal is lost.
    pub async fn next(&mut self) -> u8 {
        poll_fn(|context| {
            for (signal, number) in &mut self.0 {
                if signal.poll_recv(context).is_ready() {
                    return Poll::Ready(*number);
                }
            }
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_shutdown_request_reaches_every_clone_and_persists() {
        let (trigger, shutdown) = channel();
        let clone = shutdown.clone();
        assert!(!clone.is_requested());
        trigger.request();
        clone.requested().await;
        drop(trigger);
        shutdown.requested().await;
        assert!(shutdown.is_requested());
    }

    #[tokio::test]
    async fn dropping_the_trigger_requests_the_shutdown() {
        let (trigger, shutdown) = channel();
        drop(trigger);
        shutdown.requested().await;
        assert!(shutdown.is_requested());
    }
}
