use gleaner_proto::name::ResourceName;

use super::*;

#[test]
fn an_error_is_one_line() {
    let words = "spec.a: Required value\n\tspec.b: Invalid".to_owned();
    let mut error = SubmissionError::new(vec![Failure::general(Reason::Invalid(words))]);
    error.aftermath.removed.push("Image ci/a".into());
    assert_eq!(
        error.sentence(),
        "spec.a: Required value spec.b: Invalid; correct the template; rolled back: Image ci/a"
    );
}

#[test]
fn the_same_error_of_several_objects_is_reported_once() {
    let failure = |resource: &str, words: &str| {
        let resource = ResourceName::new(resource).unwrap();
        let object = ObjectReference {
            api_version: "v1".into(),
            kind: "Image".into(),
            namespace: Some("ci".into()),
            name: resource.to_string(),
            uid: None,
        };
        let words = words.to_owned();
        Failure::of(Subject { resource, object }, Reason::Invalid(words))
    };
    let failures = vec![failure("a", "x"), failure("b", "x"), failure("c", "y")];
    assert_eq!(
        SubmissionError::new(failures).sentence(),
        "a (Image ci/a), b (Image ci/b): x; correct the template; c (Image ci/c): y; correct the template"
    );
}
