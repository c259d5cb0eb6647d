//! How long a client may take for a header.
//!
//! hyper's own bound on that runs from the end of the last request (hyper 1.12, proto/h1/conn.rs): as short as a header
//! deserves, it would also end connections that wait for their next request, and a request that meets the end half way
//! fails, which for an admission review means a pod that is not created. So hyper's bound is the long one of an idle
//! connection, and the short one is here: from a request's first byte until its handler is called.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

/// Where a connection is. Clones are of the same connection.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    /// Whether a header has begun and not ended.
    header: Arc<watch::Sender<bool>>,
    /// Whether a request is being handled: what arrives then is its body.
    handling: Arc<AtomicBool>,
}

/// A stream that notices when a header begins.
#[derive(Debug)]
pub(super) struct Paced<S> {
    stream: S,
    pace: Pace,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self {
            header: Arc::new(watch::Sender::new(false)),
            handling: Arc::default(),
        }
    }

    /// The header has ended; what follows is the body.
    pub(super) fn request(&self) {
        self.handling.store(true, Ordering::Relaxed);
        self.header.send_replace(false);
    }

    /// The answer is there: what arrives next is another request's.
    pub(super) fn answered(&self) {
        self.handling.store(false, Ordering::Relaxed);
    }

    fn read(&self) {
        if !self.handling.load(Ordering::Relaxed) {
            self.header
                .send_if_modified(|header| !std::mem::replace(header, true));
        }
    }

    /// Ends when a header takes longer than `limit`.
    pub(super) async fn exceeded(&self, limit: Duration) {
        let mut header = self.header.subscribe();
        loop {
            // The sender is this value itself.
            let _ = header.wait_for(|begun| *begun).await;
            let ended = header.wait_for(|begun| !*begun);
            if tokio::time::timeout(limit, ended).await.is_err() {
                return;
            }
        }
    }
}

impl<S> Paced<S> {
    pub(super) fn new(stream: S, pace: Pace) -> Self {
        Self { stream, pace }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.pace.read();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
