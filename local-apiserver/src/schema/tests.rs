use serde_json::json;

use super::*;

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
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
                    "memory": {"type": "string", "format": "quantity"},
                    "bytes": {"type": "string", "format": "byte"},
                    "empty": {"type": "string", "nullable": true},
                }
            }
        }
    })
}

fn found(object: &Value) -> Vec<String> {
    let causes = faults(&schema(), object);
    causes.iter().map(Cause::to_string).collect()
}

#[test]
fn unknown_fields_are_reported() {
    let object = json!({
        "apiVersion": "v1", "z": 1,
        "spec": {"type": "git", "typo": 1, "labels": {"any": "x"}, "free": {"a": {"b": 1}},
                 "list": [{"a": 1}, {"b": 1}]},
    });
    assert_eq!(
        found(&object),
        [
            "z: unknown field",
            "spec.typo: unknown field",
            "spec.list[1].b: unknown field"
        ]
    );
}

#[test]
fn all_violations_are_reported() {
    let object = json!({"spec": {"size": 10, "port": 1.5, "labels": {"x": 1}, "type": "svn",
                                 "list": {"a": 1}, "bytes": "%"}});
    assert_eq!(
        found(&object),
        [
            "spec.size: Invalid value: 10: the value must be at most 9",
            "spec.port: Invalid value: \"number\": must be of type integer or string",
            "spec.labels.x: Invalid value: \"integer\": must be of type string",
            "spec.type: Unsupported value: \"svn\": supported values: \"image\", \"git\"",
            "spec.list: Invalid value: \"object\": must be of type array",
            "spec.bytes: Invalid value: \"string\": must be of type base64",
        ]
    );
    assert_eq!(found(&json!({"spec": {}})), ["spec.type: Required value"]);
}

#[test]
fn absent_fields_get_their_default() {
    let mut object = json!({"spec": {"type": "git"}});
    fill_defaults(&schema(), &mut object);
    assert_eq!(object["spec"]["size"], 3);
}

#[test]
fn nulls_and_numbers_are_normalized() {
    let mut object = json!({"spec": {
        "type": null, "memory": 1.5, "empty": null, "size": 5, "free": {"a": null},
    }});
    normalize(&schema(), &mut object);
    let expected =
        json!({"spec": {"memory": "1.5", "empty": null, "size": 5, "free": {"a": null}}});
    assert_eq!(object, expected);
}
