//! Deletes the objects that a failed submission created.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;
use gleaner_proto::failure::{LeftBehind, LeftState};
use serde_json::Value;
use tokio::time::Instant;

use super::PARALLEL;
use super::answer::Answer;
use super::api::Api;
use super::dependency::contains;
use super::error::{Aftermath, one_line};
use super::existing::{Existing, is_made_by, look};
use super::gone::{Deleted, delete};
use super::item::Item;
use super::kind::KindName;
use super::ledger::{Entry, Ledger, Trace};
use super::request::Call;

/// The first interval between two checks for an object that may be created late. It doubles with each check.
const LOOK_FIRST: Duration = Duration::from_millis(50);
/// The longest interval between two checks.
const LOOK_MAX: Duration = Duration::from_secs(1);

/// The message about an object that is retained.
const RETAINED: &str = "its status shows the reason";

/// Deletes the objects in `items[range]` that belong to this run according to `ledger`. The deadline of `api` is separate from
/// the submission's deadline, which may have already passed.
pub(super) async fn roll_back(
    api: Api<'_>,
    items: &[Item],
    range: Range<usize>,
    run_uid: &str,
    ledger: &Ledger,
) -> Aftermath {
    let rollback = Rollback {
        api,
        run_uid,
        silent: AtomicBool::new(false),
    };
    let mut aftermath = Aftermath::default();
    let mut late = Vec::new();
    let begun = Instant::now();
    for wave in waves(&items[range.clone()]) {
        // Collected before streaming, because a closure inside the stream would make the whole future not `Send`
        // (rust-lang/rust#102211).
        let removals: Vec<_> = wave
            .iter()
            .map(|index| range.start + index)
            .map(|index| rollback.remove_one(&items[index], ledger.get(index)))
            .collect();
        let mut removals = futures::stream::iter(removals).buffered(PARALLEL);
        for index in wave {
            let Some(outcome) = removals.next().await else {
                break;
            };
            let index = range.start + index;
            let certain = !matches!(outcome, Outcome::Left(_));
            outcome.enter(&mut aftermath);
            if let Some(until) = ledger.get(index).in_flight
                && certain
                && until > begun
            {
                late.push(rollback.watch(&items[index], until));
            }
        }
    }
    // At most `PARALLEL` watches run at a time. A watch that starts after its end time still checks once.
    let mut late = futures::stream::iter(late).buffered(PARALLEL);
    while let Some(outcome) = late.next().await {
        // An object that was created late has the same name as the deleted object, so the two are reported only once.
        if !matches!(&outcome, Outcome::Removed(object) if aftermath.removed.contains(object)) {
            outcome.enter(&mut aftermath);
        }
    }
    let (removed, left) = (aftermath.removed.len(), aftermath.left.len());
    if removed + left > 0 {
        tracing::info!(removed, left, "rolled-back");
    }
    aftermath
}

/// Returns the positions of the objects, in groups that are deleted one after another. The kinds are deleted in the reverse order
/// of their first objects in the declaration. The objects of one kind are deleted concurrently, starting with the last.
///
/// If objects of other kinds depend on an object, its kind comes earlier in the declaration. The object is therefore deleted
/// after the objects that depend on it.
/// Dependencies within a kind are unknown. Namespaces and CRDs that contain other objects of the run are deleted last, because
/// their deletion also deletes those objects without reporting them.
fn waves(items: &[Item]) -> Vec<Vec<usize>> {
    let mut kinds: Vec<&KindName> = Vec::new();
    let mut waves: Vec<Vec<usize>> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let kind = &item.place.kind.name;
        match kinds.iter().position(|known| *known == kind) {
            Some(wave) => waves[wave].push(index),
            None => {
                kinds.push(kind);
                waves.push(vec![index]);
            }
        }
    }
    let holds = |index: &usize| items.iter().any(|item| contains(&items[*index], item));
    let (containers, contents): (Vec<_>, Vec<_>) = waves
        .into_iter()
        .partition(|wave: &Vec<usize>| wave.iter().any(holds));
    let mut waves: Vec<Vec<usize>> = containers.into_iter().chain(contents).collect();
    waves.reverse();
    waves.iter_mut().for_each(|wave| wave.reverse());
    waves
}

struct Rollback<'a> {
    api: Api<'a>,
    run_uid: &'a str,
    /// True if a check in `remove_unknown` received no response. Further such checks are skipped.
    silent: AtomicBool,
}

/// The result of the rollback of one object.
enum Outcome {
    /// The object does not exist, or it does not belong to this run.
    Nothing,
    Removed(String),
    Kept(gleaner_proto::failure::ObjectReference),
    Left(LeftBehind),
}

