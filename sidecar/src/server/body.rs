//! Parses the request bodies of steps, and refuses bodies that exceed the limits.

use axum::extract::Request;
use bytes::Bytes;
use gleaner_core::collect::Message;
use gleaner_proto::exit_code;
use gleaner_proto::message::problem_type;
use gleaner_runtime::http::{BodyError, Share};
use gleaner_runtime::text::cut;
use tokio::sync::OwnedSemaphorePermit;

use super::Api;
use super::answer::ApiProblem;
use crate::message::{self, Extent, ReadError};

/// The size in bytes above which a body is parsed on the workbench, so that parsing does not block the thread of the server.
const LARGE: usize = 64 << 10;
/// The estimated memory of a message, in bytes, above which the message waits for the workbench. Smaller messages are limited
/// only by the number of concurrent posts per step.
const SMALL_MESSAGE: usize = 256 << 10;
/// The maximum memory, in bytes, that a JSON value or key needs in addition to its text. The worst case is a list with one item.
const VALUE: usize = 200;
/// The length, in bytes, to which a name or key is truncated in an error message.
const KEY_SHOWN: usize = 64;

/// The bytes of a large message, and its permit to use the workbench. Both are released when the message is accepted or refused.
struct Held {
    bytes: Bytes,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads the message from `step`, and returns the message with its original bytes.
pub(super) async fn outputs(
    api: &Api,
    step: &str,
    share: &Share,
    request: Request,
) -> Result<(Message, Bytes), ApiProblem> {
    let body = api.bodies.read_into(request, share).await;
    let mut bytes = body.map_err(not_read)?.bytes;
    let extent = handle(api, &bytes, message::extent).await?;
    let memory = bytes
        .len()
        .saturating_add(extent.values.saturating_mul(VALUE));
    within_bounds(api, extent, memory)?;
    if memory > SMALL_MESSAGE {
        let place = api.workbench.place().await?;
        bytes = Bytes::from_owner(Held {
            bytes,
            _place: place,
        });
    }
    let message = handle(api, &bytes, |bytes| message::read(bytes).map(Message::from)).await?;
    let message = message.map_err(|error| {
        let unfit = |detail: String| {
            let title = "outputs do not match the declaration";
            ApiProblem::new(problem_type::OUTPUT, 422, title, detail).exit_code(exit_code::OUTPUT)
        };
        match &error {
            ReadError::Number(_) => return unfit(message::explained(&error)),
            ReadError::DuplicateKey { output, key } => {
                return unfit(duplicate_key(api, step, output, key));
            }
            ReadError::Json(_) => {}
        }
        let detail = format!(
            "the body is not a valid message: {}; send {{\"outputs\": {{\"NAME\": VALUE}}, \"exitCode\": 0}}",
            message::explained(&error)
        );
        ApiProblem::new(problem_type::MALFORMED, 400, "invalid request", detail)
    })?;
    Ok((message, bytes))
}

/// Returns the message about a duplicate key. It does not quote a key of a secret output, because the key is part of the secret
/// value.
fn duplicate_key(api: &Api, step: &str, output: &str, key: &str) -> String {
    let snapshots = api.handle.snapshots();
    let snapshot = snapshots.borrow();
    let declared = snapshot.state.declaration().output(step, output);
    let key = match declared {
        Some(declared) if !declared.secret => format!("key '{}'", cut(key, KEY_SHOWN)),
        _ => "key".to_owned(),
    };
    let output = cut(output, KEY_SHOWN);
    format!(
        "output '{output}' of step '{step}' has a duplicate {key} in one object; write each key once"
    )
}

/// Processes a body, on the workbench if the body is large.
async fn handle<T: Send + 'static>(
    api: &Api,
    bytes: &Bytes,
    work: impl FnOnce(&[u8]) -> T + Send + 'static,
) -> Result<T, ApiProblem> {
    if bytes.len() <= LARGE {
        return Ok(work(bytes));
    }
    let bytes = bytes.clone();
    Ok(api.workbench.run(move || work(&bytes)).await?)
}

fn within_bounds(api: &Api, extent: Extent, memory: usize) -> Result<(), ApiProblem> {
    let bounds = [
        (
            extent.values,
            api.max_values,
            "contains more JSON values",
            "--max-values",
        ),
        (
            extent.depth,
            api.max_depth,
            "has more levels of arrays and objects",
            "--max-depth",
        ),
        (
            memory,
            api.max_message,
            "takes more bytes of memory",
            "memory limit",
        ),
    ];
    let exceeded = bounds.into_iter().find(|(held, bound, ..)| held > bound);
    exceeded.map_or(Ok(()), |(_, bound, what, flag)| {
        let detail = format!(
            "the message {what} than the maximum of {bound}; make the outputs smaller, or raise the sidecar's {flag}"
        );
        let problem = ApiProblem::new(problem_type::TOO_LARGE, 413, "too large", detail);
        Err(problem.exit_code(exit_code::OUTPUT))
    })
}

fn not_read(error: BodyError) -> ApiProblem {
    match error {
        BodyError::TooLarge { max } => {
            let detail = format!(
                "the body is larger than {max} bytes; make the outputs smaller, or raise the sidecar's memory limit or --max-body"
            );
            ApiProblem::new(problem_type::TOO_LARGE, 413, "too large", detail)
                .exit_code(exit_code::OUTPUT)
        }
        BodyError::TooSlow { within } => too_slow(format!(
            "the body did not arrive within {within:?}; send it faster, or raise the sidecar's --body-timeout"
        )),
        BodyError::Stalled { .. } => too_slow(format!("{error}; send it faster")),
        BodyError::NoRoom { .. } => ApiProblem::busy(format!("{error}; retry")),
        BodyError::Interrupted(source) => {
            let detail = format!("the connection failed before the whole body arrived: {source}");
            ApiProblem::new(problem_type::MALFORMED, 400, "invalid request", detail)
        }
    }
}

fn too_slow(detail: String) -> ApiProblem {
    let problem = ApiProblem::new(problem_type::TIMEOUT, 408, "too slow", detail);
    problem.exit_code(exit_code::UNREACHABLE)
}
