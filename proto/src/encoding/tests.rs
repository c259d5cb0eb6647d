//! Unit tests for `encoding`.

use proptest::prelude::*;

use super::*;

/// Returns `text` in each encoding other than UTF-8, without a byte order mark.
fn encoded(text: &str) -> [(Encoding, Vec<u8>); 4] {
    let wide = || text.encode_utf16();
    let full = || text.chars().map(u32::from);
    [
        (Encoding::Utf16, wide().flat_map(u16::to_le_bytes).collect()),
        (Encoding::Utf16, wide().flat_map(u16::to_be_bytes).collect()),
        (Encoding::Utf32, full().flat_map(u32::to_le_bytes).collect()),
        (Encoding::Utf32, full().flat_map(u32::to_be_bytes).collect()),
    ]
}

#[test]
fn utf_16_and_utf_32_are_recognized_in_either_byte_order() {
    for text in ["sha256:ab", "hi", "{\"tests\": 12}\r\n", "Grüße, Zürich\n"] {
        for (encoding, bytes) in encoded(text) {
            assert_eq!(Encoding::of(&bytes), Some(encoding), "{text}: {bytes:?}");
        }
    }
    // A byte order mark is sufficient to detect the encoding, even if at most one character follows.
    for text in ["\u{feff}", "\u{feff}5", "\u{feff}日本語", "\u{feff}\n"] {
        for (encoding, bytes) in encoded(text) {
            assert_eq!(Encoding::of(&bytes), Some(encoding), "{text}: {bytes:?}");
        }
    }
}

#[test]
fn zero_bytes_alone_are_not_recognized_as_utf_16_or_utf_32() {
    for bytes in [
        &b""[..],
        b"a\0",
        b"\0",
        b"\0\0\0\0\0\0\0\0",
        b"one\0two\0",
        b"./a\0./b\0./c\0",
        b"zero\0byte",
        b"sha256:ab\r\n",
        b"\xef\xbb\xbfmark",
        b"caf\xe9",
    ] {
        assert_eq!(Encoding::of(bytes), None, "{bytes:?}");
    }
}

#[test]
fn text_that_is_not_utf8_is_reported_with_a_remedy() {
    let message = |bytes: &[u8]| decode(bytes.to_vec()).unwrap_err().to_string();
    assert_eq!(
        message(b"\xff\xfes\0"),
        "is UTF-16; write UTF-8 (in PowerShell with -Encoding utf8)"
    );
    assert_eq!(
        message(b"caf\xe9"),
        "is not UTF-8 (byte 3 is 0xe9); write UTF-8 (`iconv -f LATIN1 -t UTF-8` converts Latin-1), or encode binary data, for \
         example with base64"
    );
    assert_eq!(
        decode(b"\xef\xbb\xbfa".to_vec()).as_deref(),
        Ok("\u{feff}a")
    );
    assert_eq!(without_mark("\u{feff}\u{feff}a"), "\u{feff}a");
}

proptest! {
    #[test]
    fn text_without_zero_bytes_is_not_recognized_as_utf_16_or_utf_32(text in "[^\\x00]*") {
        prop_assert_eq!(decode(text.clone().into_bytes()), Ok(text));
    }

    #[test]
    fn encoded_latin_text_is_recognized_in_either_byte_order(text in "[ -~\u{a0}-\u{ff}]{2,300}") {
        for (encoding, bytes) in encoded(&text) {
            prop_assert_eq!(Encoding::of(&bytes), Some(encoding));
        }
    }

    #[test]
    fn any_bytes_are_decoded_or_rejected(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(bytes);
    }
}
