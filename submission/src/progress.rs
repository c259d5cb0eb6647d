//! Progress reports of a running submission.

use gleaner_proto::message::{Created, WaitKind};
use gleaner_proto::name::ResourceName;

/// A moment of a submission. Reported synchronously, before the next action: if the caller stops the process in the report, the
/// submission stops exactly there.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// All objects are about to be dry-run. Reported again if names have to change.
    DryRun,
    /// All dry runs have passed.
    DryRunDone,
    /// An object is about to be created, applied, adopted or replaced.
    Creating {
        /// The object's position in the declaration.
        index: usize,
        resource: &'a ResourceName,
    },
    Created {
        index: usize,
        created: &'a Created,
    },
    /// All objects exist; the submission now waits for those with a `waitFor` or missing results.
    Waiting,
    /// The submission waits for a condition of one object. Reported again after each check.
    Awaiting {
        resource: &'a ResourceName,
        kind: WaitKind,
        /// The condition and the last observation.
        message: &'a str,
    },
    /// An object has reached the awaited state.
    Awaited {
        resource: &'a ResourceName,
    },
    /// An object failed; the created objects are about to be deleted.
    RollingBack,
    /// The objects have been deleted, except those that could not be deleted.
    RolledBack,
    /// The submission has succeeded or failed, and is about to return.
    Done,
}

/// Receives the moments of a submission.
pub type Report<'a> = &'a (dyn Fn(Progress<'_>) + Send + Sync);
