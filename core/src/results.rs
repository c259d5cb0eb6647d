//! The results for the next tasks: for each created object, a flat map of strings that contains some of the object's fields.
//! Also, the space that the results need in the termination message of the step that writes them.

mod room;

use gleaner_proto::message::Created;
use indexmap::IndexSet;
use serde_json::{Map, Value};

use crate::declaration::{GIVEN_RESULTS, Origin, Template};

pub(crate) use room::smallest;
pub use room::{DoesNotFit, Results, Room};

/// The maximum size of a result's field, in bytes: a quarter of the maximum size of a termination message.
const FIELD_MAX: usize = 1024;

/// The field of a result that contains the PipelineResource's `spec.type`.
const TYPE: &str = "type";

/// The Tekton result for a created object.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectResult {
    /// The values of the fields that [`keys`] lists.
    pub fields: Map<String, Value>,
    /// Messages for the user about fields that were cleared because they are too long.
    pub notes: Vec<String>,
}

/// Returns the names of the fields in the result for the template's object, in order.
pub fn keys(template: &Template) -> IndexSet<String> {
    let mut keys: IndexSet<String> = GIVEN_RESULTS.iter().map(ToString::to_string).collect();
    if let Origin::PipelineResource { params, .. } = &template.origin {
        keys.insert(TYPE.to_owned());
        keys.extend(params.iter().cloned());
    }
    keys.extend(template.results.keys().cloned());
    keys
}

/// Returns true if the result for the object of `template` has the field `key`.
pub(crate) fn has_key(template: &Template, key: &str) -> bool {
    let is_of_resource = match &template.origin {
        Origin::PipelineResource { params, .. } => key == TYPE || params.contains(key),
        Origin::Object => false,
    };
    is_given(key) || is_of_resource || template.results.contains_key(key)
}

/// Returns true if every result has the field `key`.
pub(crate) fn is_given(key: &str) -> bool {
    GIVEN_RESULTS.contains(&key)
}

/// Returns the result for a created object. `rendered` contains the object's [`rendered_fields`], and `declared` the fields that
/// the declaration's `results` select, as read from the object. A field longer than 1 KiB is cleared, not removed, because Tekton
/// fails a run whose result lacks a declared key (`pkg/apis/pipeline/v1/result_validation.go`).
pub fn result(
    created: &Created,
    rendered: Map<String, Value>,
    declared: Map<String, Value>,
) -> ObjectResult {
    let mut fields = Map::from_iter([
        ("name".to_owned(), Value::from(created.name.as_str())),
        ("uid".to_owned(), Value::from(created.uid.as_str())),
    ]);
    let mut notes = Vec::new();
    for (key, mut value) in rendered.into_iter().chain(declared) {
        let bytes = value.as_str().map_or(0, str::len);
        if bytes > FIELD_MAX {
            notes.push(format!(
                "'{key}' of '{}' is empty in the results, because its {bytes} bytes exceed the limit of {FIELD_MAX} bytes per field; the next task can \
                 read it from the object",
                created.resource
            ));
            value = "".into();
        }
        fields.entry(key).or_insert(value);
    }
    ObjectResult { fields, notes }
}

/// Returns the fields that are known before the object is created: the type and the params of a PipelineResource.
pub fn rendered_fields(template: &Template, object: &Value) -> Map<String, Value> {
    let Origin::PipelineResource { kind, .. } = &template.origin else {
        return Map::new();
    };
    let mut fields = Map::from_iter([(TYPE.to_owned(), kind.as_str().into())]);
    let params = object.pointer("/spec/params").and_then(Value::as_array);
    for param in params.into_iter().flatten() {
        let name = param.get("name").and_then(Value::as_str);
        if let (Some(name), Some(value)) = (name, param.get("value")) {
            fields.insert(name.to_owned(), value.clone());
        }
    }
    fields
}

#[cfg(test)]
mod tests;
