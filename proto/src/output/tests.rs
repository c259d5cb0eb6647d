use super::*;

#[test]
fn a_spec_is_parsed_and_formatted_unchanged() {
    for text in [
        "digest",
        "digest=/a=b,c",
        "r,object,Whitespace,Always,optional=/x y",
        "n,number,None",
    ] {
        assert_eq!(text.parse::<OutputSpec>().unwrap().to_string(), text);
    }
    assert_eq!(
        "a,strng".parse::<OutputSpec>(),
        Err(OutputSpecError::Word("strng".into()))
    );
    assert_eq!(
        "a=".parse::<OutputSpec>(),
        Err(OutputSpecError::EmptyPath("a".into()))
    );
    assert!("/etc/passwd".parse::<OutputSpec>().is_err());
}

#[test]
fn trimming_removes_only_one_line_end() {
    let string = OutputType::String;
    assert_eq!(Trim::Newline.apply(string, "a\n\n"), "a\n");
    assert_eq!(Trim::Newline.apply(string, "a\r\n"), "a");
    assert_eq!(Trim::Newline.apply(string, "a\r"), "a\r");
    assert_eq!(Trim::Newline.apply(string, " a "), " a ");
    assert_eq!(Trim::Whitespace.apply(string, "\t a \n\n"), "a");
    assert_eq!(Trim::None.apply(string, "a\n"), "a\n");
}

#[test]
fn the_byte_order_mark_is_removed_unless_all_bytes_are_kept() {
    let string = OutputType::String;
    let marked = "\u{feff}sha256:ab\r\n";
    assert_eq!(Trim::Newline.apply(string, marked), "sha256:ab");
    assert_eq!(Trim::Whitespace.apply(string, "\u{feff} a "), "a");
    assert_eq!(Trim::None.apply(string, marked), marked);
    assert_eq!(Trim::None.apply(OutputType::Number, "\u{feff}5\n"), "5\n");
    // Only the first character is a byte order mark.
    assert_eq!(
        Trim::Whitespace.apply(string, " \u{feff}a\u{feff}"),
        "\u{feff}a\u{feff}"
    );
    assert_eq!(Trim::Newline.apply(string, "\u{feff}\n"), "");
}
