//! Inserts lines into a file and keeps all other bytes.

use gleaner_core::document::{Location, Node, Source};
use gleaner_proto::kubernetes::annotation;

/// The number of spaces by which an inserted field is indented below its parent.
const INDENT: usize = 2;

/// Lines that are inserted into a file.
#[derive(Debug)]
pub(super) struct Insertion {
    /// The line before which the new lines are inserted.
    pub(super) line: usize,
    /// The position in the original file to report for findings in the inserted lines.
    pub(super) owner: Location,
    lines: Vec<String>,
}

impl Insertion {
    /// Returns the insertion that adds `declaration` as an annotation to a Task's metadata, or `None` if the metadata is not in
    /// YAML block style with a separate line for each field.
    pub(super) fn of_annotation(
        source: &Source,
        metadata: &Node,
        declaration: &[String],
    ) -> Option<Self> {
        let (first, _) = metadata.mapping()?.first()?;
        let outer = indent(source, first.at)?;
        let position = |wanted: &str| {
            let mut keys = metadata.mapping()?.iter().map(|(key, _)| key);
            keys.find(|key| key.name == wanted).map(|key| key.at)
        };
        let annotations = metadata.get("annotations");
        let entries = annotations.and_then(Node::mapping).unwrap_or_default();
        let (line, indent, is_new) = match (entries.first(), position("annotations")) {
            (Some((first, _)), _) => (first.at.line, indent(source, first.at)?, false),
            (None, Some(key)) => {
                let is_empty = source.line(key.line).trim() == "annotations:";
                (is_empty.then_some(key.line + 1)?, outer + INDENT, false)
            }
            (None, None) => {
                let name = position("name").or_else(|| position("generateName"))?;
                (name.line + 1, outer + INDENT, true)
            }
        };
        let mut lines = Vec::new();
        if is_new {
            lines.push(format!("{:outer$}annotations:", ""));
        }
        lines.push(format!("{:indent$}{}: |", "", annotation::OUTPUTS));
        let inner = indent + INDENT;
        lines.extend(
            declaration
                .iter()
                .map(|line| format!("{:inner$}{line}", "")),
        );
        let owner = metadata.at;
        Some(Self { line, owner, lines })
    }

    /// Returns the number of inserted lines.
    pub(super) const fn count(&self) -> usize {
        self.lines.len()
    }
}

/// Returns the number of spaces before a position, or `None` if other characters precede the position or a `{` follows it.
fn indent(source: &Source, at: Location) -> Option<usize> {
    let line = source.line(at.line);
    let indent = at.column.checked_sub(1)?;
    let is_key = line.get(indent..)?.chars().next()? != '{';
    (is_key && line.get(..indent)?.bytes().all(|byte| byte == b' ')).then_some(indent)
}

/// Returns the file's text with the insertions, which must be sorted by line.
pub(super) fn insert(source: &Source, insertions: &[Insertion]) -> String {
    let text = source.text();
    let end = match text.contains("\r\n") {
        true => "\r\n",
        false => "\n",
    };
    let mut edited = String::new();
    let mut copied = 0;
    for insertion in insertions {
        let start = source.line_start(insertion.line);
        edited.push_str(&text[copied..start]);
        copied = start;
        if !edited.ends_with('\n') {
            edited.push_str(end);
        }
        for line in &insertion.lines {
            edited.push_str(line);
            edited.push_str(end);
        }
    }
    edited.push_str(&text[copied..]);
    edited
}

/// Maps a position in the edited file to the original file.
pub(super) fn original(at: Location, insertions: &[Insertion]) -> Location {
    let mut added = 0;
    for insertion in insertions {
        let first = insertion.line + added;
        if at.line < first {
            break;
        }
        if at.line < first + insertion.count() {
            return insertion.owner;
        }
        added += insertion.count();
    }
    Location {
        line: at.line - added,
        ..at
    }
}
