//! The reasons why a submission fails, with one variant for each remedy. Each variant holds the API server's message, or a notice
//! that replaces the message if it may quote a secret.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use gleaner_proto::failure::{Failure, FailureCode};

use super::one_line;

/// The cause of a failure, with its remedy. An unnamed field is the API server's message, except in `Contested`, `Broken`,
/// `Render` and `Internal`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    KindNotServed {
        kind: String,
        api_version: String,
        remedy: String,
    },
    /// The run's ServiceAccount lacks a permission.
    Forbidden {
        /// The API server's message. It names the verb, the resource and the ServiceAccount.
        words: String,
        remedy: String,
    },
    /// An admission policy or webhook rejected the object.
    Denied(String),
    /// A ResourceQuota had no room for the object before the deadline.
    QuotaExceeded(String),
    Unauthorized(String),
    /// An object with a different owner already has the name.
    Taken {
        existing: String,
        /// The owner or manager of the existing object.
        holder: String,
        remedy: String,
    },
    /// An object with this name is being deleted, but still exists.
    Leaving {
        existing: String,
        /// The remedy, which names the finalizers that block the deletion, if there are any.
        remedy: String,
    },
    /// Another client creates and deletes the named object repeatedly, so it cannot be read.
    Contested(String),
    /// Server-side apply conflicts with fields that another manager owns.
    Conflict(String),
    Invalid(String),
    TooLarge(String),
    NoNamespace {
        words: String,
        remedy: String,
    },
    /// An object that the template refers to does not exist.
    MissingReference(String),
    /// The object is not allowed to have this namespace or name.
    Misplaced {
        words: String,
        remedy: &'static str,
    },
    /// The API server could not be reached.
    Unreachable {
        within: Duration,
        last: String,
    },
    /// The API server responded, but did not complete the request in time.
    Deadline {
        within: Duration,
        /// The message of the API server's last response.
        last: String,
    },
    /// The API server refused the request, and would refuse a retry.
    Refused {
        code: u16,
        words: String,
    },
    /// A request could not be sent, or its response could not be read.
    Broken(String),
    CutOff,
    Render(String),
    /// The object did not satisfy its `waitFor` in time.
    WaitFailed {
        /// The condition that was not met, as a clause such as `condition Ready did not become True`.
        awaited: String,
        within: Duration,
        last: String,
        remedy: &'static str,
    },
    /// The status of the object shows that it will not reach the awaited state.
    ObjectFailed {
        /// The awaited state, such as `condition Complete`.
        awaited: String,
        /// A description of the object's failed status.
        seen: String,
    },
    Vanished,
    /// Gleaner itself failed.
    Internal(String),
}

// === impl Reason ===

impl Reason {
    /// Returns the stable code for programs.
    pub const fn code(&self) -> FailureCode {
        match self {
            Self::KindNotServed { .. } => FailureCode::KindNotServed,
            Self::Forbidden { .. } => FailureCode::Forbidden,
            Self::Denied(_) => FailureCode::Denied,
            Self::QuotaExceeded(_) => FailureCode::QuotaExceeded,
            Self::Unauthorized(_) => FailureCode::Unauthorized,
            Self::Taken { .. } => FailureCode::AlreadyExists,
            Self::Leaving { .. } => FailureCode::BeingDeleted,
            Self::Contested(_) => FailureCode::Contested,
            Self::Conflict(_) => FailureCode::Conflict,
            Self::Invalid(_) => FailureCode::Invalid,
            Self::TooLarge(_) => FailureCode::TooLarge,
            Self::NoNamespace { .. } => FailureCode::NamespaceNotFound,
            Self::MissingReference(_) => FailureCode::ReferenceNotFound,
            Self::Misplaced { .. } => FailureCode::Misplaced,
            Self::Unreachable { .. } => FailureCode::Unreachable,
            Self::Deadline { .. } => FailureCode::Timeout,
            Self::Refused { .. } => FailureCode::Refused,
            Self::Broken(_) => FailureCode::RequestFailed,
            Self::CutOff => FailureCode::Interrupted,
            Self::Render(_) => FailureCode::InvalidOutput,
            Self::WaitFailed { .. } => FailureCode::WaitFailed,
            Self::ObjectFailed { .. } => FailureCode::ObjectFailed,
            Self::Vanished => FailureCode::Deleted,
            Self::Internal(_) => FailureCode::Internal,
        }
    }

