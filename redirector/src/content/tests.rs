//! Unit tests of `content`.

use std::io::Seek as _;

use proptest::prelude::*;

use super::*;

fn file(content: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    file
}

fn checked(content: &[u8], trim: Trim, kind: OutputType) -> Result<Content, Refused> {
    Content::check(file(content), content.len() as u64, trim, kind)
}

fn written(content: &Content) -> String {
    let mut out = Vec::new();
    content.write_to(&mut out).unwrap();
    assert_eq!(out.len() as u64, content.length());
    String::from_utf8(out).unwrap()
}

#[test]
fn characters_that_span_two_pieces_stay_whole() {
    for offset in 0..6 {
        let text = format!("{}ä€😀{}", "x".repeat(PIECE - offset), "😀".repeat(PIECE));
        let content = checked(text.as_bytes(), Trim::None, OutputType::String).unwrap();
        assert_eq!(written(&content), format!("\"{text}\""));
    }
    let mut wrong = "x".repeat(PIECE - 1).into_bytes();
    wrong.extend(b"\xc3(");
    let refused = checked(&wrong, Trim::None, OutputType::String);
    assert!(matches!(
        refused,
        Err(Refused::Encoding(EncodingError::Byte { at, byte: 0xc3 })) if at == PIECE as u64 - 1
    ));
}

#[test]
fn a_change_after_the_check_is_an_error_and_no_more_is_written() {
    let before = "a".repeat(3 * PIECE);
    let changes: [fn(&File); 4] = [
        |file| file.set_len(PIECE as u64).unwrap(),
        |file| file.write_all_at(b"b", 5).unwrap(),
        // Escaped as JSON, this content is longer than the checked content. Without escaping, it would end the JSON string early.
        |file| file.write_all_at(&b"\"},".repeat(1000), 0).unwrap(),
        |file| file.write_all_at(b"\xff", 2 * PIECE as u64).unwrap(),
    ];
    for change in changes {
        let content = checked(before.as_bytes(), Trim::None, OutputType::String).unwrap();
        change(&content.file);
        let mut out = Vec::new();
        let error = content.write_to(&mut out).unwrap_err();
        assert!(
            error.get_ref().is_some_and(|inner| inner.is::<Changed>()),
            "{error}"
        );
        assert!(
            (out.len() as u64) < content.length(),
            "the closing quotation mark must be missing"
        );
    }
}

#[test]
fn bytes_added_to_a_file_after_the_check_are_ignored() {
    let content = checked(b"before\n", Trim::Newline, OutputType::String).unwrap();
    (&content.file).seek(io::SeekFrom::End(0)).unwrap();
    (&content.file).write_all(b"after").unwrap();
    assert_eq!(written(&content), "\"before\"");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn trimming_follows_the_contract(text in "\u{feff}?[ \\r\\n\\t\u{a0}\u{2003}\u{feff}aä]{0,12}", padding in 0_usize..3) {
        let text = text.replace('a', &"a".repeat(padding * PIECE / 2 + 1));
        for trim in [Trim::None, Trim::Newline, Trim::Whitespace] {
            let content = checked(text.as_bytes(), trim, OutputType::String).unwrap();
            let expected = serde_json::to_string(trim.apply(OutputType::String, &text)).unwrap();
            prop_assert_eq!(written(&content), expected);
        }
    }
}
