//! Bodies of requests: bounded each in size and time, and all together in memory.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use http::header;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory is counted in units of this many bytes.
const UNIT: usize = 4 << 10;

/// The memory for bodies that are being read and handled. Without it, each connection could hold one of the largest size.
/// Clones share it.
#[derive(Debug, Clone)]
pub struct Bodies {
    max: usize,
    timeout: Duration,
    room: Arc<Semaphore>,
}

/// A body. It takes up memory of all bodies until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it makes room for others"]
pub struct Body {
    /// Its content.
    pub bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// A body that was not read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is larger than the bound.
    #[error("the body is larger than {max} bytes (--max-body)")]
    TooLarge {
        /// The bound.
        max: usize,
    },
    /// It took longer than the bound.
    #[error("the body did not arrive within {within:?} (--body-timeout)")]
    TooSlow {
        /// The bound.
        within: Duration,
    },
    /// The connection ended within it.
    #[error("the body was interrupted: {0}")]
    Interrupted(axum::Error),
}

impl Bodies {
    /// Returns memory for two bodies of `max` bytes, each of which may take up to `timeout`: while one is handled, the next
    /// can arrive.
    pub fn new(max: usize, timeout: Duration) -> Self {
        Self {
            max,
            timeout,
            room: Arc::new(Semaphore::new(2 * units(max) as usize)),
        }
    }

    /// Reads the body of a request.
    ///
    /// # Errors
    /// A [`BodyError`] if it exceeds a bound or is interrupted.
    pub async fn read(&self, request: Request) -> Result<Body, BodyError> {
        let length = request.headers().get(header::CONTENT_LENGTH);
        let length: Option<usize> = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let max = self.max;
        if length.is_some_and(|length| length > max) {
            return Err(BodyError::TooLarge { max });
        }
        let reading = async {
            // A body without a length may be as large as is allowed.
            let room = units(length.unwrap_or(max));
            let room = Arc::clone(&self.room).acquire_many_owned(room).await;
            // In one piece from the start: growing by doubling would hold large bodies three times.
            let bytes = BytesMut::with_capacity(length.unwrap_or_default());
            let bytes = collect(request.into_body(), bytes, max).await?;
            Ok(Body {
                bytes,
                // The semaphore is never closed.
                _room: room.ok(),
            })
        };
        let within = self.timeout;
        let read = tokio::time::timeout(within, reading).await;
        read.unwrap_or(Err(BodyError::TooSlow { within }))
    }
}

/// Reads all of `body` into `bytes`, which holds `max` bytes at most.
async fn collect(
    mut body: axum::body::Body,
    mut bytes: BytesMut,
    max: usize,
) -> Result<Bytes, BodyError> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(BodyError::Interrupted)?;
        if let Some(data) = frame.data_ref() {
            if bytes.len() + data.len() > max {
                return Err(BodyError::TooLarge { max });
            }
            bytes.extend_from_slice(data);
        }
    }
    Ok(bytes.freeze())
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes / UNIT + 1).unwrap_or(u32::MAX / 4)
}
