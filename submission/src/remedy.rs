//! From the end of a request to the reason that a person reads.

use http::StatusCode;

use super::answer::Refusal;
use super::api::{CallError, End};
use super::error::Reason;
use super::kind::Kind;

/// What a request was for, so that a refusal can say which permission is missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purpose<'a> {
    /// The verb, as RBAC writes it.
    pub(super) verb: &'static str,
    pub(super) kind: &'a Kind,
}

impl<'a> Purpose<'a> {
    pub(super) const fn new(verb: &'static str, kind: &'a Kind) -> Self {
        Self { verb, kind }
    }

    /// The reason that follows from how a request ended.
    pub(super) fn reason(self, error: CallError) -> Reason {
        match error.end {
            End::Refused(refusal) => self.refused(refusal),
            other => plain(other),
        }
    }

    fn refused(self, refusal: Refusal) -> Reason {
        // A missing namespace is reported as any missing object; only the message says of which kind it is.
        let about_namespace =
            refusal.words.contains("namespaces \"") || refusal.has_cause("NamespaceTerminating");
        let too_large = refusal.too_large();
        let mistyped = refusal.mistyped();
        let words = refusal.words;
        match refusal.code {
            _ if too_large => Reason::TooLarge(words),
            _ if mistyped => Reason::Invalid(words),
            StatusCode::UNAUTHORIZED => Reason::Unauthorized(words),
            StatusCode::FORBIDDEN if is_missing_permission(&words) => Reason::Forbidden {
                words,
                remedy: grant(self.verb, self.kind),
            },
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND if about_namespace => {
                Reason::NoNamespace(words)
            }
            StatusCode::FORBIDDEN => Reason::Denied(words),
            // Admission webhooks choose their own code; 400 is what they mostly take. Neither they nor policies leave a
            // reason or cause by which their refusals could be told from the API server's own, so their fixed prefix has to.
            StatusCode::BAD_REQUEST if words.contains("admission webhook") => Reason::Denied(words),
            StatusCode::UNPROCESSABLE_ENTITY if words.contains("ValidatingAdmissionPolicy") => {
                Reason::Denied(words)
            }
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Reason::Invalid(words),
            StatusCode::CONFLICT if self.verb == "patch" => Reason::Conflict(words),
            code => Reason::Refused {
                code: code.as_u16(),
                words,
            },
        }
    }
}

/// The permission that is missing, as a sentence that says what to do.
pub(super) fn grant(verb: &str, kind: &Kind) -> String {
    format!(
        "grant `{verb}` on `{}` to the ServiceAccount of the run",
        kind.resource()
    )
}

/// The reason behind the end of a request that was about no kind in particular.
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

/// RBAC's refusals read `User "system:serviceaccount:ci:default" cannot create resource "x" in API group "y"`;
/// quotas and admission use the same code and reason, so only the message tells them apart.
fn is_missing_permission(words: &str) -> bool {
    words.contains("User \"") && words.contains(" cannot ")
}

#[cfg(test)]
mod tests;
