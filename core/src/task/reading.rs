//! Reads fields of a node and collects everything that is wrong, not only the first.

use crate::document::diagnostic::Diagnostic;
use crate::document::yaml::{Content, Key, Node};

/// What was wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl Reading {
    /// The collected complaints, or `value` when there are none.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, Vec<Diagnostic>> {
        if self.diagnostics.is_empty() {
            Ok(value)
        } else {
            Err(self.diagnostics)
        }
    }

    pub(crate) fn complain(&mut self, place: &str, node: &Node, message: String, help: &str) {
        let diagnostic = Diagnostic::new(place, Some(node.at), message).help(help);
        self.diagnostics.push(diagnostic);
    }

    /// Text; numbers and booleans are refused as Kubernetes does.
    pub(crate) fn text(&mut self, node: &Node, place: &str) -> Option<String> {
        match &node.content {
            Content::String(text) => Some(text.clone()),
            Content::Null => None,
            Content::Number(_) | Content::Boolean(_) => {
                let message = format!("must be a string, this is {}", node.describe());
                self.complain(place, node, message, "put it in quotes");
                None
            }
            _ => {
                let message = format!("must be a string, this is {}", node.describe());
                self.diagnostics
                    .push(Diagnostic::new(place, Some(node.at), message));
                None
            }
        }
    }

    /// The text under `key` of `node`, when there is one.
    pub(crate) fn text_at(&mut self, node: &Node, key: &str, place: &str) -> Option<String> {
        let value = node.get(key)?;
        self.text(value, &join(place, key))
    }

    /// The items under `key` of `node`; none when it is absent.
    pub(crate) fn list_at<'a>(&mut self, node: &'a Node, key: &str, place: &str) -> &'a [Node] {
        match node.get(key) {
            None => &[],
            Some(Node {
                content: Content::Null,
                ..
            }) => &[],
            Some(Node {
                content: Content::Sequence(items),
                ..
            }) => items,
            Some(other) => {
                let message = format!("must be a list, this is {}", other.describe());
                self.diagnostics
                    .push(Diagnostic::new(join(place, key), Some(other.at), message));
                &[]
            }
        }
    }

    /// The texts under `key` of `node`; none when it is absent.
    pub(crate) fn texts_at(&mut self, node: &Node, key: &str, place: &str) -> Vec<String> {
        let items = self.list_at(node, key, place);
        let list = join(place, key);
        let texts = items.iter().enumerate();
        texts
            .filter_map(|(index, item)| self.text(item, &format!("{list}[{index}]")))
            .collect()
    }

    /// The entries under `key` of `node`; none when it is absent.
    pub(crate) fn map_at<'a>(
        &mut self,
        node: &'a Node,
        key: &str,
        place: &str,
    ) -> &'a [(Key, Node)] {
        match node.get(key) {
            None => &[],
            Some(Node {
                content: Content::Null,
                ..
            }) => &[],
            Some(Node {
                content: Content::Mapping(entries),
                ..
            }) => entries,
            Some(other) => {
                let message = format!("must be a map, this is {}", other.describe());
                self.diagnostics
                    .push(Diagnostic::new(join(place, key), Some(other.at), message));
                &[]
            }
        }
    }

    /// The name under `name` of `node`, which must be there.
    pub(crate) fn name(&mut self, node: &Node, place: &str) -> Option<String> {
        if present(node, "name").is_none() {
            let message = "has no name".to_owned();
            self.diagnostics
                .push(Diagnostic::new(place, Some(node.at), message));
            return None;
        }
        self.text_at(node, "name", place)
    }
}

/// The value under `key`, when it is there and not null.
pub(crate) fn present<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    node.get(key).filter(|node| node.content != Content::Null)
}

/// Goes down several keys.
pub(crate) fn descend<'a>(node: &'a Node, keys: &[&str]) -> Option<&'a Node> {
    keys.iter().try_fold(node, |node, key| present(node, key))
}

/// `spec.steps` and `name` make `spec.steps.name`.
pub(crate) fn join(place: &str, key: &str) -> String {
    if place.is_empty() {
        key.to_owned()
    } else {
        format!("{place}.{key}")
    }
}
