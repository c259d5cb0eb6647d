//! Detects unknown fields, fills in defaults, and validates values according to a structural schema.
//!
//! `oneOf`, `anyOf`, `allOf`, `not`, `pattern`, formats other than `byte`, `uniqueItems`, `minProperties`, `maxProperties` and
//! CEL rules (`x-kubernetes-validations`) are ignored.

use k8s_openapi::ByteString;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cause::{Cause, Fault};

/// The format of a field that contains a quantity, which a client may write as a number (`cpu: 1`).
pub(crate) const QUANTITY: &str = "quantity";

/// The schema keyword for a field that accepts a port's number or name.
pub(crate) const PORT: &str = "x-port";
/// The schema keyword for the syntax of a map's keys: `label`, `annotation`, or `key` (as in a ConfigMap or Secret).
pub(crate) const KEYS: &str = "x-keys";

/// Returns the schema of the field `name` in a map with the schema `schema`.
pub(crate) fn field<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let additional = || schema.get("additionalProperties").filter(|s| s.is_object());
    schema["properties"].get(name).or_else(additional)
}

/// Removes fields that are null although they are not nullable, because Kubernetes treats such fields as absent. Converts
/// quantities that are numbers to strings.
pub(crate) fn normalize(schema: &Value, value: &mut Value) {
    walk(schema, value, &mut |schema, value| match value {
        Value::Number(number) if schema["format"] == QUANTITY => *value = number.to_string().into(),
        Value::Object(fields) => fields.retain(|name, value| {
            let nullable = || field(schema, name).is_none_or(|schema| schema["nullable"] == true);
            !value.is_null() || nullable()
        }),
        _ => {}
    });
}

pub(crate) fn fill_defaults(schema: &Value, value: &mut Value) {
    walk(schema, value, &mut |schema, value| {
        let Value::Object(fields) = value else {
            return;
        };
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(default) = schema.get("default")
                && !fields.contains_key(name)
            {
                fields.insert(name.clone(), default.clone());
            }
        }
    });
}

/// Visits a value and all nested values that the schema describes, outermost first.
fn walk(schema: &Value, value: &mut Value, visit: &mut impl FnMut(&Value, &mut Value)) {
    visit(schema, value);
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Some(schema) = field(schema, name) {
                    walk(schema, value, visit);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                walk(&schema["items"], item, visit);
            }
        }
        _ => {}
    }
}

/// Returns all violations of the schema in the object.
pub(crate) fn faults(schema: &Value, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    check(schema, object, "", &mut causes);
    causes
}

fn check(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    if schema.is_null() || (value.is_null() && schema["nullable"] == true) {
        return;
    }
    if let Some(wanted) = mismatch(schema, value) {
        let (wanted, found) = (wanted.to_owned(), type_name(value));
        causes.push(Cause::new(path, Fault::WrongType { wanted, found }));
        return;
    }
    if let Some(supported) = schema["enum"].as_array()
        && !supported.contains(value)
    {
        let (found, supported) = (value.clone(), supported.clone());
        causes.push(Cause::new(path, Fault::NotSupported { found, supported }));
    }
    check_bounds(schema, value, path, causes);
    match value {
        Value::Object(fields) => check_fields(schema, fields, path, causes),
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                check(&schema["items"], item, &format!("{path}[{i}]"), causes);
            }
        }
        _ => {}
    }
}

fn check_bounds(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let (measured, least, most, measure) = match value {
        Value::Array(items) => (
            items.len() as f64,
            "minItems",
            "maxItems",
            "the number of items",
        ),
        Value::String(text) => (
            text.chars().count() as f64,
            "minLength",
            "maxLength",
            "the length",
        ),
        Value::Number(number) => (
            number.as_f64().unwrap_or_default(),
            "minimum",
            "maximum",
            "the value",
        ),
        _ => return,
    };
    let limit = |bound: &str| schema[bound].as_f64();
    if let Some(limit) = limit(least).filter(|limit| measured < *limit) {
        let rule = format!("{measure} must be at least {limit}");
        causes.push(Cause::invalid(path, value.clone(), rule));
    }
    if let Some(limit) = limit(most).filter(|limit| measured > *limit) {
        let rule = format!("{measure} must be at most {limit}");
        causes.push(Cause::invalid(path, value.clone(), rule));
    }
}

fn check_fields(schema: &Value, fields: &Map<String, Value>, path: &str, causes: &mut Vec<Cause>) {
    let required = schema["required"].as_array().into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            causes.push(Cause::new(join(path, name), Fault::Required));
        }
    }
    let keeps_unknown = schema["x-kubernetes-preserve-unknown-fields"] == true
        || schema["additionalProperties"] == true;
    let is_resource = schema["x-kubernetes-embedded-resource"] == true;
    for (name, value) in fields {
        match field(schema, name) {
            Some(schema) => check(schema, value, &join(path, name), causes),
            None if keeps_unknown => {}
            None if is_resource && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") => {}
            None => causes.push(Cause::new(join(path, name), Fault::Unknown)),
        }
    }
}

/// If the value does not have the type that the schema requires, returns the required type.
fn mismatch<'a>(schema: &'a Value, value: &Value) -> Option<&'a str> {
    if schema["x-kubernetes-int-or-string"] == true {
        let fits = value.is_string() || value.is_i64() || value.is_u64();
        return (!fits).then_some("integer or string");
    }
    let wanted = schema["type"].as_str()?;
    let found = type_name(value);
    if found == "string" && schema["format"] == "byte" {
        return ByteString::deserialize(value).is_err().then_some("base64");
    }
    let fits = wanted == found || (wanted == "number" && found == "integer");
    (!fits).then_some(wanted)
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

#[cfg(test)]
mod tests;
