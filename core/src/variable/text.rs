//! A text with variables in it.

use serde_json::Value;

use super::reference::{Reference, ReferenceError, is_word};

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
    /// `string(...)`: is replaced by the text of the value, where it stands alone, too.
    String(Reference),
}

/// How a variable stands in its leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// The leaf is nothing else: it takes the value with its type.
    Alone,
    /// Text stands around it: it is interpolated.
    Within,
    /// It stands in `string(...)`: any value is interpolated.
    String,
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

    /// The pieces, in order.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The variables, in order.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.0.iter().filter_map(|part| match part {
            Part::Variable(reference) | Part::String(reference) => Some(reference),
            Part::Literal(_) => None,
        })
    }

    /// The variables with their positions, in order.
    pub(super) fn uses(&self) -> impl Iterator<Item = (&Reference, Position)> {
        let is_alone = self.as_variable().is_some();
        self.0.iter().filter_map(move |part| match part {
            Part::Variable(reference) if is_alone => Some((reference, Position::Alone)),
            Part::Variable(reference) => Some((reference, Position::Within)),
            Part::String(reference) => Some((reference, Position::String)),
            Part::Literal(_) => None,
        })
    }

    /// The variable, when the text is nothing else and takes its type.
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

impl Part {
    /// Reads the inside of `$(...)`.
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

/// A value as text: strings as they are, everything else as compact JSON.
pub(super) fn interpolate(into: &mut String, value: &Value) {
    match value {
        Value::String(text) => into.push_str(text),
        other => into.push_str(&other.to_string()),
    }
}

/// The position of the `)` that closes a variable: a quoted key may hold one, and `string(...)` has its own.
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
    // An apostrophe in prose must not swallow the rest: without its twin it is no quote.
    text.find(')')
}

#[cfg(test)]
mod tests;
