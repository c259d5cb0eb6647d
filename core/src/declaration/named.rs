//! A list with constant-time lookup by name, for declarations with thousands of items that refer to each other.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;

/// An item of a [`NamedList`].
pub trait Named {
    /// Returns the name by which other items refer to this item.
    fn name(&self) -> &str;
}

/// A list with constant-time lookup by name.
#[derive(Clone)]
pub struct NamedList<T> {
    items: Vec<T>,
    positions: HashMap<String, usize>,
}

impl<T: Named> NamedList<T> {
    /// Appends an item. If several items have the same name, lookup returns the first.
    pub fn push(&mut self, item: T) {
        let position = self.items.len();
        self.positions
            .entry(item.name().to_owned())
            .or_insert(position);
        self.items.push(item);
    }

    /// Returns the item named `name`.
    pub fn named(&self, name: &str) -> Option<&T> {
        self.items.get(self.position(name)?)
    }

    /// Returns the position of the item named `name`, from 0.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.positions.get(name).copied()
    }
}

impl<T> Default for NamedList<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            positions: HashMap::new(),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for NamedList<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items.fmt(out)
    }
}

impl<T> Deref for NamedList<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T> From<NamedList<T>> for Vec<T> {
    fn from(list: NamedList<T>) -> Self {
        list.items
    }
}

impl<'a, T> IntoIterator for &'a NamedList<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}
