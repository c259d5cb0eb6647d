use super::*;

#[test]
fn numbers_must_be_within_the_bounds_of_their_field() {
    for (own, value, fits) in [
        ("1..65535", 1_i64, true),
        ("1..65535", 65_535, true),
        ("1..65535", 0, false),
        ("1..65535", 65_536, false),
        ("int32", 2_147_483_647, true),
        ("int32", 2_147_483_648, false),
        ("int-or-string", 3_000_000_000, false),
        ("port", 65_536, false),
        ("integer", 3_000_000_000, true),
        ("quantity", 3_000_000_000, true),
    ] {
        assert_eq!(number(own, &value.into()).is_ok(), fits, "{own} {value}");
    }
    assert!(number("integer", &u64::MAX.into()).is_err());
}

#[test]
fn strings_must_match_the_form_of_their_field() {
    for (own, value, fits) in [
        ("quantity", "128Mi", true),
        ("quantity", "-1.5", true),
        ("quantity", "1e3", true),
        ("quantity", "128MB", false),
        ("quantity", "100 m", false),
        ("port", "http", true),
        ("port", "8080", false),
        ("port", "HTTP", false),
        ("port", "a-very-long-name", false),
        ("Always|Never", "Never", true),
        ("Always|Never", "", true),
        ("Always|Never", "never", false),
        ("string", "any text", true),
    ] {
        assert_eq!(text(own, value).is_ok(), fits, "{own} {value}");
    }
    // A value that does not resemble a known value may be valid in another Kubernetes version.
    assert!(text("Always|Never", "Sometimes").is_err_and(|wrong| wrong.is_doubtful));
    assert!(text("Always|Never", "never").is_err_and(|wrong| !wrong.is_doubtful));
}

#[test]
fn map_keys_and_label_values_must_be_valid() {
    let long = "a".repeat(64);
    for (form, value, fits) in [
        ("label", "a", true),
        ("label", "example.com/a_b.c", true),
        ("label", "Example.com/a", false),
        ("label", "a b", false),
        ("label", "a/b/c", false),
        ("label", &long, false),
        ("annotation", "Example.com/a", true),
        ("annotation", "a b", false),
        ("key", "a_b.c-d", true),
        ("key", ".dockerconfigjson", true),
        ("key", "my key", false),
        ("key", "..", false),
        ("", "any thing", true),
    ] {
        assert_eq!(key(form, value).is_ok(), fits, "{form} {value}");
    }
    for (value, fits) in [("", true), ("a.B_c", true), ("-a", false), (&long, false)] {
        assert_eq!(label(value).is_ok(), fits, "{value}");
    }
}
