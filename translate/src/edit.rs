//! Editing of documents, node by node, so that what stays keeps its line.

use gleaner_core::document::diagnostic::Location;
use gleaner_core::document::yaml::{Content, Key, Node};

/// What can be done to a node of a document. A field that is `null` counts as absent.
pub(crate) trait Edit {
    /// The value under `key`, to be changed.
    fn field_mut(&mut self, key: &str) -> Option<&mut Node>;
    /// Takes the field `key` out.
    fn take(&mut self, key: &str) -> Option<Node>;
    /// Sets the field `key`, where it stands already or else at the end.
    fn put(&mut self, key: &str, value: Node);
    /// Puts a field that is not there yet before all others.
    fn put_first(&mut self, key: &str, value: Node);
    /// Gives the field `from` another name; false when there is none.
    fn rename(&mut self, from: &str, to: &str) -> bool;
    /// The field `key` as a list; made, when there is none.
    fn list_mut(&mut self, key: &str) -> &mut Vec<Node>;
    /// The items of this list; none of anything else.
    fn items_mut(&mut self) -> &mut [Node];
    /// The map under `key`; made, when there is none.
    fn map_mut(&mut self, key: &str) -> &mut Node;
}

impl Edit for Node {
    fn field_mut(&mut self, key: &str) -> Option<&mut Node> {
        let Content::Mapping(entries) = &mut self.content else {
            return None;
        };
        let found = entries.iter_mut().find(|(name, _)| name.name == key);
        found
            .map(|(_, node)| node)
            .filter(|node| node.content != Content::Null)
    }

    fn take(&mut self, key: &str) -> Option<Node> {
        let Content::Mapping(entries) = &mut self.content else {
            return None;
        };
        let position = entries.iter().position(|(name, _)| name.name == key)?;
        let (_, node) = entries.remove(position);
        (node.content != Content::Null).then_some(node)
    }

    fn put(&mut self, key: &str, value: Node) {
        if let Content::Null = self.content {
            self.content = Content::Mapping(Vec::new());
        }
        let Content::Mapping(entries) = &mut self.content else {
            return;
        };
        match entries.iter_mut().find(|(name, _)| name.name == key) {
            Some((_, node)) => *node = value,
            None => entries.push((self::key(value.at, key), value)),
        }
    }

    fn put_first(&mut self, key: &str, value: Node) {
        if let Content::Mapping(entries) = &mut self.content {
            entries.insert(0, (self::key(value.at, key), value));
        }
    }

    fn rename(&mut self, from: &str, to: &str) -> bool {
        let Content::Mapping(entries) = &mut self.content else {
            return false;
        };
        let found = entries.iter_mut().find(|(name, _)| name.name == from);
        found.is_some_and(|(name, _)| {
            to.clone_into(&mut name.name);
            true
        })
    }

    fn list_mut(&mut self, key: &str) -> &mut Vec<Node> {
        let at = self.at;
        let node = made(self, key, || list(at, Vec::new()));
        match &mut node.content {
            Content::Sequence(items) => items,
            _ => unreachable!("invariant: `made` has looked"),
        }
    }

    fn items_mut(&mut self) -> &mut [Node] {
        match &mut self.content {
            Content::Sequence(items) => items,
            _ => &mut [],
        }
    }

    fn map_mut(&mut self, key: &str) -> &mut Node {
        let at = self.at;
        made(self, key, || map(at, []))
    }
}

/// The value under `key`, if it is of the kind that `new` makes; or else `new`, which takes its place.
fn made<'a>(node: &'a mut Node, key: &str, new: impl Fn() -> Node) -> &'a mut Node {
    let fits = |found: &Node| {
        std::mem::discriminant(&found.content) == std::mem::discriminant(&new().content)
    };
    if !node.get(key).is_some_and(fits) {
        if !matches!(node.content, Content::Mapping(_)) {
            node.content = Content::Mapping(Vec::new());
        }
        node.put(key, new());
    }
    node.field_mut(key)
        .expect("invariant: it was there, or has been put there")
}

/// A text, said to stand where what it comes from stood.
pub(crate) fn text(at: Location, text: impl Into<String>) -> Node {
    let content = Content::String(text.into());
    Node { at, content }
}

/// A list.
pub(crate) fn list(at: Location, items: Vec<Node>) -> Node {
    let content = Content::Sequence(items);
    Node { at, content }
}

/// A map.
pub(crate) fn map<'a>(at: Location, entries: impl IntoIterator<Item = (&'a str, Node)>) -> Node {
    let entries = entries.into_iter();
    let content = Content::Mapping(entries.map(|(name, node)| (key(at, name), node)).collect());
    Node { at, content }
}

/// The value under `key`, when it is there and not null.
pub(crate) fn present<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    node.get(key).filter(|node| node.content != Content::Null)
}

/// The text under `key`.
pub(crate) fn text_of<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key)?.as_str()
}

fn key(at: Location, name: &str) -> Key {
    let name = name.to_owned();
    Key { at, name }
}
