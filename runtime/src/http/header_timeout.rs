//! The time limit for a request header.
//!
//! hyper measures its limit from the end of the previous request (hyper 1.12, proto/h1/conn.rs). With a limit that is short
//! enough for a header, hyper would also close idle connections, and a request that is being sent at that moment would fail. If
//! that request is an admission review, the pod is not created. So hyper enforces the long limit for idle connections, and this
//! module enforces the short limit, from the first byte of a request until its handler is called.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

use super::write_timeout::WriteTimeout;

/// The state of the header that a connection is currently receiving. Clones share the state.
#[derive(Debug, Clone)]
pub(super) struct HeaderTimeout {
    /// True from the first byte of a header to the last.
    arriving: Arc<watch::Sender<bool>>,
    /// True while a request is processed. Bytes that arrive during this time belong to the request's body.
    handling: Arc<AtomicBool>,
}

/// The stream of a connection, as a trait object so that hyper is compiled for only one type.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A stream that detects when a header begins, and when the client stops reading a response.
pub(super) struct ObservedStream {
    stream: Box<dyn Stream>,
    header: HeaderTimeout,
    write: WriteTimeout,
}

impl HeaderTimeout {
    pub(super) fn new() -> Self {
        Self {
            arriving: Arc::new(watch::Sender::new(false)),
            handling: Arc::default(),
        }
    }

    /// Records that the header is complete, so the next bytes belong to the body.
    pub(super) fn request(&self) {
        self.handling.store(true, Ordering::Relaxed);
        self.arriving.send_replace(false);
    }

    /// Records that the response is ready, so the next bytes begin a new header.
    pub(super) fn response(&self) {
        self.handling.store(false, Ordering::Relaxed);
    }

    fn read(&self) {
        if !self.handling.load(Ordering::Relaxed) {
            self.arriving
                .send_if_modified(|arriving| !std::mem::replace(arriving, true));
        }
    }

    /// Completes when a header takes longer than `limit` to arrive.
    pub(super) async fn exceeded(&self, limit: Duration) {
        let mut arriving = self.arriving.subscribe();
        loop {
            // `self` holds the sender, so neither wait can fail.
            let _ = arriving.wait_for(|arriving| *arriving).await;
            let complete = arriving.wait_for(|arriving| !*arriving);
            if tokio::time::timeout(limit, complete).await.is_err() {
                return;
            }
        }
    }
}

impl ObservedStream {
    pub(super) fn new(stream: Box<dyn Stream>, header: HeaderTimeout, write: WriteTimeout) -> Self {
        Self {
            stream,
            header,
            write,
        }
    }
}

impl AsyncRead for ObservedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.header.read();
        }
        polled
    }
}

impl AsyncWrite for ObservedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.write.observe(cx, polled, bytes.len())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.write.observe_end(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.write.observe_end(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        let offered = bytes.iter().map(|bytes| bytes.len()).sum();
        self.write.observe(cx, polled, offered)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
