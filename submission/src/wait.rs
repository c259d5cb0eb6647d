//! Waits until created objects are in the declared state, and reads results from them.
//!
//! Objects are polled, not watched, because the run already needs the permission `get`, and a watch would also need `watch`.

mod state;
mod terminal;

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use self::state::{check, failed};
use super::answer::{Answer, text};
use super::api::{Api, CallError, End};
use super::commit::Made;
use super::error::{Failure, Reason};
use super::item::Item;
use super::progress::Progress;
use super::remedy::Purpose;
use super::request::Call;

/// The first interval between two checks. The interval grows by a factor of 1.5 with each check.
const LOOK_FIRST: Duration = Duration::from_millis(250);
/// The longest interval between two checks.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// Waits for all objects concurrently, until one of them fails. Returns the results of each object, or the position of the
/// object that failed.
pub(super) async fn settle(
    api: Api<'_>,
    items: &[Item],
    made: &mut [Made],
) -> Result<Vec<Map<String, Value>>, (usize, Failure)> {
    let waits = items
        .iter()
        .zip(made)
        .enumerate()
        .map(|(index, (item, made))| {
            let object = made.object.take();
            let uid = &made.created.uid;
            async move {
                match object {
                    Some(object) => settle_one(api, item, uid, object)
                        .await
                        .map_err(|failure| (index, failure)),
                    None => Ok(Map::new()),
                }
            }
        });
    futures::future::try_join_all(waits).await
}

/// Returns true if all objects are ready, so that no wait is necessary.
pub(super) fn is_settled(items: &[Item], made: &[Made]) -> bool {
    let settled = |(item, made): (&Item, &Made)| {
        let object = made.object.as_ref();
        object.is_none_or(|object| check(item, object).is_ok())
    };
    items.iter().zip(made).all(settled)
}

async fn settle_one(
    api: Api<'_>,
    item: &Item,
    uid: &str,
    mut object: Value,
) -> Result<Map<String, Value>, Failure> {
    let wait_for = item.wait_for.as_ref();
    let limit = wait_for.map_or(api.settings.results_timeout, |wait_for| wait_for.timeout);
    let api = api.within(limit);
    let mut pause = LOOK_FIRST;
    let mut trouble = None;
    loop {
        let pending = match check(item, &object) {
            Ok(results) => {
                let resource = &item.resource;
                (api.report)(Progress::Awaited { resource });
                return Ok(results);
            }
            Err(pending) => pending,
        };
        if let Some(reason) = failed(item, &object) {
            return Err(item.fails(reason));
        }
        let left = api.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(item.fails(pending.failed(limit, trouble)));
        }
        (api.report)(Progress::Awaiting {
            resource: &item.resource,
            kind: pending.kind(),
            message: &pending.message(),
        });
        tokio::time::sleep(pause.min(left)).await;
        pause = pause.mul_f64(1.5).min(LOOK_MAX);
        // The last check starts at the deadline, so its request is allowed to complete after the deadline.
        match api
            .within(api.server.timeout())
            .attempt(&Call::get(&item.place))
            .await
        {
            Answer::Done(done) => {
                object = done.value;
                trouble = None;
                let deleted = !object["metadata"]["deletionTimestamp"].is_null();
                if deleted || text(&object, "/metadata/uid") != uid {
                    return Err(item.fails(Reason::Vanished));
                }
            }
            Answer::Unexpected(words) => trouble = Some(words),
            Answer::Again(again) => trouble = Some(again.words),
            // If the token was rotated, the client reads the new token before the timeout. If the token is invalid, the wait
            // times out and reports this refusal.
            Answer::Unauthorised(refusal) => trouble = Some(refusal.words),
            Answer::Refused(refusal) if refusal.is_not_found() => {
                return Err(item.fails(Reason::Vanished));
            }
            Answer::Refused(refusal) => return Err(unreadable(item, End::Refused(refusal))),
            Answer::Broken(words) => return Err(unreadable(item, End::Broken(words))),
        }
    }
}

fn unreadable(item: &Item, end: End) -> Failure {
    let error = CallError { end, unsure: false };
    item.fails(Purpose::new("get", &item.place.kind).reason(error))
}

/// Returns true if the status of an object shows that it has failed.
pub(super) fn has_failed(item: &Item, object: &Value) -> bool {
    check(item, object).is_err() && failed(item, object).is_some()
}
