//! Checks that the redirector accepts a file as an output if and only if the sidecar would accept the value, except for very long
//! numbers, and that the size of the pieces in which the redirector reads the file makes no difference.
#![no_main]

use std::cell::RefCell;
use std::fs::File;
use std::io::{Seek as _, Write as _};

use gleaner_proto::encoding::Encoding;
use gleaner_proto::{OutputType, Trim, number};
use gleaner_redirector::fuzzing::{is_json, output};
use serde_json::Value;

/// The length above which numbers are rejected without being parsed.
const NUMBER_MAX: usize = 1000;

thread_local! {
    static FILE: RefCell<File> = RefCell::new(tempfile::tempfile().unwrap());
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else {
        return;
    };
    // A file is read in pieces of 64 KiB. With the padding, the input begins near the end of a piece.
    let padding = if first & 0x80 == 0 { 0 } else { (64 << 10) - 2 };
    let bytes = &[&vec![b' '; padding], bytes].concat();
    let kind = match first & 0x7f {
        b's' => OutputType::String,
        b'n' => OutputType::Number,
        b'b' => OutputType::Boolean,
        b'a' => OutputType::Array,
        _ => OutputType::Object,
    };
    let file = FILE.with_borrow_mut(|file| {
        file.set_len(0).unwrap();
        file.rewind().unwrap();
        file.write_all(bytes).unwrap();
        file.try_clone().unwrap()
    });
    for trim in [Trim::Newline, Trim::Whitespace, Trim::None] {
        let taken = output(file.try_clone().unwrap(), bytes.len() as u64, trim, kind);
        let expected = std::str::from_utf8(bytes)
            .ok()
            .filter(|_| !trim.cuts_mark(kind) || Encoding::of(bytes).is_none())
            .map(|text| trim.apply(kind, text))
            .and_then(|text| value(text, kind));
        match (taken, expected) {
            (Some(taken), Some(expected)) => {
                assert_eq!(serde_json::from_slice::<Value>(&taken).unwrap(), expected);
            }
            (None, None) => {}
            (None, Some(_)) if has_long_number(bytes) => {}
            other => panic!("{other:?}"),
        }
    }
    let whole = is_json(bytes, bytes.len().max(1));
    for size in [1, 2, 7] {
        assert_eq!(is_json(bytes, size), whole);
    }
});

/// Returns the value that the sidecar would read from `text`, or `None` if the sidecar would reject the text.
fn value(text: &str, kind: OutputType) -> Option<Value> {
    if kind == OutputType::String {
        return Some(text.into());
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let is_of_kind = match kind {
        OutputType::String => value.is_string(),
        OutputType::Number => value.is_number(),
        OutputType::Boolean => value.is_boolean(),
        OutputType::Array => value.is_array(),
        OutputType::Object => value.is_object(),
    };
    (is_of_kind && number::first_changed(text).is_none()).then_some(value)
}

fn has_long_number(bytes: &[u8]) -> bool {
    bytes
        .split(|byte| !byte.is_ascii_digit() && !b"+-.eE".contains(byte))
        .any(|number| number.len() > NUMBER_MAX)
}
