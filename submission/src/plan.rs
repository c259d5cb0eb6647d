//! The dry runs of all objects, before the first object is created.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt;
use gleaner_core::declaration::Policy;
use gleaner_proto::message::WaitKind;
use http::StatusCode;
use serde_json::Value;

use super::PARALLEL;
use super::answer::{Refusal, text};
use super::api::{Api, Backoff, CallError};
use super::dependency;
use super::error::{Failure, Reason};
use super::existing::{Existing, is_made_by, look, taken};
use super::gone::gone;
use super::item::Item;
use super::ledger::{Ledger, Trace};
use super::progress::Progress;
use super::remedy::Purpose;
use super::request::{Call, Mode};
use super::wait::has_failed;

/// The number of times that an object may appear and disappear between two requests before the submission fails.
pub(super) const TRIES: usize = 5;

/// The planned action for one object.
#[derive(Debug)]
pub(super) enum Step {
    /// The object does not exist.
    Create,
    /// An earlier attempt of this run created the object with the same content.
    Adopt {
        uid: String,
        object: Value,
        /// False if the object existed before the run applied it.
        made: bool,
    },
    /// An earlier attempt of this run created the object with different content.
    Replace {
        uid: String,
        resource_version: Option<String>,
    },
    Apply(Before),
    /// The object needs another object that is created earlier in the submission. The dry run waits until that object exists.
    Deferred,
}

/// The owner of an object before the run applies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Before {
    /// The object does not exist.
    Nothing,
    /// An earlier attempt of this run created the object.
    Ours { uid: String },
    /// The object has a different owner.
    Theirs,
}

/// The result of the dry run of all objects.
#[derive(Debug)]
pub(super) enum Plan {
    /// No dry run was refused; contains one step for each object.
    Go(Vec<Step>),
    /// Derived names are taken, so the objects must be rendered again with different names.
    OtherNames(Vec<Failure>),
    /// The run is not allowed to set `blockOwnerDeletion`, so the objects must be rendered again without it.
    Unblocked(Failure),
    /// The API server refuses at least one of the objects.
    Refused(Vec<Failure>),
}

/// The result of the dry run of one object.
pub(super) enum Verdict {
    Step(Step),
    OtherName(Reason),
    Unblocked(Reason),
    Refused(Reason),
}

/// Dry-runs all `items`, and records in `ledger` which of them exist.
pub(super) async fn plan(api: Api<'_>, items: &[Item], run_uid: &str, ledger: &mut Ledger) -> Plan {
    // Collected before streaming, because a closure inside the stream would make the whole future not `Send`
    // (rust-lang/rust#102211).
    let is_refused = AtomicBool::new(false);
    let tries: Vec<_> = items
        .iter()
        .map(|item| try_first(api, item, run_uid, &is_refused))
        .collect();
    let mut verdicts: Vec<Verdict> = futures::stream::iter(tries)
        .buffered(PARALLEL)
        .collect()
        .await;
    defer(items, &mut verdicts);
    let mut steps = Vec::new();
    let mut other_names = Vec::new();
    let mut unblocked = None;
    let mut refused = Vec::new();
    // Objects are created in order, so an earlier process that was killed had at most one create in flight: the create of the
    // first missing object.
    let missing = items.iter().zip(&verdicts).position(|(item, verdict)| {
        let exists = |step: &Step| step.trace().is_some_and(|trace| trace != Trace::Nothing);
        item.earlier && !matches!(verdict, Verdict::Step(step) if exists(step))
    });
    if let Some(index) = missing {
        ledger.get_mut(index).in_flight = Some(api.predecessor_over());
    }
    for (index, (item, verdict)) in items.iter().zip(verdicts).enumerate() {
        match verdict {
            Verdict::Step(step) => {
                if let Some(trace) = step.trace() {
                    ledger.set(index, trace);
                }
                steps.push(step);
            }
            Verdict::OtherName(reason) => {
                ledger.set(index, Trace::Nothing);
                other_names.push(item.fails(reason));
            }
            Verdict::Unblocked(reason) => unblocked = Some(item.fails(reason)),
            Verdict::Refused(reason) => {
                if matches!(reason, Reason::Taken { .. }) {
                    ledger.set(index, Trace::Nothing);
                }
                refused.push(item.fails(in_order(items, index, reason)));
            }
        }
    }
    if !refused.is_empty() {
        Plan::Refused(refused)
    } else if let Some(failure) = unblocked {
        Plan::Unblocked(failure)
    } else if !other_names.is_empty() {
        Plan::OtherNames(other_names)
    } else {
        Plan::Go(steps)
    }
}

