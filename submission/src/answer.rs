//! Classification of the API server's responses: success, refusal, or a failure that a retry may fix.
//!
//! Text from the API server is parsed only here. If an object contains a secret, the fields `words` and `warnings` contain only
//! Gleaner's own text and the API server's machine-readable reason and fields. Therefore, callers may always forward both.

mod withheld;

use std::time::Duration;

use gleaner_core::render::Disclosure;
use gleaner_runtime::api_server::{self, Status};
use gleaner_runtime::error_chain;
use gleaner_runtime::text::cut;
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::Value;

use super::quota;

/// The length, in bytes, to which text from the API server is truncated.
const WORDS_MAX: usize = 2 << 10;

/// The maximum delay for a `Retry-After` header. A longer delay is reduced to this value; no run waits that long.
const AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The classified response to one attempt to send a request.
#[derive(Debug)]
pub(super) enum Answer {
    Done(Done),
    /// The status code reports success, but the body did not come from the API server.
    Unexpected(String),
    /// The request was refused, and a retry would be refused too.
    Refused(Refusal),
    /// The API server rejected the credentials, for example because the token was just rotated or is missing.
    Unauthorised(Refusal),
    /// The request failed, but a retry may succeed.
    Again(Again),
    /// The request cannot be sent, or its response cannot be read; a retry would not help.
    Broken(String),
}

#[derive(Debug)]
pub(super) struct Done {
    /// 201 if the request created the object, 200 if the object already existed.
    pub(super) status: StatusCode,
    pub(super) value: Value,
    /// The texts of the response's `Warning:` headers.
    pub(super) warnings: Vec<String>,
}

/// A refusal by the API server.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) code: StatusCode,
    pub(super) reason: String,
    pub(super) topic: Topic,
    /// The message, truncated to [`WORDS_MAX`].
    pub(super) words: String,
    /// `details.causes[].reason`.
    pub(super) causes: Vec<String>,
}

/// The subject of a refusal. Refusals with different subjects can have the same code and reason, so only the API server's
/// message identifies the subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// The request exceeds the API server's size limit (413) or etcd's. The API server forwards etcd's error as a message
    /// (`etcdserver: request is too large`; gRPC's `received message larger than max`).
    TooLarge,
    /// A server-side apply contained an object that does not match the schema of its kind. The API server reports such an error
    /// with code 500 and without a reason (`k8s.io/apimachinery/pkg/util/managedfields`: creating the typed patch object, and
    /// converting it).
    Mistyped,
    /// The OwnerReferencesPermissionEnforcement admission plugin does not allow the run to set `blockOwnerDeletion`. Other
    /// refusals also have the code 403, so this refusal is identified by its message, which names the field
    /// (`k8s.io/kubernetes/plugin/pkg/admission/gc/gc_admission.go`).
    BlockOwnerDeletion,
    /// RBAC denied the request: `User "system:serviceaccount:ci:default" cannot create resource "x" in API group "y"`. Quotas and
    /// admission plugins use the same code and reason.
    Permission,
    /// The namespace does not exist or is being deleted. The code and reason are the same for every missing object, so only the
    /// message identifies a missing Namespace.
    Namespace,
    /// A ResourceQuota is exhausted, or its usage has not been calculated yet (`exceeded quota: q, requested: ...`,
    /// `status unknown for quota: q`). Unlike other refusals with the code 403, this refusal is temporary.
    Quota,
    /// An object that the request refers to does not exist: `serviceaccount "x" not found` and similar messages, from the
    /// admission plugins ServiceAccount, RuntimeClass and Priority (`no PriorityClass with name x was found`), or from RBAC,
    /// which looks up the role in a binding (`roles.rbac.authorization.k8s.io "x" not found`). Other refusals have the same code
    /// and reason, so this refusal is identified by its message.
    Reference,
    /// An admission webhook (usually with code 400) or an admission policy (with code 422) rejected the object. Other refusals
    /// have the same codes, so this refusal is identified by its message.
    Admission,
    Other,
}

/// A failure that may be temporary.
#[derive(Debug)]
pub(super) struct Again {
    pub(super) words: String,
    /// True if the API server may have executed the request.
    pub(super) unsure: bool,
    /// True if the API server sent a response.
    pub(super) answered: bool,
    /// The delay that the API server requests before a retry.
    pub(super) after: Option<Duration>,
}

