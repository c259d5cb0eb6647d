//! Why a submission failed: one variant per remedy, each with the API server's own words.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use gleaner_proto::failure::{self, FailureCode, LeftBehind, ObjectReference};

use super::kind::Subject;

/// Why nothing was created, and the objects that remain.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SubmissionError {
    /// Everything that is wrong, in the order of the declaration; never empty. All dry-run errors are here, not
    /// only the first.
    pub failures: Vec<Failure>,
    /// The objects that existed when it failed.
    pub aftermath: Aftermath,
}

/// One thing that is wrong.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Failure {
    /// The object that is wrong; none when it is not one object's fault.
    pub subject: Option<Subject>,
    /// What is wrong with it.
    pub reason: Reason,
}

/// The cause of a failure, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Discovery does not know the kind.
    KindNotServed {
        /// The missing kind.
        kind: String,
        /// Its group and version.
        api_version: String,
        /// What to do.
        remedy: String,
    },
    /// The run's ServiceAccount lacks a permission.
    Forbidden {
        /// The API server's words: which verb, which resource, which ServiceAccount.
        words: String,
        /// The grant that is missing.
        remedy: String,
    },
    /// An admission policy, webhook or quota refused the object.
    Denied {
        /// The API server's words.
        words: String,
    },
    /// The API server does not know who is asking.
    Unauthorized {
        /// The API server's words.
        words: String,
    },
    /// Someone else's object has the name.
    Taken {
        /// The object that is in the way.
        existing: String,
        /// Its owner or manager.
        holder: String,
        /// What to do.
        remedy: String,
    },
    /// An object of this name is being deleted and does not go.
    Leaving {
        /// The object that is in the way.
        existing: String,
        /// What holds it and what to do.
        remedy: String,
    },
    /// An object of this name comes and goes faster than it can be read.
    Contested {
        /// The object that is in the way.
        existing: String,
    },
    /// Server-side apply met another manager's fields.
    Conflict {
        /// The API server's words: who manages which field.
        words: String,
    },
    /// The API server refuses the content of the object.
    Invalid {
        /// The API server's words.
        words: String,
    },
    /// The object is larger than the API server takes.
    TooLarge {
        /// The API server's words.
        words: String,
    },
    /// The namespace does not exist, or is being deleted.
    NoNamespace {
        /// The API server's words.
        words: String,
    },
    /// The object cannot have its namespace or name.
    Misplaced {
        /// The rule that it breaks.
        words: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The API server could not be talked to at all.
    Unreachable {
        /// How long it was tried.
        within: Duration,
        /// The last thing that went wrong.
        last: String,
    },
    /// The API server responded, but did not complete the request in time.
    Deadline {
        /// How long it was tried.
        within: Duration,
        /// Its last response, in its own words.
        last: String,
    },
    /// The API server responded in a way that trying again does not change.
    Refused {
        /// The HTTP status.
        code: u16,
        /// The API server's words.
        words: String,
    },
    /// A request could not be made, or its response not understood.
    Broken(String),
    /// The process was told to shut down before everything was created.
    CutOff,
    /// The templates could not be rendered.
    Render(String),
    /// `waitFor` was not fulfilled.
    WaitFailed {
        /// What did not happen, such as `condition Ready did not become True`.
        awaited: String,
        /// How long it was waited for.
        within: Duration,
        /// The state that was seen last.
        last: String,
    },
    /// The object vanished while it was waited for.
    Vanished,
}

/// The objects that existed when a submission failed.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Aftermath {
    /// Objects of this run that were deleted again, in the order of deletion.
    pub removed: Vec<String>,
    /// Objects that existed before, and keep what was applied to them.
    pub kept: Vec<ObjectReference>,
    /// Objects of this run that could not be deleted, or may exist.
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

    /// The whole error in one line without line breaks, good for a step's stderr.
    pub fn sentence(&self) -> String {
        one_line(&self.to_string())
    }
}

impl std::error::Error for SubmissionError {}

impl fmt::Display for SubmissionError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is wrong with several objects alike, an API server out of reach for instance, is said once.
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
    /// Returns the failure as it travels between processes, each text on one line.
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
                "; existed before and keeps what was applied to it: {kept}"
            )?;
        }
        if !self.left.is_empty() {
            let left = list(&self.left);
            write!(out, "; could not be rolled back, delete it by hand: {left}")?;
        }
        Ok(())
    }
}

