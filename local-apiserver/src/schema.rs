//! A CRD's structural schema, applied: unknown fields, defaults, validation.
//!
//! Not looked at: `oneOf`, `anyOf`, `allOf`, `not`, `pattern`, `format` and CEL rules (`x-kubernetes-validations`).

use serde_json::{Map, Value};

use crate::status::Cause;

/// Removes the fields that the schema does not know, and returns their paths, sorted.
///
/// The root's `apiVersion`, `kind` and `metadata` are known without being in the schema.
pub(crate) fn prune(schema: &Value, object: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    prune_at(schema, object, "", true, &mut unknown);
    unknown.sort();
    unknown
}

fn prune_at(
    schema: &Value,
    value: &mut Value,
    path: &str,
    is_resource: bool,
    unknown: &mut Vec<String>,
) {
    match value {
        Value::Object(fields) => prune_fields(schema, fields, path, is_resource, unknown),
        Value::Array(items) => {
            for (i, item) in items.iter_mut().enumerate() {
                prune_at(
                    &schema["items"],
                    item,
                    &format!("{path}[{i}]"),
                    false,
                    unknown,
                );
            }
        }
        _ => {}
    }
}

fn prune_fields(
    schema: &Value,
    fields: &mut Map<String, Value>,
    path: &str,
    is_resource: bool,
    unknown: &mut Vec<String>,
) {
    let is_resource = is_resource || schema["x-kubernetes-embedded-resource"] == true;
    let keeps_all = schema["x-kubernetes-preserve-unknown-fields"] == true
        || schema["additionalProperties"] == true;
    fields.retain(|name, value| {
        let path = join(path, name);
        if is_resource && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
            return true;
        }
        let known = schema["properties"].get(name).or_else(|| {
            Some(&schema["additionalProperties"]).filter(|additional| additional.is_object())
        });
        match known {
            Some(schema) => prune_at(schema, value, &path, false, unknown),
            None if keeps_all => {}
            None => {
                unknown.push(path);
                return false;
            }
        }
        true
    });
}

/// Fills in the schema's defaults. A null where none is allowed counts as absent.
pub(crate) fn fill_defaults(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
                let absent = match fields.get(name) {
                    None => true,
                    Some(value) => value.is_null() && schema["nullable"] != true,
                };
                if let (true, Some(default)) = (absent, schema.get("default")) {
                    fields.insert(name.clone(), default.clone());
                }
                if let Some(value) = fields.get_mut(name) {
                    fill_defaults(schema, value);
                }
            }
            if let Some(additional) = schema
                .get("additionalProperties")
                .filter(|additional| additional.is_object())
            {
                for (_, value) in fields
                    .iter_mut()
                    .filter(|(name, _)| schema["properties"].get(name).is_none())
                {
                    fill_defaults(additional, value);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                fill_defaults(&schema["items"], item);
            }
        }
        _ => {}
    }
}

/// Whether a part of the schema has CEL rules.
pub(crate) fn has_rules(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => {
            fields.contains_key("x-kubernetes-validations") || fields.values().any(has_rules)
        }
        _ => false,
    }
}

/// What the schema has against the object, ordered by field.
pub(crate) fn validate(schema: &Value, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    validate_at(schema, object, "", &mut causes);
    causes.sort_by(|a, b| a.field.cmp(&b.field));
    causes
}