/// Dry-runs an object for the first time. Defers it if its kind is not served yet.
///
/// If a quota is exhausted, retries until the quota has room for the object, or until the API server refuses another object of
/// the submission.
async fn try_first(api: Api<'_>, item: &Item, run_uid: &str, is_refused: &AtomicBool) -> Verdict {
    if !item.is_served {
        return Verdict::Step(Step::Deferred);
    }
    let verdict = try_with_room(api, item, run_uid, is_refused).await;
    if matches!(verdict, Verdict::Refused(_)) {
        is_refused.store(true, Ordering::Relaxed);
    }
    verdict
}

/// Dry-runs an object repeatedly while a quota has no room for it, until `give_up` is set.
async fn try_with_room(api: Api<'_>, item: &Item, run_uid: &str, give_up: &AtomicBool) -> Verdict {
    let mut backoff = Backoff::default();
    let mut full = None;
    loop {
        let reason = match try_one(api, item, run_uid).await {
            Verdict::Refused(reason) => reason,
            verdict => return verdict,
        };
        if let Reason::QuotaExceeded(words) = &reason {
            (api.report)(Progress::Awaiting {
                resource: &item.resource,
                kind: WaitKind::Quota,
                message: words,
            });
        }
        match reason {
            Reason::QuotaExceeded(_)
                if !give_up.load(Ordering::Relaxed) && api.rest(&mut backoff).await =>
            {
                full = Some(reason);
            }
            // If time ran out during the last attempt, return the quota's refusal, because it is the actual reason.
            Reason::Unreachable { .. } | Reason::Deadline { .. } => {
                return Verdict::Refused(full.unwrap_or(reason));
            }
            reason => return Verdict::Refused(reason),
        }
    }
}

/// Dry-runs a deferred object after the objects that it needs were created.
pub(super) async fn try_again(api: Api<'_>, item: &Item, run_uid: &str) -> Verdict {
    let mut backoff = Backoff::default();
    let patience = api.sooner(api.settings.visible_timeout);
    loop {
        let verdict = try_with_room(api, item, run_uid, &AtomicBool::new(false)).await;
        match &verdict {
            Verdict::Refused(reason)
                if dependency::may_lag(reason) && patience.rest(&mut backoff).await => {}
            _ => return verdict,
        }
    }
}

/// Defers the objects that need an earlier object that does not exist or will be replaced.
fn defer(items: &[Item], verdicts: &mut [Verdict]) {
    for index in 0..items.len() {
        let (before, rest) = verdicts.split_at_mut(index);
        let is_missing = |earlier: usize| !before[earlier].exists();
        let is_replaced =
            |earlier: usize| matches!(before[earlier], Verdict::Step(Step::Replace { .. }));
        let verdict = &mut rest[0];
        let defers = match verdict {
            Verdict::Refused(reason) => dependency::may_pass(items, index, reason, is_missing),
            // If the object's Namespace or CRD is replaced, the object is deleted too, so it must be created again.
            Verdict::Step(_) => dependency::containers(items, index).any(is_replaced),
            Verdict::OtherName(_) | Verdict::Unblocked(_) => false,
        };
        if defers {
            *verdict = Verdict::Step(Step::Deferred);
        }
    }
}

