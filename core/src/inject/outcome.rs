//! The outcome of injection into an object.

use std::fmt;

use crate::document::Live;
use crate::document::diagnostic::Diagnostic;
use serde_json::Value;

/// The outcome of injection.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum Outcome {
    /// The object remains unchanged, for this reason.
    Skipped(Skip),
    /// The injected object.
    Changed(Changed),
}

/// An injected object.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// The object after injection.
    pub object: Value,
    /// Warnings for the user who applies the object, for example about results that may not fit into the termination message.
    pub warnings: Vec<Diagnostic>,
}

impl From<Value> for Changed {
    fn from(object: Value) -> Self {
        Self {
            object,
            warnings: Vec::new(),
        }
    }
}

/// A reason for leaving an object unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skip {
    /// The object has no declaration.
    NotAsked,
    /// The object is already injected.
    Done,
    /// The object is a run that refers to a Task; the Task itself is injected.
    ByReference,
    /// The request updates a run. In Tekton, the spec of a run is immutable.
    RunUpdate,
    /// Gleaner does not handle this kind.
    Kind,
    /// The object is being deleted.
    Deleting,
}

/// A rejection of an object, with at least one diagnostic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The errors, each with its place and remedy.
    pub diagnostics: Vec<Diagnostic>,
}

impl Skip {
    /// Returns the name of the reason for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAsked => "not-asked",
            Self::Done => "done",
            Self::ByReference => "by-reference",
            Self::RunUpdate => "run-update",
            Self::Kind => "kind",
            Self::Deleting => "deleting",
        }
    }
}

// === impl Refusal ===

impl Refusal {
    /// Creates a refusal with one diagnostic.
    pub fn new(diagnostic: Diagnostic) -> Self {
        Self {
            diagnostics: vec![diagnostic],
        }
    }
}

impl From<Vec<Diagnostic>> for Refusal {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Self { diagnostics }
    }
}

/// Shows a single error on one line. Shows several errors as a line that states their number, followed by one line for each
/// error.
impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.diagnostics.as_slice() {
            [only] => out.write_str(&Live::show(only)),
            several => {
                let count = |diagnostic: &Diagnostic| diagnostic.omitted.max(1);
                let all: usize = several.iter().map(count).sum();
                write!(out, "{all} errors:")?;
                several
                    .iter()
                    .try_for_each(|diagnostic| write!(out, "\n  {}", Live::show(diagnostic)))
            }
        }
    }
}

impl std::error::Error for Refusal {}
