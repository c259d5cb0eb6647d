//! Changes to a document, node by node, so that what stays keeps its position.

use gleaner_core::document::Place;
use gleaner_core::document::diagnostic::Location;
use gleaner_core::document::place::Segment;
use gleaner_core::document::yaml::{Content, Key, Node};
use serde_json::Value;

/// Changes to a map and its fields. A field that is null counts as absent.
pub(crate) trait Edit {
    /// The value of the field `key`.
    fn field_mut(&mut self, key: &str) -> Option<&mut Node>;
    /// The items of the list in the field `key`; none of anything else.
    fn items_mut(&mut self, key: &str) -> &mut [Node];
    /// The list in the field `key`; created when it is absent.
    fn list_mut(&mut self, key: &str) -> &mut Vec<Node>;
    /// The map in the field `key`; created when it is absent.
    fn map_mut(&mut self, key: &str) -> &mut Node;
    /// The node at `place`, which must be there.
    fn at_mut(&mut self, place: &Place) -> &mut Node;
    /// Removes the field `key` and returns its value.
    fn take(&mut self, key: &str) -> Option<Node>;
    /// Sets the field `key`, which is added at the end when it is absent.
    fn put(&mut self, key: &str, value: Node);
    /// Adds a field that is absent, before all others.
    fn put_first(&mut self, key: &str, value: Node);
    /// Gives the field `from` another name.
    fn rename(&mut self, from: &str, to: &str);
}

impl Edit for Node {
    fn field_mut(&mut self, key: &str) -> Option<&mut Node> {
        let mut entries = entries_mut(self)?.iter_mut();
        let (_, node) = entries.find(|(own, _)| own.name == key)?;
        (node.content != Content::Null).then_some(node)
    }

    fn items_mut(&mut self, key: &str) -> &mut [Node] {
        self.field_mut(key).map_or(&mut [], items_mut)
    }

    fn list_mut(&mut self, key: &str) -> &mut Vec<Node> {
        match &mut created(self, key, Content::Sequence(Vec::new())).content {
            Content::Sequence(items) => items,
            _ => unreachable!("invariant: the shape of the document was checked"),
        }
    }

    fn map_mut(&mut self, key: &str) -> &mut Node {
        created(self, key, Content::Mapping(Vec::new()))
    }

    fn at_mut(&mut self, place: &Place) -> &mut Node {
        place.segments().into_iter().fold(self, |node, segment| {
            let found = match segment {
                Segment::Key(key) => node.field_mut(key),
                Segment::Index(index) => items_mut(node).get_mut(*index),
            };
            found.expect("invariant: the place was read from this document")
        })
    }

    fn take(&mut self, key: &str) -> Option<Node> {
        let entries = entries_mut(self)?;
        let position = entries.iter().position(|(own, _)| own.name == key)?;
        let (_, node) = entries.remove(position);
        (node.content != Content::Null).then_some(node)
    }

    fn put(&mut self, key: &str, value: Node) {
        let Some(entries) = entries_mut(self) else {
            return;
        };
        match entries.iter_mut().find(|(own, _)| own.name == key) {
            Some((_, node)) => *node = value,
            None => entries.push((self::key(key, &value), value)),
        }
    }

    fn put_first(&mut self, key: &str, value: Node) {
        if let Some(entries) = entries_mut(self) {
            entries.insert(0, (self::key(key, &value), value));
        }
    }

    fn rename(&mut self, from: &str, to: &str) {
        let entries = entries_mut(self).into_iter().flatten();
        for (key, _) in entries.filter(|(key, _)| key.name == from) {
            to.clone_into(&mut key.name);
        }
    }
}

/// The items of a list; none of anything else.
pub(crate) fn items_mut(node: &mut Node) -> &mut [Node] {
    match &mut node.content {
        Content::Sequence(items) => items,
        _ => &mut [],
    }
}

/// The entries of a map.
pub(crate) fn entries_mut(node: &mut Node) -> Option<&mut Vec<(Key, Node)>> {
    match &mut node.content {
        Content::Mapping(entries) => Some(entries),
        _ => None,
    }
}

/// A node that is not in the document, at the position of the node that it is derived from.
pub(crate) fn derived(at: Location, value: impl Into<Value>) -> Node {
    let mut node = Node::from(&value.into());
    move_to(&mut node, at);
    node
}

fn move_to(node: &mut Node, at: Location) {
    node.at = at;
    match &mut node.content {
        Content::Sequence(items) => items.iter_mut().for_each(|item| move_to(item, at)),
        Content::Mapping(entries) => {
            for (key, value) in entries {
                key.at = at;
                move_to(value, at);
            }
        }
        _ => {}
    }
}

fn created<'a>(map: &'a mut Node, key: &str, content: Content) -> &'a mut Node {
    if map.present(key).is_none() {
        let at = map.at;
        map.put(key, Node { at, content });
    }
    map.field_mut(key)
        .expect("invariant: the shape of the document was checked")
}

fn key(name: &str, value: &Node) -> Key {
    let name = name.to_owned();
    Key { at: value.at, name }
}
