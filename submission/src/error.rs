//! The error of a submission: every failure, and the objects that remain.

mod reason;

use std::fmt;

use gleaner_proto::failure::{self, LeftBehind, LeftState, ObjectReference};

use super::kind::Subject;
pub use reason::Reason;

/// The reasons why nothing was created, and the objects that remain.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SubmissionError {
    /// All errors in the order of the declaration; never empty. Contains every dry-run error, not only the first.
    pub failures: Vec<Failure>,
    /// The objects that existed when it failed.
    pub aftermath: Aftermath,
}

/// One error.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Failure {
    /// The object with the error; `None` if the error does not concern one object.
    pub subject: Option<Subject>,
    pub reason: Reason,
}

/// The objects that existed when a submission failed, and what was done with each.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Aftermath {
    /// Objects of this run that were rolled back, in the order of deletion.
    pub removed: Vec<String>,
    /// Objects that existed before the submission. The fields that it applied remain.
    pub kept: Vec<ObjectReference>,
    /// Objects of this run that could not be deleted, or that may exist.
    pub left: Vec<LeftBehind>,
}

// === impl SubmissionError ===

impl SubmissionError {
    pub(super) fn new(failures: Vec<Failure>) -> Self {
        Self {
            failures,
            aftermath: Aftermath::default(),
        }
    }

    /// Returns the complete error in one line, for a step's stderr.
    pub fn sentence(&self) -> String {
        one_line(&self.to_string())
    }
}

impl std::error::Error for SubmissionError {}

impl fmt::Display for SubmissionError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An error that several objects share, such as an unreachable API server, is reported once.
        for (index, alike) in self
            .failures
            .chunk_by(|a, b| a.reason == b.reason)
            .enumerate()
        {
            out.write_str(if index == 0 { "" } else { "; " })?;
            let subjects: Vec<String> = alike
                .iter()
                .filter_map(|failure| failure.subject.as_ref())
                .map(Subject::to_string)
                .collect();
            if !subjects.is_empty() {
                write!(out, "{}: ", subjects.join(", "))?;
            }
            write!(out, "{}", alike[0].reason)?;
        }
        write!(out, "{}", self.aftermath)
    }
}

impl Failure {
    /// Returns the failure as it is sent between processes, each text on one line.
    pub fn to_message(&self) -> failure::Failure {
        let subject = self.subject.as_ref();
        failure::Failure {
            resource: subject.map(|subject| subject.resource.to_string()),
            ..self.reason.to_message()
        }
    }

    pub(super) fn general(reason: Reason) -> Self {
        Self {
            subject: None,
            reason,
        }
    }

    pub(super) fn of(subject: Subject, reason: Reason) -> Self {
        Self {
            subject: Some(subject),
            reason,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Some(subject) => write!(out, "{subject}: {}", self.reason),
            None => self.reason.fmt(out),
        }
    }
}

impl fmt::Display for Aftermath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.removed.is_empty() {
            write!(out, "; rolled back: {}", self.removed.join(", "))?;
        }
        if !self.kept.is_empty() {
            let kept = list(&self.kept);
            write!(out, "; existed before and keeps the applied fields: {kept}")?;
        }
        for (state, words) in [
            (
                LeftState::Exists,
                "could not be rolled back, delete it by hand",
            ),
            (LeftState::MayExist, "may exist, delete it by hand"),
            (
                LeftState::Retained,
                "left because of keepOnFailure, delete it by hand",
            ),
            (
                LeftState::MayAppear,
                "may still be created, delete it by hand",
            ),
        ] {
            let left: Vec<_> = self.left.iter().filter(|one| one.state == state).collect();
            if !left.is_empty() {
                write!(out, "; {words}: {}", list(&left))?;
            }
        }
        Ok(())
    }
}

fn list(items: &[impl fmt::Display]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

/// Returns the text with every run of line breaks and other control characters replaced by one space.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_control());
    words
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests;
