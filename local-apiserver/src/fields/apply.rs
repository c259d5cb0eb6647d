//! Server-side apply: computes the next state of an object from a configuration and a manager.

use serde_json::Value;

use super::managers::{self, Manager};
use super::merge::{merge, remove};
use super::ownership::{changed, claimed};
use super::set::FieldSet;
use crate::cause::{Cause, Fault};

/// Records that `manager` created the object with a POST request.
pub(crate) fn created(object: &mut Value, manager: &Manager) {
    let set = changed(&Value::Null, object);
    managers::write(object, &[manager.entry(set)]);
}

/// Records that `manager` created the object by server-side apply.
pub(crate) fn applied_first(object: &mut Value, manager: &Manager) {
    let set = claimed(object);
    managers::write(object, &[manager.entry(set)]);
}

/// Returns the next state of `live`: merges in `wanted`, and removes the fields that only this manager owns and that
/// `wanted` no longer contains. If `force` is true, this manager becomes the only owner of the fields that change.
/// If `force` is false and fields that other managers own would change, fails with these fields.
pub(crate) fn apply(
    live: &Value,
    wanted: &Value,
    manager: &Manager,
    force: bool,
) -> Result<Value, Vec<Cause>> {
    let claim = claimed(wanted);
    let mut entries = managers::read(live);
    let index = entries.iter().position(|entry| entry.manager == *manager);
    let mut own = match index {
        Some(index) => entries.remove(index),
        None => manager.entry(FieldSet::default()),
    };
    let others = entries
        .iter()
        .fold(FieldSet::default(), |all, entry| all.union(&entry.fields));

    let mut object = live.clone();
    merge(&mut object, wanted);
    remove(&mut object, &own.fields.difference(&claim), &others);

    let changed = changed(live, &object);
    let mut conflicts = Vec::new();
    for entry in &mut entries {
        let contested = entry.fields.intersection(&changed);
        let manager = entry.manager.to_string();
        conflicts.extend(contested.paths().into_iter().map(|path| {
            let manager = manager.clone();
            Cause::new(path, Fault::Owned { manager })
        }));
        entry.fields = entry.fields.difference(&contested);
    }
    if !force && !conflicts.is_empty() {
        return Err(conflicts);
    }
    if own.fields != claim {
        own = manager.entry(claim);
    }
    entries.insert(index.unwrap_or(entries.len()), own);
    managers::write(&mut object, &entries);
    Ok(object)
}

#[cfg(test)]
mod tests;
