//! From the collector's state to a submission, and from its end to an answer.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use gleaner_core::declaration::Declaration;
use gleaner_core::results;
use gleaner_core::variable::SubstitutionError;
use gleaner_proto::exit_code;
use gleaner_proto::failure::{Failure, FailureCode};
use gleaner_proto::message::{Created, Outcome, Phase, Problem, problem_type};
use serde_json::{Map, Value};
use tokio::task::JoinHandle;

use crate::crash_point;
use crate::events::{self, Notice, Recorder};
use crate::journal::Commit;
use gleaner_core::collect::Collector;
use gleaner_core::collect::problem;
use gleaner_core::render::{self, Attempts, Values};
use gleaner_core::run::Run;
use gleaner_submission::{Progress, SubmissionError, Submitter};

pub(super) type Ending = Result<Commit, Problem>;

/// A submission that has ended.
pub(super) struct Ended {
    pub(super) ending: Ending,
    /// What Events say about it.
    pub(super) notices: Vec<Notice>,
}

pub struct Submitting {
    submitter: Option<Submitter>,
    events: Option<Arc<Recorder>>,
    state_dir: PathBuf,
}

/// What a submission works on. Values that arrive later are not in it: the collector copies what it changes.
struct Work {
    declaration: Declaration,
    values: Arc<Values>,
    run: Run,
    state_dir: PathBuf,
}

impl Submitting {
    /// `submitter` may be missing where the declaration has nothing to create, and `events` where there is no run in the cluster.
    pub(crate) fn new(
        submitter: Option<Submitter>,
        events: Option<Recorder>,
        state_dir: PathBuf,
    ) -> Self {
        Self {
            submitter,
            events: events.map(Arc::new),
            state_dir,
        }
    }

    /// Begins to create the Events about an ending, as a task of its own.
    pub(super) fn tell(&self, notices: Vec<Notice>) -> Option<JoinHandle<()>> {
        let events = Arc::clone(self.events.as_ref()?);
        Some(tokio::spawn(async move { events.tell(notices).await }))
    }

    /// Begins to create everything of `collector`, as a task of its own.
    pub(super) fn begin(&self, collector: &Collector) -> JoinHandle<Ended> {
        let work = Work {
            declaration: collector.declaration().clone(),
            values: Arc::clone(collector.values()),
            run: collector.run().clone(),
            state_dir: self.state_dir.clone(),
        };
        let submitter = self.submitter.clone();
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

/// The end of the submission that is under way; never, when there is none.
pub(super) async fn ended(submission: &mut Option<JoinHandle<Ended>>) -> Ended {
    match submission {
        Some(handle) => match handle.await {
            Ok(ended) => ended,
            // The error quotes the message of a panic, and that may quote anything.
            Err(_) => {
                let detail = "the submission panicked; the sidecar's log names the place; this is a bug in Gleaner";
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

    /// Without objects, but for those that the problem names; `removed` were deleted again.
    pub(super) fn failed(problem: Problem, removed: &[String]) -> Self {
        Self {
            notices: events::of_failure(&problem, removed),
            ending: Err(problem),
        }
    }
}

async fn submit(submitter: &Submitter, work: &Work) -> Ended {
    // What the variables lead to is looked at once before, because that is the outputs' fault and not the cluster's.
    if let Err(error) = render::render(&work.declaration, &work.values, &work.run, &Attempts::new())
    {
        return Ended::failed(not_rendered(&error), &[]);
    }
    let last = Mutex::new((Attempts::new(), BTreeMap::new()));
    let render = |attempts: &Attempts| {
        let rendered = render::render(&work.declaration, &work.values, &work.run, attempts)?;
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
    let submitted = submitter
        .submit(render, &|progress| pass(&work.state_dir, progress))
        .await;
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

fn pass(state_dir: &std::path::Path, progress: Progress<'_>) {
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

/// The problem when the outputs do not hold what the templates need.
fn not_rendered(error: &SubstitutionError) -> Problem {
    let title = "the outputs do not hold what the templates need";
    let detail = format!("nothing was created: {error}");
    let failure = Failure {
        resource: None,
        code: FailureCode::InvalidOutput,
        message: error.to_string(),
        remedy: None,
    };
    Problem {
        failures: vec![failure],
        ..problem::new(problem_type::OUTPUT, 422, title, detail, exit_code::OUTPUT)
    }
}

fn not_created(error: &SubmissionError) -> Problem {
    let title = "the resources could not be created";
    let failures = error.failures.iter().map(|failure| failure.to_message());
    Problem {
        failures: failures.collect(),
        left: error.aftermath.left.clone(),
        kept: error.aftermath.kept.clone(),
        ..problem::new(
            problem_type::NOT_CREATED,
            424,
            title,
            error.sentence(),
            exit_code::NOT_CREATED,
        )
    }
}

#[cfg(test)]
mod tests;
