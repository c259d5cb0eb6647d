//! The constraints of a declaration on an output's value, in addition to its type.

use std::fmt;

use gleaner_proto::OutputType;
use regex::{Regex, RegexBuilder};
use serde_json::Value;

/// The maximum length of a pattern, in bytes.
pub const PATTERN_MAX: usize = 1 << 10;
/// The maximum number of patterns in one declaration. Reading the declaration compiles each pattern.
pub const PATTERNS_MAX: usize = 64;
/// The maximum memory of a compiled pattern, in bytes. Together with [`VALUE_MAX`], the limit ensures that a match takes only
/// seconds, even for patterns that are designed to be slow.
const COMPILED_MAX: usize = 256 << 10;
/// The maximum memory of the automaton that is built during a match, in bytes.
const AUTOMATON_MAX: usize = 1 << 20;
/// The maximum nesting depth of groups.
const NEST_MAX: u32 = 50;
/// The maximum length of a value that is matched against a pattern, in bytes.
pub const VALUE_MAX: usize = 64 << 10;
/// The maximum length of a value in a message, in characters.
const SHOWN: usize = 80;

/// A regular expression in RE2's syntax, as in the schemas of CRDs. The expression matches anywhere in the text unless it is
/// anchored, and cannot contain look-around or back-references. The expression is compiled for each use, so that a declaration
/// with many patterns takes little memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

/// An invalid [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The pattern is too long; the field is its length in bytes.
    #[error("the pattern is {0} bytes long, but at most {PATTERN_MAX} are allowed")]
    TooLong(usize),
    /// The pattern ends with a newline.
    #[error("the pattern ends with a newline; write it in single quotes, or after |- instead of |")]
    LineEnd,
    /// The regular expression is invalid; the field is the reason.
    #[error("invalid pattern: {0}")]
    Syntax(String),
    /// The compiled pattern needs too much memory.
    #[error(
        "the compiled pattern exceeds {} KiB; use fewer repetitions, or write [0-9A-Za-z_] for \\w, which includes the letters of all \
         scripts",
        COMPILED_MAX >> 10
    )]
    TooLarge,
}

/// An error for a value that its declaration does not allow. The message is a predicate, to which the caller prepends a subject
/// such as `the default`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The value is empty.
    #[error("is empty, but nonEmpty: true is set")]
    Empty,
    /// The value is too long to be matched against a pattern; the field is its length in bytes.
    #[error("is {0} bytes long, but a value with a pattern may have at most {VALUE_MAX} bytes")]
    TooLong(usize),
    /// The value does not match the pattern.
    #[error("{}does not match the pattern '{pattern}'", Shown(.value.as_deref()))]
    Mismatch {
        /// The declared pattern.
        pattern: Pattern,
        /// The value, or `None` if it is secret.
        value: Option<String>,
    },
}

/// Formats the value for a message, as `is 'VALUE', which`. If the value is secret, writes nothing.
struct Shown<'a>(Option<&'a str>);

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// Returns an error if the pattern is not a valid regular expression, or exceeds a limit.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        if text.len() > PATTERN_MAX {
            return Err(PatternError::TooLong(text.len()));
        }
        if text.ends_with('\n') {
            return Err(PatternError::LineEnd);
        }
        match compile(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(regex::Error::CompiledTooBig(_)) => Err(PatternError::TooLarge),
            Err(error) => Err(PatternError::Syntax(reason(&error))),
        }
    }

    /// Returns true if the pattern matches anywhere in `text`.
    pub fn matches(&self, text: &str) -> bool {
        let compiled =
            compile(&self.0).expect("invariant: the pattern was compiled when it was parsed");
        compiled.is_match(text)
    }
}

fn compile(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text)
        .size_limit(COMPILED_MAX)
        .dfa_size_limit(AUTOMATON_MAX)
        .nest_limit(NEST_MAX)
        .build()
}

/// Returns the last line of an error, which is the message; the previous lines repeat the pattern.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// Checks the value of an output against `nonEmpty` and `pattern`. The message does not show a secret value.
///
/// # Errors
/// Returns the first constraint that the value violates.
pub(super) fn check(
    value: &Value,
    non_empty: bool,
    pattern: Option<&Pattern>,
    is_secret: bool,
) -> Result<(), Violation> {
    if non_empty && is_empty(value) {
        return Err(Violation::Empty);
    }
    let (Some(pattern), Some(text)) = (pattern, value.as_str()) else {
        return Ok(());
    };
    if text.len() > VALUE_MAX {
        return Err(Violation::TooLong(text.len()));
    }
    if pattern.matches(text) {
        return Ok(());
    }
    Err(Violation::Mismatch {
        pattern: pattern.clone(),
        value: (!is_secret).then(|| shortened(text)),
    })
}

/// Returns true if values of the type can be empty. Numbers and booleans are never empty.
pub(super) const fn can_be_empty(kind: OutputType) -> bool {
    !matches!(kind, OutputType::Number | OutputType::Boolean)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Returns the beginning of `text`, on one line.
fn shortened(text: &str) -> String {
    let mut characters = text.chars();
    let mut shown: String = characters
        .by_ref()
        .take(SHOWN)
        .flat_map(char::escape_debug)
        .collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some("") => out.write_str("is empty, which "),
            Some(value) => write!(out, "is '{value}', which "),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