/// If the template for the object's Namespace comes later in the declaration, adds to `reason` the advice to reorder the
/// templates, because objects are created in the order in which the declaration lists them.
fn in_order(items: &[Item], index: usize, reason: Reason) -> Reason {
    match (reason, dependency::later_namespace(items, index)) {
        (Reason::NoNamespace { words, .. }, Some(later)) => Reason::NoNamespace {
            words,
            remedy: format!(
                "'{0}' creates it: put '{0}' before '{1}', because objects are created in the order of the declaration",
                later.resource, items[index].resource
            ),
        },
        (reason, _) => reason,
    }
}

async fn try_one(api: Api<'_>, item: &Item, run_uid: &str) -> Verdict {
    match item.policy {
        Policy::Create => try_create(api, item, run_uid).await,
        Policy::Apply => try_apply(api, item, run_uid).await,
    }
}

async fn try_apply(api: Api<'_>, item: &Item, run_uid: &str) -> Verdict {
    if item.earlier
        && let Some(step) = adopted(api, item, run_uid).await
    {
        return Verdict::Step(step);
    }
    let manager = &api.settings.field_manager;
    let call = Call::apply(&item.place, item.body.clone(), manager, Mode::DryRun);
    match api.call(&call).await {
        // The API server also responds to a dry run with 201 if the object does not exist yet.
        Ok(reply) if reply.done.status == StatusCode::CREATED => {
            Verdict::Step(Step::Apply(Before::Nothing))
        }
        Ok(_) => Verdict::Step(Step::Apply(before(api, item, run_uid).await)),
        Err(error) => refused(api, item, run_uid, "patch", error).await,
    }
}

/// Determines the owner of an object that already exists when it is applied. If the owner cannot be determined, the result
/// is `Theirs`, so that the run does not delete the object.
async fn before(api: Api<'_>, item: &Item, run_uid: &str) -> Before {
    match api.call(&Call::get(&item.place)).await {
        Ok(reply) if is_made_by(&reply.done.value, item, run_uid) => Before::Ours {
            uid: text(&reply.done.value, "/metadata/uid").to_owned(),
        },
        _ => Before::Theirs,
    }
}

/// Dry-runs an object that will be created. An object that an earlier attempt may have created is read first, because its dry run
/// may be refused: by a quota that the object itself uses up, or by a policy or webhook that has changed since. To save a
/// request, any other object is read only if its dry run is refused.
async fn try_create(api: Api<'_>, item: &Item, run_uid: &str) -> Verdict {
    if item.earlier {
        match look_and_judge(api, item, run_uid).await {
            // Without the permission to get the object, only the dry run can show whether the object exists.
            Ok(None) | Err(Reason::Forbidden { .. }) => {}
            Ok(Some(verdict)) => return verdict,
            Err(reason) => return Verdict::Refused(reason),
        }
    }
    let manager = &api.settings.field_manager;
    let call = Call::create(&item.place, item.body.clone(), manager, Mode::DryRun);
    for _ in 0..TRIES {
        match api.call(&call).await {
            Ok(_) => return Verdict::Step(Step::Create),
            Err(error) if error.is_already_exists() => {}
            Err(error) => return refused(api, item, run_uid, "create", error).await,
        }
        match look_and_judge(api, item, run_uid).await {
            Ok(None) => {}
            Ok(Some(verdict)) => return verdict,
            Err(reason) => return Verdict::Refused(reason),
        }
    }
    Verdict::Refused(restless(item))
}

/// Reads the object and decides how to treat it. Returns `None` if the object does not exist.
async fn look_and_judge(
    api: Api<'_>,
    item: &Item,
    run_uid: &str,
) -> Result<Option<Verdict>, Reason> {
    Ok(match look(api, item, run_uid).await? {
        Some((existing, object)) => judge(api, item, run_uid, existing, object).await,
        None => None,
    })
}

