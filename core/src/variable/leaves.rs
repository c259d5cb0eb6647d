//! Records which leaves of a tree contain variables, while the variables are replaced.

use super::tree::Unresolved;
use crate::document::Place;

/// A leaf of a substituted tree that contained variables before the substitution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The JSON Pointer (RFC 6901) of the leaf in the substituted tree.
    pub pointer: String,
    /// True if a variable in the leaf could not be replaced.
    pub is_pending: bool,
}

/// The maximum number of leaves that are recorded, because a recorded leaf needs far more memory than a short value. Later leaves
/// are not recorded.
const LEAVES_MAX: usize = 10_000;

/// Collects the leaves while trees are substituted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Trace {
    /// The place of the current node.
    place: Place,
    /// True if the current leaf contains a variable that could not be replaced.
    has_missed: bool,
    leaves: Vec<Leaf>,
    /// The number of leaves that were recorded in all trees.
    recorded: usize,
}

impl Unresolved {
    /// Creates a value that also collects the leaves with variables, for [`take_leaves`](Self::take_leaves).
    pub(crate) fn traced() -> Self {
        Self {
            trace: Some(Trace::default()),
            ..Self::default()
        }
    }

    /// Returns the leaves that were collected since the previous call. Returns an empty list if this value was not created with
    /// [`traced`](Self::traced).
    pub(crate) fn take_leaves(&mut self) -> Vec<Leaf> {
        let trace = self.trace.as_mut();
        trace.map_or_else(Vec::new, |trace| std::mem::take(&mut trace.leaves))
    }

    /// Runs `substitute` for a child of the current node. `child` returns the place of the child.
    pub(crate) fn at<T>(
        &mut self,
        child: impl FnOnce(&Place) -> Place,
        substitute: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let trace = self.trace.as_mut();
        let parent = trace.map(|trace| {
            let child = child(&trace.place);
            std::mem::replace(&mut trace.place, child)
        });
        let substituted = substitute(self);
        if let (Some(trace), Some(parent)) = (&mut self.trace, parent) {
            trace.place = parent;
        }
        substituted
    }

    /// Runs `substitute` for the current node, which is a leaf with variables, and records the leaf.
    pub(super) fn leaf<T>(&mut self, substitute: impl FnOnce(&mut Self) -> T) -> T {
        if let Some(trace) = &mut self.trace {
            trace.has_missed = false;
        }
        let substituted = substitute(self);
        if let Some(trace) = &mut self.trace {
            let place = trace.place.clone();
            trace.record(&place, trace.has_missed);
        }
        substituted
    }

    /// Records that a variable of the current leaf could not be replaced.
    pub(super) fn miss(&mut self) {
        if let Some(trace) = &mut self.trace {
            trace.has_missed = true;
        }
    }

    /// Replaces the last recorded leaf, a `[*]` variable in the current list, with the `count` items of the variable's array.
    /// `first` is the index of the first item in the list.
    pub(super) fn spread(&mut self, first: usize, count: usize) {
        let Some(trace) = &mut self.trace else {
            return;
        };
        if trace.recorded < LEAVES_MAX {
            trace.leaves.pop();
        }
        let list = trace.place.clone();
        for index in first..first + count {
            trace.record(&list.index(index), false);
        }
    }
}

impl Trace {
    /// Records the leaf at `place`.
    fn record(&mut self, place: &Place, is_pending: bool) {
        if self.recorded < LEAVES_MAX {
            self.recorded += 1;
            let pointer = place.pointer();
            self.leaves.push(Leaf {
                pointer,
                is_pending,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_beyond_the_limit_are_not_recorded() {
        let mut unresolved = Unresolved::traced();
        unresolved.leaf(|_| ());
        unresolved.spread(0, 3 * LEAVES_MAX);
        let leaves = unresolved.take_leaves();
        assert_eq!(
            (leaves.len(), leaves[1].pointer.as_str()),
            (LEAVES_MAX - 1, "/1")
        );
        unresolved.leaf(|_| ());
        unresolved.leaf(|_| ());
        assert_eq!(unresolved.take_leaves(), []);
    }
}
