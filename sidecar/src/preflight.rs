//! What the API server says before the first step has run.

use std::sync::Arc;

use gleaner_core::declaration::{Preflight, Template};
use tokio::sync::watch;

use crate::keeper::Handle;
use gleaner_submission::Submitter;

/// What the preflight has found.
#[derive(Debug)]
pub struct Report {
    /// What to do about it.
    pub mode: Preflight,
    /// What is bound to make the submission fail, each in a sentence.
    pub blocking: Vec<String>,
}

/// Asks the API server, tells what it says, and keeps it for `GET /v1/preflight`.
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
        tracing::warn!(resource = %finding.resource, blocking = finding.blocking, finding = %finding.sentence, "preflight");
        let sentence = format!("'{}': {}", finding.resource, finding.sentence);
        handle.note(format!("preflight: {sentence}")).await;
        if finding.blocking {
            blocking.push(sentence);
        }
    }
    // Who still waits for it has gone when nobody receives it.
    let _ = report.send(Some(Arc::new(Report { mode, blocking })));
}
