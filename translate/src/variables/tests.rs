use super::*;

#[test]
fn words_are_read_in_either_spelling() {
    assert_eq!(words("params.a.b"), Some(vec!["params", "a", "b"]));
    assert_eq!(
        words("params[\"a.b\"].c[*]"),
        Some(vec!["params", "a.b", "c", "*"])
    );
    assert_eq!(words("cat /tmp/x"), None);
    assert_eq!(words(""), None);
}
