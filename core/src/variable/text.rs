//! A text with variables in it.

use serde_json::Value;

use super::reference::{Reference, ReferenceError};

/// A text, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(Vec<Part>);

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Stands as it is; `$$(` has become `$(`.
    Literal(String),
    /// Is replaced.
    Variable(Reference),
}

/// Why a text cannot be taken apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// `$(` without its `)`.
    #[error("`$(` without a closing `)`; write `$$(` for a literal `$(`")]
    Unclosed,
    /// What stands between is no variable.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
}

impl Text {
    /// Takes a text apart, from left to right.
    ///
    /// # Errors
    /// The first `$(` that begins no variable.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let mut first = None;
        let parsed = Self::read(
            text,
            |_| (),
            |_, error| {
                first.get_or_insert(error);
            },
        );
        first.map_or(Ok(parsed), Err)
    }

    /// Takes a text apart. Calls `variable` with the first byte of each variable, and `wrong` with that of each `$(` that begins
    /// none and is read as a literal.
    pub(super) fn read(
        text: &str,
        mut variable: impl FnMut(usize),
        mut wrong: impl FnMut(usize, TextError),
    ) -> Self {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(position) = rest.find('$') {
            literal.push_str(&rest[..position]);
            rest = &rest[position..];
            if let Some(after) = rest.strip_prefix("$$(") {
                literal.push_str("$(");
                rest = after;
            } else if let Some(after) = rest.strip_prefix("$(") {
                let offset = text.len() - rest.len();
                let Some(end) = closing(after) else {
                    wrong(offset, TextError::Unclosed);
                    break;
                };
                match Reference::parse(&after[..end]) {
                    Ok(reference) => {
                        variable(offset);
                        if !literal.is_empty() {
                            parts.push(Part::Literal(std::mem::take(&mut literal)));
                        }
                        parts.push(Part::Variable(reference));
                    }
                    Err(error) => {
                        wrong(offset, error.into());
                        literal.push_str(&rest[..end + 3]);
                    }
                }
                rest = &after[end + 1..];
            } else {
                literal.push('$');
                rest = &rest[1..];
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Self(parts)
    }

    /// The pieces, in order.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The variables, in order.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.0.iter().filter_map(|part| match part {
            Part::Variable(reference) => Some(reference),
            Part::Literal(_) => None,
        })
    }

    /// The variable, when the text is nothing else.
    pub fn as_variable(&self) -> Option<&Reference> {
        match self.0.as_slice() {
            [Part::Variable(reference)] => Some(reference),
            _ => None,
        }
    }

    /// The text itself, when no variable stands in it.
    pub fn as_literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Literal(literal)] => Some(literal),
            _ => None,
        }
    }
}

/// A value as text: strings as they are, everything else as compact JSON.
pub(super) fn interpolate(into: &mut String, value: &Value) {
    match value {
        Value::String(text) => into.push_str(text),
        other => into.push_str(&other.to_string()),
    }
}

/// Where the `)` is that closes a variable: a quoted key may hold one.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    for (position, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b')') => return Some(position),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    // An apostrophe in prose must not swallow the rest: without its twin it is no quote.
    text.find(')')
}

#[cfg(test)]
mod tests;
