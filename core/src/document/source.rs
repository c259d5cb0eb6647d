//! The text of one file, parsed.

use gleaner_proto::encoding::without_mark;

use super::diagnostic::Diagnostic;
use super::location::Location;
use super::node::Node;
use super::yaml;

use super::Locate;
use super::finding::Finding;

/// A file's text and the documents in it.
#[derive(Debug)]
pub struct Source {
    /// The name as it was given; `<stdin>` for `-`.
    pub name: String,
    /// Its documents; those that are `List` objects are taken apart.
    pub documents: Vec<Node>,
    text: String,
    /// The offset of each line.
    lines: Vec<usize>,
}

impl Source {
    /// Parses the text of the file `name`.
    ///
    /// # Errors
    /// The first thing that is not YAML, with its position.
    pub fn parse(name: String, text: String) -> Result<Self, Finding> {
        // Windows editors begin a file with a byte order mark, which YAML allows and columns do not count.
        let text = match without_mark(&text) {
            unmarked if unmarked.len() < text.len() => unmarked.to_owned(),
            _ => text,
        };
        match yaml::parse_documents(&text) {
            Ok(documents) => {
                let documents = documents.into_iter().flat_map(items).collect();
                let newlines = text.match_indices('\n').map(|(offset, _)| offset + 1);
                let lines = std::iter::once(0).chain(newlines).collect();
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

    /// A line of the file, from 0; empty beyond its end.
    fn line(&self, index: usize) -> &str {
        let start = self.lines.get(index).copied();
        let rest = start.map_or("", |start| &self.text[start..]);
        rest.lines().next().unwrap_or_default()
    }

    /// Whether line `line` of `text` is found in the file where a block scalar from `origin` on has it.
    fn stands_at(&self, text: &str, origin: Location, line: usize) -> bool {
        let wanted = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let found = self.line(origin.line + line - 2);
        let mut rest = found.chars();
        let indented = rest
            .by_ref()
            .take(origin.column.saturating_sub(1))
            .all(|c| c == ' ');
        indented && rest.as_str().trim_end() == wanted.trim_end()
    }
}

impl Locate for Source {
    /// Exact for a block scalar that keeps its lines (`|`). In any other style the lines of the text are
    /// not those of the file, and the diagnostic points at the scalar as a whole.
    fn locate(&self, node: &Node, diagnostic: Diagnostic) -> Diagnostic {
        let text = node.as_str().unwrap_or_default();
        // A block scalar may begin with empty lines, and the scalar begins where its first character stands.
        let blank = text
            .lines()
            .take_while(|line| line.trim().is_empty())
            .count();
        let origin = Location {
            line: node.at.line.saturating_sub(blank).max(1),
            ..node.at
        };
        let at = diagnostic.at.unwrap_or(Location {
            line: blank + 1,
            column: 1,
        });
        if self.stands_at(text, origin, at.line) {
            return Diagnostic {
                at: Some(at),
                ..diagnostic
            }
            .offset_by(origin);
        }
        Diagnostic {
            at: Some(node.at),
            ..diagnostic
        }
    }
}

/// The items of a `List`, or of the list of one kind, such as a `PipelineList`; any other document as it is.
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
