//! Entries of a termination message, and their sizes.

use serde_json::{Value, json};

/// The longest entries that Tekton itself may add for a step: the start time and the exit code.
pub const OF_TEKTON: [Entry<'_>; 2] = [
    Entry {
        key: "StartedAt",
        value: "2006-01-02T15:04:05.000Z",
        kind: EntryType::Internal,
    },
    Entry {
        key: "ExitCode",
        value: "255",
        kind: EntryType::Internal,
    },
];

/// An entry of a termination message: a result, or information about the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The name of the result, or the key of the information.
    pub key: &'a str,
    /// The value.
    pub value: &'a str,
    /// The type, which determines how Tekton treats the entry.
    pub kind: EntryType,
}

/// The type of an entry (`pkg/result/result.go`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryType {
    /// A result of the Task.
    TaskRunResult = 1,
    /// Information that Tekton processes and does not show as a result, such as a step's `terminationReason`.
    Internal = 3,
    /// A result of the step.
    StepResult = 4,
    /// The artifacts of the step.
    StepArtifacts = 5,
    /// The artifacts of the Task.
    TaskRunArtifacts = 6,
}

impl Entry<'_> {
    /// Returns the entry as JSON.
    pub fn to_json(self) -> Value {
        json!({"key": self.key, "value": self.value, "type": self.kind as u8})
    }

    /// Returns the size of the entry in an uncompressed message, in bytes, including the comma after it.
    pub fn bytes(self) -> usize {
        const FRAME: usize = r#"{"key":"","value":"","type":1},"#.len();
        FRAME + escaped_len(self.key) + escaped_len(self.value)
    }
}

/// Returns the size, in bytes, of an uncompressed message that contains these entries. The size is at most one byte too high.
pub(crate) fn plain_len<'a>(entries: impl IntoIterator<Item = Entry<'a>>) -> usize {
    "[]".len() + entries.into_iter().map(Entry::bytes).sum::<usize>()
}

/// Returns the uncompressed message with these entries.
pub(crate) fn message<'a>(entries: impl IntoIterator<Item = Entry<'a>>) -> String {
    let entries: Value = entries.into_iter().map(Entry::to_json).collect();
    entries.to_string()
}

/// Returns the longest prefix of `text` that takes at most `bytes` bytes between the quotes of a JSON string written by Go.
pub fn cut_escaped(text: &str, bytes: usize) -> &str {
    let mut taken = 0;
    let end = text.char_indices().find(|(_, character)| {
        taken += escaped_char_len(*character);
        taken > bytes
    });
    end.map_or(text, |(end, _)| &text[..end])
}

/// Returns the number of bytes that `text` takes between the quotes of a JSON string written by Go.
pub fn escaped_len(text: &str) -> usize {
    text.chars().map(escaped_char_len).sum()
}

/// Returns the number of bytes that a character takes in a JSON string written by Go, which also escapes `<`, `>`, `&`, U+2028
/// and U+2029 (`encoding/json`, `appendString`).
const fn escaped_char_len(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => 6,
        other => other.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result<'a>(key: &'a str, value: &'a str) -> Entry<'a> {
        Entry {
            key,
            value,
            kind: EntryType::TaskRunResult,
        }
    }

    #[test]
    fn the_length_matches_gos_output() {
        // The output of Go's `json.Marshal` for Tekton's `[]result.RunResult`.
        let written = concat!(
            r#"[{"key":"StartedAt","value":"2026-11-26T00:00:00.000Z","type":3},"#,
            r#"{"key":"ExitCode","value":"255","type":3},"#,
            r#"{"key":"a","value":"\u003cé\"\n\u2028\u0001","type":1}]"#,
        );
        let length = plain_len(
            OF_TEKTON
                .into_iter()
                .chain([result("a", "<é\"\n\u{2028}\u{1}")]),
        );
        // The calculated length also includes a comma after the last entry.
        assert_eq!(length, written.len() + 1);
    }

    #[test]
    fn text_is_truncated_by_its_escaped_length() {
        assert_eq!(cut_escaped("a<é", 9), "a<é");
        assert_eq!(cut_escaped("a<é", 8), "a<");
        assert_eq!(cut_escaped("a<é", 6), "a");
        assert_eq!(cut_escaped("\"\"", 3), "\"");
        assert_eq!(cut_escaped("abc", 0), "");
    }
}
