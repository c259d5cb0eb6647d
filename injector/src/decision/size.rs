//! Counts the values in an object before it is parsed into a tree.

use serde_json::value::RawValue;

/// The maximum number of values in an object. Each map, list and scalar counts as one value. During a decision, each
/// value takes a few hundred bytes of memory. A Pipeline with 100 tasks of 10 steps each has about 20,000 values.
pub(super) const VALUES_MAX: usize = 25_000;

/// Returns the number of values in a JSON text.
pub(super) fn values(text: &RawValue) -> usize {
    let mut bytes = text.get().bytes();
    let (mut values, mut opened) = (1_usize, false);
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => continue,
            b',' | b'[' | b'{' => values += 1,
            // The list or map is empty, so the first item that the opening bracket counted does not exist.
            b']' | b'}' if opened => values -= 1,
            b'"' => {
                // A string ends at the first quotation mark that is not escaped.
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        opened = matches!(byte, b'[' | b'{');
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_and_the_content_of_strings_is_ignored() {
        for (text, expected) in [
            ("1", 1),
            (r#"{"a": [1, 2], "b": {"c": null}}"#, 6),
            (r#"["[,{\"\\", ",,,"]"#, 3),
            ("[[], { }]", 3),
        ] {
            let text: &RawValue = serde_json::from_str(text).unwrap();
            assert_eq!(values(text), expected, "{text}");
        }
    }
}
