use super::{is_more, parse};

#[test]
fn quantities_with_different_suffixes_are_compared() {
    for (more, less) in [
        ("1", "500m"),
        ("1Gi", "1000Mi"),
        ("1G", "900Mi"),
        ("1e3", "999"),
        ("2E-1", "100m"),
        ("1E", "999P"),
        ("1k", "999"),
    ] {
        assert!(is_more(more, less), "{more} > {less}");
        assert!(!is_more(less, more), "{less} > {more}");
    }
    assert!(!is_more("1", "1000m") && !is_more("?", "1"));
}

#[test]
fn kubernetes_quantities_are_accepted() {
    for text in [
        "0", "10m", "500m", "0.5", ".5", "5.", "16Mi", "1G", "1e3", "1E-2",
    ] {
        assert_eq!(parse(text).as_deref(), Ok(text));
    }
}

#[test]
fn an_invalid_quantity_is_rejected_with_a_remedy() {
    for text in [
        "", "m", "-1", "128MB", "1.2.3", "1 Gi", "1e", "1e+", "16mi", ".",
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains("use a form such as"), "{text}: {error}");
    }
}
