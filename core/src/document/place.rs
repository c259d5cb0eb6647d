//! The place of a node in a document.

use std::fmt;
use std::sync::Arc;

/// The place of a node in a document: the keys and indices on the path from the root, such as `spec.steps[0].image`. Places share
/// common prefixes, so storing the places of all nodes takes little memory.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Place(Option<Arc<Link>>);

#[derive(PartialEq, Eq, Hash)]
struct Link {
    parent: Place,
    segment: Segment,
}

/// A part of a [`Place`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    /// A key of a map.
    Key(String),
    /// An index into a list, from 0.
    Index(usize),
}

impl Place {
    /// Returns the place of the document root.
    pub const fn root() -> Self {
        Self(None)
    }

    /// Returns the place of the annotation `name` in an object.
    pub fn of_annotation(name: &str) -> Self {
        Self::from(["metadata", "annotations", name])
    }

    /// Returns the place of the field `key` in the map at this place.
    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Self {
        self.child(Segment::Key(key.into()))
    }

    /// Returns the place of the item `index` in the list at this place.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.child(Segment::Index(index))
    }

    /// Returns this place followed by `inner`, which is relative to this place.
    #[must_use]
    pub fn join(&self, inner: &Self) -> Self {
        let segments = inner.segments().into_iter();
        segments.fold(self.clone(), |place, segment| place.child(segment.clone()))
    }

    /// Returns the place of the containing map or list, or `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        Some(self.0.as_deref()?.parent.clone())
    }

    /// Returns true if this is the root.
    pub const fn is_root(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the segments from the root to this place.
    pub fn segments(&self) -> Vec<&Segment> {
        let mut segments: Vec<&Segment> = self.upwards().collect();
        segments.reverse();
        segments
    }

    /// Returns this place relative to `ancestor`, or `None` if the place is not at or below `ancestor`.
    pub fn within(&self, ancestor: &Self) -> Option<Self> {
        let below = self.depth().checked_sub(ancestor.depth())?;
        let mut top = self;
        let mut rest = Vec::with_capacity(below);
        for _ in 0..below {
            let link = top.0.as_deref()?;
            rest.push(&link.segment);
            top = &link.parent;
        }
        let rest = rest.into_iter().rev();
        (top == ancestor)
            .then(|| rest.fold(Self::root(), |place, segment| place.child(segment.clone())))
    }

    /// Returns true if the place begins with these keys.
    pub fn starts_with(&self, keys: &[&str]) -> bool {
        let below = self.depth().checked_sub(keys.len());
        below.is_some_and(|below| are(self.upwards().skip(below), keys))
    }

    /// Returns true if the place ends with these keys.
    pub fn ends_with(&self, keys: &[&str]) -> bool {
        self.depth() >= keys.len() && are(self.upwards(), keys)
    }

    /// Returns true if the place contains these keys in sequence.
    pub fn contains(&self, keys: &[&str]) -> bool {
        let windows = (self.depth() + 1).saturating_sub(keys.len());
        (0..windows).any(|below| are(self.upwards().skip(below), keys))
    }

    /// Returns the place as a JSON Pointer (RFC 6901), such as `/spec/steps/0/image`.
    pub fn pointer(&self) -> String {
        let mut pointer = String::new();
        for segment in self.segments() {
            pointer.push('/');
            match segment {
                Segment::Key(key) => pointer += &key.replace('~', "~0").replace('/', "~1"),
                Segment::Index(index) => pointer += &index.to_string(),
            }
        }
        pointer
    }

    /// Returns the segments from this place up to the root.
    fn upwards(&self) -> impl Iterator<Item = &Segment> {
        let mut place = self;
        std::iter::from_fn(move || {
            let link = place.0.as_deref()?;
            place = &link.parent;
            Some(&link.segment)
        })
    }

    /// Returns the number of segments.
    fn depth(&self) -> usize {
        self.upwards().count()
    }

    fn child(&self, segment: Segment) -> Self {
        let parent = self.clone();
        Self(Some(Arc::new(Link { parent, segment })))
    }
}

/// Returns true if `segments`, ordered from the last to the first, match `keys`. There must be at least as many segments as keys.
fn are<'a>(segments: impl Iterator<Item = &'a Segment>, keys: &[&str]) -> bool {
    let mut pairs = segments.zip(keys.iter().rev());
    pairs.all(|(segment, key)| matches!(segment, Segment::Key(own) if own == key))
}

impl<const N: usize> From<[&str; N]> for Place {
    fn from(keys: [&str; N]) -> Self {
        keys.iter().fold(Self::root(), |place, key| place.key(*key))
    }
}

impl From<&Self> for Place {
    fn from(place: &Self) -> Self {
        place.clone()
    }
}

/// The longest key that is shown in full, in bytes: a qualified name in Kubernetes is at most 317 bytes long.
const SHOWN: usize = 317;

/// Quotes keys that contain characters other than letters, digits, `-` and `_`: `metadata.annotations["gleaner.dev/outputs"]`.
impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.segments().into_iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(out, "[{index}]")?,
                Segment::Key(key) if key.len() > SHOWN => {
                    let end = (0..=SHOWN).rev().find(|end| key.is_char_boundary(*end));
                    write!(out, "[\"{}…\"]", &key[..end.unwrap_or_default()])?;
                }
                Segment::Key(key) if !is_plain(key) => write!(out, "[\"{key}\"]")?,
                Segment::Key(key) if position == 0 => out.write_str(key)?,
                Segment::Key(key) => write!(out, ".{key}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", self.to_string())
    }
}

fn is_plain(key: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !key.is_empty() && key.bytes().all(plain)
}

#[cfg(test)]
mod tests;
