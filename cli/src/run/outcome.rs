//! The objects that exist after the steps, according to the sidecar.

use std::time::Duration;

use gleaner_core::declaration::{Declaration, Submit};
use gleaner_proto::kubernetes::annotation;
use gleaner_proto::message::{Outcome, Phase, Problem, problem_type};
use gleaner_runtime::shutdown::Signals;
use serde_json::Value;

use super::http::SidecarClient;
use super::progress::Progress;
use super::sidecar_process::SidecarProcess;

/// The time allowed for the shutdown of the sidecar. The sidecar itself takes up to 20 s (`--shutdown-grace`) to complete a
/// submission or to roll it back.
pub(crate) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);

/// The objects that exist after the run.
#[derive(Debug)]
pub(crate) enum Existing {
    /// All objects, as the response to the submit request returned them.
    Objects(Vec<Value>),
    /// All objects, as the sidecar reported them when it shut down.
    Committed(Outcome),
    /// No submission was requested, and none will be. The phase is `Collecting` or `Resolved`.
    Nothing(Phase),
    Failed(Problem),
    /// The sidecar has not reported the outcome.
    Unknown,
}

/// Shuts down the sidecar, including a running submission, and returns the outcome. With `hold`, also returns the sidecar, which
/// keeps running unless it submits.
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
            // A second signal skips the wait; dropping the processes kills them.
            _ = interrupt.next() => {}
        }
    };
    if !submitting {
        ended.await;
        return (existing, None);
    }
    Progress::note("a submission is in progress; completing it or rolling it back");
    // The request is sent before the shutdown begins, so that it is pending when the sidecar shuts down.
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

/// Returns true if the submission itself failed, not the request for its outcome.
fn is_of_submission(problem: &Problem) -> bool {
    [problem_type::NOT_CREATED, problem_type::OUTPUT].contains(&problem.kind.as_str())
}

async fn objects(client: &SidecarClient) -> Vec<Value> {
    client.resources().await.unwrap_or_else(|error| {
        Progress::note(&format!("the created objects cannot be shown: {error}"));
        Vec::new()
    })
}

impl Existing {
    /// Prints the objects that exist after a run that failed, or that was committed while it shut down.
    pub(crate) fn print(&self, succeeded: bool, run_uid: &str) {
        match self {
            Self::Objects(objects) if !succeeded && !objects.is_empty() => Progress::note(
                "the objects stay although the task failed; 'submit: Completed' creates them after the last step",
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
                "the existing objects are unknown: the sidecar did not respond; look for objects annotated {}: {run_uid}",
                annotation::RUN_UID
            )),
        }
    }

    /// Returns the phase of a task that succeeded and created nothing because no submit request arrived.
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
