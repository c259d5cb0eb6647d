//! None of it: what exists of a failed submission is deleted again.

use std::time::Duration;

use gleaner_proto::failure::LeftBehind;

use super::answer::Answer;
use super::api::Api;
use super::error::{Aftermath, one_line};
use super::existing::{Existing, is_made_by, look};
use super::gone::{Deleted, delete};
use super::item::Item;
use super::ledger::{Ledger, Trace};
use super::request::Call;

/// How long a create whose answer was lost may still be on its way through the API server.
const IN_FLIGHT: Duration = Duration::from_secs(1);

/// Deletes everything of this run's that `ledger` knows of, the last first. `api` carries the roll-back's own
/// deadline: the submission's may be why it failed.
pub(super) async fn roll_back(
    api: Api<'_>,
    items: &[Item],
    run_uid: &str,
    ledger: &Ledger,
) -> Aftermath {
    let mut rollback = Rollback {
        api,
        run_uid,
        silent: false,
        aftermath: Aftermath::default(),
    };
    for (index, trace) in ledger.backwards() {
        let item = &items[index];
        match trace {
            Trace::Nothing => {}
            Trace::Kept { uid } => {
                let kept = item.place.reference(uid.as_deref());
                rollback.aftermath.kept.push(kept);
            }
            Trace::Exists { uid } => rollback.remove(item, uid).await,
            Trace::Sent => rollback.remove_sent(item).await,
            Trace::Unknown => rollback.remove_unknown(item).await,
        }
    }
    let aftermath = rollback.aftermath;
    let (removed, left) = (aftermath.removed.len(), aftermath.left.len());
    if removed + left > 0 {
        tracing::info!(removed, left, "rolled-back");
    }
    aftermath
}

struct Rollback<'a> {
    api: Api<'a>,
    run_uid: &'a str,
    /// Whether the API server has been found not to answer.
    silent: bool,
    aftermath: Aftermath,
}

impl Rollback<'_> {
    async fn remove(&mut self, item: &Item, uid: &str) {
        match delete(self.api, item, uid, None).await {
            Ok(Deleted::Gone) => self.aftermath.removed.push(item.place.to_string()),
            Ok(Deleted::Going) => {
                let words = format!("{} (until its finalizers let it go)", item.place);
                self.aftermath.removed.push(words);
            }
            // Only the UID was asked for: ours has gone, and someone else's stands there. Or it was gone before.
            Ok(Deleted::Changed | Deleted::Absent) => {}
            Err(reason) => self.left(item, Some(uid), &reason.to_string()),
        }
    }

    /// Looks for an object whose create got no answer, and once more after the time that the create may still
    /// have needed.
    async fn remove_sent(&mut self, item: &Item) {
        for pause in [Duration::ZERO, IN_FLIGHT] {
            tokio::time::sleep(pause).await;
            match look(self.api, item, self.run_uid).await {
                Ok(None) => {}
                Ok(Some((existing, object))) => {
                    if let Some(uid) = self.own_uid(item, existing, &object) {
                        self.remove(item, &uid).await;
                    }
                    return;
                }
                Err(reason) => {
                    let why = format!("it is not known whether it was created: {reason}");
                    return self.left(item, None, &why);
                }
            }
        }
    }

    /// Looks, once, for what an earlier attempt of this run may have left. This submission has not touched it,
    /// so not to know is no failure of the roll-back.
    async fn remove_unknown(&mut self, item: &Item) {
        if self.silent {
            return;
        }
        match self.api.attempt(&Call::get(&item.place)).await {
            Answer::Done(done) => {
                let existing = Existing::recognise(&done.value, item, self.run_uid);
                if let Some(uid) = self.own_uid(item, existing, &done.value) {
                    self.remove(item, &uid).await;
                }
            }
            Answer::Again(again) => self.silent = !again.answered,
            Answer::Refused(_) | Answer::Unauthorised(_) | Answer::Broken(_) => {}
        }
    }

    /// The UID of an object that is this run's own.
    fn own_uid(
        &self,
        item: &Item,
        existing: Existing,
        object: &serde_json::Value,
    ) -> Option<String> {
        match existing {
            Existing::Same { uid } | Existing::Other { uid, .. } | Existing::Leaving { uid } => {
                is_made_by(object, item, self.run_uid).then_some(uid)
            }
            Existing::Foreign { .. } => None,
        }
    }

    fn left(&mut self, item: &Item, uid: Option<&str>, why: &str) {
        self.aftermath.left.push(LeftBehind {
            object: item.place.reference(uid),
            why: one_line(why),
        });
    }
}
