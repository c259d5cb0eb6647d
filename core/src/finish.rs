//! The container that reports to the sidecar that all steps have finished.

use crate::task::Step;

/// The container that finishes the run of a Task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The redirector of the last step.
    LastStep,
    /// A step that Gleaner adds after the Task's last step.
    OwnStep,
}

impl Finish {
    /// Returns the number of containers that Gleaner adds to a pod: the sidecar, and the finish step if one is needed.
    pub const fn containers(self) -> usize {
        match self {
            Self::LastStep => 1,
            Self::OwnStep => 2,
        }
    }

    /// Returns `LastStep` if the last step always runs and its failure fails the run. Otherwise, Gleaner adds a step, which makes
    /// the run up to a second longer, because Tekton's entrypoint checks once per second whether the previous step has finished
    /// (`cmd/entrypoint/main.go`).
    pub fn of(steps: &[Step]) -> Self {
        // If `onError` contains a variable, its value is known only at run time, so the step is assumed to continue on error.
        let stops = |step: &Step| step.on_error.as_deref().is_none_or(|word| word == STOP);
        match steps.last() {
            Some(last) if !can_finish(last, !stops(last)) => Self::OwnStep,
            _ => Self::LastStep,
        }
    }
}

/// The default value of a step's `onError`: if the step fails, the run fails (`pkg/apis/pipeline/v1/container_types.go`).
const STOP: &str = "stopAndFail";

/// Returns true if `last`, the last step of its Task, can finish the run. A step with `when` cannot, because its redirector does
/// not run if the step is skipped. A step that continues on error cannot, because it may fail without failing the run.
pub fn can_finish(last: &Step, continues_on_error: bool) -> bool {
    last.when.is_empty() && !continues_on_error
}
