//! Refusals, in the words of a real API server: the `metav1.Status` object.
//!
//! Reasons, codes and messages follow `k8s.io/apimachinery/pkg/api/errors`, for that is what clients match on.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::kind::Kind;

/// Why a request was refused.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// A `metav1.Status` with `status: Failure`.
    Status(Box<Failure>),
    /// What the real server's mux says of a path nobody serves: plain text, no object.
    PageNotFound,
}

/// A `metav1.Status` that reports a failure.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: StatusCode,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) details: Option<Value>,
}

/// One finding about one field of an object: a cause in the details of a 422.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) reason: &'static str,
    pub(crate) field: String,
    pub(crate) message: String,
}

impl Cause {
    pub(crate) fn required(field: impl Into<String>, hint: &str) -> Self {
        let message = if hint.is_empty() {
            "Required value".to_owned()
        } else {
            format!("Required value: {hint}")
        };
        Self {
            reason: "FieldValueRequired",
            field: field.into(),
            message,
        }
    }

    pub(crate) fn not_supported(field: impl Into<String>, value: &Value, supported: &str) -> Self {
        Self {
            reason: "FieldValueNotSupported",
            field: field.into(),
            message: format!("Unsupported value: {value}: supported values: {supported}"),
        }
    }

    /// `found` and `wanted` are JSON schema's names of types.
    pub(crate) fn wrong_type(field: &str, found: &str, wanted: &str) -> Self {
        Self {
            reason: "FieldValueTypeInvalid",
            field: field.to_owned(),
            message: format!(
                "Invalid value: {found:?}: {field} in body must be of type {wanted}: {found:?}"
            ),
        }
    }

    /// For a fault of type: the field, the type it should have and the one it has.
    pub(crate) fn type_fault(&self) -> Option<(&str, &str, &str)> {
        if self.reason != "FieldValueTypeInvalid" {
            return None;
        }
        let (_, rest) = self.message.split_once("must be of type ")?;
        let (wanted, found) = rest.split_once(": ")?;
        Some((&self.field, wanted, found.trim_matches('"')))
    }

    /// Whether a real server, having found this, does not go on to the schema's CEL rules.
    pub(crate) fn keeps_rules_from_running(&self) -> bool {
        matches!(
            self.reason,
            "FieldValueNotSupported" | "FieldValueRequired" | "FieldValueTypeInvalid"
        )
    }

    /// What it says then, of no field in particular.
    pub(crate) fn rules_not_checked() -> Self {
        Self::invalid(
            "<nil>",
            &Value::Null,
            "some validation rules were not checked because the object was invalid; correct the existing errors to \
             complete validation",
        )
    }

    pub(crate) fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            field: field.into(),
            message: format!("Invalid value: {value}: {why}"),
        }
    }
}

impl Refusal {
    fn status(
        code: StatusCode,
        reason: &'static str,
        message: impl Into<String>,
        details: Option<Value>,
    ) -> Self {
        Self::Status(Box::new(Failure {
            code,
            reason,
            message: message.into(),
            details,
        }))
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::status(StatusCode::BAD_REQUEST, "BadRequest", message, None)
    }

    /// A resource that the group does not have.
    pub(crate) fn no_such_resource() -> Self {
        Self::status(
            StatusCode::NOT_FOUND,
            "NotFound",
            "the server could not find the requested resource",
            Some(json!({})),
        )
    }

    pub(crate) fn not_found(group: &str, plural: &str, name: &str) -> Self {
        Self::status(
            StatusCode::NOT_FOUND,
            "NotFound",
            format!("{} {name:?} not found", qualified(plural, group)),
            Some(details(name, group, plural)),
        )
    }

    pub(crate) fn already_exists(kind: &Kind, name: &str) -> Self {
        Self::status(
            StatusCode::CONFLICT,
            "AlreadyExists",
            format!("{} {name:?} already exists", kind.qualified_plural()),
            Some(details(name, &kind.group, &kind.plural)),
        )
    }

