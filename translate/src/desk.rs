//! Where one document is worked on: what is wrong with it is written down here, with its line.

use gleaner_core::document::diagnostic::{Diagnostic, Location, suggestion};
use gleaner_core::document::yaml::{Content, Node};
use gleaner_core::document::{Finding, Locate, Place, Source};

use crate::edit::present;

/// One document's desk.
#[derive(Debug)]
pub(crate) struct Desk<'a> {
    /// The file that it came from.
    pub(crate) source: &'a Source,
    /// What is wrong with it.
    pub(crate) findings: Vec<Finding>,
}

impl<'a> Desk<'a> {
    pub(crate) const fn new(source: &'a Source) -> Self {
        let findings = Vec::new();
        Self { source, findings }
    }

    /// Writes down what is wrong with `node`, and what would be right.
    pub(crate) fn complain(&mut self, place: &str, node: &Node, message: String, help: &str) {
        self.complain_at(place, node.at, message, Some(help.to_owned()));
    }

    /// The same, where there may be nothing to advise.
    pub(crate) fn complain_at(
        &mut self,
        place: &str,
        at: Location,
        message: String,
        help: Option<String>,
    ) {
        self.note(Diagnostic::new(typed(place), Some(at), message).maybe_help(help));
    }

    /// A name that is not among those that there are.
    pub(crate) fn unknown<'b>(
        &mut self,
        place: &str,
        at: Location,
        message: String,
        name: &str,
        known: impl IntoIterator<Item = &'b str>,
    ) {
        self.complain_at(place, at, message, suggestion(name, known));
    }

    /// Something wrong in the text of `node`, `offset` bytes from its beginning.
    pub(crate) fn complain_within(
        &mut self,
        place: &str,
        node: &Node,
        offset: usize,
        message: String,
        help: Option<String>,
    ) {
        let text = node.as_str().unwrap_or_default();
        let before = text.get(..offset).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        let at = Location {
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
        };
        let diagnostic = Diagnostic::new(typed(place), Some(at), message).maybe_help(help);
        let diagnostic = self.source.locate(node, diagnostic);
        self.note(diagnostic);
    }

    /// Writes down a diagnostic about this document.
    pub(crate) fn note(&mut self, diagnostic: Diagnostic) {
        let name = self.source.name.clone();
        self.findings.push(Finding::error(name, diagnostic));
    }

    /// The items under `key`; complains when it is no list.
    pub(crate) fn list<'n>(&mut self, node: &'n Node, key: &str, place: &str) -> &'n [Node] {
        match present(node, key) {
            None => &[],
            Some(node) => self.items(node, &format!("{place}.{key}")),
        }
    }

    /// The items of a list; complains when it is none.
    pub(crate) fn items<'n>(&mut self, node: &'n Node, place: &str) -> &'n [Node] {
        node.sequence().unwrap_or_else(|| {
            let message = format!("must be a list, this is {}", node.describe());
            self.complain_at(place, node.at, message, None);
            &[]
        })
    }

    /// The text under `key`; complains when it is none.
    pub(crate) fn text(&mut self, node: &Node, key: &str, place: &str) -> Option<String> {
        let value = present(node, key)?;
        if let Content::String(text) = &value.content {
            return Some(text.clone());
        }
        let message = format!("must be a string, this is {}", value.describe());
        self.complain(
            &format!("{place}.{key}"),
            value,
            message,
            "put it in quotes",
        );
        None
    }

    /// The text under `name`; complains when there is none.
    pub(crate) fn name(&mut self, node: &Node, place: &str) -> Option<String> {
        if present(node, "name").is_none() {
            self.complain_at(place, node.at, "has no name".to_owned(), None);
        }
        self.text(node, "name", place)
    }

    /// Complains of every field that is not among `known`: what is not understood is not dropped in silence.
    pub(crate) fn only(&mut self, node: &Node, place: &str, known: &[&str]) {
        let Some(entries) = node.mapping() else {
            let message = format!("must be a map, this is {}", node.describe());
            return self.complain_at(place, node.at, message, None);
        };
        for (key, _) in entries {
            if !known.contains(&key.name.as_str()) {
                let place = format!("{place}.{}", key.name);
                let message = "unknown field".to_owned();
                self.unknown(&place, key.at, message, &key.name, known.iter().copied());
            }
        }
    }
}

/// A place as `translate` writes it, until it reads documents through a cursor.
fn typed(place: &str) -> Place {
    let parts = place.split(['.', '[']).filter(|part| !part.is_empty());
    parts.fold(Place::root(), |place, part| {
        match part.strip_suffix(']').map(str::parse) {
            Some(Ok(index)) => place.index(index),
            _ => place.key(part),
        }
    })
}
