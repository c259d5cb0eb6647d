//! What is wrong with a file, as it is shown.

use std::fmt;

use super::diagnostic::Diagnostic;
use super::location::Location;
use serde_json::{Value, json};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing wrong; worth knowing.
    Note,
    /// Works, and is probably not what was meant.
    Warning,
    /// Would be refused.
    Error,
}

/// A diagnostic and the file that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// How much it weighs.
    pub severity: Severity,
    /// What, where in the file, and what would be right.
    pub diagnostic: Diagnostic,
}

impl Severity {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Finding {
    /// A finding of weight [`Severity::Error`].
    pub fn error(file: impl Into<String>, diagnostic: Diagnostic) -> Self {
        Self {
            file: file.into(),
            severity: Severity::Error,
            diagnostic,
        }
    }

    /// The finding for a program to read: `file`, `line`, `column`, `place`, `severity`, `message`, `help`.
    pub fn to_json(&self) -> Value {
        let Diagnostic {
            place,
            at,
            message,
            help,
            ..
        } = &self.diagnostic;
        json!({
            "file": self.file,
            "line": at.map(|at| at.line),
            "column": at.map(|at| at.column),
            "place": place.to_string(),
            "severity": self.severity.as_str(),
            "message": message,
            "help": help,
        })
    }

    /// File, line and column, as editors and terminals make a link of it.
    pub fn position(&self) -> String {
        match self.diagnostic.at {
            Some(Location { line, column }) => format!("{}:{line}:{column}", self.file),
            None => self.file.clone(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}: {}: {}",
            self.position(),
            self.severity.as_str(),
            self.diagnostic
        )
    }
}
