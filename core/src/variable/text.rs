//! Strings with variables.

use serde_json::Value;

use super::reference::{Reference, ReferenceError, is_word};

/// A string, split into literals and variables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(Vec<Part>);

/// A part of a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Literal text, in which `$$(` was replaced by `$(`.
    Literal(String),
    /// A variable, which is replaced by its value.
    Variable(Reference),
    /// `string(...)`, which is replaced by the value as text even if it is the whole string.
    String(Reference),
}

/// The position of a variable in its string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// The variable is the whole string. The value replaces the string, and keeps its type.
    Alone,
    /// The variable is only a part of the string, so its value is inserted into the text.
    Within,
    /// The variable is in `string(...)`, so a value of any type is inserted as text.
    String,
}

/// An error in a string with variables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// `$(` without a closing `)`.
    #[error("`$(` has no closing `)`; write `$$(` for a literal `$(`")]
    Unclosed,
    /// The content of `$(...)` is not a variable.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
}

impl Text {
    /// Parses a string, from left to right.
    ///
    /// # Errors
    /// Returns the error for the first invalid `$(`.
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

    /// Parses a string. Calls `variable` with the byte offset of each variable, and `wrong` with the byte offset of each invalid
    /// `$(`, which is treated as a literal.
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
                match Part::parse(&after[..end]) {
                    Ok(part) => {
                        variable(offset);
                        if !literal.is_empty() {
                            parts.push(Part::Literal(std::mem::take(&mut literal)));
                        }
                        parts.push(part);
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

    /// Returns the parts, in order.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Returns the variables, in order.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.0.iter().filter_map(|part| match part {
            Part::Variable(reference) | Part::String(reference) => Some(reference),
            Part::Literal(_) => None,
        })
    }

    /// Returns the variables with their positions, in order.
    pub(super) fn uses(&self) -> impl Iterator<Item = (&Reference, Position)> {
        let is_alone = self.as_variable().is_some();
        self.0.iter().filter_map(move |part| match part {
            Part::Variable(reference) if is_alone => Some((reference, Position::Alone)),
            Part::Variable(reference) => Some((reference, Position::Within)),
            Part::String(reference) => Some((reference, Position::String)),
            Part::Literal(_) => None,
        })
    }

    /// Returns the variable if it is the whole string. In that case, the value replaces the string, and keeps its type.
    pub fn as_variable(&self) -> Option<&Reference> {
        match self.0.as_slice() {
            [Part::Variable(reference)] => Some(reference),
            _ => None,
        }
    }

    /// Returns the text if it contains no variables.
    pub fn as_literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Literal(literal)] => Some(literal),
            _ => None,
        }
    }
}

impl Part {
    /// Parses the content of `$(...)`.
    fn parse(inside: &str) -> Result<Self, ReferenceError> {
        match inside.split_once('(') {
            Some(("string", rest)) => match rest.strip_suffix(')') {
                Some(variable) => Reference::parse(variable).map(Self::String),
                None => Err(ReferenceError::Form(inside.to_owned(), "string(VARIABLE)")),
            },
            Some((name, _)) if !name.is_empty() && name.bytes().all(is_word) => {
                Err(ReferenceError::Function(inside.to_owned(), name.to_owned()))
            }
            _ => Reference::parse(inside).map(Self::Variable),
        }
    }
}

/// Appends a value as text: strings unchanged, other values as compact JSON.
pub(super) fn interpolate(into: &mut String, value: &Value) {
    match value {
        Value::String(text) => into.push_str(text),
        other => into.push_str(&other.to_string()),
    }
}

/// Returns the position of the `)` that closes a variable. Skips each `)` in a quoted key, and the inner `)` in `string(...)`.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut depth = 0;
    for (position, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'(') => depth += 1,
            (None, b')') if depth > 0 => depth -= 1,
            (None, b')') => return Some(position),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    // An unpaired quote is an apostrophe, not the start of a quoted key, and must not hide the rest of the text.
    text.find(')')
}

#[cfg(test)]
mod tests;
