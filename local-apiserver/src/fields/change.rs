//! The fields of an object, and those in which two differ.

use serde_json::Value;

use super::set::FieldSet;
use super::shape::{Elements, Shape};

/// Fields that belong to the server or name the object: nobody owns them.
const UNOWNED: &[&str] = &[
    "name",
    "namespace",
    "generateName",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
];

/// In what two states of an object differ.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    /// Added or given another value.
    pub(crate) changed: FieldSet,
    pub(crate) removed: FieldSet,
}

/// The fields that an applied configuration claims.
pub(crate) fn claimed(shape: Shape<'_>, object: &Value) -> FieldSet {
    owned(all(shape, object, false))
}

/// From one state of an object to the next; `before` is null for a new one.
pub(crate) fn difference(shape: Shape<'_>, before: &Value, after: &Value) -> Difference {
    let mut difference = Difference::default();
    compare(
        shape,
        before,
        after,
        &mut difference.changed,
        &mut difference.removed,
    );
    Difference {
        changed: owned(difference.changed),
        removed: owned(difference.removed),
    }
}

/// Without the fields that nobody owns.
fn owned(mut set: FieldSet) -> FieldSet {
    set.here = false;
    set.below.remove("f:apiVersion");
    set.below.remove("f:kind");
    if let Some(mut metadata) = set.below.remove("f:metadata") {
        metadata.here = false;
        for name in UNOWNED {
            metadata.below.remove(&format!("f:{name}"));
        }
        set.insert("f:metadata".to_owned(), metadata);
    }
    set
}

/// All fields of a value. `with_maps` counts a map that has fields as one itself, as a change does that brings it.
fn all(shape: Shape<'_>, value: &Value, with_maps: bool) -> FieldSet {
    let mut set = FieldSet::default();
    for (step, shape, element, is_item) in elements(shape, value) {
        let mut subtree = all(shape, element, with_maps);
        subtree.here |= is_item;
        set.insert(step, subtree);
    }
    set.here = with_maps || set.below.is_empty();
    set
}

fn compare(
    shape: Shape<'_>,
    before: &Value,
    after: &Value,
    changed: &mut FieldSet,
    removed: &mut FieldSet,
) {
    let (old, new) = (elements(shape, before), elements(shape, after));
    if old.is_empty() || new.is_empty() {
        // At least one is a scalar, atomic, or empty.
        if before != after {
            if before.is_null() || !new.is_empty() {
                *changed = all(shape, after, true);
            } else if old.is_empty() {
                changed.here = true;
            } else {
                *removed = all(shape, before, false);
                changed.here = true;
            }
        }
        return;
    }
    for (step, shape, value, _) in &new {
        match old.iter().find(|(other, ..)| other == step) {
            None => changed.insert(step.clone(), all(*shape, value, true)),
            Some((_, _, former, _)) => {
                let (mut below, mut gone) = (FieldSet::default(), FieldSet::default());
                compare(*shape, former, value, &mut below, &mut gone);
                changed.insert(step.clone(), below);
                removed.insert(step.clone(), gone);
            }
        }
    }
    for (step, shape, value, _) in &old {
        if !new.iter().any(|(other, ..)| other == step) {
            removed.insert(step.clone(), all(*shape, value, true));
        }
    }
}

/// The parts of a value that are owned one by one: step, shape, value, and whether it is an element of a list.
/// None for a scalar, an atomic or an empty one.
fn elements<'a>(shape: Shape<'a>, value: &'a Value) -> Vec<(String, Shape<'a>, &'a Value, bool)> {
    match value {
        Value::Object(fields) if !shape.is_atomic_map() => fields
            .iter()
            .map(|(name, value)| (format!("f:{name}"), shape.field(name), value, false))
            .collect(),
        Value::Array(items) => {
            let kind = shape.elements(items);
            if kind == Elements::Atomic {
                return Vec::new();
            }
            items
                .iter()
                .filter_map(|item| Some((kind.step(item)?, shape.item(), item, true)))
                .collect()
        }
        _ => Vec::new(),
    }
}
