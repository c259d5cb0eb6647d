//! One output of a step: where it lies, how it is read, when it counts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::{NameError, OutputName};

/// The JSON type of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputType {
    /// Text, as it stands in the file.
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

/// What is cut from the end (and, for `Whitespace`, from both ends) of the file's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Trim {
    /// One trailing line end, `\n` or `\r\n`: what `echo` adds.
    #[default]
    Newline,
    /// All white space at both ends.
    Whitespace,
    /// Nothing.
    None,
}

/// Whether an output counts when its step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum When {
    /// Only when the step succeeded.
    #[default]
    Success,
    /// Also when the step failed.
    Always,
}

/// What the redirector must know of one output. Written on its command line as
/// `NAME[,WORD...][=PATH]`, for example `digest=/workspace/digest` or `report,object,Always,optional`;
/// the words are those of [`OutputType`], [`Trim`], [`When`], and `optional`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSpec {
    /// The output's name.
    pub name: OutputName,
    /// The file. Without one: `$GLEANER_OUTPUTS/<name>`.
    pub path: Option<String>,
    /// The type of the value.
    pub kind: OutputType,
    /// What is cut off.
    pub trim: Trim,
    /// Whether a failed step's output counts.
    pub when: When,
    /// Whether the file may be missing, because the declaration has a default.
    pub optional: bool,
}

/// Why a text is no [`OutputSpec`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutputSpecError {
    /// The part before the first `,` or `=` is no output name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A word that is none of the known ones.
    #[error(
        "'{0}' is not known; use a type (string, number, boolean, array, object), a trim (Newline, Whitespace, \
         None), Success, Always or optional"
    )]
    Word(String),
    /// Nothing behind the `=`.
    #[error("the path of '{0}' is empty; leave the '=' out to read $GLEANER_OUTPUTS/{0}")]
    EmptyPath(String),
}

impl OutputType {
    /// The word for it in a declaration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Array => "array",
            Self::Object => "object",
        }
    }

    /// Whether `value` is of this type.
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
    /// Cuts `text`.
    pub fn apply(self, text: &str) -> &str {
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

impl OutputSpec {
    /// An output with all defaults.
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
            match word {
                "string" => spec.kind = OutputType::String,
                "number" => spec.kind = OutputType::Number,
                "boolean" => spec.kind = OutputType::Boolean,
                "array" => spec.kind = OutputType::Array,
                "object" => spec.kind = OutputType::Object,
                "Newline" => spec.trim = Trim::Newline,
                "Whitespace" => spec.trim = Trim::Whitespace,
                "None" => spec.trim = Trim::None,
                "Success" => spec.when = When::Success,
                "Always" => spec.when = When::Always,
                "optional" => spec.optional = true,
                other => return Err(OutputSpecError::Word(other.to_owned())),
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
        match self.trim {
            Trim::Newline => {}
            Trim::Whitespace => out.write_str(",Whitespace")?,
            Trim::None => out.write_str(",None")?,
        }
        if self.when == When::Always {
            out.write_str(",Always")?;
        }
        if self.optional {
            out.write_str(",optional")?;
        }
        if let Some(path) = &self.path {
            write!(out, "={path}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
