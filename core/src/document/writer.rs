//! Writes YAML for users and for `kubectl`.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_saphyr::DoubleQuoted;

/// Writes objects as documents of one YAML stream.
///
/// Strings that a YAML 1.1 reader would misread (`no`, `1e3`, `0x1`, dates, `=`) are quoted. Multi-line strings become
/// block scalars if every reader accepts them; long lines are not folded.
pub fn to_yaml<'a>(objects: impl IntoIterator<Item = &'a Value>) -> String {
    let mut stream = String::new();
    let written = write_yaml(&mut stream, objects);
    written.expect(
        "invariant: a JSON value is always valid YAML, and writing to a String cannot fail",
    );
    stream
}

/// Writes objects to `out`, in the same format as [`to_yaml`].
///
/// # Errors
/// An error if writing to `out` fails.
pub fn write_yaml<'a>(
    out: &mut impl fmt::Write,
    objects: impl IntoIterator<Item = &'a Value>,
) -> fmt::Result {
    for (index, object) in objects.into_iter().enumerate() {
        if index > 0 {
            out.write_str("---\n")?;
        }
        write_document(out, &Written(object, None))?;
    }
    Ok(())
}

/// Writes an object to `out`, in the same format as [`to_yaml`]. For each JSON Pointer in `pointers`, returns its index in
/// `pointers` and the byte range of its value, in the order in which the values end. A range may begin and end with white space.
/// Pointers that refer to no value are ignored.
///
/// # Errors
/// An error if writing to `out` fails.
pub fn write_yaml_ranges<'a>(
    out: &mut impl fmt::Write,
    object: &Value,
    pointers: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(usize, Range<usize>)>, fmt::Error> {
    let pointers = pointers.into_iter().enumerate();
    let values = pointers.filter_map(|(index, pointer)| Some((object.pointer(pointer)?, index)));
    let ranges = Ranges {
        wanted: values
            .map(|(value, index)| (std::ptr::from_ref(value), index))
            .collect(),
        written: Cell::new(0),
        found: RefCell::default(),
    };
    let written = &ranges.written;
    write_document(
        &mut Counting { out, written },
        &Written(object, Some(&ranges)),
    )?;
    Ok(ranges.found.into_inner())
}

fn write_document(out: &mut impl fmt::Write, document: &Written<'_>) -> fmt::Result {
    let mut options = serde_saphyr::SerializerOptions::default();
    // Lines are not folded, so that a digest or a URL stays on one line and users can search for it.
    options.folded_wrap_chars = usize::MAX;
    // A JSON value is always valid YAML, so any error comes from `out`.
    serde_saphyr::to_fmt_writer_with_options(out, document, options).map_err(|_| fmt::Error)
}

/// Finds the byte ranges of values in the written text. The serializer must write each value completely before the next one.
struct Ranges {
    /// Maps the address of each wanted value to the index of its pointer in the caller's list.
    wanted: HashMap<*const Value, usize>,
    /// The number of bytes written so far.
    written: Cell<usize>,
    found: RefCell<Vec<(usize, Range<usize>)>>,
}

/// A writer that counts the bytes that it writes to `out`.
struct Counting<'a, Out> {
    out: &'a mut Out,
    written: &'a Cell<usize>,
}

impl<Out: fmt::Write> fmt::Write for Counting<'_, Out> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.written.set(self.written.get() + text.len());
        self.out.write_str(text)
    }
}

/// A value to write. If some readers would reject a string as a block scalar, the string is quoted.
struct Written<'a>(&'a Value, Option<&'a Ranges>);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(value, ranges) = *self;
        let wanted = ranges.and_then(|ranges| {
            let index = *ranges.wanted.get(&std::ptr::from_ref(value))?;
            Some((ranges, index, ranges.written.get()))
        });
        let written = match value {
            Value::String(text) if begins_with_tab(text) => {
                DoubleQuoted(text.as_str()).serialize(serializer)
            }
            Value::Array(items) => {
                serializer.collect_seq(items.iter().map(|item| Written(item, ranges)))
            }
            Value::Object(entries) => serializer.collect_map(
                entries
                    .iter()
                    .map(|(key, value)| (key.as_str(), Written(value, ranges))),
            ),
            other => other.serialize(serializer),
        }?;
        if let Some((ranges, index, start)) = wanted {
            let range = start..ranges.written.get();
            ranges.found.borrow_mut().push((index, range));
        }
        Ok(written)
    }
}

/// Returns true for a multi-line string whose first non-empty line begins with a tab. libyaml, which `kubectl` and PyYAML's
/// CSafeLoader use, determines the indentation of a block scalar from that line, and rejects the tab.
fn begins_with_tab(text: &str) -> bool {
    text.contains('\n') && text.trim_start_matches('\n').starts_with('\t')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strings_that_yaml_1_1_misreads_are_quoted() {
        let yaml = to_yaml([
            &json!({"a": "no", "b": "1e3", "c": "0x1", "d": "2020-01-01", "e": "=", "f": "12:30"}),
        ]);
        assert_eq!(
            yaml,
            "a: \"no\"\nb: \"1e3\"\nc: \"0x1\"\nd: \"2020-01-01\"\ne: \"=\"\nf: \"12:30\"\n"
        );
    }

    #[test]
    fn strings_whose_first_line_begins_with_a_tab_are_quoted() {
        let yaml =
            to_yaml([&json!({"a": "\tx\n\ty\n", "b": ["\n\n\tx\n"], "c": "x\n\ty\n", "d": "\tx"})]);
        assert_eq!(
            yaml,
            "a: \"\\tx\\n\\ty\\n\"\nb:\n- \"\\n\\n\\tx\\n\"\nc: |\n  x\n  \ty\nd: \"\\tx\"\n"
        );
    }

    #[test]
    fn the_ranges_of_values_cover_their_text() {
        let object = json!({
            "kind": "Config", "data": {"a/b": "no", "text": "1\n2\n", "list": ["x", {"z": 5}, "\tz\n"], "last": "z"},
        });
        let pointers = [
            "/data/a~1b",
            "/data/text",
            "/data/list/0",
            "/data/list/1/z",
            "/data/list/2",
            "/data/last",
            "/missing",
            "/data/list",
        ];
        let mut yaml = String::new();
        let ranges = write_yaml_ranges(&mut yaml, &object, pointers).unwrap();
        assert_eq!(yaml, to_yaml([&object]));
        let texts: Vec<_> = ranges
            .into_iter()
            .map(|(index, range)| (pointers[index], yaml[range].trim()))
            .collect();
        assert_eq!(
            texts,
            [
                ("/data/a~1b", "\"no\""),
                ("/data/text", "|\n    1\n    2"),
                ("/data/list/0", "x"),
                ("/data/list/1/z", "5"),
                ("/data/list/2", "\"\\tz\\n\""),
                ("/data/list", "- x\n  - z: 5\n  - \"\\tz\\n\""),
                ("/data/last", "z"),
            ]
        );
    }

    #[test]
    fn long_lines_are_not_folded_and_documents_are_separated() {
        let long = format!("{} {}", "x".repeat(90), "y".repeat(90));
        let yaml = to_yaml([&json!({"a": long}), &json!({"b": "1\n2\n"})]);
        assert_eq!(yaml, format!("a: {long}\n---\nb: |\n  1\n  2\n"));
    }
}
