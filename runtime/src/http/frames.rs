//! Response bodies that share their bytes with other responses, or that hold a value until the body is sent.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::HttpBody;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

/// The maximum size of a frame, in bytes. A connection copies one frame at a time.
const FRAME: usize = 64 << 10;

/// A response body that has a known length, shares its bytes with other responses, and is sent in small frames.
#[derive(Debug)]
pub struct Frames(Bytes);

impl Frames {
    /// Returns a response body with the content `bytes`.
    pub fn body(bytes: Bytes) -> axum::body::Body {
        axum::body::Body::new(Self(bytes))
    }
}

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.0.len().min(FRAME);
        let frame = (length > 0).then(|| Ok(Frame::data(self.0.split_to(length))));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

/// A response body that holds a value until its last byte is sent or the client disconnects.
#[derive(Debug)]
pub struct Held<T> {
    body: axum::body::Body,
    _held: T,
}

impl<T: Send + Unpin + 'static> Held<T> {
    /// Returns a response body with the content of `body`. Dropping the returned body also drops `held`.
    pub fn body(body: axum::body::Body, held: T) -> axum::body::Body {
        axum::body::Body::new(Self { body, _held: held })
    }
}

impl<T: Unpin> HttpBody for Held<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
