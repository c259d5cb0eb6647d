use super::*;

#[test]
fn a_place_is_shown_with_quotes_where_a_key_needs_them() {
    let steps = Place::from(["spec", "steps"]);
    assert_eq!(
        steps.index(0).key("image").to_string(),
        "spec.steps[0].image"
    );
    let annotation = Place::of_annotation("gleaner.dev/outputs");
    assert_eq!(
        annotation.to_string(),
        r#"metadata.annotations["gleaner.dev/outputs"]"#
    );
    assert_eq!(
        annotation.pointer(),
        "/metadata/annotations/gleaner.dev~1outputs"
    );
    assert_eq!(Place::root().to_string(), "");
}

#[test]
fn a_place_is_relative_to_an_ancestor() {
    let outer = Place::from(["resources"]).index(0);
    let inner = Place::from(["metadata", "labels", "a"]);
    let place = outer.join(&inner);
    assert_eq!(place.within(&outer), Some(inner));
    assert_eq!(place.within(&Place::from(["objects"])), None);
    assert!(place.contains(&["metadata", "labels"]) && place.ends_with(&["labels", "a"]));
    assert!(!place.starts_with(&["resources", "metadata"]));
}
