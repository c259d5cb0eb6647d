//! Why a submission failed: one variant per remedy, each with the API server's own words.

use std::fmt;
use std::time::Duration;

use gleaner_proto::name::ResourceName;

use super::kind::Subject;

/// Why nothing was created, and what is left of what was.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SubmissionError {
    /// Everything that is wrong, in the order of the declaration; never empty. All dry-run errors are here, not
    /// only the first.
    pub failures: Vec<Failure>,
    /// What became of the objects that did exist when it failed.
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

/// What is wrong, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Discovery does not know the kind.
    #[error("kind {kind} of {api_version} is not served by this cluster; {remedy}")]
    KindNotServed {
        /// The missing kind.
        kind: String,
        /// Its group and version.
        api_version: String,
        /// What to do.
        remedy: String,
    },
    /// The run's ServiceAccount lacks a permission.
    #[error("{words}; {remedy}")]
    Forbidden {
        /// The API server's words: which verb, which resource, which ServiceAccount.
        words: String,
        /// The grant that is missing.
        remedy: String,
    },
    /// An admission policy, webhook or quota refused the object.
    #[error("{words}; change the template or the policy, webhook or quota that refuses it")]
    Denied {
        /// The API server's words.
        words: String,
    },
    /// The API server does not know who is asking.
    #[error("{words}; the credentials of the run are missing or have expired")]
    Unauthorised {
        /// The API server's words.
        words: String,
    },
    /// Someone else's object has the name.
    #[error("{existing} exists already and is not this run's ({holder}); {remedy}")]
    Taken {
        /// The object that is in the way.
        existing: String,
        /// Whose it is.
        holder: String,
        /// What to do.
        remedy: String,
    },
    /// An object of this name is being deleted and does not go.
    #[error("{existing} is being deleted and still there; {remedy}")]
    Leaving {
        /// The object that is in the way.
        existing: String,
        /// What holds it and what to do.
        remedy: String,
    },
    /// Server-side apply met another manager's fields.
    #[error("{words}; leave these fields out of the template, or have their manager give them up")]
    Conflict {
        /// The API server's words: who manages which field.
        words: String,
    },
    /// The API server refuses the content of the object.
    #[error("{words}; correct the template")]
    Invalid {
        /// The API server's words.
        words: String,
    },
    /// The object is larger than the API server takes.
    #[error("{words}; make the outputs that it carries smaller")]
    TooLarge {
        /// The API server's words.
        words: String,
    },
    /// The namespace is not there, or going.
    #[error("{words}; create the namespace, or name another one in the template")]
    NoNamespace {
        /// The API server's words.
        words: String,
    },
    /// The object stands where it cannot be.
    #[error("{0}")]
    Misplaced(String),
    /// The API server could not be talked to at all.
    #[error(
        "the API server could not be reached within {}: {last}; check the network between the pod and it",
        seconds(.within)
    )]
    Unreachable {
        /// How long it was tried.
        within: Duration,
        /// The last thing that went wrong.
        last: String,
    },
    /// The API server answered, but did not do it in time.
    #[error("the API server did not do it within {}; its last answer: {last}", seconds(.within))]
    Deadline {
        /// How long it was tried.
        within: Duration,
        /// Its last answer, in its own words.
        last: String,
    },
    /// The API server answered in a way that trying again does not change.
    #[error("the API server answered {code}: {words}")]
    Refused {
        /// The HTTP status.
        code: u16,
        /// The API server's words.
        words: String,
    },
    /// No request could be made, or no answer understood.
    #[error("{0}")]
    Broken(String),
    /// The process was told to end before everything was there.
    #[error(
        "the sidecar was told to end before everything was created: the run was cancelled, or timed out"
    )]
    CutOff,
    /// The templates could not be rendered.
    #[error("{0}")]
    Render(String),
    /// `waitFor` was not fulfilled.
    #[error("{awaited} within {}; last seen: {last}", seconds(.within))]
    WaitFailed {
        /// What did not happen, such as `condition Ready did not become True`.
        awaited: String,
        /// How long it was waited for.
        within: Duration,
        /// The state that was seen last.
        last: String,
    },
    /// The object vanished while it was waited for.
    #[error("it was deleted by someone else while it was waited for")]
    Vanished,
}

/// What became of the objects that existed when a submission failed.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Aftermath {
    /// Objects of this run that were deleted again, in the order of deletion.
    pub removed: Vec<String>,
    /// Objects that existed before, and keep what was applied to them.
    pub kept: Vec<String>,
    /// Objects of this run that could not be deleted.
    pub left: Vec<LeftBehind>,
}

/// An object that a failed submission could not take away again.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LeftBehind {
    /// The object.
    pub subject: Subject,
    /// Why it is still there, in the API server's words where it has any.
    pub why: String,
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

    /// What is wrong with each object, in the order of the declaration.
    pub fn resource_errors(&self) -> impl Iterator<Item = (&ResourceName, String)> {
        self.failures.iter().filter_map(|failure| {
            let subject = failure.subject.as_ref()?;
            Some((&subject.resource, failure.reason.to_string()))
        })
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
            let kept = self.kept.join(", ");
            write!(
                out,
                "; existed before and keeps what was applied to it: {kept}"
            )?;
        }
        if !self.left.is_empty() {
            let left: Vec<String> = self.left.iter().map(LeftBehind::to_string).collect();
            write!(
                out,
                "; could not be rolled back, delete it by hand: {}",
                left.join(", ")
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for LeftBehind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.subject.object, self.why)
    }
}

/// `1.5 s`: the bounds here are whole or half seconds, and nobody reads nanoseconds.
fn seconds(duration: &Duration) -> String {
    format!("{} s", (duration.as_secs_f64() * 10.0).round() / 10.0)
}

/// The text with every run of line breaks and other control characters as one space.
fn one_line(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_control());
    words
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_stands_on_one_line() {
        let words = "spec.a: Required value\n\tspec.b: Invalid".to_owned();
        let mut error = SubmissionError::new(vec![Failure::general(Reason::Invalid { words })]);
        error.aftermath.removed.push("Image ci/a".into());
        assert_eq!(
            error.sentence(),
            "spec.a: Required value spec.b: Invalid; correct the template; rolled back: Image ci/a"
        );
    }

    #[test]
    fn what_is_wrong_alike_is_said_once() {
        let failure = |resource: &str, words: &str| {
            let resource = ResourceName::new(resource).unwrap();
            let object = format!("Image ci/{resource}");
            let words = words.to_owned();
            Failure::of(Subject { resource, object }, Reason::Invalid { words })
        };
        let failures = vec![failure("a", "x"), failure("b", "x"), failure("c", "y")];
        assert_eq!(
            SubmissionError::new(failures).sentence(),
            "a (Image ci/a), b (Image ci/b): x; correct the template; c (Image ci/c): y; correct the template"
        );
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(seconds(&Duration::from_millis(1_234)), "1.2 s");
        assert_eq!(seconds(&Duration::from_secs(300)), "300 s");
    }
}
