//! Starts a submission from the state of the collector, and converts the result to an outcome.

mod problems;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use gleaner_core::declaration::Declaration;
use gleaner_core::results::{self, Room};
use gleaner_core::variable::SubstitutionError;
use gleaner_proto::exit_code;
use gleaner_proto::message::{Created, Outcome, Phase, Problem};
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::activity::Activity;
use super::plan::Plans;
use crate::crash_point;
use crate::events::{self, Notice, Recorder};
use crate::journal::{Commit, Journal};
use crate::traces::Traces;
use gleaner_core::collect::Collector;
use gleaner_core::collect::problem;
use gleaner_core::render::{self, Attempts, Rendered, Secrecy, Values};
use gleaner_core::run::Run;
use gleaner_submission::{Planned, Progress, Submitter};
pub(super) use problems::results_do_not_fit;
use problems::{not_created, not_rendered, too_large};

pub(super) type Ending = Result<Commit, Problem>;

/// The result of a finished submission.
pub(super) struct Ended {
    pub(super) ending: Ending,
    /// The Events to create about the result.
    pub(super) notices: Vec<Notice>,
}

/// Starts submissions, and the creation of Events, in separate tasks. Tests use a different implementation.
pub(super) trait Submit: Send + Sync {
    /// Starts the submission of all objects in `collector`.
    fn begin(
        &self,
        collector: &Collector,
        room: Option<Room>,
        journal: &Arc<Mutex<Journal>>,
    ) -> JoinHandle<Ended>;

    /// Starts a task that creates an Event for each notice. Returns `None` if no Events can be created.
    fn tell(&self, notices: Vec<Notice>) -> Option<JoinHandle<()>>;

    /// Returns true if no earlier process has stored a plan, in which case no objects of the run exist.
    fn is_first(&self) -> bool;

    /// Returns the URL of the API server, or `None` if the declaration creates nothing.
    fn api_server(&self) -> Option<String> {
        None
    }

    /// Returns a receiver for the progress of later submissions.
    fn activity(&self) -> watch::Receiver<Activity> {
        watch::channel(Activity::default()).1
    }
}

pub struct Submitting {
    submitter: Option<Submitter>,
    events: Option<Arc<Recorder>>,
    state_dir: PathBuf,
    /// The plans that earlier processes stored in the journal.
    planned: Vec<Planned>,
    traces: Traces,
    activity: watch::Sender<Activity>,
}

/// The input of a submission. Outputs that arrive later do not change it, because the collector copies shared data before it
/// modifies the data.
struct Work {
    declaration: Declaration,
    values: Arc<Values>,
    run: Run,
    room: Option<Room>,
    bounds: render::Bounds,
    state_dir: PathBuf,
    /// True if no earlier process has stored a plan, in which case no objects of the run exist.
    is_first: bool,
    traces: Traces,
    activity: watch::Sender<Activity>,
}

impl Submitting {
    /// Returns the implementation of [`Submit`] for production. `submitter` is `None` if the declaration creates nothing.
    /// `events` is `None` if the cluster has no object to which Events can be attached.
    pub(crate) fn new(
        submitter: Option<Submitter>,
        events: Option<Recorder>,
        state_dir: PathBuf,
        planned: Vec<Planned>,
        traces: Traces,
    ) -> Self {
        Self {
            submitter,
            events: events.map(Arc::new),
            state_dir,
            planned,
            traces,
            activity: watch::Sender::default(),
        }
    }
}

impl Submit for Submitting {
    fn tell(&self, notices: Vec<Notice>) -> Option<JoinHandle<()>> {
        let events = Arc::clone(self.events.as_ref()?);
        Some(tokio::spawn(async move { events.tell(notices).await }))
    }

    fn is_first(&self) -> bool {
        self.planned.is_empty()
    }

    fn api_server(&self) -> Option<String> {
        let submitter = self.submitter.as_ref()?;
        Some(submitter.api_server().address().to_owned())
    }

    fn activity(&self) -> watch::Receiver<Activity> {
        self.activity.subscribe()
    }

    fn begin(
        &self,
        collector: &Collector,
        room: Option<Room>,
        journal: &Arc<Mutex<Journal>>,
    ) -> JoinHandle<Ended> {
        let work = Work {
            declaration: collector.declaration().clone(),
            values: Arc::clone(collector.values()),
            run: collector.run().clone(),
            room,
            bounds: collector.bounds().objects,
            state_dir: self.state_dir.clone(),
            is_first: self.is_first(),
            traces: self.traces.clone(),
            activity: self.activity.clone(),
        };
        let plans = Plans {
            earlier: self.planned.clone(),
            journal: Arc::clone(journal),
            ending: super::ending::room(collector.declaration()),
        };
        let work = Arc::new(work);
        let submitter = self.submitter.clone();
        let submitter = submitter.map(|submitter| submitter.remembering(Arc::new(plans)));
        tokio::spawn(async move {
            match submitter {
                Some(submitter) => submit(&submitter, &work).await,
                None => Ended::committed(Commit {
                    outcome: outcome(Vec::new(), Vec::new(), BTreeMap::new()),
                    attempts: Attempts::new(),
                }),
            }
        })
    }
}

