//! A variable: the value that it refers to, and a path into that value.

use std::fmt;

use serde_json::Value;

use crate::document::suggestion::suggestion;

/// The names that may follow `context.` (Tekton `docs/variables.md`). The values of the `pipelineRun` names come from the pod's
/// labels and namespace, because Tekton does not provide these values to Tasks. The value of the `job` name comes from the pod of
/// an Indexed Job.
pub const CONTEXT: [&str; 9] = [
    "taskRun.name",
    "taskRun.namespace",
    "taskRun.uid",
    "task.name",
    "task.retry-count",
    "pipelineRun.name",
    "pipelineRun.namespace",
    "pipelineRun.uid",
    COMPLETION_INDEX,
];

/// The context variable that exists only in the pods of an Indexed Job.
pub const COMPLETION_INDEX: &str = "job.completionIndex";

const ROOTS: [&str; 4] = ["params", "steps", "context", "resources"];

/// A variable.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reference {
    /// `params.NAME`, or the proposal's `inputs.params.NAME`.
    Param {
        /// The parameter's name; a name with dots needs the bracket form.
        name: String,
        /// The path into the parameter's value.
        access: Vec<Access>,
    },
    /// `steps.STEP.OUTPUT`.
    Output {
        /// The step's name.
        step: String,
        /// The output's name.
        output: String,
        /// The path into the output's value.
        access: Vec<Access>,
    },
    /// `context.NAME`, one of [`CONTEXT`].
    Context(String),
    /// `resources.NAME.FIELD`: a field of another resource in the same declaration.
    Resource {
        /// The other resource's name in the declaration.
        name: String,
        /// `name`, `namespace`, `apiVersion` or `kind`; for a PipelineResource also `type` or one of its params.
        field: String,
    },
}

/// A part of a path into a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Access {
    /// `.key` or `["key"]`: a field of an object.
    Key(String),
    /// `[0]`: an item of an array.
    Index(usize),
    /// `[*]`: all items. As an item of a list, the variable is replaced by all items of the array.
    All,
}

/// An error in the content of `$(...)`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// `$()`.
    #[error("the variable is empty; write `$$(` for a literal `$(`")]
    Empty,
    /// The variable (first field) has a syntax error at the beginning of the second field.
    #[error(
        "`$({0})` is invalid at '{1}'; write params.NAME, steps.STEP.OUTPUT, or `$$(` for a literal `$(`"
    )]
    Syntax(String, String),
    /// The variable (first field) begins with an unknown root (second field).
    #[error("unknown variable `$({0})`; {help}, or write `$$(` for a literal `$(`", help = suggestion(.1, ROOTS).unwrap_or_default())]
    Root(String, String),
    /// The text (first field) calls an unknown function (second field).
    #[error(
        "unknown function '{1}' in `$({0})`; use string(VARIABLE), the only function, which returns a value as text, or write `$$(` for a \
         literal `$(`"
    )]
    Function(String, String),
    /// The variable (first field) does not have a valid form. The second field is the correct form.
    #[error("`$({0})` is not a valid variable; write {1}")]
    Form(String, &'static str),
    /// The variable (first field) begins with `context.`, but the name after it (second field) is unknown.
    #[error("unknown variable `$({0})`; {help}", help = suggestion(.1, CONTEXT).unwrap_or_default())]
    Context(String, String),
}

