//! One file or standard input, parsed.

use std::io::Read;
use std::path::Path;

use super::diagnostic::{Diagnostic, Location};
use super::yaml::{self, Node};

use super::Locate;
use super::finding::Finding;
use super::place::Place;

/// The largest file that is read: Kubernetes takes no object over 1.5 MiB, and a file holds a few.
const LARGEST: u64 = 32 << 20;

/// A file's text and the documents in it.
#[derive(Debug)]
pub struct Source {
    /// The name as it was given; `<stdin>` for `-`.
    pub name: String,
    /// Its documents; those that are `List` objects are taken apart.
    pub documents: Vec<Node>,
    text: String,
}

/// Why there is no [`Source`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The file cannot be read.
    #[error("cannot be read: {error}")]
    Read {
        /// The file.
        name: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The file is larger than anything that Kubernetes would take.
    #[error("larger than {} MiB, which is no file of Kubernetes objects", LARGEST >> 20)]
    TooLarge {
        /// The file.
        name: String,
    },
    /// The text is no YAML.
    #[error("no YAML: {diagnostic}")]
    Yaml {
        /// The file.
        name: String,
        /// What the parser says, and where.
        diagnostic: Diagnostic,
    },
}

impl Source {
    /// Reads `path`, or standard input for `-`.
    ///
    /// # Errors
    /// When it cannot be read, is no UTF-8 or no YAML.
    pub fn read(path: &str) -> Result<Self, SourceError> {
        let (name, text) = if path == "-" {
            ("<stdin>", bounded(std::io::stdin().lock()))
        } else {
            (path, std::fs::File::open(Path::new(path)).and_then(bounded))
        };
        let name = name.to_owned();
        match text {
            Ok(Some(text)) => Self::parse(name, text),
            Ok(None) => Err(SourceError::TooLarge { name }),
            Err(error) => Err(SourceError::Read { name, error }),
        }
    }

    /// Takes a text that was already read.
    ///
    /// # Errors
    /// When it is no YAML.
    pub fn parse(name: String, text: String) -> Result<Self, SourceError> {
        // Windows editors begin a file with a byte order mark, which YAML allows and columns do not count.
        let text = text
            .strip_prefix('\u{feff}')
            .map(str::to_owned)
            .unwrap_or(text);
        match yaml::parse_documents(&text) {
            Ok(documents) => {
                let documents = documents.into_iter().flat_map(items).collect();
                Ok(Self {
                    name,
                    documents,
                    text,
                })
            }
            Err(diagnostic) => Err(SourceError::Yaml { name, diagnostic }),
        }
    }

    /// Whether line `line` of `text` is found in the file where a block scalar from `origin` on has it.
    fn stands_at(&self, text: &str, origin: Location, line: usize) -> bool {
        let wanted = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let found = self
            .text
            .lines()
            .nth(origin.line + line - 2)
            .unwrap_or_default();
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

impl From<SourceError> for Finding {
    fn from(error: SourceError) -> Self {
        let message = error.to_string();
        match error {
            SourceError::Yaml { name, diagnostic } => Self::error(name, diagnostic),
            SourceError::Read { name, .. } | SourceError::TooLarge { name } => {
                Self::error(name, Diagnostic::new(Place::root(), None, message))
            }
        }
    }
}

/// Reads to the end; nothing when there is too much.
fn bounded(reader: impl Read) -> std::io::Result<Option<String>> {
    let mut text = String::new();
    reader.take(LARGEST + 1).read_to_string(&mut text)?;
    Ok((text.len() as u64 <= LARGEST).then_some(text))
}

/// The items of a `List` object; any other document as it is.
fn items(document: Node) -> Vec<Node> {
    let is_list = document.get("kind").and_then(Node::as_str) == Some("List");
    match document.get("items").and_then(Node::sequence) {
        Some(items) if is_list => items.to_vec(),
        _ => vec![document],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(text: &str, line: usize, column: usize) -> (usize, usize) {
        let source = Source::parse("f".into(), text.into()).unwrap();
        let node = source.documents[0]
            .get("a")
            .unwrap()
            .get("b")
            .unwrap()
            .clone();
        let at = Some(Location { line, column });
        let at = source
            .locate(&node, Diagnostic::new(Place::root(), at, "wrong"))
            .at
            .unwrap();
        (at.line, at.column)
    }

    #[test]
    fn a_place_in_a_block_scalar_is_a_place_in_the_file() {
        assert_eq!(located("a:\n  b: |\n    x: 1\n    y: 2\n", 2, 4), (4, 8));
        assert_eq!(located("a:\n  b: |-\n\n    x: 1\n    y: 2\n", 3, 1), (5, 5));
        assert_eq!(located("a:\n  b: |2\n      x: 1\n    y: 2\n", 2, 1), (4, 5));
    }

    #[test]
    fn in_any_other_style_the_scalar_as_a_whole_is_meant() {
        assert_eq!(located("a:\n  b: \"x: 1\\ny: 2\"\n", 2, 4), (2, 6));
        assert_eq!(located("a: {b: plain}\n", 1, 3), (1, 8));
    }

    #[test]
    fn lists_are_taken_apart() {
        let text = "kind: List\nitems: [{kind: A}, {kind: B}]\n---\nkind: C\n";
        assert_eq!(
            Source::parse("f".into(), text.into())
                .unwrap()
                .documents
                .len(),
            3
        );
    }
}
