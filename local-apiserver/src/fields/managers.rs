//! `metadata.managedFields`: the field managers of an object, and the fields that each manager owns.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::set::FieldSet;
use crate::kind::Kind;
use crate::metadata;

/// The operation by which a manager became the owner of its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Operation {
    Apply,
    Update,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manager {
    #[serde(rename = "manager")]
    name: String,
    operation: Operation,
    api_version: String,
}

/// An entry in `metadata.managedFields`: a manager and the fields that it owns.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    #[serde(flatten)]
    pub(super) manager: Manager,
    time: String,
    #[serde(rename = "fieldsType")]
    fields_type: FieldsType,
    #[serde(rename = "fieldsV1")]
    pub(super) fields: FieldSet,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum FieldsType {
    FieldsV1,
}

impl Manager {
    pub(crate) fn new(name: &str, operation: Operation, kind: &Kind) -> Self {
        Self {
            name: name.to_owned(),
            operation,
            api_version: kind.api_version(),
        }
    }

    /// Returns an entry in which this manager owns `fields`, with the current time.
    pub(super) fn entry(&self, fields: FieldSet) -> Entry {
        Entry {
            manager: self.clone(),
            time: metadata::now(),
            fields_type: FieldsType::FieldsV1,
            fields,
        }
    }
}

/// Formats the manager as a real server does in a conflict message.
impl fmt::Display for Manager {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.name)?;
        match self.operation {
            Operation::Apply => Ok(()),
            Operation::Update => write!(formatter, " using {}", self.api_version),
        }
    }
}

/// Returns the entries that [`write`] stored in an object.
pub(super) fn read(object: &Value) -> Vec<Entry> {
    Vec::deserialize(&object["metadata"]["managedFields"]).unwrap_or_default()
}

/// Stores the entries in the object, but omits entries that own no fields.
pub(super) fn write(object: &mut Value, entries: &[Entry]) {
    let entries = entries.iter().filter(|entry| !entry.fields.is_empty());
    let list = entries.map(|entry| json!(entry)).collect();
    metadata::of(object).insert("managedFields".to_owned(), list);
}
