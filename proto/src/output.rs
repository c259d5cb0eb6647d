//! An output of a step: its file, its type, and the condition under which it is used.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::encoding::without_mark;
use crate::name::{NameError, OutputName};

/// The JSON type of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputType {
    /// The text of the file.
    #[default]
    String,
    /// A JSON number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A JSON array.
    Array,
    /// A JSON object.
    Object,
}

/// The whitespace that is removed from the file's text. A byte order mark at the beginning of the text is removed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Trim {
    /// One trailing line end, `\n` or `\r\n`, such as the one that `echo` adds.
    #[default]
    Newline,
    /// All whitespace at both ends.
    Whitespace,
    /// Nothing. For an output of type `string`, a byte order mark is also kept.
    None,
}

/// The condition under which an output of a failed step is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum When {
    /// The output is used only if the step succeeded.
    #[default]
    Success,
    /// The output is also used if the step failed.
    Always,
}

/// An output, in the form that the redirector needs. On the command line it is written as `NAME[,WORD...][=PATH]`, for example
/// `digest=/workspace/digest` or `report,object,Always,optional`; each word is a keyword of [`OutputType`], [`Trim`] or [`When`],
/// or `optional`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSpec {
    /// The output's name.
    pub name: OutputName,
    /// The file; by default `$GLEANER_OUTPUTS/<name>`.
    pub path: Option<String>,
    /// The type of the value.
    pub kind: OutputType,
    /// The whitespace to remove from the text.
    pub trim: Trim,
    /// The condition under which a failed step's output is used.
    pub when: When,
    /// True if the file may be missing, because the declaration has a default.
    pub optional: bool,
}

/// The keyword for an output whose file may be missing.
const OPTIONAL: &str = "optional";

/// An error for a string that is not a valid [`OutputSpec`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutputSpecError {
    /// The part before the first `,` or `=` is not a valid output name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// An unknown keyword.
    #[error(
        "unknown keyword '{0}'; use a type ({types}), a trim ({trims}), {whens} or {OPTIONAL}",
        types = list(&OutputType::WORDS),
        trims = list(&Trim::WORDS),
        whens = list(&When::WORDS)
    )]
    Word(String),
    /// The path after the `=` is empty.
    #[error("the path of '{0}' is empty; omit the '=' to read $GLEANER_OUTPUTS/{0}")]
    EmptyPath(String),
}

impl OutputType {
    /// The keyword of each variant, in declarations and on the redirector's command line.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("string", Self::String),
        ("number", Self::Number),
        ("boolean", Self::Boolean),
        ("array", Self::Array),
        ("object", Self::Object),
    ];

    /// Returns the keyword of the type.
    pub fn as_str(self) -> &'static str {
        word(&Self::WORDS, self)
    }

    /// Returns true if `value` is of this type.
    pub const fn admits(self, value: &serde_json::Value) -> bool {
        use serde_json::Value;
        matches!(
            (self, value),
            (Self::String, Value::String(_))
                | (Self::Number, Value::Number(_))
                | (Self::Boolean, Value::Bool(_))
                | (Self::Array, Value::Array(_))
                | (Self::Object, Value::Object(_))
        )
    }
}

impl Trim {
    /// The keyword of each variant, in declarations and on the redirector's command line.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("Newline", Self::Newline),
        ("Whitespace", Self::Whitespace),
        ("None", Self::None),
    ];

    /// Returns true if a byte order mark is removed from an output of type `kind`. In front of JSON, the mark is always removed,
    /// as RFC 8259, section 8.1, allows.
    pub fn cuts_mark(self, kind: OutputType) -> bool {
        self != Self::None || kind != OutputType::String
    }

    /// Trims the text of an output of type `kind`.
    pub fn apply(self, kind: OutputType, text: &str) -> &str {
        let text = if self.cuts_mark(kind) {
            without_mark(text)
        } else {
            text
        };
        match self {
            Self::Newline => {
                let cut = text.strip_suffix('\n').unwrap_or(text);
                if cut.len() < text.len() {
                    cut.strip_suffix('\r').unwrap_or(cut)
                } else {
                    cut
                }
            }
            Self::Whitespace => text.trim(),
            Self::None => text,
        }
    }
}

impl When {
    /// The keyword of each variant, in declarations and on the redirector's command line.
    pub const WORDS: [(&'static str, Self); 2] =
        [("Success", Self::Success), ("Always", Self::Always)];
}

/// Returns the keyword for `value`.
fn word<T: Copy + PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    let found = words.iter().find(|(_, other)| *other == value);
    found.map_or("", |(word, _)| *word)
}

fn list<T>(words: &[(&str, T)]) -> String {
    let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    words.join(", ")
}

/// Returns the value of the keyword `word`.
fn value<T: Copy>(words: &[(&str, T)], word: &str) -> Option<T> {
    let found = words.iter().find(|(known, _)| *known == word);
    found.map(|(_, value)| *value)
}

impl OutputSpec {
    /// Returns an output with the default for each property.
    pub const fn new(name: OutputName) -> Self {
        Self {
            name,
            path: None,
            kind: OutputType::String,
            trim: Trim::Newline,
            when: When::Success,
            optional: false,
        }
    }
}

impl FromStr for OutputSpec {
    type Err = OutputSpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (head, path) = match text.split_once('=') {
            Some((head, path)) => (head, Some(path)),
            None => (text, None),
        };
        let mut words = head.split(',');
        let mut spec = Self::new(OutputName::new(words.next().unwrap_or_default())?);
        for word in words {
            if let Some(kind) = value(&OutputType::WORDS, word) {
                spec.kind = kind;
            } else if let Some(trim) = value(&Trim::WORDS, word) {
                spec.trim = trim;
            } else if let Some(when) = value(&When::WORDS, word) {
                spec.when = when;
            } else if word == OPTIONAL {
                spec.optional = true;
            } else {
                return Err(OutputSpecError::Word(word.to_owned()));
            }
        }
        match path {
            Some("") => return Err(OutputSpecError::EmptyPath(spec.name.into())),
            path => spec.path = path.map(str::to_owned),
        }
        Ok(spec)
    }
}

impl fmt::Display for OutputSpec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name.as_str())?;
        if self.kind != OutputType::String {
            write!(out, ",{}", self.kind.as_str())?;
        }
        if self.trim != Trim::Newline {
            write!(out, ",{}", word(&Trim::WORDS, self.trim))?;
        }
        if self.when != When::Success {
            write!(out, ",{}", word(&When::WORDS, self.when))?;
        }
        if self.optional {
            write!(out, ",{OPTIONAL}")?;
        }
        if let Some(path) = &self.path {
            write!(out, "={path}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
