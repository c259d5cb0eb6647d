use serde_json::json;

use super::*;
use crate::builtin;
use crate::fields::Operation;

fn manager(name: &str) -> Manager {
    Manager::new(name, Operation::Apply, &builtin::kinds()[0])
}

fn applied(live: &Value, data: &Value, name: &str) -> Value {
    apply(live, &json!({"data": data}), &manager(name), false).unwrap()
}

fn new() -> Value {
    json!({"metadata": {}})
}

#[test]
fn a_field_that_is_no_longer_applied_is_removed() {
    let live = applied(&new(), &json!({"a": "1", "b": "2"}), "one");
    let live = applied(&live, &json!({"a": "1"}), "one");
    assert_eq!(live["data"], json!({"a": "1"}));
}

#[test]
fn a_field_that_another_manager_also_owns_is_not_removed() {
    let live = applied(&new(), &json!({"a": "1", "b": "2"}), "one");
    let live = applied(&live, &json!({"b": "2"}), "two");
    let live = applied(&live, &json!({"a": "1"}), "one");
    assert_eq!(live["data"], json!({"a": "1", "b": "2"}));
}

#[test]
fn a_repeated_apply_changes_nothing() {
    let live = applied(&new(), &json!({"a": "1"}), "one");
    let live = applied(&live, &json!({"b": "2"}), "two");
    assert_eq!(applied(&live, &json!({"a": "1"}), "one"), live);
}

#[test]
fn a_different_value_is_a_conflict() {
    let live = applied(&new(), &json!({"a": "1", "b": ["2"]}), "one");
    let wanted = json!({"data": {"a": "9", "b": ["2", "3"]}});
    let again = |force| apply(&live, &wanted, &manager("two"), force);
    let conflicts = again(false).unwrap_err();
    let conflicts: Vec<String> = conflicts.iter().map(Cause::to_string).collect();
    assert_eq!(
        conflicts,
        [
            ".data.a: conflict with \"one\"",
            ".data.b: conflict with \"one\""
        ]
    );
    assert_eq!(again(true).unwrap()["data"], wanted["data"]);
}
