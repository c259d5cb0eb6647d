//! A set of field paths.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A tree of paths. A step is written as in `fieldsV1`: `f:NAME`, `k:{KEYS}`, `v:VALUE`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FieldSet {
    /// Whether the path that ends here is in the set.
    pub(crate) here: bool,
    pub(crate) below: BTreeMap<String, Self>,
}

impl FieldSet {
    pub(crate) fn leaf() -> Self {
        Self {
            here: true,
            below: BTreeMap::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.here && self.below.values().all(Self::is_empty)
    }

    /// Adds a subtree, unless there is nothing in it.
    pub(crate) fn insert(&mut self, step: String, subtree: Self) {
        if !subtree.is_empty() {
            self.below.insert(step, subtree);
        }
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.here |= other.here;
        for (step, subtree) in &other.below {
            let merged = all
                .below
                .get(step)
                .map_or_else(|| subtree.clone(), |own| own.union(subtree));
            all.insert(step.clone(), merged);
        }
        all
    }

    pub(crate) fn difference(&self, other: &Self) -> Self {
        self.combine(other, |own, theirs| own && !theirs)
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        self.combine(other, |own, theirs| own && theirs)
    }

    /// A set of this one's paths: those for which `keep(in self, in other)` holds.
    fn combine(&self, other: &Self, keep: fn(bool, bool) -> bool) -> Self {
        let nothing = Self::default();
        let mut result = Self {
            here: keep(self.here, other.here),
            below: BTreeMap::new(),
        };
        for (step, subtree) in &self.below {
            let theirs = other.below.get(step).unwrap_or(&nothing);
            result.insert(step.clone(), subtree.combine(theirs, keep));
        }
        result
    }

    pub(crate) fn get(&self, step: &str) -> Option<&Self> {
        self.below.get(step)
    }

    /// Every path in the set, in the notation of conflict messages: `.spec.containers[name="a"].image`.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect_paths("", &mut paths);
        paths
    }

    fn collect_paths(&self, prefix: &str, paths: &mut Vec<String>) {
        if self.here {
            paths.push(prefix.to_owned());
        }
        for (step, subtree) in &self.below {
            subtree.collect_paths(&format!("{prefix}{}", shown(step)), paths);
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut fields = Map::new();
        if self.here && !self.below.is_empty() {
            fields.insert(".".to_owned(), Value::Object(Map::new()));
        }
        for (step, subtree) in &self.below {
            fields.insert(step.clone(), subtree.to_json());
        }
        Value::Object(fields)
    }

    /// Reads `fieldsV1`; what is no object counts as nothing.
    pub(crate) fn from_json(fields: &Value) -> Self {
        let mut set = Self::default();
        for (step, subtree) in fields.as_object().into_iter().flatten() {
            if step == "." {
                set.here = true;
            } else if subtree.as_object().is_some_and(Map::is_empty) {
                set.insert(step.clone(), Self::leaf());
            } else {
                set.insert(step.clone(), Self::from_json(subtree));
            }
        }
        set
    }
}

/// `f:a` is `.a`, `k:{"name":"a"}` is `[name="a"]`, `v:"a"` is `[="a"]`.
fn shown(step: &str) -> String {
    match step.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some(("k", keys)) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let list: Vec<String> = keys
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            format!("[{}]", list.join(","))
        }
        Some(("v", value)) => format!("[={value}]"),
        _ => step.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_set_survives_its_notation() {
        let fields = json!({"f:spec": {".": {}, "f:list": {"k:{\"name\":\"a\"}": {".": {}, "f:image": {}}}, "f:x": {}}});
        let set = FieldSet::from_json(&fields);
        assert_eq!(set.to_json(), fields);
        assert_eq!(
            set.paths(),
            [
                ".spec",
                ".spec.list[name=\"a\"]",
                ".spec.list[name=\"a\"].image",
                ".spec.x"
            ]
        );
    }

    #[test]
    fn sets_combine() {
        let a = FieldSet::from_json(&json!({"f:a": {}, "f:b": {"f:c": {}, "f:d": {}}}));
        let b = FieldSet::from_json(&json!({"f:b": {"f:c": {}}, "f:e": {}}));
        assert_eq!(a.difference(&b).paths(), [".a", ".b.d"]);
        assert_eq!(a.intersection(&b).paths(), [".b.c"]);
        assert_eq!(a.union(&b).paths(), [".a", ".b.c", ".b.d", ".e"]);
        assert!(a.difference(&a).is_empty());
    }
}
