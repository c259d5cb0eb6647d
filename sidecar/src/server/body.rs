//! Messages of steps: bounded bodies of JSON.

use axum::extract::Request;
use bytes::Bytes;
use gleaner_proto::exit_code;
use gleaner_proto::message::{Outputs, problem_type};
use gleaner_runtime::http::BodyError;

use super::Api;
use super::answer::ApiProblem;
use crate::message;

/// Reads a step's message, and gives it with the bytes in which it came.
pub(super) async fn outputs(api: &Api, request: Request) -> Result<(Outputs, Bytes), ApiProblem> {
    let body = api.bodies.read(request).await.map_err(not_read)?;
    let extent = message::extent(&body.bytes);
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
    let message = message::read(&body.bytes).map_err(|error| {
        let detail = format!(
            "the body is no message of this API: {}; send {{\"outputs\": {{\"NAME\": VALUE}}, \"exitCode\": 0}}",
            message::explained(&error)
        );
        ApiProblem::new(problem_type::MALFORMED, 400, "not understood", detail)
    })?;
    Ok((message, body.bytes))
}

fn not_read(error: BodyError) -> ApiProblem {
    match error {
        BodyError::TooLarge { max } => {
            let detail = format!(
                "the body is larger than {max} bytes; make the outputs smaller, or raise the sidecar's --max-body"
            );
            ApiProblem::new(problem_type::TOO_LARGE, 413, "too large", detail)
                .exit_code(exit_code::OUTPUT)
        }
        BodyError::TooSlow { within } => {
            let detail = format!(
                "the body did not arrive within {within:?}; send it faster, or raise the sidecar's --body-timeout"
            );
            ApiProblem::new(problem_type::TIMEOUT, 408, "too slow", detail)
                .exit_code(exit_code::UNREACHABLE)
        }
        BodyError::Stalled { .. } => {
            let detail = format!("{error}; send it faster");
            ApiProblem::new(problem_type::TIMEOUT, 408, "too slow", detail)
                .exit_code(exit_code::UNREACHABLE)
        }
        BodyError::NoRoom { .. } => {
            let detail = format!("{error}; retry");
            ApiProblem::new(problem_type::BUSY, 503, "busy", detail)
                .exit_code(exit_code::UNREACHABLE)
        }
        BodyError::Interrupted(source) => {
            let detail = format!("the body was interrupted: {source}");
            ApiProblem::new(problem_type::MALFORMED, 400, "not understood", detail)
        }
    }
}
