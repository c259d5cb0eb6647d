//! The sidecar's talk with the API server: all objects of a run, or none.
//!
//! One submission goes through these, in this order:
//!
//! | module | deed |
//! | --- | --- |
//! | `discovery` | finds the kinds in use, and no others |
//! | `item` | gives each object its namespace and writes its body |
//! | `plan` | tries all of them without effect, and recognises what an earlier attempt has left |
//! | `commit` | creates them in order; `ledger` knows at every moment what exists |
//! | `wait` | waits for `waitFor` and reads results |
//! | `rollback` | deletes what exists, when any of it failed |
//!
//! Below them, `api` sends one request until it is done, refused or late; `answer` reads what came back, `expected` whether
//! it came from the API server; `request` writes requests; `remedy` turns a refusal into an [`error::Reason`] with what to do about it.
//!
//! Nothing here logs a body, and no text of the API server is kept beyond 2 KiB.

#![allow(
    missing_docs,
    reason = "a program, not a library: docs say what a name cannot"
)]

mod answer;
mod api;
mod commit;
mod discovery;
pub mod error;
mod existing;
mod expected;
mod gone;
mod item;
mod kind;
mod ledger;
mod namespace;
mod owner_references;
mod plan;
mod preflight;
mod progress;
mod remedy;
mod request;
mod rollback;
mod wait;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use gleaner_core::declaration::Template;
use gleaner_proto::message::Created;
use gleaner_proto::name::ResourceName;
use gleaner_runtime::Shutdown;
use gleaner_runtime::api_server::ApiServer;
use serde_json::{Map, Value};
use tokio::time::Instant;

use self::api::{Api, Notes};
use self::commit::{Made, Stop, commit};
use self::discovery::Kinds;
use self::item::{Item, Terms, kind_of, prepare};
use self::ledger::Ledger;
use self::plan::{Plan, Step, plan};
use self::rollback::roll_back;
use self::wait::{is_settled, settle};
use gleaner_core::render::Rendered;

pub use self::error::{Aftermath, Failure, Reason, SubmissionError};
pub use self::kind::Subject;
pub use self::preflight::Finding;
pub use self::progress::{Progress, Report};

/// Requests that are under way at the same time, at most: enough to hide the round trip, too few to notice.
const PARALLEL: usize = 8;

/// How often one derived name may be found taken. Each has 25 bits or so: two in a row is a curiosity already.
const NAMES_MAX: u32 = 8;

/// How patient a submission is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The field manager of everything that is written. Never change it: an object applied under one name cannot
    /// be applied under another without a conflict.
    pub field_manager: String,
    /// Everything up to the last create, retries included; not `waitFor`. Default 60 s.
    pub deadline: Duration,
    /// The roll-back, after that. Default 30 s.
    pub rollback_deadline: Duration,
    /// How much longer a submission may go on once the process is to end. Default 10 s.
    pub patience: Duration,
    /// The roll-back of a submission that was cut off; with the patience less than the 25 s that a sidecar takes to end.
    /// Default 10 s.
    pub last_rollback: Duration,
    /// The preflight, retries included. Default 10 s.
    pub preflight_deadline: Duration,
    /// How long an object in the way that is being deleted may take to go. Default 15 s.
    pub vanish_timeout: Duration,
    /// How long a declared result may take to appear on an object without `waitFor`. Default 30 s.
    pub results_timeout: Duration,
    /// The pause before the one retry after a 401. Default 1 s.
    pub unauthorised_pause: Duration,
}

/// Submits the objects of one run.
#[derive(Clone)]
pub struct Submitter {
    inner: Arc<Inner>,
    ending: Option<Shutdown>,
}

struct Inner {
    server: ApiServer,
    namespace: String,
    run_uid: String,
    settings: Settings,
    kinds: Kinds,
}

/// A submission that succeeded.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Submission {
    /// What exists now, in the order of the declaration.
    pub committed: Vec<Committed>,
    /// Sentences for a person: warnings of the API server, and what had to be done another way.
    pub notes: Vec<String>,
}

