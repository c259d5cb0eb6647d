//! Bodies: bounded each, and all together, in size and time.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use http::{StatusCode, header};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bodies are counted in pieces of this many bytes.
const PIECE: usize = 4 << 10;

/// Room for the bodies that are being read and decided on: without it, every connection could hold one of the largest size.
#[derive(Debug)]
pub struct Bodies {
    max: usize,
    timeout: Duration,
    room: Arc<Semaphore>,
}

/// A body, and the room that it takes.
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// Why a body was not taken: a status and a sentence.
pub(super) type Refusal = (StatusCode, String);

impl Bodies {
    /// Bodies of up to `max` bytes that take up to `timeout`; as much as two of the largest at once.
    pub fn new(max: usize, timeout: Duration) -> Self {
        Self {
            max,
            timeout,
            room: Arc::new(Semaphore::new(2 * pieces(max) as usize)),
        }
    }

    /// Reads a request's body.
    pub(super) async fn read(&self, request: Request) -> Result<Whole, Refusal> {
        let announced = request
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        let reading = async {
            // What has no length may turn out as large as is allowed.
            let room = announced.unwrap_or(self.max).min(self.max);
            let room = Arc::clone(&self.room)
                .acquire_many_owned(pieces(room))
                .await;
            let bytes = self.collect(request.into_body(), announced).await?;
            Ok(Whole {
                bytes,
                // The semaphore is never closed.
                _room: room.ok(),
            })
        };
        let read = tokio::time::timeout(self.timeout, reading).await;
        read.unwrap_or_else(|_| {
            let message = format!(
                "the review did not arrive within {:?} (--body-timeout)\n",
                self.timeout
            );
            Err((StatusCode::REQUEST_TIMEOUT, message))
        })
    }

    async fn collect(&self, mut body: Body, announced: Option<usize>) -> Result<Bytes, Refusal> {
        let max = self.max;
        let too_large = || {
            let message = format!("the review is larger than {max} bytes (--max-body)\n");
            (StatusCode::PAYLOAD_TOO_LARGE, message)
        };
        if announced.is_some_and(|announced| announced > max) {
            return Err(too_large());
        }
        let mut whole = BytesMut::with_capacity(announced.unwrap_or_default());
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                (
                    StatusCode::BAD_REQUEST,
                    format!("the review broke off: {error}\n"),
                )
            })?;
            if let Some(data) = frame.data_ref() {
                if whole.len() + data.len() > max {
                    return Err(too_large());
                }
                whole.extend_from_slice(data);
            }
        }
        Ok(whole.freeze())
    }
}

fn pieces(bytes: usize) -> u32 {
    u32::try_from(bytes / PIECE + 1).unwrap_or(u32::MAX / 4)
}
