use super::*;
use crate::document::yaml;

#[test]
fn fields_are_changed_in_place_and_new_fields_are_added_at_the_end() {
    let mut node = yaml::parse("a: 1\nb: null\nc: [x]\n").unwrap();
    let at = node.at;
    node.put("a", Node::derived(at, 2));
    node.put("d", Node::derived(at, 3));
    node.put_first("e", Node::derived(at, 4));
    node.push_at("b", Node::derived(at, "y"));
    node.push_at("c", Node::derived(at, "z"));
    assert_eq!(
        node.to_json().to_string(),
        r#"{"e":4,"a":2,"b":["y"],"c":["x","z"],"d":3}"#
    );
    assert_eq!(node.take("d").map(|node| node.to_json()), Some(3.into()));
    assert!(node.field_mut("d").is_none() && node.take("d").is_none());
}

#[test]
fn a_node_to_change_is_found_by_its_place() {
    let mut node = yaml::parse("a:\n- b: null\n").unwrap();
    let place = Place::from(["a"]).index(0).key("b");
    let found = node.find_mut(&place).unwrap();
    assert_eq!((found.at.line, found.at.column), (2, 6));
    assert!(node.find_mut(&place.key("c")).is_none());
}