fn validate_at(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    if value.is_null() && schema["nullable"] == true {
        return;
    }
    if let Some(wanted) = mismatch(schema, value) {
        causes.push(Cause::wrong_type(path, type_name(value), wanted));
        return;
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        let list: Vec<String> = allowed.iter().map(Value::to_string).collect();
        causes.push(Cause::not_supported(path, value, &list.join(", ")));
    }
    match value {
        Value::Object(fields) => validate_fields(schema, fields, path, causes),
        Value::Array(items) => {
            bound(schema, "maxItems", items.len() as f64, path, value, causes);
            bound(schema, "minItems", items.len() as f64, path, value, causes);
            for (i, item) in items.iter().enumerate() {
                validate_at(&schema["items"], item, &format!("{path}[{i}]"), causes);
            }
        }
        Value::String(text) => {
            let length = text.chars().count() as f64;
            bound(schema, "maxLength", length, path, value, causes);
            bound(schema, "minLength", length, path, value, causes);
        }
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            bound(schema, "maximum", number, path, value, causes);
            bound(schema, "minimum", number, path, value, causes);
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn validate_fields(
    schema: &Value,
    fields: &Map<String, Value>,
    path: &str,
    causes: &mut Vec<Cause>,
) {
    for name in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if !fields.contains_key(name) {
            causes.push(Cause::required(join(path, name), ""));
        }
    }
    for (name, value) in fields {
        if let Some(schema) = schema["properties"]
            .get(name)
            .or_else(|| schema.get("additionalProperties"))
        {
            validate_at(schema, value, &join(path, name), causes);
        }
    }
}

/// The type that the schema wants, when the value is of another.
fn mismatch<'a>(schema: &'a Value, value: &Value) -> Option<&'a str> {
    if schema["x-kubernetes-int-or-string"] == true {
        let fits = value.is_string() || value.is_i64() || value.is_u64();
        return (!fits).then_some("integer,string");
    }
    let wanted = schema["type"].as_str()?;
    let found = type_name(value);
    let fits = wanted == found || (wanted == "number" && found == "integer");
    (!fits).then_some(wanted)
}

/// One numeric bound, with kube-openapi's sentence for it.
fn bound(
    schema: &Value,
    name: &str,
    measured: f64,
    path: &str,
    value: &Value,
    causes: &mut Vec<Cause>,
) {
    let Some(limit) = schema[name].as_f64() else {
        return;
    };
    let (broken, rule) = match name {
        "maxLength" => (
            measured > limit,
            format!("should be at most {limit} chars long"),
        ),
        "minLength" => (
            measured < limit,
            format!("should be at least {limit} chars long"),
        ),
        "maxItems" => (
            measured > limit,
            format!("should have at most {limit} items"),
        ),
        "minItems" => (
            measured < limit,
            format!("should have at least {limit} items"),
        ),
        "maximum" => (
            measured > limit,
            format!("should be less than or equal to {limit}"),
        ),
        _ => (
            measured < limit,
            format!("should be greater than or equal to {limit}"),
        ),
    };
    if broken {
        causes.push(Cause::invalid(
            path,
            value,
            &format!("{path} in body {rule}"),
        ));
    }
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
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["spec"],
            "properties": {
                "spec": {
                    "type": "object",
                    "required": ["type"],
                    "properties": {
                        "type": {"type": "string", "enum": ["image", "git"]},
                        "size": {"type": "integer", "default": 3, "maximum": 9},
                        "port": {"x-kubernetes-int-or-string": true},
                        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                        "list": {"type": "array", "items": {
                            "type": "object", "properties": {"a": {"type": "number"}}}},
                        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    }
                }
            }
        })
    }

    #[test]
    fn unknown_fields_go_and_are_named() {
        let mut object = json!({
            "apiVersion": "v1", "kind": "K", "metadata": {"name": "x"}, "z": 1,
            "spec": {"type": "git", "typo": 1, "labels": {"any": "x"}, "free": {"a": {"b": 1}},
                     "list": [{"a": 1}, {"b": 1}]},
        });
        assert_eq!(
            prune(&schema(), &mut object),
            ["spec.list[1].b", "spec.typo", "z"]
        );
        assert_eq!(object["spec"]["free"]["a"]["b"], 1);
        assert_eq!(object["spec"]["list"], json!([{"a": 1}, {}]));
    }

    #[test]
    fn faults_are_all_found_in_order() {
        let object = json!({"spec": {"size": 10, "port": 1.5, "labels": {"x": 1}, "type": "svn",
                                     "list": {"a": 1}}});
        let found: Vec<String> = validate(&schema(), &object)
            .iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect();
        assert_eq!(
            found,
            [
                r#"spec.labels.x: Invalid value: "integer": spec.labels.x in body must be of type string: "integer""#,
                r#"spec.list: Invalid value: "object": spec.list in body must be of type array: "object""#,
                r#"spec.port: Invalid value: "number": spec.port in body must be of type integer,string: "number""#,
                "spec.size: Invalid value: 10: spec.size in body should be less than or equal to 9",
                r#"spec.type: Unsupported value: "svn": supported values: "image", "git""#,
            ]
        );
    }

    #[test]
    fn defaults_fill_what_is_absent() {
        let mut object = json!({"spec": {"type": "git"}});
        fill_defaults(&schema(), &mut object);
        assert_eq!(object["spec"]["size"], 3);
    }
}
