use serde_json::json;

use super::*;

#[test]
fn a_set_is_parsed_as_it_is_written() {
    let fields =
        json!({"f:spec": {".": {}, "f:list": {"f:a": {".": {}, "f:image": {}}}, "f:x": {}}});
    let set = FieldSet::from(fields.clone());
    assert_eq!(Value::from(set.clone()), fields);
    assert_eq!(
        set.paths(),
        [".spec", ".spec.list.a", ".spec.list.a.image", ".spec.x"]
    );
}

#[test]
fn sets_combine() {
    let a = FieldSet::from(json!({"f:a": {}, "f:b": {"f:c": {}, "f:d": {}}}));
    let b = FieldSet::from(json!({"f:b": {"f:c": {}}, "f:e": {}}));
    assert_eq!(a.difference(&b).paths(), [".a", ".b.d"]);
    assert_eq!(a.intersection(&b).paths(), [".b.c"]);
    assert_eq!(a.union(&b).paths(), [".a", ".b.c", ".b.d", ".e"]);
    assert!(a.difference(&a).is_empty());
}
