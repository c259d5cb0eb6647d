//! Deletes an object and waits until it no longer exists.

use std::time::Duration;

use tokio::time::Instant;

use super::answer::{Refusal, text};
use super::api::{Api, Backoff, later};
use super::error::Reason;
use super::existing::finalizers;
use super::item::Item;
use super::remedy::Purpose;
use super::request::Call;

/// The first interval between two checks. The interval doubles with each check.
const LOOK_FIRST: Duration = Duration::from_millis(50);
/// The longest interval between two checks.
const LOOK_MAX: Duration = Duration::from_secs(1);

/// The maximum number of conflicts during one delete. A conflict is usually temporary, but a webhook may reject every attempt
/// with 409.
const CONFLICTS_MAX: usize = 5;

/// Deletes the object with this UID. The delete also succeeds if the object does not exist, or if its name now belongs to a
/// different object.
///
/// A conflict or an unreadable response contains no information about the object. In that case, the function reads the object,
/// and repeats the delete while the object exists.
pub(super) async fn delete(
    api: Api<'_>,
    item: &Item,
    uid: &str,
    resource_version: Option<&str>,
) -> Result<Deleted, Reason> {
    let call = Call::delete(&item.place, uid, resource_version);
    let mut backoff = Backoff::default();
    let mut conflicts = 0;
    // True if an earlier iteration may have deleted the object.
    let mut sent = false;
    loop {
        let error = match api.call(&call).await {
            Ok(reply) if text(&reply.done.value, "/kind") == "Status" => return Ok(Deleted::Gone),
            Ok(_) => return Ok(Deleted::Going),
            // An earlier attempt that received no response may have deleted the object.
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

/// Reads the object after a delete. Returns `None` if the object still exists unchanged, or cannot be read.
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
    /// The object no longer exists.
    Gone,
    /// The object did not exist, because another client had deleted it.
    Absent,
    /// The object is marked for deletion, and exists until its finalizers are removed or its grace period ends.
    Going,
    /// The name belongs to a different object, or the object has a different resource version.
    Changed,
}

/// Waits until the object with this UID no longer exists. The wait has a deadline, because a finalizer whose controller is not
/// running would block the deletion forever.
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
        "try again when it is gone".to_owned()
    } else {
        format!("check why its finalizers ({finalizers}) are not removed")
    }
}
