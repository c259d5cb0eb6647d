//! Tracks which objects of a submission exist. The rollback uses this information.

use tokio::time::Instant;

use super::item::Item;

/// The state of one object of the submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trace {
    /// The object does not exist, or does not belong to this run.
    Nothing,
    /// The object was not checked. It does not exist, unless an earlier attempt whose state is lost created it.
    Unknown,
    /// The object was not checked, and an earlier attempt may have created it.
    Planned,
    /// A create request was sent, and its result is unknown.
    Sent,
    /// The object exists and belongs to this run.
    Exists { uid: String },
    /// The object exists and belongs to this run, and the rollback retains it so that users can read its status.
    Retained { uid: String },
    /// The object existed before this submission applied it, so it must not be deleted.
    Kept { uid: Option<String> },
}

/// The state of one object.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) trace: Trace,
    /// The latest time at which the API server can still execute a write that received no response.
    pub(super) in_flight: Option<Instant>,
}

/// The entries for all objects in the submission, in the same order as the objects.
#[derive(Debug, Default)]
pub(super) struct Ledger(Vec<Entry>);

impl Ledger {
    /// Returns the initial ledger, before any request.
    pub(super) fn new(items: &[Item]) -> Self {
        let entry = |item: &Item| Entry {
            trace: if item.earlier {
                Trace::Planned
            } else {
                Trace::Unknown
            },
            in_flight: None,
        };
        Self(items.iter().map(entry).collect())
    }

    pub(super) fn set(&mut self, index: usize, trace: Trace) {
        self.0[index].trace = trace;
    }

    pub(super) fn get(&self, index: usize) -> &Entry {
        &self.0[index]
    }

    pub(super) fn get_mut(&mut self, index: usize) -> &mut Entry {
        &mut self.0[index]
    }
}
