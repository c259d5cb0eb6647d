//! `metadata.managedFields`: the sets of all managers, kept in the object.

use serde_json::{Value, json};

use super::change;
use super::set::FieldSet;
use super::shape::Shape;
use crate::metadata;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Apply,
    Update,
}

/// Who writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manager {
    pub(crate) name: String,
    pub(crate) operation: Operation,
    pub(crate) api_version: String,
    /// `status`, or empty.
    pub(crate) subresource: String,
}

/// One entry: a manager and what it owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) manager: Manager,
    pub(crate) time: String,
    pub(crate) fields: FieldSet,
}

impl Manager {
    /// As conflict messages name it.
    pub(crate) fn shown(&self) -> String {
        let mut text = format!("{:?}", self.name);
        if !self.subresource.is_empty() {
            text.push_str(&format!(" with subresource {:?}", self.subresource));
        }
        if self.operation == Operation::Update {
            text.push_str(&format!(" using {}", self.api_version));
        }
        text
    }
}

/// The entries of an object; what cannot be understood is passed over.
pub(crate) fn read(object: &Value) -> Vec<Entry> {
    let list = object["metadata"]["managedFields"].as_array();
    list.into_iter().flatten().filter_map(entry).collect()
}

/// Puts the entries into the object; empty ones go.
pub(crate) fn write(object: &mut Value, entries: &[Entry]) {
    let list: Vec<Value> = entries
        .iter()
        .filter(|e| !e.fields.is_empty())
        .map(entry_json)
        .collect();
    let metadata = metadata::of(object);
    if list.is_empty() {
        metadata.remove("managedFields");
    } else {
        metadata.insert("managedFields".to_owned(), list.into());
    }
}

/// After a write that is no apply: what changed is the writer's, and nobody else's. `before` is null for a new object.
pub(crate) fn record_update(
    shape: Shape<'_>,
    before: &Value,
    after: &mut Value,
    manager: &Manager,
) {
    let difference = change::difference(shape, before, after);
    let mut entries = read(before);
    for entry in &mut entries {
        entry.fields = entry.fields.difference(&difference.removed);
        if entry.manager != *manager {
            entry.fields = entry.fields.difference(&difference.changed);
        }
    }
    if !difference.changed.is_empty() {
        claim(&mut entries, manager, |own| own.union(&difference.changed));
    }
    write(after, &entries);
}

/// Gives a manager another set, made from the one it has; its time is now when that changes it.
pub(crate) fn claim(
    entries: &mut Vec<Entry>,
    manager: &Manager,
    set: impl FnOnce(&FieldSet) -> FieldSet,
) {
    match entries.iter_mut().find(|entry| entry.manager == *manager) {
        Some(entry) => {
            let fields = set(&entry.fields);
            if fields != entry.fields {
                entry.time = metadata::now();
                entry.fields = fields;
            }
        }
        None => entries.push(Entry {
            manager: manager.clone(),
            time: metadata::now(),
            fields: set(&FieldSet::default()),
        }),
    }
}

fn entry(json: &Value) -> Option<Entry> {
    let text = |field: &str| json[field].as_str().unwrap_or_default().to_owned();
    let operation = match json["operation"].as_str()? {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return None,
    };
    Some(Entry {
        manager: Manager {
            name: text("manager"),
            operation,
            api_version: text("apiVersion"),
            subresource: text("subresource"),
        },
        time: text("time"),
        fields: FieldSet::from_json(&json["fieldsV1"]),
    })
}

fn entry_json(entry: &Entry) -> Value {
    let Entry {
        manager,
        time,
        fields,
    } = entry;
    let mut json = json!({
        "manager": manager.name,
        "operation": match manager.operation {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        },
        "apiVersion": manager.api_version,
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields.to_json(),
    });
    if !manager.subresource.is_empty() {
        json["subresource"] = manager.subresource.clone().into();
    }
    json
}
