use std::sync::Arc;

use gleaner_core::render::Disclosure;
use serde_json::json;

use super::super::kind::{Kind, KindName};
use super::*;

fn place() -> Place {
    let kind = Kind {
        name: KindName::new("v1", "ConfigMap"),
        plural: "configmaps".into(),
        namespaced: true,
    };
    Place {
        kind: Arc::new(kind),
        namespace: Some("ci".into()),
        name: "a".into(),
        disclosure: Disclosure::Full,
    }
}

fn stored() -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "ci", "uid": "u"}})
}

/// Returns the expected object with the field at `pointer` set to `other`.
fn but(pointer: &str, other: Value) -> Value {
    let mut object = stored();
    *object.pointer_mut(pointer).unwrap() = other;
    object
}

/// Returns responses that are not the expected object.
fn others() -> Vec<Value> {
    vec![
        json!({}),
        json!(null),
        json!([]),
        json!({"login": "please"}),
        json!({"kind": "Status", "status": "Success"}),
        but("/apiVersion", json!("v2")),
        but("/kind", json!("Secret")),
        but("/metadata/name", json!("b")),
        but("/metadata/namespace", json!("prod")),
    ]
}

fn met(expected: &Expected, status: u16, value: &Value) -> bool {
    expected.is_met(StatusCode::from_u16(status).unwrap(), value)
}

#[test]
fn only_the_object_itself_confirms_a_create_or_an_apply() {
    for (write, statuses) in [(Write::Create, vec![201]), (Write::Apply, vec![200, 201])] {
        let expected = Expected::Object {
            place: place(),
            write,
        };
        for status in [200, 201, 202, 204] {
            let done = met(&expected, status, &stored());
            assert_eq!(done, statuses.contains(&status), "{write:?} {status}");
        }
        for value in [others(), vec![but("/metadata/uid", json!(""))]].concat() {
            assert!(!met(&expected, 201, &value), "{write:?} {value}");
        }
    }
}

#[test]
fn a_dry_run_and_a_read_need_the_object_but_no_uid() {
    for create in [true, false] {
        let write = Write::None { create };
        let expected = Expected::Object {
            place: place(),
            write,
        };
        assert!(met(&expected, 201, &but("/metadata/uid", json!(null))));
        assert_eq!(met(&expected, 200, &stored()), !create);
        for value in others() {
            assert!(!met(&expected, 201, &value), "{value}");
        }
    }
}

#[test]
fn a_deletion_is_confirmed_by_a_success_or_the_object_being_deleted() {
    let expected = Expected::Deletion {
        place: place(),
        uid: "u".into(),
    };
    let status =
        |uid: &str| json!({"kind": "Status", "status": "Success", "details": {"uid": uid}});
    for value in [
        stored(),
        status("u"),
        json!({"kind": "Status", "status": "Success"}),
    ] {
        assert!(met(&expected, 200, &value), "{value}");
    }
    let failure = json!({"kind": "Status", "status": "Failure"});
    for value in [
        failure,
        status("v"),
        but("/metadata/uid", json!("v")),
        json!({}),
        json!(null),
    ] {
        assert!(!met(&expected, 200, &value), "{value}");
    }
}

#[test]
fn an_empty_object_is_not_the_expected_list_of_kinds_or_access_review() {
    let kinds = json!({"kind": "APIResourceList", "resources": []});
    assert!(met(&Expected::Kinds, 200, &kinds));
    assert!(met(
        &Expected::Review,
        201,
        &json!({"status": {"allowed": false}})
    ));
    for value in [json!({}), json!(null), json!({"resources": []})] {
        assert!(!met(&Expected::Kinds, 200, &value), "{value}");
        assert!(!met(&Expected::Review, 201, &value), "{value}");
    }
}
