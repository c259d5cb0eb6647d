//! Executes a submission: rounds of dry runs, creates and waits, until a round succeeds or everything is rolled back.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use gleaner_core::declaration::WaitFor;
use gleaner_core::render::{Attempts, Rendered};
use gleaner_proto::message::Created;
use gleaner_proto::name::ResourceName;
use gleaner_runtime::api_server::ApiServer;
use gleaner_runtime::{Shutdown, panics};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::api::{Api, Notes, later};
use super::commit::{Made, Means, Stop, commit};
use super::dependency;
use super::discovery::Kinds;
use super::error::{Aftermath, Failure, Reason, SubmissionError};
use super::item::{Item, Prepared, Terms, kind_of, prepare};
use super::kind::PlaceKey;
use super::ledger::{Ledger, Trace};
use super::owner_references;
use super::plan::{Plan, Step, plan};
use super::planned::{Memory, Planned};
use super::progress::{Progress, Report};
use super::rollback::{self, roll_back};
use super::settings::Settings;
use super::wait::{is_settled, settle};

/// The maximum number of names tried for one derived name. Each name has about 25 random bits, so two collisions in a row are
/// very rare.
const NAMES_MAX: u32 = 8;

/// The state shared by all submissions of a submitter.
pub(super) struct Inner {
    pub(super) server: ApiServer,
    pub(super) namespace: String,
    pub(super) run_uid: String,
    pub(super) settings: Settings,
    pub(super) kinds: Kinds,
}

/// An object that exists, with its results.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Committed {
    pub created: Created,
    /// The values of the declared results. A field that is not a string is converted to compact JSON.
    pub results: Map<String, Value>,
}

/// A running submission.
pub(super) struct Run<'a> {
    pub(super) inner: &'a Inner,
    pub(super) api: Api<'a>,
    pub(super) report: Report<'a>,
    pub(super) ending: Option<Shutdown>,
    pub(super) memory: Option<&'a dyn Memory>,
}

/// The result of one round.
enum Round {
    Committed(Vec<Committed>),
    /// Derived names are taken. Nothing was created.
    OtherNames(Vec<Failure>),
    /// Derived names are taken, but the names cannot be changed anymore, because other objects of the run have been created.
    NamesLost(Vec<Failure>),
    /// The API server does not allow the run to set `blockOwnerDeletion`. Nothing was created.
    Unblocked(Failure),
    /// Like [`Self::Unblocked`], but other objects were created before a create request failed.
    UnblockedLate(Failure),
    Failed(Vec<Failure>),
}

/// The objects of all rounds so far, with their states. Each round adds to this data.
#[derive(Default)]
struct Objects {
    /// The objects of this round in the order of the declaration, followed by objects that were planned only in earlier rounds or
    /// attempts.
    items: Vec<Item>,
    /// The number of objects in this round.
    count: usize,
    ledger: Ledger,
}

type Render<'a> = &'a (
        dyn Fn(&BTreeMap<ResourceName, u32>) -> Result<Vec<Rendered>, SubmissionError> + Send + Sync
    );

