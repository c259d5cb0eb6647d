//! Unit tests of `field_path`.

use super::*;

#[test]
fn a_path_selects_its_field() {
    let object = serde_json::json!({"status": {"a.b/c": [{"url": 1}]}});
    for text in [
        ".status[\"a.b/c\"][0].url",
        "{.status['a.b/c'][0].url}",
        "status[\"a.b/c\"][0].url",
    ] {
        let path: FieldPath = text.parse().unwrap();
        assert_eq!(path.get(&object), Some(&1.into()), "{text}");
        assert_eq!(path.to_string(), ".status[\"a.b/c\"][0].url");
    }
    assert_eq!(
        ".status.none".parse::<FieldPath>().unwrap().get(&object),
        None
    );
}

#[test]
fn a_displayed_path_parses_to_the_same_path() {
    for text in ["['']", "['a\"b']", "[\"a'b\"]", "['a b'].c", ".a/b[3]"] {
        let path: FieldPath = text.parse().unwrap();
        assert_eq!(path.to_string().parse(), Ok(path), "{text}");
    }
}

#[test]
fn a_path_that_does_not_select_exactly_one_field_is_rejected() {
    for wrong in [
        "",
        ".",
        "..a",
        ".a[*]",
        ".a[",
        ".a[x]",
        ".a[?(@.b)]",
        ".a b",
        ".a.",
        "[0]b",
    ] {
        assert!(wrong.parse::<FieldPath>().is_err(), "{wrong}");
    }
}
