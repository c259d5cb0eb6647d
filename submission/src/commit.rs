//! Creates the objects of a submission in the order of the declaration.

use futures::StreamExt;
use gleaner_core::declaration::Policy;
use gleaner_proto::message::{Action, Created, WaitKind};
use http::StatusCode;
use serde_json::Value;

use super::PARALLEL;
use super::answer::text;
use super::api::{Api, Backoff, CallError, Reply};
use super::dependency;
use super::discovery::Kinds;
use super::error::{Failure, Reason};
use super::existing::{Existing, is_ours, look, taken};
use super::gone::{Deleted, delete, gone};
use super::item::Item;
use super::ledger::{Ledger, Trace};
use super::plan::{Before, Step, TRIES, Verdict, restless, try_again};
use super::progress::{Progress, Report};
use super::remedy::Purpose;
use super::request::{Call, Mode};

/// An object that exists.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) created: Created,
    /// The object itself. It is retained only if the submission reads results from the object or waits for it.
    pub(super) object: Option<Value>,
}

/// A reason to stop creating objects.
#[derive(Debug)]
pub(super) enum Stop {
    /// The failures of the objects that cannot be created. The list is never empty.
    Failed(Vec<Failure>),
    /// The first create request failed because an object with a derived name already exists. The submission must restart with
    /// different names.
    OtherNames(Vec<Failure>),
    /// The first create request failed because the run is not allowed to set `blockOwnerDeletion`. The submission must restart
    /// without this field.
    Unblocked(Failure),
}

/// The context for creating the objects of a submission.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub(super) api: Api<'a>,
    pub(super) kinds: &'a Kinds,
    pub(super) run_uid: &'a str,
    pub(super) report: Report<'a>,
}

/// Creates all `items` as planned in `steps`, and updates `ledger` before and after each request.
pub(super) async fn commit(
    means: Means<'_>,
    items: &[Item],
    mut steps: Vec<Step>,
    ledger: &mut Ledger,
) -> Result<Vec<Made>, Stop> {
    let Means {
        api,
        run_uid,
        report,
        ..
    } = means;
    let mut made = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        if matches!(steps[index], Step::Deferred) {
            resume(means, items, &mut steps, index, ledger).await?;
        }
        let step = std::mem::replace(&mut steps[index], Step::Deferred);
        let resource = &item.resource;
        report(Progress::Creating {
            index,
            resource,
            kind: &item.place.kind.name.kind,
            name: &item.place.name,
        });
        let mut entry = Entry {
            api,
            item,
            run_uid,
            ledger: &mut *ledger,
            index,
        };
        let (action, object) = entry.perform(step).await?;
        let one = item.made(action, object);
        let created = &one.created;
        tracing::debug!(%resource, uid = created.uid, ?action, "object-committed");
        report(Progress::Created { index, created });
        made.push(one);
    }
    Ok(made)
}

/// Dry-runs each deferred object at `index` or later if its Namespace and CRD now exist. An object that needs a later Namespace
/// or CRD stays deferred.
async fn resume(
    means: Means<'_>,
    items: &[Item],
    steps: &mut [Step],
    index: usize,
    ledger: &mut Ledger,
) -> Result<(), Stop> {
    let Means {
        api,
        kinds,
        run_uid,
        ..
    } = means;
    let is_due = |one: &usize| {
        let mut containers = dependency::containers(items, *one);
        matches!(steps[*one], Step::Deferred) && containers.all(|container| container < index)
    };
    let due: Vec<usize> = (index..items.len()).filter(is_due).collect();
    for item in due.iter().map(|one| &items[*one]) {
        if item.is_instance {
            let served = kinds.await_kind(api, &item.place.kind).await;
            served.map_err(|reason| Stop::Failed(vec![item.fails(reason)]))?;
        }
    }
    let is_missing = |one: usize| one >= index;
    let (mut refused, mut other_names, mut unblocked) = (Vec::new(), Vec::new(), None);
    // Collect the futures before streaming them, because a closure inside the stream would make the whole future not `Send`
    // (rust-lang/rust#102211).
    let tries: Vec<_> = due
        .iter()
        .map(|one| try_again(api, &items[*one], run_uid))
        .collect();
    let verdicts: Vec<Verdict> = futures::stream::iter(tries)
        .buffered(PARALLEL)
        .collect()
        .await;
    for (one, verdict) in due.into_iter().zip(verdicts) {
        let item = &items[one];
        match verdict {
            Verdict::Step(step) => {
                if let Some(trace) = step.trace() {
                    ledger.set(one, trace);
                }
                steps[one] = step;
            }
            Verdict::Refused(reason) => {
                if !dependency::may_pass(items, one, &reason, is_missing) {
                    refused.push(item.fails(reason));
                }
            }
            Verdict::OtherName(reason) => {
                ledger.set(one, Trace::Nothing);
                other_names.push(item.fails(reason));
            }
            Verdict::Unblocked(reason) => unblocked = Some(item.fails(reason)),
        }
    }
    if !refused.is_empty() {
        Err(Stop::Failed(refused))
    } else if let Some(failure) = unblocked {
        Err(Stop::Unblocked(failure))
    } else if !other_names.is_empty() {
        Err(Stop::OtherNames(other_names))
    } else {
        Ok(())
    }
}

