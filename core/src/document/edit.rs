//! Edits a document node by node, so that unchanged nodes keep their positions.
//!
//! A null field counts as absent. A node that is not a map has no fields, and no fields can be added.

use serde_json::Value;

use super::location::Location;
use super::node::{Content, Key, Node};
use super::place::{Place, Segment};

impl Node {
    /// Creates a node that does not occur in the text. The node and its descendants get the position `at`, which is the position
    /// of the node from which they are derived.
    pub fn derived(at: Location, value: impl Into<Value>) -> Self {
        let mut node = Self::from(&value.into());
        node.move_to(at);
        node
    }

    /// Returns the entries, if this is a map.
    pub const fn entries_mut(&mut self) -> Option<&mut Vec<(Key, Self)>> {
        match &mut self.content {
            Content::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// Returns the items, or an empty slice if this is not a list.
    pub fn items_mut(&mut self) -> &mut [Self] {
        match &mut self.content {
            Content::Sequence(items) => items,
            _ => &mut [],
        }
    }

    /// Returns the node at `place`, which is relative to this node.
    pub fn find_mut(&mut self, place: &Place) -> Option<&mut Self> {
        let mut segments = place.segments().into_iter();
        segments.try_fold(self, |node, segment| match segment {
            Segment::Key(key) => {
                let mut entries = node.entries_mut()?.iter_mut();
                Some(&mut entries.find(|(own, _)| own.name == *key)?.1)
            }
            Segment::Index(index) => node.items_mut().get_mut(*index),
        })
    }

    /// Returns the value of the field `key`, if this value exists and is not null.
    pub fn field_mut(&mut self, key: &str) -> Option<&mut Self> {
        let mut entries = self.entries_mut()?.iter_mut();
        let (_, node) = entries.find(|(own, _)| own.name == key)?;
        (node.content != Content::Null).then_some(node)
    }

    /// Returns the items of the list in the field `key`, or an empty slice if the field is absent or not a list.
    pub fn items_at_mut(&mut self, key: &str) -> &mut [Self] {
        self.field_mut(key).map_or(&mut [], Self::items_mut)
    }

    /// Returns the value of the field `key`. If the field is absent, creates it with an empty map. Returns `None` if this node is
    /// not a map.
    pub fn map_at_mut(&mut self, key: &str) -> Option<&mut Self> {
        self.created(key, Content::Mapping(Vec::new()))
    }

    /// Adds `item` to the list in the field `key`, and creates the list if the field is absent.
    pub fn push_at(&mut self, key: &str, item: Self) {
        let list = self.created(key, Content::Sequence(Vec::new()));
        if let Some(Content::Sequence(items)) = list.map(|list| &mut list.content) {
            items.push(item);
        }
    }

    /// Removes the field `key` and returns its value.
    pub fn take(&mut self, key: &str) -> Option<Self> {
        let entries = self.entries_mut()?;
        let position = entries.iter().position(|(own, _)| own.name == key)?;
        let (_, node) = entries.remove(position);
        (node.content != Content::Null).then_some(node)
    }

    /// Sets the field `key`. If the field is absent, adds it at the end.
    pub fn put(&mut self, key: &str, value: Self) {
        let Some(entries) = self.entries_mut() else {
            return;
        };
        match entries.iter_mut().find(|(own, _)| own.name == key) {
            Some((_, node)) => *node = value,
            None => entries.push((self::key(key, &value), value)),
        }
    }

    /// Adds the field `key`, which must not exist yet, before all other fields.
    pub fn put_first(&mut self, key: &str, value: Self) {
        if let Some(entries) = self.entries_mut() {
            entries.insert(0, (self::key(key, &value), value));
        }
    }

    fn created(&mut self, key: &str, content: Content) -> Option<&mut Self> {
        if self.present(key).is_none() {
            let at = self.at;
            self.put(key, Self { at, content });
        }
        self.field_mut(key)
    }

    fn move_to(&mut self, at: Location) {
        self.at = at;
        match &mut self.content {
            Content::Sequence(items) => items.iter_mut().for_each(|item| item.move_to(at)),
            Content::Mapping(entries) => {
                for (key, value) in entries {
                    key.at = at;
                    value.move_to(at);
                }
            }
            _ => {}
        }
    }
}

fn key(name: &str, value: &Node) -> Key {
    let name = name.to_owned();
    Key { at: value.at, name }
}

#[cfg(test)]
mod tests;
