//! Merges an applied configuration into an object, and removes fields from an object.

use serde_json::Value;

use super::set::{FieldSet, NOTHING};

/// Merges `wanted` into `object`: maps are merged field by field, and any other value is replaced.
pub(super) fn merge(object: &mut Value, wanted: &Value) {
    match (object, wanted) {
        (Value::Object(fields), Value::Object(wanted)) => {
            for (name, value) in wanted {
                match fields.get_mut(name) {
                    Some(own) => merge(own, value),
                    None => {
                        fields.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        (object, wanted) => *object = wanted.clone(),
    }
}

/// Removes the fields in `set` from `value`, except those that other managers own (`others`). Returns false if the caller must
/// remove `value` itself.
pub(super) fn remove(value: &mut Value, set: &FieldSet, others: &FieldSet) -> bool {
    if set.here && others.is_empty() {
        return false;
    }
    let Some(fields) = value.as_object_mut().filter(|fields| !fields.is_empty()) else {
        return true;
    };
    fields.retain(|name, value| {
        let others = others.below.get(name).unwrap_or(&NOTHING);
        set.below
            .get(name)
            .is_none_or(|set| remove(value, set, others))
    });
    // A map that became empty is removed too, unless another manager owns the map itself.
    !fields.is_empty() || others.here
}