impl Run<'_> {
    pub(super) async fn submit(
        &self,
        render: Render<'_>,
    ) -> Result<Vec<Committed>, SubmissionError> {
        let earlier = self.memory.map_or(&[][..], Memory::earlier);
        let mut attempts = earlier
            .last()
            .map(|planned| planned.attempts.clone())
            .unwrap_or_default();
        let mut block_owner_deletion = true;
        let mut objects = self.recall(earlier);
        loop {
            // A panic is caught, so that the existing objects are still rolled back.
            let round = self.round(&mut objects, render, &attempts, block_owner_deletion);
            let round = panics::catch_async(round).await.unwrap_or_else(|place| {
                Round::Failed(vec![Failure::general(panicked("submission", &place))])
            });
            let failures = match round {
                Round::Committed(committed) => return Ok(committed),
                Round::Unblocked(_) if block_owner_deletion => {
                    block_owner_deletion = false;
                    self.api.notes.add(owner_references::UNBLOCKED.to_owned());
                    continue;
                }
                Round::OtherNames(failures) => {
                    if next_names(&mut attempts, &failures) {
                        continue;
                    }
                    failures
                }
                // Objects that were already created may contain the taken name, so roll them back before the next round.
                Round::NamesLost(failures) => {
                    let error = self.undo(&objects, failures).await;
                    let clean = error.aftermath.left.is_empty();
                    if clean && next_names(&mut attempts, &error.failures) {
                        objects = self.recall(earlier);
                        continue;
                    }
                    return Err(error);
                }
                Round::UnblockedLate(failure) if block_owner_deletion => {
                    let error = self.undo(&objects, vec![failure]).await;
                    if !error.aftermath.left.is_empty() {
                        return Err(error);
                    }
                    block_owner_deletion = false;
                    self.api.notes.add(owner_references::UNBLOCKED.to_owned());
                    objects = self.recall(earlier);
                    continue;
                }
                Round::Unblocked(failure) | Round::UnblockedLate(failure) => vec![failure],
                Round::Failed(failures) => failures,
            };
            return Err(self.undo(&objects, failures).await);
        }
    }

    /// Returns the objects that earlier attempts planned. The plans contain the objects' kinds, so no discovery is needed.
    fn recall(&self, earlier: &[Planned]) -> Objects {
        let mut objects = Objects::default();
        let mut seen = HashSet::new();
        // If several attempts planned the same object, its entry in the last plan is used.
        for planned in earlier.iter().rev().flat_map(|planned| &planned.objects) {
            let item = Item::of_earlier(planned);
            if seen.insert(item.place.key()) {
                objects.items.push(item);
            }
        }
        dependency::mark_instances(&mut objects.items);
        // Skip a kind whose CRD belongs to this submission, because the API server might not serve the kind yet.
        for item in objects.items.iter().filter(|item| !item.is_instance) {
            self.inner.kinds.insert(&item.place.kind);
        }
        objects.ledger = Ledger::new(&objects.items);
        objects
    }

    async fn round(
        &self,
        objects: &mut Objects,
        render: Render<'_>,
        attempts: &Attempts,
        block_owner_deletion: bool,
    ) -> Round {
        let rendered = match render(attempts) {
            Ok(rendered) => rendered,
            Err(error) => return Round::Failed(error.failures),
        };
        let prepared = self.prepare(rendered, block_owner_deletion).await;
        objects.renew(prepared.items);
        if !prepared.failures.is_empty() {
            return Round::Failed(prepared.failures);
        }
        if !prepared.collisions.is_empty() {
            return Round::OtherNames(prepared.collisions);
        }
        (self.report)(Progress::DryRun);
        let Objects {
            items,
            count,
            ledger,
        } = objects;
        let (items, others) = items.split_at(*count);
        let planned = tokio::select! {
            planned = plan(self.api, items, &self.inner.run_uid, ledger) => planned,
            () = self.cut_off() => Plan::Refused(vec![Failure::general(Reason::CutOff)]),
        };
        let steps = match planned {
            Plan::Go(steps) => steps,
            Plan::OtherNames(failures) => return Round::OtherNames(failures),
            Plan::Unblocked(failure) => return Round::Unblocked(failure),
            Plan::Refused(failures) => return Round::Failed(failures),
        };
        (self.report)(Progress::DryRunDone);
        if let Err(failure) = self.keep(items, attempts).await {
            return Round::Failed(vec![failure]);
        }
        if !others.is_empty() {
            self.remove_others(objects).await;
        }
        let Objects {
            items,
            count,
            ledger,
        } = objects;
        // The ledger is updated before each request, so it is correct even if `carry_out` is dropped here while a request is
        // pending.
        let carried_out = tokio::select! {
            carried_out = self.carry_out(&items[..*count], steps, ledger) => carried_out,
            () = self.cut_off() => Err(Stop::Failed(vec![Failure::general(Reason::CutOff)])),
        };
        match carried_out {
            Ok(committed) => Round::Committed(committed),
            Err(Stop::Failed(failures)) => Round::Failed(failures),
            Err(Stop::OtherNames(failures)) => Round::NamesLost(failures),
            Err(Stop::Unblocked(failure)) => Round::UnblockedLate(failure),
        }
    }

    async fn prepare(&self, rendered: Vec<Rendered>, block_owner_deletion: bool) -> Prepared {
        let wanted: HashSet<_> = rendered.iter().map(|one| kind_of(&one.object)).collect();
        let found = self.inner.kinds.find(self.api, wanted).await;
        let terms = Terms {
            namespace: &self.inner.namespace,
            block_owner_deletion,
        };
        prepare(rendered, &found, terms)
    }

    /// Stores the plan durably, unless it is already stored.
    async fn keep(&self, items: &[Item], attempts: &Attempts) -> Result<(), Failure> {
        let Some(memory) = self.memory else {
            return Ok(());
        };
        let planned = Planned {
            attempts: attempts.clone(),
            objects: items.iter().map(Item::planned).collect(),
        };
        if memory.earlier().last() == Some(&planned) {
            return Ok(());
        }
        memory.keep(planned).await.map_err(|error| {
            let words = format!("the submission plan could not be written to disk: {error}");
            Failure::general(Reason::Internal(words))
        })
    }

    /// Deletes objects that earlier attempts created under names that this round does not use.
    async fn remove_others(&self, objects: &mut Objects) {
        let Objects {
            items,
            count,
            ledger,
        } = objects;
        let others = *count..items.len();
        let run_uid = &self.inner.run_uid;
        let aftermath = roll_back(self.api, items, others.clone(), run_uid, ledger).await;
        if aftermath.left.is_empty() {
            others.for_each(|index| ledger.set(index, Trace::Nothing));
        }
        for left in aftermath.left {
            let note = format!("an object of an earlier attempt may still exist: {left}");
            self.api.notes.add(note);
        }
    }

    async fn carry_out(
        &self,
        items: &[Item],
        steps: Vec<Step>,
        ledger: &mut Ledger,
    ) -> Result<Vec<Committed>, Stop> {
        let means = Means {
            api: self.api,
            kinds: &self.inner.kinds,
            run_uid: &self.inner.run_uid,
            report: self.report,
        };
        let mut made = commit(means, items, steps, ledger).await?;
        if !is_settled(items, &made) {
            (self.report)(Progress::Waiting);
        }
        let results = settle(self.api, items, &mut made).await;
        let results = results.map_err(|(index, failure)| {
            retain(items, index, ledger);
            Stop::Failed(vec![failure])
        })?;
        let committed = |(Made { created, .. }, results)| Committed { created, results };
        Ok(made.into_iter().zip(results).map(committed).collect())
    }

    /// Completes when [`Settings::patience`] has passed after shutdown was requested.
    async fn cut_off(&self) {
        match &self.ending {
            Some(ending) => {
                ending.requested().await;
                tokio::time::sleep(self.inner.settings.patience).await;
            }
            None => std::future::pending().await,
        }
    }

    async fn undo(&self, objects: &Objects, failures: Vec<Failure>) -> SubmissionError {
        let undone = panics::catch_async(self.roll_back(objects)).await;
        SubmissionError {
            failures,
            aftermath: undone.unwrap_or_else(|place| {
                let why = panicked("rollback", &place).to_string();
                rollback::unknown(&objects.items, &objects.ledger, &why)
            }),
        }
    }

    async fn roll_back(&self, objects: &Objects) -> Aftermath {
        (self.report)(Progress::RollingBack);
        let settings = &self.inner.settings;
        let ending = self.ending.as_ref().is_some_and(Shutdown::is_requested);
        let limit = if ending {
            settings.last_rollback
        } else {
            settings.rollback_deadline
        };
        let Objects { items, ledger, .. } = objects;
        let (api, all) = (self.api.within(limit), 0..items.len());
        let aftermath = roll_back(api, items, all, &self.inner.run_uid, ledger).await;
        (self.report)(Progress::RolledBack);
        aftermath
    }
}