/// An object that exists, with its results.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Committed {
    pub created: Created,
    /// Its declared result fields, each as a string; a field that holds none as compact JSON.
    pub results: Map<String, Value>,
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self {
            field_manager: gleaner_proto::kubernetes::label::MANAGER.to_owned(),
            deadline: Duration::from_secs(60),
            rollback_deadline: Duration::from_secs(30),
            patience: Duration::from_secs(10),
            last_rollback: Duration::from_secs(10),
            preflight_deadline: Duration::from_secs(10),
            vanish_timeout: Duration::from_secs(15),
            results_timeout: Duration::from_secs(30),
            unauthorised_pause: Duration::from_secs(1),
        }
    }
}

// === impl Submitter ===

impl Submitter {
    /// A submitter for the run with this UID, whose objects go to `namespace` unless they name another one.
    pub fn new(server: ApiServer, namespace: String, run_uid: String, settings: Settings) -> Self {
        let inner = Arc::new(Inner {
            server,
            namespace,
            run_uid,
            settings,
            kinds: Kinds::default(),
        });
        Self {
            inner,
            ending: None,
        }
    }

    /// Gives submissions only [`Settings::patience`] more once `ending` is requested; what is not complete then is rolled
    /// back, while there is still time for it.
    #[must_use]
    pub fn until(mut self, ending: Shutdown) -> Self {
        self.ending = Some(ending);
        self
    }

    /// Looks for what is bound to go wrong: kinds that are not served, permissions that are missing. Empty when
    /// nothing was found, which is no promise.
    pub async fn preflight(&self, templates: &[Template]) -> Vec<Finding> {
        let notes = Notes::default();
        let inner = &self.inner;
        let api = inner.api(&notes, inner.settings.preflight_deadline);
        preflight::preflight(api, &inner.kinds, &inner.namespace, templates).await
    }

    /// Creates all objects that `render` returns, or none.
    ///
    /// `render` is called with how often the derived name of each template was found taken by something foreign,
    /// and again whenever that changes, because other templates may mention the name.
    ///
    /// Run it to its end, in a task of its own: a future that is dropped half-way rolls nothing back. (A process
    /// that is killed half-way may simply submit again: what it has left is recognised.)
    ///
    /// # Errors
    /// A [`SubmissionError`] with everything that is wrong, and what could not be rolled back.
    pub async fn submit<R, E>(
        &self,
        render: R,
        report: Report<'_>,
    ) -> Result<Submission, SubmissionError>
    where
        R: Fn(&BTreeMap<ResourceName, u32>) -> Result<Vec<Rendered>, E> + Send + Sync,
        E: Display,
    {
        let notes = Notes::default();
        let render = |attempts: &BTreeMap<ResourceName, u32>| {
            render(attempts).map_err(|error| {
                SubmissionError::new(vec![Failure::general(Reason::Render(error.to_string()))])
            })
        };
        let run = Run {
            inner: &self.inner,
            api: self.inner.api(&notes, self.inner.settings.deadline),
            report,
            ending: self.ending.clone(),
        };
        let committed = run.submit(&render).await;
        report(Progress::Done);
        Ok(Submission {
            committed: committed?,
            notes: notes.take(),
        })
    }
}

impl Inner {
    fn api<'a>(&'a self, notes: &'a Notes, limit: Duration) -> Api<'a> {
        let started = Instant::now();
        Api {
            server: &self.server,
            settings: &self.settings,
            notes,
            started,
            deadline: started + limit,
        }
    }
}

/// One submission under way.
struct Run<'a> {
    inner: &'a Inner,
    api: Api<'a>,
    report: Report<'a>,
    ending: Option<Shutdown>,
}

/// What one round came to.
enum Round {
    Committed(Vec<Committed>),
    /// These derived names are taken.
    OtherNames(Vec<Failure>),
    /// The API server does not let the run block its owner's deletion.
    Unblocked(Failure),
}

type Render<'a> = &'a (
        dyn Fn(&BTreeMap<ResourceName, u32>) -> Result<Vec<Rendered>, SubmissionError> + Send + Sync
    );

