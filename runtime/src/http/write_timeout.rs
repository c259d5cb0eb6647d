//! The time limit for each part of a response. Without this limit, a client that reads nothing could hold its connection and the
//! response forever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Sleep;

/// The time within which a client must read 64 KiB of a response, or the rest of the response if less than 64 KiB is left.
/// Otherwise, the client is disconnected.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The number of bytes that a client must read within the time limit. If a single byte sufficed, a client could hold a connection
/// indefinitely.
const PART: usize = 64 << 10;

/// The state of one connection's writes.
pub(super) struct WriteTimeout {
    limit: Duration,
    /// The timer that runs while unsent bytes wait for the client.
    waiting: Option<Pin<Box<Sleep>>>,
    /// The number of bytes sent since the timer started.
    taken: usize,
}

impl WriteTimeout {
    pub(super) const fn new(limit: Duration) -> Self {
        Self {
            limit,
            waiting: None,
            taken: 0,
        }
    }

    /// Checks the result of writing `offered` bytes. Returns this result, or an error if the client exceeded the limit.
    pub(super) fn observe(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
        offered: usize,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => {
                ready!(self.poll_limit(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Ready(Ok(bytes)) => {
                self.taken = self.taken.saturating_add(bytes);
                if bytes == offered || self.taken >= PART {
                    self.reset();
                }
                Poll::Ready(Ok(bytes))
            }
            failed => failed,
        }
    }

    /// Checks the result of a flush or shutdown. Returns this result, or an error if the client exceeded the limit.
    pub(super) fn observe_end(
        &mut self,
        cx: &mut Context<'_>,
        done: Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        if done.is_pending() {
            ready!(self.poll_limit(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        done
    }

    fn poll_limit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        waiting.as_mut().poll(cx)
    }

    fn reset(&mut self) {
        self.waiting = None;
        self.taken = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(100);

    /// Simulates a client that reads `each` bytes in each tenth of the time limit. Returns the error with which the connection is
    /// closed, if any.
    async fn taking(each: usize, offered: usize) -> Option<io::ErrorKind> {
        let mut timeout = WriteTimeout::new(LIMIT);
        for _ in 0..40 {
            let waiting = poll_fn(|cx| timeout.observe(cx, Poll::Pending, offered));
            if let Ok(ended) = tokio::time::timeout(LIMIT / 10, waiting).await {
                return ended.err().map(|error| error.kind());
            }
            let taken = poll_fn(|cx| timeout.observe(cx, Poll::Ready(Ok(each)), offered)).await;
            assert_eq!(taken.unwrap(), each);
        }
        None
    }

    #[tokio::test]
    async fn a_slow_client_is_disconnected_unless_little_remains() {
        assert_eq!(taking(1, 1000).await, Some(io::ErrorKind::TimedOut));
        assert_eq!(taking(1, 1).await, None);
        assert_eq!(taking(PART, 10 * PART).await, None);
    }
}
