//! Writes YAML for users and for `kubectl`.

use std::fmt;

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

/// Writes objects to `out` as [`to_yaml`] does.
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
        let mut options = serde_saphyr::SerializerOptions::default();
        // Lines are not folded, so that a digest or a URL stays on one line and users can search for it.
        options.folded_wrap_chars = usize::MAX;
        // A JSON value is always valid YAML: any error comes from `out`.
        serde_saphyr::to_fmt_writer_with_options(&mut *out, &Written(object), options)
            .map_err(|_| fmt::Error)?;
    }
    Ok(())
}

/// A value to write. A string that some readers would reject as a block scalar is quoted.
struct Written<'a>(&'a Value);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) if begins_with_tab(text) => {
                DoubleQuoted(text.as_str()).serialize(serializer)
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(Written)),
            Value::Object(entries) => serializer.collect_map(
                entries
                    .iter()
                    .map(|(key, value)| (key.as_str(), Written(value))),
            ),
            other => other.serialize(serializer),
        }
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
    fn long_lines_are_not_folded_and_documents_are_separated() {
        let long = format!("{} {}", "x".repeat(90), "y".repeat(90));
        let yaml = to_yaml([&json!({"a": long}), &json!({"b": "1\n2\n"})]);
        assert_eq!(yaml, format!("a: {long}\n---\nb: |\n  1\n  2\n"));
    }
}
