//! The outline of the built-in kinds: their fields and types, for clients that check an object before they send it.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::builtin;
use crate::schema::{KEYS, PORT, QUANTITY};

/// Returns the outline of the built-in kinds.
///
/// `types` is a list of object types, each with its `fields` and the names of `required` fields; `kinds` maps `apiVersion` and
/// `kind` to the kind's type; `metadata` is the type of every kind's metadata. The type of a field is one of these:
///
/// - `string`, `bytes` (base64), `quantity`, or the allowed values, as in `Always|Never`;
/// - `integer` (64 bits), `int32`, the bounds of an integer, as in `1..65535`, `number`, `boolean`, `int-or-string`, or `port`
///   (a number or name);
/// - `object` (any map), `any`, or an index into `types`;
/// - `[]` (a list) or `{}` (a map), followed by the type of the items or values. The braces may contain the syntax of the map's
///   keys, as in `{label}string`: `label`, `annotation`, or `key` (as in a ConfigMap or Secret).
pub fn outline() -> Value {
    let mut types = Types::default();
    let mut kinds = Map::new();
    for kind in builtin::kinds() {
        let mut schema = (*kind.schema).clone();
        if let Some(properties) = schema["properties"].as_object_mut() {
            // API servers ignore a `status` that a client sends, so it is not part of the outline.
            properties.remove("status");
        }
        let own = types.of(&schema);
        let version = kinds.entry(kind.api_version()).or_insert_with(|| json!({}));
        version[&kind.kind] = own.into();
    }
    let metadata = types.of(&builtin::metadata());
    json!({"types": types.all, "kinds": kinds, "metadata": metadata})
}

#[derive(Default)]
struct Types {
    all: Vec<Value>,
    /// Maps the JSON text of each type to the type's index in `all`.
    known: HashMap<String, usize>,
}

impl Types {
    fn of(&mut self, schema: &Value) -> String {
        if schema["x-kubernetes-int-or-string"] == true {
            let is_port = schema[PORT] == true;
            return if is_port { "port" } else { "int-or-string" }.to_owned();
        }
        let format = schema["format"].as_str().unwrap_or_default();
        match (schema["type"].as_str(), format) {
            (Some("string"), "byte") => "bytes".to_owned(),
            (Some("string"), QUANTITY) => "quantity".to_owned(),
            (Some("string"), _) if schema["enum"].is_array() => {
                let words = schema["enum"].as_array().into_iter().flatten();
                let words = words.filter_map(Value::as_str);
                let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
                words.join("|")
            }
            (Some("integer"), _) if schema["minimum"].is_number() => {
                format!("{}..{}", schema["minimum"], schema["maximum"])
            }
            (Some("integer"), "int32") => "int32".to_owned(),
            (Some("array"), _) => format!("[]{}", self.of(&schema["items"])),
            (Some("object"), _) => self.of_object(schema),
            (Some(simple), _) => simple.to_owned(),
            (None, _) => "any".to_owned(),
        }
    }

    fn of_object(&mut self, schema: &Value) -> String {
        if let Some(properties) = schema["properties"].as_object() {
            let fields = properties.iter();
            let fields: Map<String, Value> = fields
                .map(|(name, schema)| (name.clone(), self.of(schema).into()))
                .collect();
            let required = schema.get("required").cloned().unwrap_or_else(|| json!([]));
            let own = json!({"fields": fields, "required": required});
            let index = self.all.len();
            let index = *self.known.entry(own.to_string()).or_insert(index);
            if index == self.all.len() {
                self.all.push(own);
            }
            index.to_string()
        } else if schema["additionalProperties"].is_object() {
            let keys = schema[KEYS].as_str().unwrap_or_default();
            format!("{{{keys}}}{}", self.of(&schema["additionalProperties"]))
        } else {
            "object".to_owned()
        }
    }
}
