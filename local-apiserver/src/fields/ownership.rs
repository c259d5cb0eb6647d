//! Determines which fields of an object a manager owns.

use serde_json::Value;

use super::set::FieldSet;
use crate::metadata::SERVER_SET;

/// The fields of `metadata` that identify the object. No manager owns these fields or the fields in [`SERVER_SET`].
const IDENTITY: &[&str] = &["name", "namespace", "generateName"];

/// Returns the fields that an applied configuration claims.
pub(super) fn claimed(wanted: &Value) -> FieldSet {
    without_unowned(all(wanted, false))
}

/// Returns the fields in `after` that `before` does not contain or contains with a different value.
pub(super) fn changed(before: &Value, after: &Value) -> FieldSet {
    without_unowned(compare(before, after))
}

/// Returns the paths of all fields in `value`. If `with_maps` is true, also includes the path of each non-empty map.
fn all(value: &Value, with_maps: bool) -> FieldSet {
    let mut set = FieldSet::default();
    for (name, value) in value.as_object().into_iter().flatten() {
        set.insert(name, all(value, with_maps));
    }
    set.here = with_maps || set.below.is_empty();
    set
}

fn compare(before: &Value, after: &Value) -> FieldSet {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return if before == after {
            FieldSet::default()
        } else {
            all(after, true)
        };
    };
    let mut set = FieldSet::default();
    for (name, value) in new {
        let former = old.get(name).unwrap_or(&Value::Null);
        set.insert(name, compare(former, value));
    }
    set
}

fn without_unowned(mut set: FieldSet) -> FieldSet {
    set.here = false;
    set.below.remove("apiVersion");
    set.below.remove("kind");
    if let Some(mut metadata) = set.below.remove("metadata") {
        metadata.here = false;
        for name in IDENTITY.iter().chain(SERVER_SET) {
            metadata.below.remove(*name);
        }
        set.insert("metadata", metadata);
    }
    set
}
