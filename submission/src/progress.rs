//! Progress reports from a running submission.

use gleaner_proto::message::{Created, WaitKind};
use gleaner_proto::name::ResourceName;

/// An event in a running submission. The callback runs synchronously before the next action, so a callback that stops the
/// process stops the submission exactly at that point.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// All objects are about to be dry-run. Reported again if derived names must change.
    DryRun,
    /// All dry runs have passed.
    DryRunDone,
    /// An object is about to be created, applied, adopted or replaced.
    Creating {
        /// The object's position in the declaration.
        index: usize,
        resource: &'a ResourceName,
        kind: &'a str,
        name: &'a str,
    },
    Created {
        index: usize,
        created: &'a Created,
    },
    /// All objects exist. The submission now waits for each object that has a `waitFor` or whose results are missing.
    Waiting,
    /// The submission waits until one object meets a condition. Reported again after each check.
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
    /// The submission failed, and is about to delete the objects that it created.
    RollingBack,
    /// The rollback finished. Objects that could not be deleted may remain.
    RolledBack,
    /// The submission has succeeded or failed, and is about to return.
    Done,
}

/// A callback that receives the events in a submission.
pub type Report<'a> = &'a (dyn Fn(Progress<'_>) + Send + Sync);
