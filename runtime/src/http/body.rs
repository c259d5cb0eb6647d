//! Request bodies. Each body is limited in size and time, and all bodies together are limited in memory.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use http::header;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The unit of memory accounting, in bytes.
const UNIT: usize = 4 << 10;

/// The number of bytes of a body that must arrive within each [`PART_TIMEOUT`], unless less remains. Without this limit, a slow
/// body could hold memory for which other requests wait.
const PART: usize = 64 << 10;
/// The time limit for each part of a body.
const PART_TIMEOUT: Duration = Duration::from_secs(5);

/// The memory for all bodies that are being read and processed. Without this limit, each connection could hold a body of the
/// maximum size. Clones share the memory.
#[derive(Debug, Clone)]
pub struct Bodies {
    max: usize,
    timeout: Duration,
    room: Arc<Semaphore>,
}

/// Memory reserved for the bodies of one client. Clones share the reservation.
#[derive(Debug, Clone)]
pub struct Share {
    units: usize,
    room: Arc<Semaphore>,
}

/// A request body.
#[derive(Debug)]
pub struct Body {
    /// The content. It counts toward the memory of all bodies until its last clone or slice is dropped.
    pub bytes: Bytes,
}

/// An error that occurs while a body is read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The body is larger than the limit.
    #[error("the body is larger than {max} bytes (--max-body)")]
    TooLarge {
        /// The limit.
        max: usize,
    },
    /// The body did not arrive within the time limit.
    #[error("the body did not arrive within {within:?} (--body-timeout)")]
    TooSlow {
        /// The limit.
        within: Duration,
    },
    /// Fewer than [`PART`] bytes of the body arrived within [`PART_TIMEOUT`].
    #[error("the transfer of the body stalled: fewer than {part} bytes arrived within {within:?}")]
    Stalled {
        /// The minimum number of bytes.
        part: usize,
        /// The time limit.
        within: Duration,
    },
    /// Other bodies used the memory until the time limit expired.
    #[error(
        "no memory was available for the body within {within:?}, because other requests were using it"
    )]
    NoRoom {
        /// The limit.
        within: Duration,
    },
    /// The connection failed before the complete body arrived.
    #[error("the connection failed before the whole body arrived: {0}")]
    Interrupted(axum::Error),
}

/// The bytes of a body, with the memory reserved for them.
struct Held {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Share {
    /// Reserves memory for bodies with a total size of `bytes`.
    pub fn new(bytes: usize) -> Self {
        let units = bytes / UNIT;
        Self {
            units,
            room: Arc::new(Semaphore::new(units)),
        }
    }

    fn take(&self, units: u32) -> Option<OwnedSemaphorePermit> {
        let fits = self.units >= units as usize;
        fits.then(|| Arc::clone(&self.room).try_acquire_many_owned(units).ok())?
    }
}

impl Bodies {
    /// Returns memory for two bodies, so that the next body can arrive while one is processed. Each body may be up to `max` bytes
    /// long, and must arrive within `timeout`.
    pub fn new(max: usize, timeout: Duration) -> Self {
        Self::with_room(max, 2 * max, timeout)
    }

    /// Returns memory for bodies with a total size of `room` bytes, but always for at least one body. Each body may be up to
    /// `max` bytes long, and must arrive within `timeout`.
    pub fn with_room(max: usize, room: usize, timeout: Duration) -> Self {
        let room = units(room).max(units(max));
        Self {
            max,
            timeout,
            room: Arc::new(Semaphore::new(room as usize)),
        }
    }

    /// Reads the body of a request.
    ///
    /// # Errors
    /// A [`BodyError`] if the body exceeds a limit or is interrupted.
    pub async fn read(&self, request: Request) -> Result<Body, BodyError> {
        self.read_sharing(request, None).await
    }

    /// Reads the body of a request into the memory of `share` if enough is free, and otherwise into the memory for all clients.
    ///
    /// # Errors
    /// A [`BodyError`] if the body exceeds a limit or is interrupted.
    pub async fn read_into(&self, request: Request, share: &Share) -> Result<Body, BodyError> {
        self.read_sharing(request, Some(share)).await
    }

    async fn read_sharing(
        &self,
        request: Request,
        share: Option<&Share>,
    ) -> Result<Body, BodyError> {
        let length = request.headers().get(header::CONTENT_LENGTH);
        let length: Option<usize> = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let (max, within) = (self.max, self.timeout);
        if length.is_some_and(|length| length > max) {
            return Err(BodyError::TooLarge { max });
        }
        let deadline = Instant::now() + within;
        // Reserve the maximum size for a body of unknown length.
        let units = units(length.unwrap_or(max));
        let room = match share.and_then(|share| share.take(units)) {
            Some(room) => room,
            None => {
                let room = Arc::clone(&self.room).acquire_many_owned(units);
                // The only possible error is the timeout, because the semaphore is never closed.
                let room = tokio::time::timeout_at(deadline, room).await;
                let room = room.ok().and_then(Result::ok);
                room.ok_or(BodyError::NoRoom { within })?
            }
        };
        // Allocate the whole buffer now: a buffer that grows is copied to a buffer twice as large, so a large body would
        // temporarily take up three times its size. Unused capacity takes no memory, because the system provides a page only when
        // the page is written.
        let bytes = BytesMut::with_capacity(length.unwrap_or(max));
        let reading = collect(request.into_body(), bytes, max);
        let read = tokio::time::timeout(within, reading).await;
        let bytes = read.unwrap_or(Err(BodyError::TooSlow { within }))?;
        Ok(Body {
            bytes: Bytes::from_owner(Held { bytes, _room: room }),
        })
    }
}

/// Appends all of `body` to `bytes`. Fails if `body` is larger than `max` bytes.
async fn collect(
    mut body: axum::body::Body,
    mut bytes: BytesMut,
    max: usize,
) -> Result<Bytes, BodyError> {
    let mut part = (bytes.len(), Instant::now() + PART_TIMEOUT);
    let stalled = |_| BodyError::Stalled {
        part: PART,
        within: PART_TIMEOUT,
    };
    while let Some(frame) = tokio::time::timeout_at(part.1, body.frame())
        .await
        .map_err(stalled)?
    {
        let frame = frame.map_err(BodyError::Interrupted)?;
        if let Some(data) = frame.data_ref() {
            if bytes.len() + data.len() > max {
                return Err(BodyError::TooLarge { max });
            }
            bytes.extend_from_slice(data);
        }
        if bytes.len() - part.0 >= PART {
            part = (bytes.len(), Instant::now() + PART_TIMEOUT);
        }
    }
    Ok(bytes.freeze())
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes / UNIT + 1).unwrap_or(u32::MAX / 4)
}
