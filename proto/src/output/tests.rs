use super::*;

#[test]
fn a_spec_reads_as_it_was_written() {
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
fn trimming_takes_one_line_end_only() {
    assert_eq!(Trim::Newline.apply("a\n\n"), "a\n");
    assert_eq!(Trim::Newline.apply("a\r\n"), "a");
    assert_eq!(Trim::Newline.apply("a\r"), "a\r");
    assert_eq!(Trim::Newline.apply(" a "), " a ");
    assert_eq!(Trim::Whitespace.apply("\t a \n\n"), "a");
    assert_eq!(Trim::None.apply("a\n"), "a\n");
}