/// If an earlier attempt of this run created the object with the same content, returns a step that adopts the object.
async fn adopted(api: Api<'_>, item: &Item, run_uid: &str) -> Option<Step> {
    match look(api, item, run_uid).await {
        Ok(Some((Existing::Same { uid }, object))) => Some(adopt(item, run_uid, uid, object)),
        _ => None,
    }
}

fn adopt(item: &Item, run_uid: &str, uid: String, object: Value) -> Step {
    let made = is_made_by(&object, item, run_uid);
    Step::Adopt { uid, object, made }
}

/// Decides how to treat an existing object. Returns `None` if the object was being deleted and no longer exists.
async fn judge(
    api: Api<'_>,
    item: &Item,
    run_uid: &str,
    existing: Existing,
    object: Value,
) -> Option<Verdict> {
    let reason = match existing {
        // An earlier attempt whose state is lost created this object. The object has failed, so it is replaced. If the state is
        // not lost, the object is adopted, so that its failure is reported.
        Existing::Same { uid } if !item.earlier && has_failed(item, &object) => {
            let resource_version = object["metadata"]["resourceVersion"].as_str();
            return Some(Verdict::Step(Step::Replace {
                uid,
                resource_version: resource_version.map(str::to_owned),
            }));
        }
        Existing::Same { uid } => {
            return Some(Verdict::Step(adopt(item, run_uid, uid, object)));
        }
        Existing::Other {
            uid,
            resource_version,
        } => {
            return Some(Verdict::Step(Step::Replace {
                uid,
                resource_version,
            }));
        }
        Existing::Leaving { uid } => match gone(api, item, &uid).await {
            Ok(()) => return None,
            Err(reason @ Reason::Leaving { .. }) => reason,
            Err(reason) => return Some(Verdict::Refused(reason)),
        },
        Existing::Foreign { holder } => taken(item, holder),
    };
    Some(if item.derived_name {
        Verdict::OtherName(reason)
    } else {
        Verdict::Refused(reason)
    })
}

/// Decides how to treat a refused dry run. Admission runs before the API server checks whether the name is taken, so the refused
/// object may already exist and belong to this run, even if the run's state was lost when its pod was deleted.
async fn refused(
    api: Api<'_>,
    item: &Item,
    run_uid: &str,
    verb: &'static str,
    error: CallError,
) -> Verdict {
    let refusal = error.refusal();
    let blocked = refusal.is_some_and(Refusal::is_block_owner_deletion);
    let visible = refusal.is_some_and(|refusal| refusal.code != StatusCode::UNAUTHORIZED);
    let reason = Purpose::new(verb, &item.place.kind).reason(error);
    if blocked {
        return Verdict::Unblocked(reason);
    }
    if visible && let Some(step) = adopted(api, item, run_uid).await {
        return Verdict::Step(step);
    }
    Verdict::Refused(reason)
}

/// Returns the failure reason for an object that appears and disappears faster than it can be read.
pub(super) fn restless(item: &Item) -> Reason {
    Reason::Contested(item.place.to_string())
}

// === impl Step ===

impl Step {
    /// Returns the ledger state of the existing object, or `None` if the object was not read.
    pub(super) fn trace(&self) -> Option<Trace> {
        Some(match self {
            Self::Deferred => return None,
            Self::Create | Self::Apply(Before::Nothing | Before::Theirs) => Trace::Nothing,
            Self::Adopt {
                uid, made: false, ..
            } => Trace::Kept {
                uid: Some(uid.clone()),
            },
            Self::Adopt { uid, .. }
            | Self::Replace { uid, .. }
            | Self::Apply(Before::Ours { uid }) => Trace::Exists { uid: uid.clone() },
        })
    }
}

// === impl Verdict ===

impl Verdict {
    /// Returns true if the object exists and will not be replaced.
    fn exists(&self) -> bool {
        matches!(
            self,
            Self::Step(Step::Adopt { .. } | Step::Apply(Before::Ours { .. } | Before::Theirs))
        )
    }
}