impl Rollback<'_> {
    async fn remove_one(&self, item: &Item, entry: &Entry) -> Outcome {
        match &entry.trace {
            Trace::Nothing => Outcome::Nothing,
            Trace::Kept { uid } => Outcome::Kept(item.place.reference(uid.as_deref())),
            Trace::Exists { uid } => self.remove(item, uid).await,
            Trace::Retained { uid } => item.left(Some(uid), LeftState::Retained, RETAINED),
            Trace::Sent | Trace::Planned => match self.remove_found(item).await {
                Ok(outcome) => outcome,
                Err(why) => {
                    let why = format!("Gleaner could not check whether it was created: {why}");
                    item.left(None, LeftState::MayExist, &why)
                }
            },
            Trace::Unknown => self.remove_unknown(item).await,
        }
    }

    async fn remove(&self, item: &Item, uid: &str) -> Outcome {
        match delete(self.api, item, uid, None).await {
            Ok(Deleted::Gone) => Outcome::Removed(item.place.to_string()),
            Ok(Deleted::Going) => {
                Outcome::Removed(format!("{} (until its finalizers are removed)", item.place))
            }
            // The run's object no longer exists: the name is free, or a different object has it.
            Ok(Deleted::Changed | Deleted::Absent) => Outcome::Nothing,
            Err(reason) => item.left(Some(uid), LeftState::Exists, &reason.to_string()),
        }
    }

    /// Reads an object that this run may have created, and deletes it if it exists.
    async fn remove_found(&self, item: &Item) -> Result<Outcome, String> {
        match look(self.api, item, self.run_uid).await {
            Ok(None) => Ok(Outcome::Nothing),
            Ok(Some((existing, object))) => match self.own_uid(item, existing, &object) {
                Some(uid) => Ok(self.remove(item, &uid).await),
                None => Ok(Outcome::Nothing),
            },
            Err(reason) => Err(reason.to_string()),
        }
    }

    /// Checks for the object repeatedly, and deletes it whenever it exists, until the API server can no longer execute a pending
    /// create request for it.
    async fn watch(&self, item: &Item, until: Instant) -> Outcome {
        let mut pause = LOOK_FIRST;
        let mut outcome = Outcome::Nothing;
        loop {
            let now = Instant::now();
            if now >= self.api.deadline {
                let why =
                    "the API server may still execute a create request that received no response";
                return item.left(None, LeftState::MayAppear, why);
            }
            let end = until.min(self.api.deadline);
            tokio::time::sleep(pause.min(end.saturating_duration_since(now))).await;
            pause = (pause * 2).min(LOOK_MAX);
            let over = Instant::now() >= until;
            match self.remove_found(item).await {
                Ok(Outcome::Nothing) => {}
                Ok(left @ Outcome::Left(_)) => return left,
                Ok(removed) => outcome = removed,
                Err(why) => {
                    let why =
                        format!("Gleaner could not check again whether it was created: {why}");
                    return item.left(None, LeftState::MayAppear, &why);
                }
            }
            if over {
                return outcome;
            }
        }
    }

    /// Checks once for an object that an earlier attempt, whose state is lost, may have created. This submission has sent no
    /// write for the object, so a failed check does not make the rollback incomplete.
    async fn remove_unknown(&self, item: &Item) -> Outcome {
        if self.silent.load(Ordering::Relaxed) {
            return Outcome::Nothing;
        }
        match self.api.attempt(&Call::get(&item.place)).await {
            Answer::Done(done) => {
                let existing = Existing::recognise(&done.value, item, self.run_uid);
                match self.own_uid(item, existing, &done.value) {
                    Some(uid) => self.remove(item, &uid).await,
                    None => Outcome::Nothing,
                }
            }
            Answer::Again(again) => {
                if !again.answered {
                    self.silent.store(true, Ordering::Relaxed);
                }
                Outcome::Nothing
            }
            Answer::Refused(_)
            | Answer::Unauthorised(_)
            | Answer::Unexpected(_)
            | Answer::Broken(_) => Outcome::Nothing,
        }
    }

    /// If the object belongs to this run, returns its UID.
    fn own_uid(&self, item: &Item, existing: Existing, object: &Value) -> Option<String> {
        match existing {
            Existing::Same { uid } | Existing::Other { uid, .. } | Existing::Leaving { uid } => {
                is_made_by(object, item, self.run_uid).then_some(uid)
            }
            Existing::Foreign { .. } => None,
        }
    }
}

/// Returns the result for a rollback that panicked. The result lists every object that may exist.
pub(super) fn unknown(items: &[Item], ledger: &Ledger, why: &str) -> Aftermath {
    let mut aftermath = Aftermath::default();
    for (index, item) in items.iter().enumerate() {
        let (uid, state) = match &ledger.get(index).trace {
            Trace::Nothing | Trace::Unknown => continue,
            Trace::Kept { uid } => {
                Outcome::Kept(item.place.reference(uid.as_deref())).enter(&mut aftermath);
                continue;
            }
            Trace::Exists { uid } => (Some(uid.as_str()), LeftState::Exists),
            Trace::Retained { uid } => {
                item.left(Some(uid), LeftState::Retained, RETAINED)
                    .enter(&mut aftermath);
                continue;
            }
            Trace::Sent | Trace::Planned => (None, LeftState::MayExist),
        };
        item.left(uid, state, why).enter(&mut aftermath);
    }
    aftermath
}

// === impl Outcome ===

impl Outcome {
    fn enter(self, aftermath: &mut Aftermath) {
        match self {
            Self::Nothing => {}
            Self::Removed(object) => aftermath.removed.push(object),
            Self::Kept(object) => aftermath.kept.push(object),
            Self::Left(left) => aftermath.left.push(left),
        }
    }
}

impl Item {
    fn left(&self, uid: Option<&str>, state: LeftState, why: &str) -> Outcome {
        Outcome::Left(LeftBehind {
            object: self.place.reference(uid),
            state,
            why: one_line(why),
        })
    }
}
