//! Deleting an object, and waiting until it has gone.

use std::time::Duration;

use tokio::time::Instant;

use super::api::Api;
use super::error::Reason;
use super::existing::{finalizers, text};
use super::item::Item;
use super::remedy::Purpose;
use super::request::Call;

/// First wait between two looks; doubled each time.
const LOOK_FIRST: Duration = Duration::from_millis(50);
/// Longest wait between two looks.
const LOOK_MAX: Duration = Duration::from_secs(1);

/// Deletes the object with this UID. That it has gone, or that another one stands there, is success: what counts
/// is that this one does not.
pub(super) async fn delete(
    api: Api<'_>,
    item: &Item,
    uid: &str,
    resource_version: Option<&str>,
) -> Result<Deleted, Reason> {
    match api
        .call(&Call::delete(&item.place, uid, resource_version))
        .await
    {
        Ok(reply) if text(&reply.done.value, "/kind") == "Status" => Ok(Deleted::Gone),
        Ok(_) => Ok(Deleted::Going),
        // An attempt whose reply was lost may have been the one that deleted it.
        Err(error) if error.is_not_found() && error.unsure => Ok(Deleted::Gone),
        Err(error) if error.is_not_found() => Ok(Deleted::Absent),
        Err(error) if error.refusal().is_some_and(|refusal| refusal.is_conflict()) => {
            Ok(Deleted::Changed)
        }
        Err(error) => Err(Purpose::new("delete", &item.place.kind).reason(error)),
    }
}

/// What a delete came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deleted {
    /// There is no such object any more.
    Gone,
    /// There was none: someone else deleted it before.
    Absent,
    /// It has been marked; finalizers or a grace period keep it for now.
    Going,
    /// Another object stands there, or another version of it.
    Changed,
}

/// Waits until the object with this UID has gone, but not for ever: a finalizer whose controller is no longer
/// there keeps it for good.
pub(super) async fn gone(api: Api<'_>, item: &Item, uid: &str) -> Result<(), Reason> {
    let patience = Instant::now() + api.settings.vanish_timeout;
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
