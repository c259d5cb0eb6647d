//! The checks on the API server before the first step runs.

use std::sync::Arc;

use gleaner_core::collect::problem;
use gleaner_core::declaration::{Preflight, Template};
use gleaner_proto::exit_code;
use gleaner_proto::failure::Failure;
use gleaner_proto::message::{Problem, problem_type};
use tokio::sync::watch;

use crate::run_actor::Handle;
use gleaner_submission::Submitter;

/// The findings of the preflight.
#[derive(Debug)]
pub struct Report {
    /// The consequence of a finding.
    pub mode: Preflight,
    /// The failures that the submission would meet.
    pub blocking: Vec<Failure>,
}

impl Report {
    /// Returns the problem that keeps the steps from running, if there is one.
    pub fn problem(&self) -> Option<Problem> {
        if self.mode != Preflight::Strict || self.blocking.is_empty() {
            return None;
        }
        let findings: Vec<String> = self.blocking.iter().map(sentence).collect();
        let detail = format!(
            "{} (`preflight: Strict`: no step runs)",
            findings.join("; ")
        );
        let title = "the resources could not be created";
        let code = exit_code::NOT_CREATED;
        Some(Problem {
            failures: self.blocking.clone(),
            ..problem::new(problem_type::NOT_CREATED, 424, title, detail, code)
        })
    }
}

/// Asks the API server, notes what it finds, and keeps it for `GET /v1/preflight`.
pub(crate) async fn run(
    submitter: Option<Submitter>,
    templates: Vec<Template>,
    mode: Preflight,
    handle: Handle,
    report: watch::Sender<Option<Arc<Report>>>,
) {
    let findings = match submitter {
        Some(submitter) => submitter.preflight(&templates).await,
        None => Vec::new(),
    };
    let mut blocking = Vec::new();
    for finding in findings {
        let failure = &finding.failure;
        tracing::warn!(resource = failure.resource, blocking = finding.blocking, finding = %failure, "preflight");
        handle
            .note(format!("preflight: {}", sentence(failure)))
            .await;
        if finding.blocking {
            blocking.push(finding.failure);
        }
    }
    // When nobody receives it, nobody waits for it.
    let _ = report.send(Some(Arc::new(Report { mode, blocking })));
}

fn sentence(failure: &Failure) -> String {
    let resource = failure.resource.as_deref().unwrap_or_default();
    format!("'{resource}': {failure}")
}