    pub(crate) fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        Self::status(
            StatusCode::CONFLICT,
            "Conflict",
            format!(
                "Operation cannot be fulfilled on {} {name:?}: {why}",
                kind.qualified_plural()
            ),
            Some(details(name, &kind.group, &kind.plural)),
        )
    }

    /// A deletion's precondition does not hold. Unlike other conflicts this one names the kind, not the resource.
    pub(crate) fn precondition(kind: &Kind, name: &str, why: &str) -> Self {
        Self::status(
            StatusCode::CONFLICT,
            "Conflict",
            format!(
                "Operation cannot be fulfilled on {} {name:?}: {why}",
                qualified(&kind.kind, &kind.group)
            ),
            Some(details(name, &kind.group, &kind.kind)),
        )
    }

    /// Where the real server answers with a bare 500, though the mistake is the caller's.
    pub(crate) fn without_reason(message: impl Into<String>) -> Self {
        Self::status(StatusCode::INTERNAL_SERVER_ERROR, "", message, None)
    }

    /// Server-side apply met fields that others own.
    pub(crate) fn apply_conflict(message: String, causes: &[Cause]) -> Self {
        Self::status(
            StatusCode::CONFLICT,
            "Conflict",
            message,
            Some(json!({ "causes": causes_json(causes) })),
        )
    }

    /// 422: `group` and `kind` are the object's own, as in `PipelineResource.tekton.dev "x" is invalid: ...`.
    pub(crate) fn invalid(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let findings: Vec<String> = causes
            .iter()
            .map(|c| format!("{}: {}", c.field, c.message))
            .collect();
        let all = match findings.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let mut details = details(name, group, kind);
        details["causes"] = causes_json(causes);
        Self::status(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid",
            format!("{} {name:?} is invalid: {all}", qualified(kind, group)),
            Some(details),
        )
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::status(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
            Some(json!({})),
        )
    }

    pub(crate) fn unsupported_media_type(message: String) -> Self {
        Self::status(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            message,
            None,
        )
    }

    /// A patch type that this server does not have.
    pub(crate) fn unsupported_patch() -> Self {
        Self::status(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            "415: Unsupported Media Type",
            Some(json!({})),
        )
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        Self::status(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            format!("Request entity too large: limit is {limit}"),
            Some(json!({})),
        )
    }

    /// 410: the watch starts before what the server remembers.
    pub(crate) fn expired(from: u64, oldest: u64) -> Self {
        Self::status(
            StatusCode::GONE,
            "Expired",
            format!("too old resource version: {from} ({oldest})"),
            None,
        )
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::status(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            message,
            None,
        )
    }

    /// The `metav1.Status` object; none for plain text.
    pub(crate) fn to_object(&self) -> Option<Value> {
        let Self::Status(failure) = self else {
            return None;
        };
        let mut object = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": failure.message,
        });
        if !failure.reason.is_empty() {
            object["reason"] = failure.reason.into();
        }
        if let Some(details) = &failure.details {
            object["details"] = details.clone();
        }
        object["code"] = failure.code.as_u16().into();
        Some(object)
    }

    /// What the refusal says, for callers inside the process.
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::Status(failure) => &failure.message,
            Self::PageNotFound => "404 page not found",
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match (&self, self.to_object()) {
            (Self::Status(failure), Some(object)) => {
                (failure.code, axum::Json(object)).into_response()
            }
            _ => (
                StatusCode::NOT_FOUND,
                [(
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("text/plain; charset=utf-8"),
                )],
                "404 page not found\n",
            )
                .into_response(),
        }
    }
}

/// `pipelineresources.tekton.dev`, or `configmaps` in the core group.
pub(crate) fn qualified(what: &str, group: &str) -> String {
    if group.is_empty() {
        what.to_owned()
    } else {
        format!("{what}.{group}")
    }
}

fn details(name: &str, group: &str, kind: &str) -> Value {
    let mut details = Map::new();
    for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
        if !value.is_empty() {
            details.insert(key.to_owned(), value.into());
        }
    }
    Value::Object(details)
}

fn causes_json(causes: &[Cause]) -> Value {
    causes
        .iter()
        .map(|c| json!({ "reason": c.reason, "message": c.message, "field": c.field }))
        .collect()
}
