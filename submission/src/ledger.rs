//! Tracks which objects of a submission exist; the rollback uses this list.

use tokio::time::Instant;

use super::item::Item;

/// The state of one object of the submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trace {
    /// No object of this run exists.
    Nothing,
    /// The object was not checked. It did not exist, unless the state of an earlier attempt is lost.
    Unknown,
    /// The object was not checked, and an earlier attempt may have created it.
    Planned,
    /// A create was sent, and the outcome is unknown.
    Sent,
    /// The object of this run exists.
    Exists { uid: String },
    /// The object of this run exists, and is kept so that its status can be read.
    Retained { uid: String },
    /// The object existed before this submission applied to it: it must not be deleted.
    Kept { uid: Option<String> },
}

/// One object.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) trace: Trace,
    /// The moment until which the API server may still execute a write that got no response.
    pub(super) in_flight: Option<Instant>,
}

/// One [`Entry`] for each object of the submission, in the same order.
#[derive(Debug, Default)]
pub(super) struct Ledger(Vec<Entry>);

impl Ledger {
    /// Returns the ledger in its state before any request.
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