fn panicked(what: &str, place: &str) -> Reason {
    Reason::Internal(format!(
        "the {what} panicked at {place}; this is a bug in Gleaner"
    ))
}

/// If an object whose wait failed is declared with `keepOnFailure`, marks the object and its Namespace and CRD as retained.
fn retain(items: &[Item], index: usize, ledger: &mut Ledger) {
    let keeps = |wait: &WaitFor| wait.keep_on_failure;
    if !items[index].wait_for.as_ref().is_some_and(keeps) {
        return;
    }
    for one in dependency::containers(items, index).chain([index]) {
        if let Trace::Exists { uid } = &ledger.get(one).trace {
            let uid = uid.clone();
            ledger.set(one, Trace::Retained { uid });
        }
    }
}

/// Increments the attempt count of each taken name. Returns false if a count exceeds the maximum.
fn next_names(attempts: &mut BTreeMap<ResourceName, u32>, failures: &[Failure]) -> bool {
    let subjects = failures
        .iter()
        .filter_map(|failure| failure.subject.as_ref());
    let mut go_on = true;
    for subject in subjects {
        let taken = attempts.entry(subject.resource.clone()).or_default();
        *taken += 1;
        tracing::warn!(resource = %subject.resource, taken, "derived-name-taken");
        go_on &= *taken < NAMES_MAX;
    }
    go_on
}

// === impl Inner ===

impl Inner {
    pub(super) fn api<'a>(
        &'a self,
        notes: &'a Notes,
        report: Report<'a>,
        limit: Duration,
    ) -> Api<'a> {
        let started = Instant::now();
        Api {
            server: &self.server,
            settings: &self.settings,
            notes,
            report,
            started,
            deadline: later(started, limit),
        }
    }
}

// === impl Objects ===

impl Objects {
    /// Puts the objects of a new round first, followed by the earlier objects that may still exist.
    fn renew(&mut self, mut items: Vec<Item>) {
        let known = std::mem::take(&mut self.items).into_iter().enumerate();
        let mut known: Vec<Item> = known
            .filter(|(index, _)| match self.ledger.get(*index).trace {
                Trace::Nothing | Trace::Unknown | Trace::Kept { .. } => false,
                Trace::Planned | Trace::Sent | Trace::Exists { .. } | Trace::Retained { .. } => {
                    true
                }
            })
            .map(|(_, item)| item)
            .collect();
        let keys: HashSet<PlaceKey> = known.iter().map(|item| item.place.key()).collect();
        for item in &mut items {
            item.earlier = keys.contains(&item.place.key());
        }
        let keys: HashSet<PlaceKey> = items.iter().map(|item| item.place.key()).collect();
        known.retain(|item| !keys.contains(&item.place.key()));
        known.iter_mut().for_each(|item| item.earlier = true);
        self.count = items.len();
        items.append(&mut known);
        self.ledger = Ledger::new(&items);
        self.items = items;
    }
}
