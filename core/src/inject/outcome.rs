//! What came of an object that passed by.

use std::fmt;

use crate::document::Live;
use crate::document::diagnostic::Diagnostic;
use serde_json::Value;

/// What came of an object.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum Outcome {
    /// It is none of Gleaner's business, or as it should be already.
    Skipped(Skip),
    /// What it becomes.
    Changed(Changed),
}

/// An object with what Gleaner adds.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// The object.
    pub object: Value,
    /// Warnings for the person who applies it: results that will be short of room.
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

/// Why an object was left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skip {
    /// It carries no declaration.
    NotAsked,
    /// It is as it should be: Gleaner has been here before.
    Done,
    /// A run that refers to a Task, which is injected where it stands.
    ByReference,
    /// An update of a run, whose spec Tekton does not let change.
    RunUpdate,
    /// A kind that Gleaner has nothing to do with.
    Kind,
    /// On its way out.
    Deleting,
}

/// Why an object must not be created as it is. Everything that is wrong, never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, each with its place and its remedy.
    pub diagnostics: Vec<Diagnostic>,
}

impl Skip {
    /// The word for it in logs and metrics.
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
    /// A refusal for one reason.
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

/// One line for one reason; a line each for several, after a line that counts them.
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
