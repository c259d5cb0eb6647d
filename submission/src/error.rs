//! The error of a submission: all failures, and the objects that still exist.

mod reason;

use std::fmt;

use gleaner_proto::failure::{self, LeftBehind, LeftState, ObjectReference};

use super::kind::Subject;
pub use reason::Reason;

/// The reasons why a submission failed, and the state of its objects afterwards.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SubmissionError {
    /// All failures, in the order in which the declaration lists the objects; never empty. If several dry runs fail, the list
    /// contains the failure of each object, not only the first failure.
    pub failures: Vec<Failure>,
    /// The objects that existed when the submission failed, and whether they were deleted.
    pub aftermath: Aftermath,
}

/// One reason why a submission failed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Failure {
    /// The object that the failure concerns, or `None` if the failure does not concern a single object.
    pub subject: Option<Subject>,
    pub reason: Reason,
}

/// The objects that existed when a submission failed, grouped by the result of the rollback.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Aftermath {
    /// Objects of this run that the rollback deleted, in the order in which they were deleted.
    pub removed: Vec<String>,
    /// Objects that existed before the submission and were not deleted. They retain the fields that the submission applied.
    pub kept: Vec<ObjectReference>,
    /// Objects of this run that could not be deleted, or that may still exist.
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

    /// Returns the complete error as one line for a step's stderr.
    pub fn sentence(&self) -> String {
        one_line(&self.to_string())
    }
}

impl std::error::Error for SubmissionError {}

impl fmt::Display for SubmissionError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A failure that several objects share, such as an unreachable API server, is printed once.
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
    /// Returns the failure in the form sent between processes, with each text on one line.
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
            write!(
                out,
                "; existed before the run and still have the applied fields: {kept}"
            )?;
        }
        for (state, words) in [
            (
                LeftState::Exists,
                "could not be rolled back and must be deleted by hand",
            ),
            (
                LeftState::MayExist,
                "may have been created (if so, delete by hand)",
            ),
            (
                LeftState::Retained,
                "retained because of keepOnFailure and must be deleted by hand",
            ),
            (
                LeftState::MayAppear,
                "may still be created (if so, delete by hand)",
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

/// Replaces each sequence of line breaks and other control characters in `text` with one space.
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
