//! Bodies of requests: bounded in size and time, and JSON.

use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use gleaner_proto::exit_code;
use gleaner_proto::message::{Outputs, problem_type};
use http::header;
use http_body_util::BodyExt;

use super::Api;
use super::answer::ApiProblem;
use super::parse;

/// Reads a step's message, and gives it with the bytes in which it came.
pub(super) async fn outputs(api: &Api, request: Request) -> Result<(Outputs, Bytes), ApiProblem> {
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    let reading = read(request.into_body(), announced, api.max_body);
    let body = tokio::time::timeout(api.body_timeout, reading)
        .await
        .map_err(|_| {
            let detail = format!("the body did not arrive within {:?}; send it faster, or raise the sidecar's --body-timeout", api.body_timeout);
            ApiProblem::new(problem_type::TIMEOUT, 408, "too slow", detail)
                .exit_code(exit_code::UNREACHABLE)
        })??;
    if parse::values(&body) > api.max_values {
        let detail = format!(
            "the message holds more than {} JSON values; make the outputs smaller, or raise the sidecar's \
             --max-values",
            api.max_values
        );
        return Err(
            ApiProblem::new(problem_type::TOO_LARGE, 413, "too large", detail)
                .exit_code(exit_code::OUTPUT),
        );
    }
    let message = parse::message(&body).map_err(|error| {
        let detail = format!(
            "the body is no message of this API: {}; send {{\"outputs\": {{\"NAME\": VALUE}}, \"exitCode\": 0}}",
            parse::explained(&error)
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
