//! Error responses: `metav1.Status` objects that contain the reason for the failure.
//!
//! Codes and reasons follow `k8s.io/apimachinery/pkg/api/errors`, because clients act on them.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::cause::Cause;
use crate::kind::{Kind, qualified};

#[derive(Debug)]
pub(crate) struct Refusal {
    code: StatusCode,
    /// The machine-readable `reason` of the status; empty if a real server omits it.
    reason: &'static str,
    message: String,
    details: Map<String, Value>,
}

impl Refusal {
    fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: Map::new(),
        }
    }

    /// Adds the object to the `details` of the status; `kind` is the object's kind or its plural resource name.
    fn about(mut self, group: &str, kind: &str, name: &str) -> Self {
        for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
            if !value.is_empty() {
                self.details.insert(key.to_owned(), value.into());
            }
        }
        self
    }

    fn because(mut self, causes: &[Cause]) -> Self {
        let causes = causes.iter().map(Cause::to_json).collect();
        self.details.insert("causes".to_owned(), causes);
        self
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// Returns 404: the path, group, version or resource does not exist.
    pub(crate) fn not_served() -> Self {
        let message = "the server could not find the requested resource";
        Self::new(StatusCode::NOT_FOUND, "NotFound", message)
    }

    pub(crate) fn not_found(group: &str, plural: &str, name: &str) -> Self {
        let message = format!("{} {name:?} not found", qualified(plural, group));
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).about(group, plural, name)
    }

    pub(crate) fn already_exists(kind: &Kind, name: &str) -> Self {
        let Kind { group, plural, .. } = kind;
        let message = format!("{} {name:?} already exists", kind.qualified_plural());
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message).about(group, plural, name)
    }

    /// Returns 409: the object does not meet the preconditions of the request.
    pub(crate) fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let plural = kind.qualified_plural();
        let message = format!("Operation cannot be fulfilled on {plural} {name:?}: {why}");
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(&kind.group, &kind.plural, name)
    }

    /// Returns 409: a server-side apply would change fields that other managers own.
    pub(crate) fn apply_conflict(causes: &[Cause]) -> Self {
        let message = format!("Apply failed with conflicts: {}", list(causes));
        Self::new(StatusCode::CONFLICT, "Conflict", message).because(causes)
    }

    /// Returns 422: the object or the query parameters are invalid. `group` and `kind` identify the kind of the object.
    pub(crate) fn invalid(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let kind_and_group = qualified(kind, group);
        let message = format!("{kind_and_group} {name:?} is invalid: {}", list(causes));
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
            .about(group, kind, name)
            .because(causes)
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }

    pub(crate) fn unsupported_media_type(supported: &str) -> Self {
        let message = format!("the media type of the body is not supported; use {supported}");
        let code = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Self::new(code, "UnsupportedMediaType", message)
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        let code = StatusCode::PAYLOAD_TOO_LARGE;
        Self::new(code, "RequestEntityTooLarge", message)
    }

    /// Returns 500 without a `reason`, as a real server does for a few client errors.
    pub(crate) fn without_reason(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "", message)
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "details": self.details,
            "code": self.code.as_u16(),
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        (self.code, Json(status)).into_response()
    }
}

fn list(causes: &[Cause]) -> String {
    let causes: Vec<String> = causes.iter().map(Cause::to_string).collect();
    causes.join(", ")
}
