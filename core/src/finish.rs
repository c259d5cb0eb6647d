//! Who tells the sidecar that all steps have ended.

use crate::task::Step;

/// Who finishes the run of a Task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The redirector of the last step.
    LastStep,
    /// A step of Gleaner's own after it.
    OwnStep,
}

impl Finish {
    /// The number of containers that Gleaner adds to a pod: its sidecar, and a step of its own.
    pub const fn containers(self) -> usize {
        match self {
            Self::LastStep => 1,
            Self::OwnStep => 2,
        }
    }

    /// Who can: the last step, if it always runs and its exit code counts. A step of Gleaner's own costs up to a second,
    /// because Tekton's entrypoint checks once a second whether the step before has ended (`cmd/entrypoint/main.go`).
    pub fn of(steps: &[Step]) -> Self {
        // A variable in onError is known only to the run.
        let stops = |step: &Step| step.on_error.as_deref().is_none_or(|word| word == STOP);
        match steps.last() {
            Some(last) if !can_finish(last, !stops(last)) => Self::OwnStep,
            _ => Self::LastStep,
        }
    }
}

/// `onError` of a step whose failure fails the run, which is the default (`pkg/apis/pipeline/v1/container_types.go`).
const STOP: &str = "stopAndFail";

/// Returns true if `last`, the last step of its Task, can finish the run. A step with `when` may be skipped, and then
/// Tekton's entrypoint starts nothing; one that continues on an error may fail without failing the run.
pub fn can_finish(last: &Step, continues_on_error: bool) -> bool {
    last.when.is_empty() && !continues_on_error
}
