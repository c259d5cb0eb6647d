//! Bodies of requests: bounded in size and time, and JSON.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use gleaner_proto::exit_code;
use gleaner_proto::message::{Outputs, problem_type};
use http::header;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Api;
use super::answer::ApiProblem;
use crate::message;

/// Reads a step's message, and gives it with the bytes in which it came.
pub(super) async fn outputs(api: &Api, request: Request) -> Result<(Outputs, Bytes), ApiProblem> {
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    let reading = async {
        // What has no length may turn out as large as is allowed.
        let room = announced.unwrap_or(api.max_body).min(api.max_body);
        let room = api.bodies.reserve(room).await;
        let body = read(request.into_body(), announced, api.max_body).await?;
        Ok::<_, ApiProblem>((body, room))
    };
    let (body, _room) = tokio::time::timeout(api.body_timeout, reading)
        .await
        .map_err(|_| {
            let detail = format!("the body did not arrive within {:?}; send it faster, or raise the sidecar's --body-timeout", api.body_timeout);
            ApiProblem::new(problem_type::TIMEOUT, 408, "too slow", detail)
                .exit_code(exit_code::UNREACHABLE)
        })??;
    let extent = message::extent(&body);
    let bounds = [
        (extent.values, api.max_values, "JSON values", "--max-values"),
        (
            extent.depth,
            api.max_depth,
            "levels of arrays and objects",
            "--max-depth",
        ),
    ];
    if let Some((_, bound, what, flag)) = bounds.into_iter().find(|(held, bound, ..)| held > bound)
    {
        let detail = format!(
            "the message holds more than {bound} {what}; make the outputs smaller, or raise the sidecar's {flag}"
        );
        return Err(
            ApiProblem::new(problem_type::TOO_LARGE, 413, "too large", detail)
                .exit_code(exit_code::OUTPUT),
        );
    }
    let message = message::read(&body).map_err(|error| {
        let detail = format!(
            "the body is no message of this API: {}; send {{\"outputs\": {{\"NAME\": VALUE}}, \"exitCode\": 0}}",
            message::explained(&error)
        );
        ApiProblem::new(problem_type::MALFORMED, 400, "not understood", detail)
    })?;
    Ok((message, body))
}

async fn read(mut body: Body, announced: Option<usize>, max: usize) -> Result<Bytes, ApiProblem> {
    let too_large = || {
        let detail = format!(
            "the body is larger than {max} bytes; make the outputs smaller, or raise the sidecar's --max-body"
        );
        ApiProblem::new(problem_type::TOO_LARGE, 413, "too large", detail)
            .exit_code(exit_code::OUTPUT)
    };
    if announced.is_some_and(|announced| announced > max) {
        return Err(too_large());
    }
    // In one piece from the start: growing by doubling would hold large outputs three times.
    let mut whole = BytesMut::with_capacity(announced.unwrap_or_default());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            let detail = format!("the body broke off: {error}");
            ApiProblem::new(problem_type::MALFORMED, 400, "not understood", detail)
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

/// Room for the bodies that are being read and taken, shared by all sockets: without it, every connection could hold a
/// body of the largest size.
#[derive(Debug, Clone)]
pub struct Bodies(Arc<Semaphore>);

impl Bodies {
    /// Bodies are counted in pieces of this many bytes.
    const PIECE: usize = 4 << 10;

    /// Room for two bodies of `max` bytes: while one is taken, the next can arrive.
    pub fn new(max: usize) -> Self {
        Self(Arc::new(Semaphore::new(2 * Self::pieces(max) as usize)))
    }

    async fn reserve(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let room = Arc::clone(&self.0).acquire_many_owned(Self::pieces(bytes));
        // The semaphore is never closed.
        room.await.ok()
    }

    fn pieces(bytes: usize) -> u32 {
        u32::try_from(bytes / Self::PIECE + 1).unwrap_or(u32::MAX / 4)
    }
}
