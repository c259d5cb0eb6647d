//! Helpers for lists in the fields of an object.

use serde_json::Value;

/// Returns the items of the list, or an empty slice if the field is not a list.
pub(crate) fn items<'a>(parent: &'a Value, list: &str) -> &'a [Value] {
    parent[list].as_array().map_or(&[], Vec::as_slice)
}

/// Returns the strings in the list.
pub(crate) fn texts<'a>(parent: &'a Value, list: &str) -> impl Iterator<Item = &'a str> {
    items(parent, list).iter().filter_map(Value::as_str)
}

/// Appends `item` to the list in the map `parent`; creates the list if it does not exist.
pub(crate) fn push(parent: &mut Value, list: &str, item: Value) {
    let Value::Object(parent) = parent else {
        return;
    };
    match parent.entry(list).or_insert(Value::Null) {
        Value::Array(items) => items.push(item),
        none => *none = Value::Array(vec![item]),
    }
}

/// Keeps only the items for which `wanted` returns true. If the list becomes empty, removes the list.
pub(crate) fn retain(parent: &mut Value, list: &str, wanted: impl Fn(&Value) -> bool) {
    let Some(Value::Array(items)) = parent.get_mut(list) else {
        return;
    };
    let before = items.len();
    items.retain(wanted);
    if let (true, Value::Object(parent)) = (items.is_empty() && before > 0, parent) {
        parent.shift_remove(list);
    }
}

/// Returns true if one of the object's owners is a controller.
pub(crate) fn has_controller(object: &Value) -> bool {
    let mut owners = items(&object["metadata"], "ownerReferences").iter();
    owners.any(|owner| owner["controller"] == true)
}
