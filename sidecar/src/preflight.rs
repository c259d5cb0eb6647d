//! The preflight, which checks kinds and permissions before the first step runs.

use std::sync::Arc;
use std::time::Duration;

use gleaner_core::collect::problem;
use gleaner_core::declaration::{Preflight, Template};
use gleaner_proto::exit_code;
use gleaner_proto::failure::Failure;
use gleaner_proto::message::{Problem, problem_type};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::run_actor::Handle;
use gleaner_submission::{Finding, Submitter};

/// The pause before the next request, if the API server did not respond.
const PAUSE: Duration = Duration::from_secs(1);

/// The findings of the preflight.
#[derive(Debug)]
pub struct Report {
    /// The mode, which determines how a finding affects the steps.
    pub mode: Preflight,
    /// The findings that would make the submission fail.
    pub blocking: Vec<Failure>,
    /// Set while the API server does not respond. The preflight is repeated until the API server responds.
    pub unanswered: Option<Unanswered>,
}

/// The state of a preflight to which the API server has not responded.
#[derive(Debug)]
pub struct Unanswered {
    /// The time of the first request.
    pub since: Instant,
    /// The failure of the latest request.
    pub last: Failure,
}

impl Report {
    /// Returns true if a step need not wait any longer, because the API server has responded, or because its response cannot
    /// block the step.
    pub fn is_complete(&self) -> bool {
        self.mode != Preflight::Strict || self.unanswered.is_none()
    }

    /// Returns the problem that blocks the steps, if any.
    pub fn problem(&self) -> Option<Problem> {
        if self.mode != Preflight::Strict {
            return None;
        }
        let (title, detail, failures) = match &self.unanswered {
            Some(Unanswered { since, last }) => (
                "the API server cannot be reached",
                format!(
                    "the API server has been unreachable for {} s: {last}",
                    since.elapsed().as_secs()
                ),
                vec![last.clone()],
            ),
            None if self.blocking.is_empty() => return None,
            None => {
                let findings: Vec<String> = self.blocking.iter().map(sentence).collect();
                let title = "the resources could not be created";
                (title, findings.join("; "), self.blocking.clone())
            }
        };
        let detail =
            format!("{detail} (no step runs, because the declaration sets `preflight: Strict`)");
        let code = exit_code::NOT_CREATED;
        Some(Problem {
            failures,
            ..problem::new(problem_type::NOT_CREATED, 424, title, detail, code)
        })
    }
}

/// Repeats the preflight until the API server responds, adds the findings to the status, and publishes them for
/// `GET /v1/preflight`.
pub(crate) async fn run(
    submitter: Option<Submitter>,
    templates: Vec<Template>,
    mode: Preflight,
    handle: Handle,
    report: watch::Sender<Option<Arc<Report>>>,
) {
    let since = Instant::now();
    let findings = loop {
        let findings = match &submitter {
            Some(submitter) => submitter.preflight(&templates).await,
            None => Vec::new(),
        };
        let Some(unanswered) = findings.iter().find(|finding| !finding.answered) else {
            break findings;
        };
        let last = unanswered.failure.clone();
        tracing::warn!(error = %last, "preflight-unanswered");
        let unanswered = Some(Unanswered { since, last });
        report.send_replace(Some(Arc::new(Report {
            mode,
            blocking: Vec::new(),
            unanswered,
        })));
        tokio::time::sleep(PAUSE).await;
    };
    let mut blocking = Vec::new();
    for Finding {
        failure,
        blocking: blocks,
        ..
    } in findings
    {
        tracing::warn!(resource = failure.resource, blocking = blocks, finding = %failure, "preflight");
        handle
            .note(format!("preflight: {}", sentence(&failure)))
            .await;
        if blocks {
            blocking.push(failure);
        }
    }
    report.send_replace(Some(Arc::new(Report {
        mode,
        blocking,
        unanswered: None,
    })));
}

fn sentence(failure: &Failure) -> String {
    let resource = failure.resource.as_deref().unwrap_or_default();
    format!("'{resource}': {failure}")
}
