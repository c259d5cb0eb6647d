//! The stages of a submission, and the transitions between them.

use gleaner_proto::message::{Outcome, Problem};

use super::Collector;
use crate::render::Attempts;

/// The stage of the submission. Each transition consumes the previous stage. `Committed` and `Failed` are final.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Stage {
    /// The submission has not started, because it is not due yet or some variables are unknown.
    #[default]
    Open,
    /// The submission is in progress or about to start.
    Submitting,
    Committed(Outcome),
    Failed(Problem),
}

/// A run with a submission in progress. Only such a run can be committed, or fail because of its submission.
#[derive(Debug)]
pub struct Submitting<'a>(&'a mut Collector);

// === impl Stage ===

impl Stage {
    /// Starts the submission of an open run.
    pub(super) fn submit(self) -> Self {
        match self {
            Self::Open => Self::Submitting,
            begun => begun,
        }
    }

    /// Makes an open run fail before its submission starts.
    pub(super) fn abandon(self, problem: Problem) -> Self {
        match self {
            Self::Open => Self::Failed(problem),
            begun => begun,
        }
    }

    /// Completes the submission in progress.
    fn settle(self, ended: Result<Outcome, Problem>) -> Self {
        match (self, ended) {
            (Self::Submitting, Ok(outcome)) => Self::Committed(outcome),
            (Self::Submitting, Err(problem)) => Self::Failed(problem),
            (other, _) => other,
        }
    }
}

// === impl Submitting ===

impl<'a> Submitting<'a> {
    /// Returns the submission in progress, or `None` if `collector` is not submitting.
    pub(super) fn of(collector: &'a mut Collector) -> Option<Self> {
        (collector.stage == Stage::Submitting).then_some(Self(collector))
    }

    /// Records that the submission succeeded: all objects exist.
    pub fn commit(self, outcome: Outcome, attempts: Attempts) {
        self.0.attempts = attempts;
        self.0.notes.extend(outcome.notes.iter().cloned());
        self.0.leave(|stage| stage.settle(Ok(outcome)));
    }

    /// Records that the submission failed: the resources could not be created.
    pub fn fail(self, problem: Problem) {
        self.0.leave(|stage| stage.settle(Err(problem)));
    }
}
