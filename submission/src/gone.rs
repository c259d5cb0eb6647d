//! Deleting an object, and waiting until it has gone.

use std::time::Duration;

use tokio::time::Instant;

use super::answer::{Refusal, text};
use super::api::{Api, Backoff, later};
use super::error::Reason;
use super::existing::finalizers;
use super::item::Item;
use super::remedy::Purpose;
use super::request::Call;

/// First wait between two looks; doubled each time.
const LOOK_FIRST: Duration = Duration::from_millis(50);
/// Longest wait between two looks.
const LOOK_MAX: Duration = Duration::from_secs(1);

/// The number of conflicts that a delete may meet: a lost optimistic lock passes, a webhook that refuses with 409 does not.
const CONFLICTS_MAX: usize = 5;

/// Deletes the object with this UID. That it has gone, or that another one is there, is success: what counts
/// is that this one is not.
///
/// A conflict and an unreadable response tell nothing about the object, so it is looked at, and deleted again while
/// it is still there.
pub(super) async fn delete(
    api: Api<'_>,
    item: &Item,
    uid: &str,
    resource_version: Option<&str>,
) -> Result<Deleted, Reason> {
    let call = Call::delete(&item.place, uid, resource_version);
    let mut backoff = Backoff::default();
    let mut conflicts = 0;
    // Whether an earlier round may have deleted it.
    let mut sent = false;
    loop {
        let error = match api.call(&call).await {
            Ok(reply) if text(&reply.done.value, "/kind") == "Status" => return Ok(Deleted::Gone),
            Ok(_) => return Ok(Deleted::Going),
            // An attempt whose reply was lost may have been the one that deleted it.
            Err(error) if error.is_not_found() && (error.unsure || sent) => {
                return Ok(Deleted::Gone);
            }
            Err(error) if error.is_not_found() => return Ok(Deleted::Absent),
            Err(error) => error,
        };
        let conflict = error.refusal().is_some_and(Refusal::is_conflict);
        conflicts += usize::from(conflict);
        sent |= error.unsure;
        let again = conflicts < CONFLICTS_MAX && (conflict || error.is_unexpected());
        let looked = if conflict || error.unsure {
            still_there(api, item, uid, resource_version).await
        } else {
            None
        };
        if let Some(deleted) = looked {
            return Ok(deleted);
        }
        if !again || !api.rest(&mut backoff).await {
            return Err(Purpose::new("delete", &item.place.kind).reason(error));
        }
    }
}

/// Looks at what a delete has come to; none where the object is there as before, or that cannot be seen.
async fn still_there(
    api: Api<'_>,
    item: &Item,
    uid: &str,
    resource_version: Option<&str>,
) -> Option<Deleted> {
    let object = match api.call(&Call::get(&item.place)).await {
        Ok(reply) => reply.done.value,
        Err(error) => return error.is_not_found().then_some(Deleted::Gone),
    };
    let version = text(&object, "/metadata/resourceVersion");
    let changed = text(&object, "/metadata/uid") != uid
        || resource_version.is_some_and(|wanted| wanted != version);
    if changed {
        return Some(Deleted::Changed);
    }
    let going = !object["metadata"]["deletionTimestamp"].is_null();
    going.then_some(Deleted::Going)
}

/// The result of a delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deleted {
    /// There is no such object any more.
    Gone,
    /// There was none: someone else deleted it before.
    Absent,
    /// It has been marked; finalizers or a grace period keep it for now.
    Going,
    /// Another object is there, or another version of it.
    Changed,
}

/// Waits until the object with this UID has gone, but not for ever: a finalizer whose controller is no longer
/// there keeps it permanently.
pub(super) async fn gone(api: Api<'_>, item: &Item, uid: &str) -> Result<(), Reason> {
    let patience = later(Instant::now(), api.settings.vanish_timeout);
    let until = patience.min(api.deadline);
    let mut pause = LOOK_FIRST;
    loop {
        let object = match api.call(&Call::get(&item.place)).await {
            Ok(reply) => reply.done.value,
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(Purpose::new("get", &item.place.kind).reason(error)),
        };
        if text(&object, "/metadata/uid") != uid {
            return Ok(());
        }
        if Instant::now() + pause >= until {
            return Err(Reason::Leaving {
                existing: item.place.to_string(),
                remedy: remedy(&finalizers(&object)),
            });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LOOK_MAX);
    }
}

fn remedy(finalizers: &str) -> String {
    if finalizers.is_empty() {
        "try again when it has gone".to_owned()
    } else {
        format!("see why its finalizers ({finalizers}) are not removed")
    }
}
