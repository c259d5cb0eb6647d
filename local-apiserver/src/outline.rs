//! The outline of the built-in kinds: fields and their types, for a client that checks an object before sending it.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::builtin;
use crate::schema::QUANTITY;

/// Returns the outline of the built-in kinds.
///
/// `types` is a list of types of objects, each with its `fields` and the `required` ones; `kinds` has the type of each
/// kind by `apiVersion` and `kind`. The type of a field is `string`, `bytes` (base64), `quantity`, `integer`, `number`,
/// `boolean`, `int-or-string`, `object` (any map), `any`, an index into `types`, or one of these after `[]` (a list) or
/// `{}` (a map).
pub fn outline() -> Value {
    let mut types = Types::default();
    let mut kinds = Map::new();
    for kind in builtin::kinds() {
        let mut schema = (*kind.schema).clone();
        if let Some(properties) = schema["properties"].as_object_mut() {
            // Servers ignore the value that a client sends.
            properties.remove("status");
        }
        let own = types.of(&schema);
        let version = kinds.entry(kind.api_version()).or_insert_with(|| json!({}));
        version[&kind.kind] = own.into();
    }
    json!({"types": types.all, "kinds": kinds})
}

#[derive(Default)]
struct Types {
    all: Vec<Value>,
    /// The index of each, by its text.
    known: HashMap<String, usize>,
}

impl Types {
    fn of(&mut self, schema: &Value) -> String {
        if schema["x-kubernetes-int-or-string"] == true {
            return "int-or-string".to_owned();
        }
        let format = schema["format"].as_str().unwrap_or_default();
        match (schema["type"].as_str(), format) {
            (Some("string"), "byte") => "bytes".to_owned(),
            (Some("string"), QUANTITY) => "quantity".to_owned(),
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
            format!("{{}}{}", self.of(&schema["additionalProperties"]))
        } else {
            "object".to_owned()
        }
    }
}
