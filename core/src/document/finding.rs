//! Findings: diagnostics about files, in the form shown to users.

use std::fmt;

use super::diagnostic::Diagnostic;
use super::location::Location;
use serde_json::{Value, json};

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The document is correct; the finding is for information only.
    Note,
    /// The document is valid, but probably does not do what its author intended.
    Warning,
    /// The document will be rejected.
    Error,
}

/// A diagnostic, and the file to which it applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The name of the file.
    pub file: String,
    /// The severity of the diagnostic.
    pub severity: Severity,
    /// The diagnostic.
    pub diagnostic: Diagnostic,
}

impl Severity {
    /// Returns the name that messages show for the severity.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Finding {
    /// Creates a finding with [`Severity::Error`].
    pub fn error(file: impl Into<String>, diagnostic: Diagnostic) -> Self {
        Self {
            file: file.into(),
            severity: Severity::Error,
            diagnostic,
        }
    }

    /// Returns the finding as JSON: `file`, `line`, `column`, `place`, `severity`, `message`, `help`.
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

    /// Returns the file and, if known, the line and column, in the form that editors and terminals recognize as a link.
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