/// An object and its entry in the ledger.
struct Entry<'a> {
    api: Api<'a>,
    item: &'a Item,
    run_uid: &'a str,
    ledger: &'a mut Ledger,
    index: usize,
}

impl Entry<'_> {
    async fn perform(&mut self, step: Step) -> Result<(Action, Value), Stop> {
        match step {
            Step::Create => self.create(Action::Created).await,
            Step::Adopt { object, .. } => Ok((
                match self.item.policy {
                    Policy::Create => Action::Adopted,
                    Policy::Apply => Action::Applied,
                },
                object,
            )),
            Step::Replace {
                uid,
                resource_version,
            } => {
                self.clear(&uid, resource_version.as_deref()).await?;
                self.create(Action::Replaced).await
            }
            Step::Apply(before) => self.apply(before).await,
            Step::Deferred => Err(self.failed(Reason::Internal(format!(
                "Gleaner did not perform a dry run of {} before creating it",
                self.item.place
            )))),
        }
    }

    /// Creates the object. The API server lets only one client create an object with this name. If the object already exists, its
    /// owner shows which client created it: this run, in an attempt that received no response, or a different client.
    async fn create(&mut self, mut action: Action) -> Result<(Action, Value), Stop> {
        let item = self.item;
        let manager = &self.api.settings.field_manager;
        let call = Call::create(&item.place, item.body.clone(), manager, Mode::Real);
        let mut unsure = false;
        let mut tries = 0;
        let mut backoff = Backoff::default();
        while tries < TRIES {
            self.trace(Trace::Sent);
            let error = match self.send(&call).await {
                Ok(reply) => return Ok((action, self.exists(reply.done.value))),
                Err(error) => error,
            };
            unsure |= error.unsure;
            if !unsure {
                self.trace(Trace::Nothing);
            }
            let unexpected = error.is_unexpected();
            if !unexpected && !error.is_already_exists() {
                return Err(self.failed(Purpose::new("create", &item.place.kind).reason(error)));
            }
            tries += usize::from(!unexpected);
            let existing = look(self.api, item, self.run_uid).await;
            let existing = existing.map_err(|reason| self.failed(reason))?;
            if unexpected && existing.is_none() && !self.api.rest(&mut backoff).await {
                return Err(self.failed(Purpose::new("create", &item.place.kind).reason(error)));
            }
            match existing {
                None => {}
                Some((Existing::Same { .. }, object)) => {
                    let action = if unsure { action } else { Action::Adopted };
                    return Ok((action, self.exists(object)));
                }
                Some((
                    Existing::Other {
                        uid,
                        resource_version,
                    },
                    _,
                )) => {
                    self.clear(&uid, resource_version.as_deref()).await?;
                    action = Action::Replaced;
                }
                Some((Existing::Leaving { uid }, _)) => {
                    let left = gone(self.api, item, &uid).await;
                    left.map_err(|reason| self.failed(reason))?;
                }
                Some((Existing::Foreign { holder }, _)) => return Err(self.lost(holder)),
            }
        }
        Err(self.failed(restless(item)))
    }

    /// Deletes an object that an earlier attempt of the run created.
    async fn clear(&mut self, uid: &str, resource_version: Option<&str>) -> Result<(), Stop> {
        self.trace(Trace::Exists {
            uid: uid.to_owned(),
        });
        let deleted = delete(self.api, self.item, uid, resource_version).await;
        match deleted.map_err(|reason| self.failed(reason))? {
            Deleted::Gone | Deleted::Absent => {}
            Deleted::Going => {
                let left = gone(self.api, self.item, uid).await;
                left.map_err(|reason| self.failed(reason))?;
            }
            // The object changed, so nothing was deleted. The following create request finds and classifies the current object.
            Deleted::Changed => return Ok(()),
        }
        self.trace(Trace::Nothing);
        Ok(())
    }

    async fn apply(&mut self, before: Before) -> Result<(Action, Value), Stop> {
        let item = self.item;
        let manager = &self.api.settings.field_manager;
        let (body, trace) = match &before {
            Before::Nothing => (item.making_body(self.run_uid), Trace::Sent),
            Before::Ours { uid } => {
                let uid = uid.clone();
                (item.making_body(self.run_uid), Trace::Exists { uid })
            }
            Before::Theirs => (item.body.clone(), Trace::Kept { uid: None }),
        };
        let call = Call::apply(&item.place, body, manager, Mode::Real);
        self.trace(trace);
        match self.send(&call).await {
            Ok(reply) => {
                let object = reply.done.value;
                let new = match before {
                    // If an earlier attempt received no response, it may have created the existing object.
                    Before::Nothing => {
                        reply.done.status == StatusCode::CREATED
                            || (reply.unsure && is_ours(&object, item, self.run_uid))
                    }
                    Before::Ours { .. } => true,
                    Before::Theirs => false,
                };
                if new {
                    return Ok((Action::Applied, self.exists(object)));
                }
                let uid = Some(text(&object, "/metadata/uid").to_owned());
                self.trace(Trace::Kept { uid });
                Ok((Action::Applied, object))
            }
            Err(error) => {
                let may_exist = error.unsure || matches!(before, Before::Ours { .. });
                if !may_exist {
                    self.trace(Trace::Nothing);
                }
                Err(self.failed(Purpose::new("patch", &item.place.kind).reason(error)))
            }
        }
    }

    /// Sends a write request, and retries while a ResourceQuota is exhausted. If an earlier attempt received no response, that
    /// attempt may have created the object and used up the quota itself, so this function does not retry, and the caller handles
    /// the refusal.
    async fn send(&mut self, call: &Call) -> Result<Reply, CallError> {
        let in_flight = &mut self.ledger.get_mut(self.index).in_flight;
        let mut backoff = Backoff::default();
        let mut full = None;
        loop {
            match self.api.write(call, in_flight).await {
                Err(error) if error.is_quota() && !error.unsure => {
                    let words = error.refusal().map(|refusal| refusal.words.as_str());
                    (self.api.report)(Progress::Awaiting {
                        resource: &self.item.resource,
                        kind: WaitKind::Quota,
                        message: words.unwrap_or_default(),
                    });
                    if !self.api.rest(&mut backoff).await {
                        return Err(error);
                    }
                    full = Some(error.end);
                }
                // The last attempt may have failed because too little time remained. If an earlier attempt exceeded the quota,
                // return that error instead.
                Err(error) if error.is_late() => {
                    let end = full.unwrap_or(error.end);
                    return Err(CallError { end, ..error });
                }
                sent => return sent,
            }
        }
    }

    fn trace(&mut self, trace: Trace) {
        self.ledger.set(self.index, trace);
    }

    fn exists(&mut self, object: Value) -> Value {
        let uid = text(&object, "/metadata/uid").to_owned();
        self.trace(Trace::Exists { uid });
        object
    }

    fn failed(&self, reason: Reason) -> Stop {
        Stop::Failed(vec![self.item.fails(reason)])
    }

    fn lost(&mut self, holder: String) -> Stop {
        self.trace(Trace::Nothing);
        let failure = self.item.fails(taken(self.item, holder));
        if self.item.derived_name {
            Stop::OtherNames(vec![failure])
        } else {
            Stop::Failed(vec![failure])
        }
    }
}

impl Item {
    fn made(&self, action: Action, object: Value) -> Made {
        let kind = &self.place.kind.name;
        let created = Created {
            resource: self.resource.to_string(),
            api_version: kind.api_version.clone(),
            kind: kind.kind.clone(),
            namespace: self.place.namespace.clone(),
            name: self.place.name.clone(),
            uid: text(&object, "/metadata/uid").to_owned(),
            action,
        };
        let watched = self.wait_for.is_some() || !self.results.is_empty();
        let object = watched.then_some(object);
        Made { created, object }
    }
}