    /// Returns the cause without the remedy.
    pub fn message(&self) -> Cow<'_, str> {
        let message = match self {
            Self::Forbidden { words, .. }
            | Self::Denied(words)
            | Self::Unauthorized(words)
            | Self::Conflict(words)
            | Self::Invalid(words)
            | Self::TooLarge(words)
            | Self::NoNamespace { words, .. }
            | Self::MissingReference(words)
            | Self::Misplaced { words, .. }
            | Self::Broken(words)
            | Self::Render(words)
            | Self::Internal(words) => return words.into(),
            Self::QuotaExceeded(words) => format!("the namespace's quota is exhausted: {words}"),
            Self::KindNotServed {
                kind, api_version, ..
            } => format!("kind {kind} of {api_version} is not served by this cluster"),
            Self::Taken {
                existing, holder, ..
            } => format!("{existing} already exists and does not belong to this run ({holder})"),
            Self::Leaving { existing, .. } => {
                format!("{existing} is being deleted, but still exists")
            }
            Self::Contested(existing) => {
                format!("{existing} is repeatedly created and deleted by another client")
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
            Self::CutOff => "the sidecar shut down before all objects were created, because the run was canceled or timed out".to_owned(),
            Self::WaitFailed {
                awaited,
                within,
                last,
                ..
            } => format!("{awaited} within {}; last seen: {last}", seconds(within)),
            Self::ObjectFailed { awaited, seen } => {
                format!("it failed while Gleaner waited for {awaited}: {seen}")
            }
            Self::Vanished => "another client deleted it while Gleaner waited for it".to_owned(),
        };
        message.into()
    }

    /// Returns the remedy, or `None` if no remedy is known.
    pub fn remedy(&self) -> Option<&str> {
        match self {
            Self::KindNotServed { remedy, .. }
            | Self::Forbidden { remedy, .. }
            | Self::Taken { remedy, .. }
            | Self::Leaving { remedy, .. }
            | Self::NoNamespace { remedy, .. } => Some(remedy),
            Self::Misplaced { remedy, .. } | Self::WaitFailed { remedy, .. } => Some(remedy),
            Self::Denied(_) => {
                Some("change the template or the policy, webhook or quota that rejects it")
            }
            Self::QuotaExceeded(_) => {
                Some("delete objects that are no longer needed, or raise the quota")
            }
            Self::Unauthorized(_) => {
                Some("check the pod's ServiceAccount token, which is missing or has expired")
            }
            Self::Contested(_) => Some("stop the other client, or use a different name"),
            Self::Conflict(_) => Some(
                "remove these fields from the template, or from the other manager's configuration",
            ),
            Self::Invalid(_) => Some("correct the template"),
            Self::TooLarge(_) => Some("reduce the size of the outputs that the template uses"),
            Self::MissingReference(_) => Some(
                "create the missing object in an earlier template, or refer to an existing one",
            ),
            Self::Unreachable { .. } => {
                Some("check the network between the pod and the API server")
            }
            Self::Deadline { .. }
            | Self::Refused { .. }
            | Self::Broken(_)
            | Self::CutOff
            | Self::Render(_)
            | Self::ObjectFailed { .. }
            | Self::Vanished
            | Self::Internal(_) => None,
        }
    }

    /// Returns the reason in the form sent between processes, with each text on one line.
    pub(crate) fn to_message(&self) -> Failure {
        Failure {
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

/// Formats a duration such as `1.5 s`, with at most one decimal place, because the limits are whole or half seconds.
fn seconds(duration: &Duration) -> String {
    format!("{} s", (duration.as_secs_f64() * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_formatted_with_at_most_one_decimal_place() {
        assert_eq!(seconds(&Duration::from_millis(1_234)), "1.2 s");
        assert_eq!(seconds(&Duration::from_secs(300)), "300 s");
    }
}