impl Work {
    /// Checks the size of the objects, renders them, and checks that their results fit into the termination message.
    fn first_rendering(&self) -> Result<Vec<Rendered>, Problem> {
        let Self {
            declaration,
            values,
            run,
            room,
            bounds,
            ..
        } = self;
        render::measure(declaration, values, run, Secrecy::Plain, bounds, None)
            .map_err(|error| too_large(&error))?;
        let rendered = render::render(declaration, values, run, &Attempts::new())
            .map_err(|error| not_rendered(&error))?;
        if let Some(room) = room {
            let objects = rendered.iter().map(|one| {
                let name = one.object["metadata"]["name"].as_str();
                (one.resource.as_str(), name.unwrap_or_default())
            });
            let fits = room.check(declaration, objects);
            fits.map_err(|error| results_do_not_fit(&error, false))?;
        }
        Ok(rendered)
    }
}

/// Waits for the result of the running submission. Waits forever if none is running.
pub(super) async fn ended(submission: &mut Option<JoinHandle<Ended>>) -> Ended {
    match submission {
        Some(handle) => match handle.await {
            Ok(ended) => ended,
            // The join error is dropped, because it contains the panic's message, which may quote a secret.
            Err(_) => {
                let detail = "the submission panicked, which is a bug in Gleaner; report it with the location from the sidecar's log";
                let mut problem = problem::internal(detail);
                problem.exit_code = exit_code::NOT_CREATED;
                Ended::failed(problem, &[])
            }
        },
        None => std::future::pending().await,
    }
}

impl Ended {
    fn committed(commit: Commit) -> Self {
        Self {
            notices: events::of_commit(&commit),
            ending: Ok(commit),
        }
    }

    /// Returns the result of a failed submission. `removed` contains the objects that were rolled back.
    pub(super) fn failed(problem: Problem, removed: &[String]) -> Self {
        Self {
            notices: events::of_failure(&problem, removed),
            ending: Err(problem),
        }
    }
}

async fn first_rendering(work: &Arc<Work>) -> Result<Vec<Rendered>, Problem> {
    let work = Arc::clone(work);
    let rendered = tokio::task::spawn_blocking(move || work.first_rendering());
    match rendered.await {
        Ok(rendered) => rendered,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

async fn submit(submitter: &Submitter, work: &Arc<Work>) -> Ended {
    // Render before the submission starts, so that an error caused by outputs is not reported as a cluster error. Use a different
    // thread, because the current thread serves the steps.
    let first = match work.is_first {
        true => {
            let start = work.traces.start();
            let first = first_rendering(work).await;
            work.traces.rendered(start, first.as_ref().err());
            first.map(Some)
        }
        false => Ok(None),
    };
    let first = match first {
        Ok(first) => Mutex::new(first),
        Err(problem) => return Ended::failed(problem, &[]),
    };
    let last = Mutex::new((Attempts::new(), BTreeMap::new()));
    let render = |attempts: &Attempts| {
        let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let rendered = match first.filter(|_| attempts.is_empty()) {
            Some(rendered) => rendered,
            None => render::render(&work.declaration, &work.values, &work.run, attempts)?,
        };
        let fields = rendered
            .iter()
            .filter_map(|one| {
                let template = work.declaration.template(one.resource.as_str())?;
                let fields = results::rendered_fields(template, &one.object);
                Some((one.resource.to_string(), fields))
            })
            .collect();
        *last.lock().unwrap_or_else(PoisonError::into_inner) = (attempts.clone(), fields);
        Ok::<_, SubstitutionError>(rendered)
    };
    crash_point::reach(&work.state_dir, "resolved");
    let report = |progress: Progress<'_>| {
        work.activity
            .send_if_modified(|activity| activity.pass(progress));
        pass(work, progress);
    };
    let submitted = submitter.submit(render, &report).await;
    let (attempts, fields) = last.into_inner().unwrap_or_else(PoisonError::into_inner);
    match submitted {
        Ok(submission) => {
            let committed = submission
                .committed
                .into_iter()
                .map(|one| (one.created, one.results))
                .collect();
            let outcome = outcome(committed, submission.notes, fields);
            Ended::committed(Commit { outcome, attempts })
        }
        Err(error) => Ended::failed(not_created(&error), &error.aftermath.removed),
    }
}

fn pass(work: &Work, progress: Progress<'_>) {
    work.traces.progress(progress);
    let state_dir = &work.state_dir;
    match progress {
        Progress::DryRun => crash_point::reach(state_dir, "rendered"),
        Progress::DryRunDone => crash_point::reach(state_dir, "dry-run"),
        Progress::Creating { index, .. } => {
            crash_point::reach(state_dir, &format!("creating-{index}"))
        }
        Progress::Created { index, created } => {
            tracing::info!(resource = %created.resource, kind = %created.kind, name = %created.name,
                action = ?created.action, "object-created");
            crash_point::reach(state_dir, &format!("created-{index}"));
        }
        Progress::RollingBack => {
            tracing::warn!("rolling-back");
            crash_point::reach(state_dir, "rolling-back");
        }
        Progress::RolledBack => crash_point::reach(state_dir, "rolled-back"),
        Progress::Done => crash_point::reach(state_dir, "committed"),
        _ => {}
    }
}

fn outcome(
    committed: Vec<(Created, Map<String, Value>)>,
    mut notes: Vec<String>,
    mut fields: BTreeMap<String, Map<String, Value>>,
) -> Outcome {
    let mut results = BTreeMap::new();
    let mut resources = Vec::new();
    for (created, declared) in committed {
        let rendered = fields.remove(&created.resource).unwrap_or_default();
        let result = results::result(&created, rendered, declared);
        notes.extend(result.notes);
        results.insert(created.resource.clone(), result.fields);
        resources.push(created);
    }
    Outcome {
        phase: Phase::Committed,
        pending: Vec::new(),
        resources,
        results,
        notes,
    }
}

#[cfg(test)]
mod tests;
