use serde_json::json;

use super::*;
use crate::declaration::Scope;

/// Declares a PipelineResource, and an object with a declared result.
const DECLARATION: &str = r#"
steps: {build: [{name: digest}]}
resources:
- name: image
  spec: {type: image, params: [{name: url, value: u}, {name: digest, value: "$(steps.build.digest)"}]}
objects:
- name: report
  results: {link: .data.link}
  resourceTemplate: {apiVersion: v1, kind: ConfigMap, data: {link: l}}
"#;

fn declaration() -> Declaration {
    Declaration::parse(DECLARATION, &Scope::default()).unwrap()
}

/// Returns a [`Room`] with `bytes` free bytes.
fn room(bytes: usize) -> Room {
    let share = Share {
        own: 3,
        added: 1,
        compressed: false,
    };
    let taken = Size {
        plain: share.room() - bytes,
        compressed: None,
    };
    Room { share, taken }
}

fn results() -> Results {
    let image = json!({"name": "build-image-abcde", "uid": UID, "type": "image", "url": "u".repeat(40), "digest": "d".repeat(71)});
    let report = json!({"name": "build-configmap-abcde", "uid": UID, "link": "l".repeat(90)});
    let map = |value: Value| value.as_object().unwrap().clone();
    BTreeMap::from([
        ("image".to_owned(), map(image)),
        ("report".to_owned(), map(report)),
    ])
}

fn full() -> usize {
    room(0).share.size_of_results(&results()).bytes()
}

/// Returns the fields that [`Room::fit`] clears if `bytes` bytes are free.
fn left_out(bytes: usize) -> Result<Vec<String>, DoesNotFit> {
    let mut fitted = results();
    let notes = room(bytes).fit(&declaration(), &mut fitted)?;
    let fields = fitted.iter().flat_map(|(resource, result)| {
        let empty = result.iter().filter(|(_, value)| *value == "");
        empty.map(move |(key, _)| format!("{resource}.{key}"))
    });
    let fields: Vec<String> = fields.collect();
    assert_eq!(notes.len(), fields.len(), "{notes:?}");
    assert!(room(0).share.size_of_results(&fitted).bytes() <= bytes);
    Ok(fields)
}

#[test]
fn params_are_omitted_first_then_declared_results_then_types() {
    let full = full();
    assert_eq!(left_out(full).unwrap(), [""; 0]);
    assert_eq!(left_out(full - 1).unwrap(), ["image.digest"]);
    assert_eq!(left_out(full - 72).unwrap(), ["image.url", "image.digest"]);
    assert_eq!(
        left_out(full - 112).unwrap(),
        ["image.url", "image.digest", "report.link"]
    );
    assert_eq!(
        left_out(full - 202).unwrap(),
        ["image.type", "image.url", "image.digest", "report.link"]
    );
}

#[test]
fn names_and_uids_are_never_omitted() {
    let least = full() - 71 - 40 - 90 - 5;
    assert!(left_out(least).is_ok());
    let error = left_out(least - 1).unwrap_err();
    assert_eq!((error.needed, error.room), (least, least - 1));
    let message = error.to_string();
    assert!(
        message.contains("3 containers of the pod and 1 that Gleaner adds"),
        "{message}"
    );
}

#[test]
fn a_note_names_the_cleared_field_and_the_reason() {
    let mut fitted = results();
    let notes = room(full() - 1).fit(&declaration(), &mut fitted).unwrap();
    assert!(
        notes[0]
            .starts_with("'digest' of 'image' is empty in the results, because the 4 containers"),
        "{notes:?}"
    );
}

#[test]
fn the_check_before_the_commit_matches_the_final_fit() {
    let declaration = declaration();
    let objects = [
        ("image", "build-image-abcde"),
        ("report", "build-configmap-abcde"),
    ];
    let least = full() - 71 - 40 - 90 - 5;
    assert_eq!(room(least).check(&declaration, objects), Ok(()));
    assert!(room(least - 1).check(&declaration, objects).is_err());
    assert_eq!(room(0).check(&declaration, []), Ok(()));
}