/// Classifies a complete response. `disclosure` determines how much of the response's text is returned.
pub(super) fn read(
    method: &Method,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    disclosure: &Disclosure,
) -> Answer {
    if status.is_success() {
        return match serde_json::from_slice(body) {
            Ok(value) => Answer::Done(Done {
                status,
                value,
                warnings: warnings(headers, disclosure),
            }),
            // The API server executed the request, but the result is unknown until the object is read.
            Err(error) => Answer::Again(Again {
                words: format!("the API server's response was not JSON: {error}"),
                unsure: true,
                answered: true,
                after: None,
            }),
        };
    }
    let (refusal, details_after) = refusal(status, body, disclosure);
    if status == StatusCode::UNAUTHORIZED {
        return Answer::Unauthorised(refusal);
    }
    match passing(method, &refusal) {
        None => Answer::Refused(refusal),
        Some(unsure) => Answer::Again(Again {
            words: refusal.words,
            unsure,
            answered: true,
            after: retry_after(headers).or(details_after),
        }),
    }
}

/// Classifies a request that received no response. The request may have reached the API server, so the caller must check whether
/// the object exists.
pub(super) fn unsent(reason: &api_server::Reason, disclosure: &Disclosure) -> Answer {
    let chain = error_chain(reason);
    // A retry does not fix an invalid certificate. The check matches rustls's message, because hyper and `io::Error` wrap the
    // error and hide its type.
    let untrusted = chain.contains("invalid peer certificate");
    let words = match (reason, disclosure) {
        (api_server::Reason::Interrupted(_), Disclosure::Withheld(_)) if untrusted => {
            "invalid peer certificate".to_owned()
        }
        (api_server::Reason::Interrupted(cause), Disclosure::Withheld(_)) => {
            withheld::interruption(cause.as_ref())
        }
        _ => bounded(&chain),
    };
    match reason {
        api_server::Reason::Interrupted(_) if untrusted => Answer::Broken(words),
        api_server::Reason::Interrupted(_) | api_server::Reason::Timeout(_) => {
            Answer::Again(Again {
                words,
                unsure: true,
                answered: false,
                after: None,
            })
        }
        _ => Answer::Broken(words),
    }
}

/// Returns `None` if the refusal is permanent. For a refusal that may be temporary, returns true if the API server may still have
/// executed the request.
fn passing(method: &Method, refusal: &Refusal) -> Option<bool> {
    match refusal.code.as_u16() {
        429 => Some(false),
        // The API server also uses code 500 for an object that exceeds etcd's size limit or has a type error. A retry would fail
        // again.
        500 if matches!(refusal.topic, Topic::TooLarge | Topic::Mistyped) => None,
        408 | 500 | 502 | 503 | 504 => Some(true),
        // Concurrent creates that count against the same quota can cause this conflict, so a retry may succeed.
        409 if *method == Method::POST && refusal.reason == "Conflict" => Some(false),
        // A field manager conflict is permanent. Any other conflict is between the API server's internal update and another
        // write, so a retry may succeed.
        409 if *method == Method::PATCH && refusal.reason == "Conflict" => {
            (!refusal.has_cause("FieldManagerConflict")).then_some(false)
        }
        _ => None,
    }
}

fn refusal(code: StatusCode, body: &[u8], disclosure: &Disclosure) -> (Refusal, Option<Duration>) {
    let status = serde_json::from_slice::<Status>(body);
    let status = status.unwrap_or_else(|_| {
        // The body is not a `Status`, so a proxy sent the response, or the API server does not serve the path.
        let message = String::from_utf8_lossy(body).into_owned();
        Status {
            message,
            ..Status::default()
        }
    });
    let details = status.details.as_ref();
    let after = details
        .map(|details| details.retry_after_seconds)
        .filter(|&seconds| seconds > 0)
        .map(|seconds| Duration::from_secs(seconds.into()));
    let causes: Vec<String> = details.map_or_else(Vec::new, |details| {
        let reasons = details.causes.iter().map(|cause| cause.reason.clone());
        reasons.collect()
    });
    let topic = topic(code, &status.message, &causes);
    let words = match disclosure {
        Disclosure::Full if topic == Topic::Quota => quota::describe(&status.message)
            .map_or_else(|| words(code, status.message.trim()), |text| bounded(&text)),
        Disclosure::Full => words(code, status.message.trim()),
        Disclosure::Withheld(withheld) => withheld::refusal(code, &status, withheld),
    };
    let refusal = Refusal {
        code,
        topic,
        words,
        reason: status.reason,
        causes,
    };
    (refusal, after)
}

