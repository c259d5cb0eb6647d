//! Waiting until what was created is as the declaration wants it, and reading results from it.
//!
//! By asking, not by watching: `get` is a permission that the run needs anyway, `watch` is not.

use std::time::Duration;

use gleaner_core::declaration::{FieldPath, WaitTarget};
use gleaner_core::render::Disclosure;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::answer::{Answer, bounded, text};
use super::api::{Api, CallError, End};
use super::commit::Made;
use super::error::{Failure, Reason};
use super::item::Item;
use super::remedy::Purpose;
use super::request::Call;

/// First wait between two looks; half as long again each time.
const LOOK_FIRST: Duration = Duration::from_millis(250);
/// Longest wait between two looks.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// What is not yet as it should be.
struct Pending {
    awaited: String,
    seen: String,
}

/// Waits for all objects at once; the first that fails ends the wait for the others. Returns the results of each.
pub(super) async fn settle(
    api: Api<'_>,
    items: &[Item],
    made: &mut [Made],
) -> Result<Vec<Map<String, Value>>, Failure> {
    let waits = items.iter().zip(made).map(|(item, made)| {
        let object = made.object.take();
        let uid = &made.created.uid;
        async move {
            match object {
                Some(object) => settle_one(api, item, uid, object).await,
                None => Ok(Map::new()),
            }
        }
    });
    futures::future::try_join_all(waits).await
}

/// Whether any of these will have to be waited for.
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
            Ok(results) => return Ok(results),
            Err(pending) => pending,
        };
        let left = api.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(item.fails(pending.failed(limit, trouble)));
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = pause.mul_f64(1.5).min(LOOK_MAX);
        // The last look comes at the deadline itself and needs a moment of its own.
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
            // A rotated token mends itself within the timeout; a wrong one does not.
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

/// The results, when the object is as it should be.
fn check(item: &Item, object: &Value) -> Result<Map<String, Value>, Pending> {
    // Neither the fields of a Secret are for messages, nor what a controller says of an object that holds one.
    let show = item.place.kind.name.kind != "Secret" && item.place.disclosure == Disclosure::Full;
    if let Some(wait_for) = &item.wait_for {
        match &wait_for.target {
            WaitTarget::Condition(name) => condition(object, name, show)?,
            WaitTarget::Field { path, value } => field(object, path, value.as_deref(), show)?,
        }
    }
    let read = |(name, path): &(String, FieldPath)| match path.get(object) {
        None | Some(Value::Null) => Err(Pending {
            awaited: format!("result {name}: {path} did not appear"),
            seen: format!("no {path}"),
        }),
        Some(value) => Ok((name.clone(), Value::String(as_text(value)))),
    };
    item.results.iter().map(read).collect()
}

fn condition(object: &Value, name: &str, show: bool) -> Result<(), Pending> {
    let conditions = object["status"]["conditions"].as_array();
    let condition = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == name);
    let pending = |seen: String| Pending {
        awaited: format!("condition {name} did not become True"),
        seen: bounded(&seen),
    };
    let Some(condition) = condition else {
        return Err(pending(format!("no condition {name}")));
    };
    // What a controller has said about an earlier generation says nothing about this one.
    let generation = object["metadata"]["generation"].as_i64();
    for observed in [&object["status"], condition] {
        if observed["observedGeneration"].as_i64() < generation
            && observed["observedGeneration"].is_i64()
        {
            return Err(pending(
                "its controller has not seen the change yet".to_owned(),
            ));
        }
    }
    let status = text(condition, "/status");
    if status == "True" {
        return Ok(());
    }
    if !show {
        return Err(pending(format!("{name} is not True")));
    }
    let (reason, message) = (text(condition, "/reason"), text(condition, "/message"));
    let mut seen = format!("{name} is {status}");
    if !reason.is_empty() {
        seen = format!("{seen} ({reason})");
    }
    if !message.is_empty() {
        seen = format!("{seen}: {message}");
    }
    Err(pending(seen))
}

fn field(
    object: &Value,
    path: &FieldPath,
    wanted: Option<&str>,
    show: bool,
) -> Result<(), Pending> {
    let seen = path
        .get(object)
        .filter(|value| !value.is_null())
        .map(as_text);
    let fulfilled = match (&seen, wanted) {
        (Some(seen), Some(wanted)) => seen == wanted,
        (Some(_), None) => true,
        (None, _) => false,
    };
    if fulfilled {
        return Ok(());
    }
    let awaited = match wanted {
        Some(wanted) if show => format!("{path} did not become '{wanted}'"),
        Some(_) => format!("{path} did not become what waitFor names"),
        None => format!("{path} did not appear"),
    };
    let seen = match seen {
        None => format!("no {path}"),
        Some(_) if !show => "another value".to_owned(),
        Some(seen) => bounded(&format!("'{seen}'")),
    };
    Err(Pending { awaited, seen })
}

/// A value as the text that a result carries: a string as it is, anything else as compact JSON.
fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

// === impl Pending ===

impl Pending {
    fn failed(self, within: Duration, trouble: Option<String>) -> Reason {
        let last = match trouble {
            Some(words) => format!("{} (the last look failed: {words})", self.seen),
            None => self.seen,
        };
        Reason::WaitFailed {
            awaited: self.awaited,
            within,
            last,
        }
    }
}
