//! Converts the error from a request to the reason that users see.

use http::StatusCode;

use super::answer::{Refusal, Topic};
use super::api::{CallError, End};
use super::error::Reason;
use super::kind::Kind;

/// The verb and kind of a request, used to name the missing permission if the request is refused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purpose<'a> {
    /// The verb in RBAC's form, such as `create`.
    pub(super) verb: &'static str,
    pub(super) kind: &'a Kind,
}

impl<'a> Purpose<'a> {
    pub(super) const fn new(verb: &'static str, kind: &'a Kind) -> Self {
        Self { verb, kind }
    }

    /// Returns the reason for a failed request.
    pub(super) fn reason(self, error: CallError) -> Reason {
        match error.end {
            End::Refused(refusal) => self.refused(refusal),
            other => plain(other),
        }
    }

    fn refused(self, refusal: Refusal) -> Reason {
        let words = refusal.words;
        match (refusal.topic, refusal.code) {
            (Topic::TooLarge, _) => Reason::TooLarge(words),
            (Topic::Mistyped, _) => Reason::Invalid(words),
            (_, StatusCode::UNAUTHORIZED) => Reason::Unauthorized(words),
            (Topic::Permission, _) => Reason::Forbidden {
                words,
                remedy: grant(self.verb, self.kind),
            },
            (Topic::Namespace, _) => Reason::NoNamespace {
                words,
                remedy: "create the namespace, or use a different one in the template".to_owned(),
            },
            (Topic::Reference, _) => Reason::MissingReference(words),
            (Topic::Quota, _) => Reason::QuotaExceeded(words),
            (Topic::Admission, _) | (_, StatusCode::FORBIDDEN) => Reason::Denied(words),
            (_, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY) => {
                Reason::Invalid(words)
            }
            (_, StatusCode::CONFLICT) if self.verb == "patch" => Reason::Conflict(words),
            (_, code) => Reason::Refused {
                code: code.as_u16(),
                words,
            },
        }
    }
}

/// Returns the remedy for a missing permission.
pub(super) fn grant(verb: &str, kind: &Kind) -> String {
    format!(
        "grant `{verb}` on `{}` to the ServiceAccount of the run",
        kind.resource()
    )
}

/// Returns the reason for a failed request that did not concern a specific kind.
pub(super) fn plain(end: End) -> Reason {
    match end {
        End::Late {
            within,
            last,
            answered: true,
        } => Reason::Deadline { within, last },
        End::Late { within, last, .. } => Reason::Unreachable { within, last },
        End::Broken(words) | End::Unexpected(words) => Reason::Broken(words),
        End::Refused(refusal) if refusal.code == StatusCode::UNAUTHORIZED => {
            Reason::Unauthorized(refusal.words)
        }
        End::Refused(refusal) => Reason::Refused {
            code: refusal.code.as_u16(),
            words: refusal.words,
        },
    }
}

#[cfg(test)]
mod tests;