fn topic(code: StatusCode, message: &str, causes: &[String]) -> Topic {
    let says = |words: &str| message.contains(words);
    let forbidden = code == StatusCode::FORBIDDEN;
    if code == StatusCode::PAYLOAD_TOO_LARGE
        || says("request is too large")
        || says("larger than max")
    {
        Topic::TooLarge
    } else if says("failed to create typed patch object") || says("failed to convert new object") {
        Topic::Mistyped
    } else if forbidden && says("blockOwnerDeletion") {
        Topic::BlockOwnerDeletion
    } else if forbidden && says("User \"") && says(" cannot ") {
        Topic::Permission
    } else if (forbidden || code == StatusCode::NOT_FOUND)
        && (says("namespaces \"") || causes.iter().any(|cause| cause == "NamespaceTerminating"))
    {
        Topic::Namespace
    } else if (code == StatusCode::BAD_REQUEST && says("admission webhook"))
        || (code == StatusCode::UNPROCESSABLE_ENTITY && says("ValidatingAdmissionPolicy"))
    {
        Topic::Admission
    } else if forbidden
        && !says("admission webhook")
        && (says("exceeded quota: ") || says("status unknown for quota: "))
    {
        Topic::Quota
    } else if (forbidden || code == StatusCode::NOT_FOUND)
        && !says("admission webhook")
        && (says("\" not found") || says(" was found"))
    {
        Topic::Reference
    } else {
        Topic::Other
    }
}

fn words(code: StatusCode, text: &str) -> String {
    if text.is_empty() {
        code.to_string()
    } else {
        bounded(text)
    }
}

/// Truncates text from another program to [`WORDS_MAX`] bytes.
pub(super) fn bounded(text: &str) -> String {
    match cut(text, WORDS_MAX) {
        whole if whole.len() == text.len() => whole.to_owned(),
        start => format!("{start} ..."),
    }
}

/// Parses `Retry-After` as seconds, limited to [`AFTER_MAX`]. A date is ignored, because the API server never sends one.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A number that does not fit into a `u64` counts as the maximum wait.
    is_number.then(|| {
        text.parse()
            .map_or(AFTER_MAX, Duration::from_secs)
            .min(AFTER_MAX)
    })
}

/// Returns the texts of the `Warning: 299 - "text"` headers (RFC 7234, section 5.5, which Kubernetes still follows).
fn warnings(headers: &HeaderMap, disclosure: &Disclosure) -> Vec<String> {
    if let Disclosure::Withheld(withheld) = disclosure {
        let warned = headers.contains_key(header::WARNING);
        return warned.then(|| withheld.notice()).into_iter().collect();
    }
    let texts = headers
        .get_all(header::WARNING)
        .iter()
        .filter_map(|value| value.to_str().ok());
    texts
        .map(|text| {
            let quoted = text.split_once('"').map_or(text, |(_, rest)| rest);
            let inner = quoted.strip_suffix('"').unwrap_or(quoted);
            bounded(&inner.replace("\\\"", "\"").replace("\\\\", "\\"))
        })
        .collect()
}

/// Returns the string at a JSON pointer, or an empty string if the field is missing.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

// === impl Answer ===

impl Answer {
    /// Returns true if this answer shows for certain whether the API server executed the request.
    pub(super) fn is_certain(&self) -> bool {
        match self {
            Self::Done(_) | Self::Refused(_) | Self::Unauthorised(_) => true,
            Self::Again(again) => !again.unsure,
            Self::Unexpected(_) | Self::Broken(_) => false,
        }
    }
}

// === impl Refusal ===

impl Refusal {
    pub(super) fn is_already_exists(&self) -> bool {
        self.code == StatusCode::CONFLICT && self.reason == "AlreadyExists"
    }

    /// Returns true if the object does not exist. A proxy can also respond with 404, but without the reason `NotFound`.
    pub(super) fn is_not_found(&self) -> bool {
        self.code == StatusCode::NOT_FOUND && self.reason == "NotFound"
    }

    pub(super) fn is_conflict(&self) -> bool {
        self.code == StatusCode::CONFLICT
    }

    pub(super) fn is_block_owner_deletion(&self) -> bool {
        self.topic == Topic::BlockOwnerDeletion
    }

    pub(super) fn is_quota(&self) -> bool {
        self.topic == Topic::Quota
    }

    pub(super) fn has_cause(&self, reason: &str) -> bool {
        self.causes.iter().any(|cause| cause == reason)
    }
}

#[cfg(test)]
mod tests;
