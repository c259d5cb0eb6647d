//! The stages of a submission, and the transitions between them.

use gleaner_proto::message::{Outcome, Problem};

use super::Collector;
use crate::render::Attempts;

/// The stage of the submission. A transition consumes the stage that it leaves; the last two are never left.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Stage {
    /// Nobody has asked for it, or something is unknown.
    #[default]
    Open,
    /// The API server is being asked, or will be at once.
    Submitting,
    Committed(Outcome),
    Failed(Problem),
}

/// A run whose submission is in progress: the only one that can be committed, or fail by its submission.
#[derive(Debug)]
pub struct Submitting<'a>(&'a mut Collector);

// === impl Stage ===

impl Stage {
    /// Begins the submission of an open run.
    pub(super) fn submit(self) -> Self {
        match self {
            Self::Open => Self::Submitting,
            begun => begun,
        }
    }

    /// Ends an open run without a submission.
    pub(super) fn abandon(self, problem: Problem) -> Self {
        match self {
            Self::Open => Self::Failed(problem),
            begun => begun,
        }
    }

    /// Ends the submission in progress.
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
    /// The submission of `collector`, if one is in progress.
    pub(super) fn of(collector: &'a mut Collector) -> Option<Self> {
        (collector.stage == Stage::Submitting).then_some(Self(collector))
    }

    /// Ends it: everything exists.
    pub fn commit(self, outcome: Outcome, attempts: Attempts) {
        self.0.attempts = attempts;
        self.0.notes.extend(outcome.notes.iter().cloned());
        self.0.leave(|stage| stage.settle(Ok(outcome)));
    }

    /// Ends it: the resources could not be created.
    pub fn fail(self, problem: Problem) {
        self.0.leave(|stage| stage.settle(Err(problem)));
    }
}
