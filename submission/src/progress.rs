//! Progress reports of a running submission.

use gleaner_proto::message::Created;
use gleaner_proto::name::ResourceName;

/// A moment of a submission. Reported synchronously, before anything else is done: who stops the process in the
/// report stops the submission exactly there.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// Everything is about to be tried without effect. May come again, when names have to change.
    DryRun,
    /// Everything has been tried without effect, and the API server would take it.
    DryRunDone,
    /// An object is about to be created, applied, adopted or replaced.
    Creating {
        /// Its position in the declaration.
        index: usize,
        resource: &'a ResourceName,
    },
    Created {
        index: usize,
        created: &'a Created,
    },
    /// All objects exist; those with a `waitFor` or missing results are waited for.
    Waiting,
    /// Something failed; what exists is about to be deleted again.
    RollingBack,
    /// It has been, as far as possible.
    RolledBack,
    /// The submission is over, one way or the other, and about to return.
    Done,
}

/// Takes the moments of a submission.
pub type Report<'a> = &'a (dyn Fn(Progress<'_>) + Send + Sync);
