//! The text of one file, and the documents parsed from it.

use gleaner_proto::encoding::without_mark;

use super::diagnostic::Diagnostic;
use super::location::Location;
use super::node::Node;
use super::yaml;

use super::finding::Finding;
use super::{Locate, scalar, settled};

/// The remedy for a syntax error in a folded block scalar.
const FOLDED: &str = "after the key, write | instead of >, because > joins lines";

/// A file's text and its documents.
#[derive(Debug)]
pub struct Source {
    /// The file's name as the user wrote it, or `<stdin>` for `-`.
    pub name: String,
    /// The file's documents, with `List` objects split into their items.
    pub documents: Vec<Node>,
    text: String,
    /// The byte offset of each line.
    lines: Vec<usize>,
}

impl Source {
    /// Parses the text of the file `name`.
    ///
    /// # Errors
    /// The first YAML error, with its position.
    pub fn parse(name: String, text: String) -> Result<Self, Finding> {
        // Windows editors put a byte order mark at the start of a file. YAML allows the mark, and the mark does not count as a
        // column.
        let begin = text.len() - without_mark(&text).len();
        match yaml::parse_documents(&text[begin..]) {
            Ok(documents) => {
                let documents = documents.into_iter().flat_map(items).collect();
                let newlines = text.match_indices('\n').map(|(offset, _)| offset + 1);
                let lines = std::iter::once(begin).chain(newlines).collect();
                Ok(Self {
                    name,
                    documents,
                    text,
                    lines,
                })
            }
            Err(diagnostic) => Err(Finding::error(name, diagnostic)),
        }
    }

    /// Returns the whole text, including a byte order mark.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the byte offset in [`Self::text`] at which `line` begins. Lines are counted from 1. For a line after the last
    /// line, returns the length of the text.
    pub fn line_start(&self, line: usize) -> usize {
        let start = self.lines.get(line.saturating_sub(1));
        start.copied().unwrap_or(self.text.len())
    }

    /// Returns the text of `line` without its line end. Lines are counted from 1. For a line after the last line, returns an
    /// empty string.
    pub fn line(&self, line: usize) -> &str {
        let text = &self.text[self.line_start(line)..self.line_start(line + 1)];
        text.trim_end_matches(['\r', '\n'])
    }

    /// Returns true if `node` is a folded block scalar (`>`).
    fn is_folded(&self, node: &Node) -> bool {
        let start = node.at.line.saturating_sub(1);
        let before = self
            .lines
            .get(start)
            .map(|end| self.text[..*end].trim_end());
        let header = before.and_then(|before| before.lines().next_back());
        let header = header.and_then(|line| line.split(" #").next());
        let header = header.and_then(|line| line.split_whitespace().next_back());
        let indicators = header.and_then(|word| word.strip_prefix('>'));
        let is_indicator = |byte| b"+-123456789".contains(&byte);
        indicators.is_some_and(|rest| rest.bytes().all(is_indicator))
    }

    /// Returns the text of the file from a position to the end.
    fn from(&self, at: Location) -> Option<&str> {
        let start = self.lines.get(at.line.checked_sub(1)?)?;
        let column = at.column;
        scalar::from(self.text.get(*start..)?, Location { line: 1, column })
    }
}

impl Locate for Source {
    fn locate(&self, node: &Node, diagnostic: Diagnostic) -> Diagnostic {
        let text = node.as_str().unwrap_or_default();
        let begin = text.len() - text.trim_start().len();
        let is_syntax = diagnostic.at.is_some();
        let offset = diagnostic.at.map_or(begin, |at| scalar::offset(text, at));
        let rest = self.from(node.at);
        let at = rest.and_then(|rest| scalar::position(rest, node.at, text, offset));
        let located = Diagnostic {
            at: Some(at.unwrap_or(node.at)),
            ..diagnostic
        };
        if located.place.is_root() && is_syntax && self.is_folded(node) {
            return located.help(FOLDED);
        }
        located
    }

    fn settle(&self, document: &Node, diagnostic: Diagnostic) -> Diagnostic {
        settled(document, diagnostic, |at| self.from(at))
    }
}

/// If the document is a `List`, or a list of one kind such as a `PipelineList`, returns its items. Otherwise, returns only the
/// document.
fn items(document: Node) -> Vec<Node> {
    let kind = document.text_of("kind").unwrap_or_default();
    let is_object = |item: &Node| item.text_of("kind").is_some();
    match document.get("items").and_then(Node::sequence) {
        Some(items)
            if kind == "List" || (kind.ends_with("List") && items.iter().all(is_object)) =>
        {
            items.iter().cloned().flat_map(self::items).collect()
        }
        _ => vec![document],
    }
}

#[cfg(test)]
mod tests;
