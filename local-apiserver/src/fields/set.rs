//! A set of field paths.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A set of field paths, as a tree: each node contains its subtrees by field name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Value", into = "Value")]
pub(super) struct FieldSet {
    /// True if the set contains the path that ends at this node.
    pub(super) here: bool,
    pub(super) below: BTreeMap<String, Self>,
}

pub(super) static NOTHING: FieldSet = FieldSet {
    here: false,
    below: BTreeMap::new(),
};

impl FieldSet {
    pub(super) fn is_empty(&self) -> bool {
        !self.here && self.below.values().all(Self::is_empty)
    }

    /// Sets the subtree of the field `name`, unless `subtree` is empty.
    pub(super) fn insert(&mut self, name: &str, subtree: Self) {
        if !subtree.is_empty() {
            self.below.insert(name.to_owned(), subtree);
        }
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.here |= other.here;
        for (name, subtree) in &other.below {
            let own = all.below.get(name).unwrap_or(&NOTHING);
            let merged = own.union(subtree);
            all.insert(name, merged);
        }
        all
    }

    pub(super) fn difference(&self, other: &Self) -> Self {
        self.combine(other, |own, theirs| own && !theirs)
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        self.combine(other, |own, theirs| own && theirs)
    }

    /// Returns the paths of this set for which `keep(in_self, in_other)` returns true. Each argument is true if the respective
    /// set contains the path.
    fn combine(&self, other: &Self, keep: fn(bool, bool) -> bool) -> Self {
        let mut result = Self {
            here: keep(self.here, other.here),
            below: BTreeMap::new(),
        };
        for (name, subtree) in &self.below {
            let theirs = other.below.get(name).unwrap_or(&NOTHING);
            result.insert(name, subtree.combine(theirs, keep));
        }
        result
    }

    /// Returns every path in the set, in the notation of conflict messages, such as `.spec.replicas`.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect_paths("", &mut paths);
        paths
    }

    fn collect_paths(&self, path: &str, paths: &mut Vec<String>) {
        if self.here {
            paths.push(path.to_owned());
        }
        for (name, subtree) in &self.below {
            subtree.collect_paths(&format!("{path}.{name}"), paths);
        }
    }
}

/// Serializes the set as `fieldsV1`.
impl From<FieldSet> for Value {
    fn from(set: FieldSet) -> Self {
        let mut fields = Map::new();
        if set.here && !set.below.is_empty() {
            fields.insert(".".to_owned(), Map::new().into());
        }
        for (name, subtree) in set.below {
            fields.insert(format!("f:{name}"), subtree.into());
        }
        Self::Object(fields)
    }
}

/// Parses `fieldsV1` as this server writes it. A node is in the set if its map is empty or contains the key `.`.
impl From<Value> for FieldSet {
    fn from(fields: Value) -> Self {
        let mut set = Self::default();
        let fields = fields.as_object();
        set.here = fields.is_none_or(|fields| fields.is_empty() || fields.contains_key("."));
        for (step, subtree) in fields.into_iter().flatten() {
            if let Some(name) = step.strip_prefix("f:") {
                set.insert(name, subtree.clone().into());
            }
        }
        set
    }
}

#[cfg(test)]
mod tests;