impl Run<'_> {
    async fn submit(&self, render: Render<'_>) -> Result<Vec<Committed>, SubmissionError> {
        let mut attempts = BTreeMap::new();
        let mut block_owner_deletion = true;
        loop {
            let items = self.items(render(&attempts)?, block_owner_deletion).await?;
            let mut ledger = Ledger::new(&items);
            match self.round(&items, &mut ledger).await? {
                Round::Committed(committed) => return Ok(committed),
                Round::Unblocked(_) if block_owner_deletion => {
                    block_owner_deletion = false;
                    self.api.notes.add(owner_references::UNBLOCKED.to_owned());
                }
                Round::Unblocked(failure) => {
                    return Err(self.undo(&items, &ledger, vec![failure]).await);
                }
                Round::OtherNames(failures) if !next_names(&mut attempts, &failures) => {
                    return Err(self.undo(&items, &ledger, failures).await);
                }
                Round::OtherNames(_) => {}
            }
        }
    }

    async fn items(
        &self,
        rendered: Vec<Rendered>,
        block_owner_deletion: bool,
    ) -> Result<Vec<Item>, SubmissionError> {
        let wanted: std::collections::HashSet<_> =
            rendered.iter().map(|one| kind_of(&one.object)).collect();
        let found = self.inner.kinds.find(self.api, wanted).await;
        let terms = Terms {
            namespace: &self.inner.namespace,
            block_owner_deletion,
        };
        let (items, failures) = prepare(rendered, &found, terms);
        if failures.is_empty() {
            return Ok(items);
        }
        // This submission has created nothing, but one that was killed may have: its objects are among the others.
        let ledger = Ledger::new(&items);
        Err(self.undo(&items, &ledger, failures).await)
    }

    async fn round(&self, items: &[Item], ledger: &mut Ledger) -> Result<Round, SubmissionError> {
        let run_uid = &self.inner.run_uid;
        (self.report)(Progress::DryRun);
        let planned = tokio::select! {
            planned = plan(self.api, items, run_uid, ledger) => planned,
            () = self.cut_off() => Plan::Refused(vec![Failure::general(Reason::CutOff)]),
        };
        let steps = match planned {
            Plan::Go(steps) => steps,
            Plan::OtherNames(failures) => return Ok(Round::OtherNames(failures)),
            Plan::Unblocked(failure) => return Ok(Round::Unblocked(failure)),
            Plan::Refused(failures) => return Err(self.undo(items, ledger, failures).await),
        };
        (self.report)(Progress::DryRunDone);
        // The ledger is written before each request: it also tells what a request that is dropped here may have made.
        let carried_out = tokio::select! {
            carried_out = self.carry_out(items, steps, ledger) => carried_out,
            () = self.cut_off() => Err(Stop::Failed(Failure::general(Reason::CutOff))),
        };
        match carried_out {
            Ok(committed) => Ok(Round::Committed(committed)),
            Err(Stop::Failed(failure)) => Err(self.undo(items, ledger, vec![failure]).await),
            Err(Stop::OtherName(failure)) => {
                // What exists may mention the name that is taken: begin again from nothing.
                let error = self.undo(items, ledger, vec![failure]).await;
                if error.aftermath.left.is_empty() {
                    Ok(Round::OtherNames(error.failures))
                } else {
                    Err(error)
                }
            }
        }
    }

    async fn carry_out(
        &self,
        items: &[Item],
        steps: Vec<Step>,
        ledger: &mut Ledger,
    ) -> Result<Vec<Committed>, Stop> {
        let run_uid = &self.inner.run_uid;
        let mut made = commit(self.api, items, steps, run_uid, ledger, self.report).await?;
        if !is_settled(items, &made) {
            (self.report)(Progress::Waiting);
        }
        let results = settle(self.api, items, &mut made).await;
        let results = results.map_err(Stop::Failed)?;
        let committed = |(Made { created, .. }, results)| Committed { created, results };
        Ok(made.into_iter().zip(results).map(committed).collect())
    }

    /// Returns when the process has been told to end and patience is over.
    async fn cut_off(&self) {
        match &self.ending {
            Some(ending) => {
                ending.requested().await;
                tokio::time::sleep(self.inner.settings.patience).await;
            }
            None => std::future::pending().await,
        }
    }

    async fn undo(
        &self,
        items: &[Item],
        ledger: &Ledger,
        failures: Vec<Failure>,
    ) -> SubmissionError {
        (self.report)(Progress::RollingBack);
        let settings = &self.inner.settings;
        let ending = self.ending.as_ref().is_some_and(Shutdown::is_requested);
        let limit = if ending {
            settings.last_rollback
        } else {
            settings.rollback_deadline
        };
        let api = self.api.within(limit);
        let aftermath = roll_back(api, items, &self.inner.run_uid, ledger).await;
        (self.report)(Progress::RolledBack);
        SubmissionError {
            failures,
            aftermath,
        }
    }
}

/// Counts the names that are taken; false when these were too many.
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
