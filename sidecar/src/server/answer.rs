//! Responses: JSON for results, problem details for errors.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use gleaner_proto::exit_code;
use gleaner_proto::message::{Problem, problem_type};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use gleaner_core::collect::problem;

#[derive(Debug)]
pub(super) struct ApiProblem(pub(super) Problem);

pub(super) struct Json<T>(pub(super) T);

impl ApiProblem {
    /// Returns a problem caused by the client's request.
    pub(super) fn new(kind: &str, status: u16, title: &str, detail: impl Into<String>) -> Self {
        Self(problem::new(
            kind,
            status,
            title,
            detail,
            exit_code::DECLARATION,
        ))
    }

    /// Returns the problem to report when a request cannot be handled because other requests use all the memory or slots.
    pub(super) fn busy(detail: impl Into<String>) -> Self {
        let problem = Self::new(problem_type::BUSY, 503, "busy", detail);
        problem.exit_code(exit_code::UNREACHABLE)
    }

    /// Sets a different exit code for the redirector.
    pub(super) fn exit_code(mut self, exit_code: u8) -> Self {
        self.0.exit_code = exit_code;
        self
    }
}

impl From<Problem> for ApiProblem {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<PathRejection> for ApiProblem {
    fn from(rejection: PathRejection) -> Self {
        let detail = format!(
            "{}; GET /v1/status lists the steps and resources",
            rejection.body_text()
        );
        Self::new(problem_type::NOT_FOUND, 404, "not found", detail)
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = document(status, "application/problem+json", &self.0);
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        document(StatusCode::OK, "application/json", &self.0)
    }
}

fn document(status: StatusCode, kind: &'static str, value: &impl Serialize) -> Response {
    let mut text =
        serde_json::to_vec(value).expect("invariant: the API's messages have string keys only");
    // End with a line feed, so that the shell prompt after a curl command starts on a new line.
    text.push(b'\n');
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
