//! Paths to a field of an object, such as `.status.addresses[0].url`. The syntax is the subset of JSONPath in which each path
//! selects exactly one field.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

/// A path to one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath(Vec<PathSegment>);

/// A key or index of a [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathSegment {
    /// A key of a map.
    Key(String),
    /// An index of a list.
    Index(usize),
}

/// An invalid [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid field path '{0}': use a form such as .status.url, .items[0] or .metadata.annotations[\"a.b/c\"]"
)]
pub struct FieldPathError(String);

impl FieldPath {
    /// Returns the field of `object`, if it exists.
    pub fn get<'a>(&self, object: &'a Value) -> Option<&'a Value> {
        self.0
            .iter()
            .try_fold(object, |value, segment| match segment {
                PathSegment::Key(key) => value.get(key),
                PathSegment::Index(index) => value.get(index),
            })
    }

    /// Returns the keys and indices of the path, in order from the root of the object.
    pub fn segments(&self) -> &[PathSegment] {
        &self.0
    }

    /// Returns true if the path begins with the field `key`.
    pub fn is_below(&self, key: &str) -> bool {
        matches!(self.0.first(), Some(PathSegment::Key(first)) if first == key)
    }
}

impl FromStr for FieldPath {
    type Err = FieldPathError;

    /// Parses a path, with or without the braces of `kubectl`'s `{.status.url}`.
    fn from_str(text: &str) -> Result<Self, FieldPathError> {
        let wrong = || FieldPathError(text.to_owned());
        let mut rest = text
            .strip_prefix('{')
            .and_then(|inner| inner.strip_suffix('}'))
            .unwrap_or(text);
        let mut segments = Vec::new();
        while !rest.is_empty() {
            let (segment, after) = next_segment(rest, segments.is_empty()).ok_or_else(wrong)?;
            segments.push(segment);
            rest = after;
        }
        if segments.is_empty() {
            Err(wrong())
        } else {
            Ok(Self(segments))
        }
    }
}

fn next_segment(rest: &str, first: bool) -> Option<(PathSegment, &str)> {
    if let Some(inner) = rest.strip_prefix('[') {
        for quote in ['"', '\''] {
            if let Some(quoted) = inner.strip_prefix(quote) {
                let (key, after) = quoted.split_once(quote)?;
                return Some((PathSegment::Key(key.to_owned()), after.strip_prefix(']')?));
            }
        }
        let (index, after) = inner.split_once(']')?;
        return Some((PathSegment::Index(index.parse().ok()?), after));
    }
    let key = match rest.strip_prefix('.') {
        Some(key) => key,
        None if first => rest,
        None => return None,
    };
    let end = key.find(['.', '[']).unwrap_or(key.len());
    let name = &key[..end];
    is_plain(name).then(|| (PathSegment::Key(name.to_owned()), &key[end..]))
}

/// Returns true if `key` can be written without quotes.
fn is_plain(key: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte);
    !key.is_empty() && key.bytes().all(plain)
}

impl fmt::Display for FieldPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.0 {
            match segment {
                PathSegment::Key(key) if is_plain(key) => write!(out, ".{key}")?,
                PathSegment::Key(key) if key.contains('"') => write!(out, "['{key}']")?,
                PathSegment::Key(key) => write!(out, "[\"{key}\"]")?,
                PathSegment::Index(index) => write!(out, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
