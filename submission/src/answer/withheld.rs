//! Messages for objects that contain a secret. They describe the API server's response without quoting its text.

use std::error::Error;
use std::io;

use gleaner_core::render::Withheld;
use gleaner_runtime::api_server::Status;
use http::StatusCode;

use super::bounded;

/// The maximum number of causes that a message lists when the API server's text is withheld.
const CAUSES_MAX: usize = 10;

/// The values of `metav1.StatusReason` (`k8s.io/apimachinery/pkg/apis/meta/v1/types.go`).
const REASONS: &[&str] = &[
    "AlreadyExists",
    "BadRequest",
    "Conflict",
    "Expired",
    "Forbidden",
    "Gone",
    "InternalError",
    "Invalid",
    "MethodNotAllowed",
    "NotAcceptable",
    "NotFound",
    "RequestEntityTooLarge",
    "ServerTimeout",
    "ServiceUnavailable",
    "StoreReadError",
    "Timeout",
    "TooManyRequests",
    "Unauthorized",
    "UnsupportedMediaType",
];

/// The values of `metav1.CauseType`, and the `field.Error` types that validation adds.
const CAUSES: &[&str] = &[
    "FieldManagerConflict",
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueNotFound",
    "FieldValueNotSupported",
    "FieldValueRequired",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
    "InternalError",
    "NamespaceTerminating",
    "UnexpectedServerResponse",
];

/// Returns the code, reason and causes of a refusal. A webhook can put any text in these fields, so only well-known terms are
/// forwarded, and only the part of a field path that exists in the masked object.
pub(super) fn refusal(code: StatusCode, status: &Status, withheld: &Withheld) -> String {
    let mut words = code.to_string();
    if let Some(reason) = known(REASONS, &status.reason) {
        words += &format!(" ({reason})");
    }
    let causes = status
        .details
        .iter()
        .flat_map(|details| &details.causes)
        .filter_map(|cause| {
            let reason = known(CAUSES, &cause.reason);
            match (reason, withheld.visible_path(&cause.field)) {
                (Some(reason), Some(field)) => Some(format!("{reason} at {field}")),
                (None, Some(field)) => Some(format!("at {field}")),
                (reason, None) => reason.map(str::to_owned),
            }
        });
    let causes: Vec<String> = causes.take(CAUSES_MAX).collect();
    if !causes.is_empty() {
        words += &format!(": {}", causes.join(", "));
    }
    format!("{}; {}", bounded(&words), withheld.notice())
}

fn known(words: &[&'static str], word: &str) -> Option<&'static str> {
    words.iter().find(|known| **known == word).copied()
}

/// Returns the type of a connection error. The error's message is withheld because it may contain text from the server, such as
/// the debug data of an HTTP/2 GOAWAY frame.
pub(super) fn interruption(error: &(dyn Error + 'static)) -> String {
    let kind = io_error(error).map(|error| error.kind().to_string());
    let kind = kind.unwrap_or_else(|| "incomplete response".to_owned());
    format!("the connection to the API server failed: {kind}")
}

fn io_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref() {
            return Some(error);
        }
        cause = error.source();
    }
    None
}
