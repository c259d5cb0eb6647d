//! The tree of a document. Each node keeps its position, so that an error can name the line and column.

use serde::{Serialize, Serializer};
use serde_json::{Map, Number, Value};

use super::location::Location;
use super::place::{Place, Segment};

/// A node and its position.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The position of the node's first character. For a block scalar, this is the position of the first line of its content.
    pub at: Location,
    /// The content.
    pub content: Content,
}

/// The content of a node. As in Kubernetes, only JSON's types are supported.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A JSON number.
    Number(Number),
    /// A string.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// A map, with its entries in the order of the document.
    Mapping(Vec<(Key, Node)>),
}

/// A key of a map and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The position.
    pub at: Location,
    /// The text of the key.
    pub name: String,
}

impl Node {
    /// If this node is a map that contains `key`, returns the value.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.mapping()?
            .iter()
            .find_map(|(name, node)| (name.name == key).then_some(node))
    }

    /// If the value under `key` exists and is not null, returns the value.
    pub fn present(&self, key: &str) -> Option<&Self> {
        self.get(key).filter(|node| node.content != Content::Null)
    }

    /// If the value at a path of keys exists and is not null, returns the value.
    pub fn descend(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.present(key))
    }

    /// Returns the node at `place`, which is relative to this node.
    pub fn find(&self, place: &Place) -> Option<&Self> {
        let mut segments = place.segments().into_iter();
        segments.try_fold(self, Self::child)
    }

    /// Returns the position of the node at `place`, which is relative to this node. If there is no such node, returns the
    /// position of its closest existing ancestor.
    pub fn position(&self, place: &Place) -> Location {
        let mut node = self;
        for segment in place.segments() {
            let Some(child) = node.child(segment) else {
                break;
            };
            node = child;
        }
        node.at
    }

    /// Returns the position of `place` in `original`, the document from which this document was made. Returns `None` if either
    /// document has no node at `place`, or if a list on the path has a different length in `original`.
    pub fn position_in(&self, original: &Self, place: &Place) -> Option<Location> {
        let (mut node, mut before) = (self, original);
        for segment in place.segments() {
            let length = |node: &Self| node.sequence().map(<[_]>::len);
            if length(node) != length(before) {
                return None;
            }
            (node, before) = (node.child(segment)?, before.child(segment)?);
        }
        Some(before.at)
    }

    /// Returns the position of the key whose value is the node at `place`.
    pub(super) fn key_position(&self, place: &Place) -> Option<Location> {
        let mut segments = place.segments();
        let Some(Segment::Key(last)) = segments.pop() else {
            return None;
        };
        let parent = segments.into_iter().try_fold(self, Self::child)?;
        let mut keys = parent.mapping()?.iter().map(|(key, _)| key);
        Some(keys.find(|key| key.name == *last)?.at)
    }

    fn child(&self, segment: &Segment) -> Option<&Self> {
        match segment {
            Segment::Key(key) => self.get(key),
            Segment::Index(index) => self.sequence()?.get(*index),
        }
    }

    /// If the value under `key` is a string, returns the string.
    pub fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// If the value under `key` is a list, returns its items. Otherwise, returns an empty slice.
    pub fn list_of(&self, key: &str) -> &[Self] {
        let list = self.get(key).and_then(Self::sequence);
        list.unwrap_or_default()
    }

    /// If this node is a string, returns the text.
    pub fn as_str(&self) -> Option<&str> {
        match &self.content {
            Content::String(text) => Some(text),
            _ => None,
        }
    }

    /// If this node is a list, returns the items.
    pub fn sequence(&self) -> Option<&[Self]> {
        match &self.content {
            Content::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// If this node is a map, returns the entries.
    pub fn mapping(&self) -> Option<&[(Key, Self)]> {
        match &self.content {
            Content::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// Returns the name of the node's type for error messages.
    pub const fn describe(&self) -> &'static str {
        match self.content {
            Content::Null => "nothing",
            Content::Boolean(_) => "a boolean",
            Content::Number(_) => "a number",
            Content::String(_) => "a string",
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a map",
        }
    }

    /// Returns the node as compact JSON text.
    pub fn to_json_text(&self) -> String {
        serde_json::to_string(self).expect("invariant: keys are strings, and numbers are finite")
    }

    /// Returns the node as a JSON value, without positions.
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Boolean(flag) => Value::Bool(*flag),
            Content::Number(number) => Value::Number(number.clone()),
            Content::String(text) => Value::String(text.clone()),
            Content::Sequence(items) => items.iter().map(Self::to_json).collect(),
            Content::Mapping(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, node)| (key.name.clone(), node.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }
}

/// Serializes the node as JSON directly, without an intermediate tree.
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.content {
            Content::Null => serializer.serialize_unit(),
            Content::Boolean(flag) => serializer.serialize_bool(*flag),
            Content::Number(number) => number.serialize(serializer),
            Content::String(text) => serializer.serialize_str(text),
            Content::Sequence(items) => serializer.collect_seq(items),
            Content::Mapping(entries) => {
                serializer.collect_map(entries.iter().map(|(key, node)| (&key.name, node)))
            }
        }
    }
}

/// Converts a JSON value to a node. A JSON value has no source text, so each node gets the default position.
impl From<&Value> for Node {
    fn from(value: &Value) -> Self {
        let content = match value {
            Value::Null => Content::Null,
            Value::Bool(flag) => Content::Boolean(*flag),
            Value::Number(number) => Content::Number(number.clone()),
            Value::String(text) => Content::String(text.clone()),
            Value::Array(items) => Content::Sequence(items.iter().map(Self::from).collect()),
            Value::Object(entries) => {
                let at = Location::default();
                let entry = |(name, value): (&String, &Value)| {
                    let name = name.clone();
                    (Key { at, name }, Self::from(value))
                };
                Content::Mapping(entries.iter().map(entry).collect())
            }
        };
        Self {
            at: Location::default(),
            content,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::yaml;

    #[test]
    fn a_place_is_found_in_the_original_unless_the_length_of_its_list_changed() {
        let original = yaml::parse("b: [x]\na: [y]\n").unwrap();
        let made = yaml::parse("a: [y]\nb: [w, x]\n").unwrap();
        let at = |key: &str| made.position_in(&original, &Place::from([key]).index(0));
        let at = |key: &str| at(key).map(|at| (at.line, at.column));
        assert_eq!((at("a"), at("b"), at("c")), (Some((2, 5)), None, None));
    }

    #[test]
    fn the_closest_existing_ancestor_gives_the_position() {
        let document = yaml::parse("a:\n  b.c:\n  - x\n  - d: y\n").unwrap();
        let list = Place::from(["a", "b.c"]);
        let at = |place: &Place| {
            let Location { line, column } = document.position(place);
            (line, column)
        };
        assert_eq!(at(&list.index(1).key("d")), (4, 8));
        assert_eq!(at(&list.index(1).key("e").key("f")), (4, 5));
        assert_eq!(at(&list.index(7)), (3, 5));
        assert_eq!(at(&Place::root()), (1, 1));
        assert!(document.find(&list.index(1).key("d")).is_some());
        assert!(document.find(&list.index(7)).is_none());
    }
}
