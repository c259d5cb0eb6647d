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

use super::plan::Plans;
use crate::crash_point;
use crate::journal::{Commit, Journal};
use gleaner_core::collect::Collector;
use gleaner_core::collect::problem;
use gleaner_core::render::Redaction;
use gleaner_core::render::{self, Attempts, Values};
use gleaner_core::run::Run;
use gleaner_submission::{Planned, Progress, SubmissionError, Submitter};

pub(super) type Ending = Result<Commit, Problem>;

pub struct Submitting {
    submitter: Option<Submitter>,
    state_dir: PathBuf,
    /// The plans of earlier processes.
    planned: Vec<Planned>,
}

/// What a submission works on. Values that arrive later are not in it: the collector copies what it changes.
struct Work {
    declaration: Declaration,
    values: Arc<Values>,
    run: Run,
    state_dir: PathBuf,
    /// True if no earlier process can have created anything.
    is_first: bool,
}

impl Submitting {
    /// `submitter` may be missing where the declaration has nothing to create.
    pub const fn new(
        submitter: Option<Submitter>,
        state_dir: PathBuf,
        planned: Vec<Planned>,
    ) -> Self {
        Self {
            submitter,
            state_dir,
            planned,
        }
    }

    /// Begins to create everything of `collector`, as a task of its own.
    pub(super) fn begin(
        &self,
        collector: &Collector,
        journal: &Arc<Mutex<Journal>>,
    ) -> JoinHandle<Ending> {
        let work = Work {
            declaration: collector.declaration().clone(),
            values: Arc::clone(collector.values()),
            run: collector.run().clone(),
            state_dir: self.state_dir.clone(),
            is_first: self.planned.is_empty(),
        };
        let plans = Plans {
            earlier: self.planned.clone(),
            journal: Arc::clone(journal),
        };
        let submitter = self.submitter.clone();
        let submitter = submitter.map(|submitter| submitter.remembering(Arc::new(plans)));
        tokio::spawn(async move {
            match submitter {
                Some(submitter) => submit(&submitter, &work).await,
                None => Ok(Commit {
                    outcome: outcome(Vec::new(), Vec::new(), BTreeMap::new()),
                    attempts: Attempts::new(),
                }),
            }
        })
    }
}

/// The end of the submission that is under way; never, when there is none.
pub(super) async fn ended(submission: &mut Option<JoinHandle<Ending>>) -> Ending {
    match submission {
        Some(handle) => match handle.await {
            Ok(ending) => ending,
            Err(error) => {
                let detail = format!("the submission broke off: {error}; this is a bug of Gleaner");
                let mut problem = problem::internal(detail);
                problem.exit_code = exit_code::NOT_CREATED;
                Err(problem)
            }
        },
        None => std::future::pending().await,
    }
}

async fn submit(submitter: &Submitter, work: &Work) -> Ending {
    // What the variables lead to is looked at once before, because that is the outputs' fault and not the cluster's.
    if work.is_first
        && let Err(error) =
            render::render(&work.declaration, &work.values, &work.run, &Attempts::new())
    {
        return Err(not_rendered(&error));
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
    let redaction = Redaction::new(&work.declaration, &work.values);
    match submitted {
        Ok(submission) => {
            let committed = submission
                .committed
                .into_iter()
                .map(|one| (one.created, one.results))
                .collect();
            let notes = submission.notes.into_iter();
            let notes = notes.map(|note| redaction.apply(note)).collect();
            let outcome = outcome(committed, notes, fields);
            Ok(Commit { outcome, attempts })
        }
        Err(error) => Err(not_created(&error, &redaction)),
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

fn not_created(error: &SubmissionError, redaction: &Redaction) -> Problem {
    let title = "the resources could not be created";
    let failures = error.failures.iter().map(|failure| failure.to_message());
    redaction.apply_to_problem(Problem {
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
    })
}