fn list(items: &[impl fmt::Display]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

// === impl Reason ===

impl Reason {
    /// Returns the stable word for programs.
    pub const fn code(&self) -> FailureCode {
        match self {
            Self::KindNotServed { .. } => FailureCode::KindNotServed,
            Self::Forbidden { .. } => FailureCode::Forbidden,
            Self::Denied { .. } => FailureCode::Denied,
            Self::Unauthorized { .. } => FailureCode::Unauthorized,
            Self::Taken { .. } => FailureCode::AlreadyExists,
            Self::Leaving { .. } => FailureCode::BeingDeleted,
            Self::Contested { .. } => FailureCode::Contested,
            Self::Conflict { .. } => FailureCode::Conflict,
            Self::Invalid { .. } => FailureCode::Invalid,
            Self::TooLarge { .. } => FailureCode::TooLarge,
            Self::NoNamespace { .. } => FailureCode::NamespaceNotFound,
            Self::Misplaced { .. } => FailureCode::Misplaced,
            Self::Unreachable { .. } => FailureCode::Unreachable,
            Self::Deadline { .. } => FailureCode::Timeout,
            Self::Refused { .. } => FailureCode::Refused,
            Self::Broken(_) => FailureCode::RequestFailed,
            Self::CutOff => FailureCode::Interrupted,
            Self::Render(_) => FailureCode::InvalidOutput,
            Self::WaitFailed { .. } => FailureCode::WaitFailed,
            Self::Vanished => FailureCode::Deleted,
        }
    }

    /// Returns the cause without the remedy.
    pub fn message(&self) -> Cow<'_, str> {
        let message = match self {
            Self::Forbidden { words, .. }
            | Self::Denied { words }
            | Self::Unauthorized { words }
            | Self::Conflict { words }
            | Self::Invalid { words }
            | Self::TooLarge { words }
            | Self::NoNamespace { words }
            | Self::Misplaced { words, .. }
            | Self::Broken(words)
            | Self::Render(words) => return words.into(),
            Self::KindNotServed {
                kind, api_version, ..
            } => format!("kind {kind} of {api_version} is not served by this cluster"),
            Self::Taken {
                existing, holder, ..
            } => format!("{existing} exists already and is not this run's ({holder})"),
            Self::Leaving { existing, .. } => {
                format!("{existing} is being deleted and still exists")
            }
            Self::Contested { existing } => {
                format!("{existing} is created and deleted by someone else again and again")
            }
            Self::Unreachable { within, last } => {
                let within = seconds(within);
                format!("the API server could not be reached within {within}: {last}")
            }
            Self::Deadline { within, last } => {
                let within = seconds(within);
                format!("the API server did not complete the request within {within}; its last response: {last}")
            }
            Self::Refused { code, words } => {
                format!("the API server responded with {code}: {words}")
            }
            Self::CutOff => "the sidecar was told to shut down before everything was created: the run was canceled, or timed out".to_owned(),
            Self::WaitFailed {
                awaited,
                within,
                last,
            } => format!("{awaited} within {}; last seen: {last}", seconds(within)),
            Self::Vanished => "it was deleted by someone else while it was waited for".to_owned(),
        };
        message.into()
    }

    /// Returns what to do about it, where that is known.
    pub fn remedy(&self) -> Option<&str> {
        match self {
            Self::KindNotServed { remedy, .. }
            | Self::Forbidden { remedy, .. }
            | Self::Taken { remedy, .. }
            | Self::Leaving { remedy, .. } => Some(remedy),
            Self::Misplaced { remedy, .. } => Some(remedy),
            Self::Denied { .. } => {
                Some("change the template or the policy, webhook or quota that refuses it")
            }
            Self::Unauthorized { .. } => {
                Some("the credentials of the run are missing or have expired")
            }
            Self::Contested { .. } => Some("stop that, or use another name"),
            Self::Conflict { .. } => {
                Some("leave these fields out of the template, or have their manager give them up")
            }
            Self::Invalid { .. } => Some("correct the template"),
            Self::TooLarge { .. } => Some("make the outputs that it carries smaller"),
            Self::NoNamespace { .. } => {
                Some("create the namespace, or name another one in the template")
            }
            Self::Unreachable { .. } => Some("check the network between the pod and it"),
            Self::Deadline { .. }
            | Self::Refused { .. }
            | Self::Broken(_)
            | Self::CutOff
            | Self::Render(_)
            | Self::WaitFailed { .. }
            | Self::Vanished => None,
        }
    }

    /// Returns the reason as it travels between processes, each text on one line.
    pub(super) fn to_message(&self) -> failure::Failure {
        failure::Failure {
            resource: None,
            code: self.code(),
            message: one_line(&self.message()),
            remedy: self.remedy().map(one_line),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message())?;
        match self.remedy() {
            Some(remedy) => write!(out, "; {remedy}"),
            None => Ok(()),
        }
    }
}

/// `1.5 s`: the bounds here are whole or half seconds, and nobody reads nanoseconds.
fn seconds(duration: &Duration) -> String {
    format!("{} s", (duration.as_secs_f64() * 10.0).round() / 10.0)
}

/// The text with every run of line breaks and other control characters as one space.
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
