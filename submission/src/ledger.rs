//! What is known to exist: the one list that roll-back goes by.

use super::item::Item;

/// What is known about one object of the submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trace {
    /// Nothing of this run's stands there.
    Nothing,
    /// Nobody has said. An earlier attempt of this run may have left it.
    Unknown,
    /// A create was sent, and its outcome is not known.
    Sent,
    /// This run's object exists.
    Exists { uid: String },
    /// It existed before this submission, which applied to it: not ours to delete.
    Kept { uid: Option<String> },
}

/// One [`Trace`] for each object of the submission, in the same order.
#[derive(Debug)]
pub(super) struct Ledger(Vec<Trace>);

impl Ledger {
    /// Before anything was asked.
    pub(super) fn new(items: &[Item]) -> Self {
        Self(items.iter().map(|_| Trace::Unknown).collect())
    }

    pub(super) fn set(&mut self, index: usize, trace: Trace) {
        self.0[index] = trace;
    }

    /// What is known, the last object first: the order of roll-back.
    pub(super) fn backwards(&self) -> impl Iterator<Item = (usize, &Trace)> {
        self.0.iter().enumerate().rev()
    }
}
