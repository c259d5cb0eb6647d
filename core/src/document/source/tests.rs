//! Unit tests of `source`.

use super::*;
use crate::document::Place;

fn located(text: &str, line: usize, column: usize) -> (usize, usize) {
    let source = Source::parse("f".into(), text.into()).unwrap();
    let node = source.documents[0]
        .get("a")
        .unwrap()
        .get("b")
        .unwrap()
        .clone();
    let at = Some(Location { line, column });
    let at = source
        .locate(&node, Diagnostic::new(Place::root(), at, "wrong"))
        .at
        .unwrap();
    (at.line, at.column)
}

#[test]
fn a_position_in_a_block_scalar_maps_to_the_file() {
    assert_eq!(located("a:\n  b: |\n    x: 1\n    y: 2\n", 2, 4), (4, 8));
    assert_eq!(located("a:\n  b: |-\n\n    x: 1\n    y: 2\n", 3, 1), (5, 5));
    assert_eq!(located("a:\n  b: |2\n      x: 1\n    y: 2\n", 2, 1), (4, 5));
}

#[test]
fn a_position_in_other_scalar_styles_maps_to_the_file() {
    assert_eq!(located("a:\n  b: \"x: 1\\ny: 2\"\n", 2, 4), (2, 16));
    assert_eq!(located("a: {b: plain}\n", 1, 3), (1, 10));
    assert_eq!(located("a:\n  b: >\n    x: 1\n\n    y: 2\n", 2, 4), (5, 8));
}

#[test]
fn an_error_in_an_alias_is_located_at_the_alias() {
    assert_eq!(located("c: &text one\na: {b: *text}\n", 1, 3), (2, 8));
}

#[test]
fn list_objects_are_split_into_their_items() {
    let text = "kind: List\nitems: [{kind: A}, {kind: B}]\n---\nkind: C\n";
    assert_eq!(
        Source::parse("f".into(), text.into())
            .unwrap()
            .documents
            .len(),
        3
    );
}

#[test]
fn a_syntax_error_in_a_folded_scalar_suggests_the_literal_style() {
    let error = Some(Location { line: 2, column: 1 });
    let wrong = |place: Place| Diagnostic::new(place, error, "wrong").help("other");
    for (header, is_folded) in [
        (">", true),
        (">-", true),
        (">+ ", true),
        (">2- # text", true),
        ("|", false),
        ("|-", false),
    ] {
        let text = format!("a: {header}\n\n  x: y\n  z: w\n");
        let source = Source::parse("f".to_owned(), text).unwrap();
        let node = source.documents[0].get("a").unwrap();
        let help = source.locate(node, wrong(Place::root())).help;
        let expected = if is_folded { FOLDED } else { "other" };
        assert_eq!(help.as_deref(), Some(expected), "{header}");
        // An error with a place in the declaration is not a syntax error, so it keeps its remedy.
        let other = source.locate(node, wrong(Place::from(["x"]))).help;
        assert_eq!(other.as_deref(), Some("other"));
    }
}
