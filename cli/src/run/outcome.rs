//! Determines from the sidecar's responses which objects exist after the last step.

use std::time::Duration;

use gleaner_core::declaration::{Declaration, Submit};
use gleaner_proto::kubernetes::annotation;
use gleaner_proto::message::{Outcome, Phase, Problem, problem_type};
use gleaner_runtime::shutdown::Signals;
use serde_json::Value;

use super::http::SidecarClient;
use super::progress::Progress;
use super::sidecar_process::SidecarProcess;

/// The time limit for the sidecar's shutdown. The sidecar takes up to 20 s (`--shutdown-grace`) to complete or roll back a
/// submission.
pub(crate) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);

/// The objects that exist after the run.
#[derive(Debug)]
pub(crate) enum Existing {
    /// All objects, as read from the sidecar after the commit.
    Objects(Vec<Value>),
    /// All objects, as reported by the sidecar for a submission that completed during the shutdown.
    Committed(Outcome),
    /// No objects, because no submission started. The phase is `Collecting` or `Resolved`.
    Nothing(Phase),
    Failed(Problem),
    /// Unknown, because the sidecar did not report an outcome.
    Unknown,
}

/// Returns the objects that exist, and shuts down the sidecar, which first completes any submission in progress. If `hold` is
/// true and no submission is in progress, leaves the sidecar running, and also returns the sidecar.
pub(crate) async fn end(
    sidecar: SidecarProcess,
    interrupt: &mut Signals,
    hold: bool,
) -> (Existing, Option<SidecarProcess>) {
    let client = sidecar.client.clone();
    let known = client.status().await;
    let known = known.map(|status| (status.phase, status.problem));
    let submitting = matches!(known, Ok((Phase::Submitting, _)));
    let existing = match known {
        Ok((phase @ (Phase::Collecting | Phase::Resolved), _)) => Existing::Nothing(phase),
        Ok((Phase::Committed, _)) => Existing::Objects(objects(&client).await),
        Ok((Phase::Failed, Some(problem))) => Existing::Failed(problem),
        _ => Existing::Unknown,
    };
    if hold && !submitting {
        return (existing, Some(sidecar));
    }
    let ended = async {
        tokio::select! {
            () = sidecar.end(SHUTDOWN_TIMEOUT) => {}
            // A second signal ends the wait. A sidecar that is still running is killed when its handle is dropped.
            _ = interrupt.next() => {}
        }
    };
    if !submitting {
        ended.await;
        return (existing, None);
    }
    Progress::note("waiting for the submission in progress to complete or roll back");
    // During its shutdown, the sidecar completes only requests that it has already received. The status request delays the
    // shutdown until the submit request has arrived.
    let (answer, ()) = tokio::join!(client.submit(SHUTDOWN_TIMEOUT), async {
        let _ = client.status().await;
        ended.await;
    });
    let existing = match answer {
        Ok(Ok(outcome)) if outcome.phase == Phase::Committed => Existing::Committed(outcome),
        Ok(Err(problem)) if is_of_submission(&problem) => Existing::Failed(problem),
        _ => Existing::Unknown,
    };
    (existing, None)
}

/// Returns true if the problem concerns the submission, not the request for its outcome.
fn is_of_submission(problem: &Problem) -> bool {
    [problem_type::NOT_CREATED, problem_type::OUTPUT].contains(&problem.kind.as_str())
}

async fn objects(client: &SidecarClient) -> Vec<Value> {
    client.resources().await.unwrap_or_else(|error| {
        Progress::note(&format!("cannot show the created objects: {error}"));
        Vec::new()
    })
}

impl Existing {
    /// Prints the objects that exist after a failed run, or after a submission that completed during the shutdown.
    pub(crate) fn print(&self, succeeded: bool, run_uid: &str) {
        match self {
            Self::Objects(objects) if !succeeded && !objects.is_empty() => Progress::note(
                "the created objects remain, although the task failed; with 'submit: Completed', objects are created only after the last step",
            ),
            Self::Objects(_) => {}
            Self::Committed(outcome) => {
                for created in &outcome.resources {
                    let place = created.namespace.iter();
                    let place: String = place.flat_map(|name| [name.as_str(), "/"]).collect();
                    let (kind, name) = (&created.kind, &created.name);
                    Progress::note(&format!("still exists: {kind} {place}{name}"));
                }
            }
            Self::Nothing(_) if succeeded => {}
            Self::Nothing(_) => Progress::note("nothing was created"),
            Self::Failed(problem) if problem.left.is_empty() && problem.kept.is_empty() => {
                Progress::note("nothing was created");
            }
            Self::Failed(problem) => Progress::failed(&problem.detail),
            Self::Unknown => Progress::failed(&format!(
                "the sidecar did not respond, so some objects may have been created; look for objects with the annotation {}: {run_uid}",
                annotation::RUN_UID
            )),
        }
    }

    /// If the task succeeded but created nothing because no submit request arrived, returns the sidecar's phase.
    pub(crate) fn unsubmitted(&self, succeeded: bool, declaration: &Declaration) -> Option<Phase> {
        match self {
            Self::Nothing(phase)
                if succeeded
                    && declaration.submit == Submit::Manual
                    && !declaration.templates.is_empty() =>
            {
                Some(*phase)
            }
            _ => None,
        }
    }

    pub(crate) fn objects(&self) -> &[Value] {
        match self {
            Self::Objects(objects) => objects,
            _ => &[],
        }
    }
}