impl Reference {
    /// Parses the content of `$(...)`.
    ///
    /// # Errors
    /// Returns an error if the text is not a variable. Parsing does not check that the variable exists.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let segments = segments(text)?;
        let mut keys = segments.iter().map(|segment| match segment {
            Access::Key(key) => Some(key.as_str()),
            Access::Index(_) | Access::All => None,
        });
        let form = |form| ReferenceError::Form(text.to_owned(), form);
        let mut word = || keys.next().flatten();
        let root = word().ok_or(ReferenceError::Empty)?;
        match root {
            "params" => {
                let name = word().ok_or_else(|| form("params.NAME"))?.to_owned();
                let access = access(text, &segments[2..])?;
                Ok(Self::Param { name, access })
            }
            "inputs" if word() == Some("params") => {
                let name = word().ok_or_else(|| form("params.NAME"))?.to_owned();
                let access = access(text, &segments[3..])?;
                Ok(Self::Param { name, access })
            }
            "steps" => {
                let shape = "steps.STEP.OUTPUT";
                let step = word().ok_or_else(|| form(shape))?.to_owned();
                let output = word().ok_or_else(|| form(shape))?.to_owned();
                Ok(Self::Output {
                    step,
                    output,
                    access: access(text, &segments[3..])?,
                })
            }
            "context" => {
                let words: Option<Vec<&str>> = std::iter::from_fn(|| keys.next()).collect();
                let name = words.unwrap_or_default().join(".");
                if CONTEXT.contains(&name.as_str()) {
                    Ok(Self::Context(name))
                } else {
                    Err(ReferenceError::Context(text.to_owned(), name))
                }
            }
            "resources" => {
                let shape = "resources.NAME.FIELD";
                let name = word().ok_or_else(|| form(shape))?.to_owned();
                let field = word().ok_or_else(|| form(shape))?.to_owned();
                if segments.len() == 3 {
                    Ok(Self::Resource { name, field })
                } else {
                    Err(form(shape))
                }
            }
            other => Err(ReferenceError::Root(text.to_owned(), other.to_owned())),
        }
    }

    /// Returns the path into the variable's value.
    pub fn access(&self) -> &[Access] {
        match self {
            Self::Param { access, .. } | Self::Output { access, .. } => access,
            Self::Context(_) | Self::Resource { .. } => &[],
        }
    }

    /// Returns the variable without the path into its value.
    #[must_use]
    pub fn root(&self) -> Self {
        let mut root = self.clone();
        if let Self::Param { access, .. } | Self::Output { access, .. } = &mut root {
            access.clear();
        }
        root
    }

    /// Returns true if the variable ends in `[*]`.
    pub fn is_spread(&self) -> bool {
        self.access().last() == Some(&Access::All)
    }

    /// Follows the variable's path into `value`.
    ///
    /// # Errors
    /// Returns a message that names the part of the path that does not exist.
    pub fn reach<'a>(&self, value: &'a Value) -> Result<&'a Value, String> {
        self.access()
            .iter()
            .try_fold(value, |value, access| match (access, value) {
                (Access::All, _) => Ok(value),
                (Access::Key(key), Value::Object(map)) => map
                    .get(key)
                    .ok_or_else(|| format!("`$({self})`: the value has no key '{key}'")),
                (Access::Index(index), Value::Array(items)) => items.get(*index).ok_or_else(|| {
                    format!(
                        "`$({self})`: the value has no item {index}, because its length is {}",
                        items.len()
                    )
                }),
                (Access::Key(_), _) => Err(format!("`$({self})`: the value is not an object")),
                (Access::Index(_), _) => Err(format!("`$({self})`: the value is not an array")),
            })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = |key: &str| Access::Key(key.to_owned());
        match self {
            Self::Param { name, .. } => write!(out, "params{}", key(name))?,
            Self::Output { step, output, .. } => write!(out, "steps{}{}", key(step), key(output))?,
            Self::Context(name) => write!(out, "context.{name}")?,
            Self::Resource { name, field } => {
                write!(out, "resources{}{}", key(name), key(field))?;
            }
        }
        self.access()
            .iter()
            .try_for_each(|access| write!(out, "{access}"))
    }
}

impl fmt::Display for Access {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) if !key.is_empty() && key.bytes().all(is_word) => write!(out, ".{key}"),
            Self::Key(key) if key.contains('"') => write!(out, "['{key}']"),
            Self::Key(key) => write!(out, "[\"{key}\"]"),
            Self::Index(index) => write!(out, "[{index}]"),
            Self::All => out.write_str("[*]"),
        }
    }
}

/// Returns `segments` as a path into a value, or an error if `[*]` is not at the end.
fn access(text: &str, segments: &[Access]) -> Result<Vec<Access>, ReferenceError> {
    match segments.iter().position(|access| *access == Access::All) {
        Some(position) if position + 1 < segments.len() => {
            Err(ReferenceError::Form(text.to_owned(), "[*] only at the end"))
        }
        _ => Ok(segments.to_vec()),
    }
}

fn segments(text: &str) -> Result<Vec<Access>, ReferenceError> {
    if text.is_empty() {
        return Err(ReferenceError::Empty);
    }
    let mut segments = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let wrong = || ReferenceError::Syntax(text.to_owned(), rest.to_owned());
        let (segment, after) = segment(rest, segments.is_empty()).ok_or_else(wrong)?;
        segments.push(segment);
        rest = after;
    }
    Ok(segments)
}

fn segment(rest: &str, first: bool) -> Option<(Access, &str)> {
    if let Some(inner) = rest.strip_prefix('[') {
        if let Some(after) = inner.strip_prefix("*]") {
            return Some((Access::All, after));
        }
        for quote in ['"', '\''] {
            if let Some(quoted) = inner.strip_prefix(quote) {
                let (key, after) = quoted.split_once(quote)?;
                return Some((Access::Key(key.to_owned()), after.strip_prefix(']')?));
            }
        }
        let (index, after) = inner.split_once(']')?;
        let canonical = index.bytes().all(|byte| byte.is_ascii_digit());
        let index = index.parse().ok().filter(|_| canonical)?;
        return Some((Access::Index(index), after));
    }
    let word = if first { rest } else { rest.strip_prefix('.')? };
    let end = word.bytes().position(|byte| !is_word(byte));
    let end = end.unwrap_or(word.len());
    (end > 0).then(|| (Access::Key(word[..end].to_owned()), &word[end..]))
}

pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests;
