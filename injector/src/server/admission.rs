//! Handles a review: parses it, decides, counts and logs the decision, and responds.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request as HttpRequest, State};
use axum::response::{IntoResponse, Response};
use gleaner_runtime::http::BodyError;
use gleaner_runtime::text::cut;
use http::{HeaderValue, StatusCode, header};

use super::Admission;
use crate::decision::{self, Route, Verdict};
use crate::events::Notice;
use crate::review::{Request, ReviewError};
use gleaner_proto::name::is_dns_label;

pub(super) async fn tekton(
    State(admission): State<Arc<Admission>>,
    request: HttpRequest,
) -> Response {
    review(admission, Route::Tekton, request).await
}

pub(super) async fn pods(
    State(admission): State<Arc<Admission>>,
    request: HttpRequest,
) -> Response {
    review(admission, Route::Pods, request).await
}

async fn review(admission: Arc<Admission>, route: Route, request: HttpRequest) -> Response {
    let arrived = match admission.lanes.read(request).await {
        Ok(arrived) => arrived,
        Err(error) => {
            admission.metrics.unreadable();
            let status = match error {
                BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                BodyError::TooSlow { .. } | BodyError::Stalled { .. } => {
                    StatusCode::REQUEST_TIMEOUT
                }
                BodyError::NoRoom { .. } => StatusCode::SERVICE_UNAVAILABLE,
                BodyError::Interrupted(_) => StatusCode::BAD_REQUEST,
            };
            tracing::warn!(status = status.as_u16(), why = %error, "review-not-read");
            return (status, format!("{error}\n")).into_response();
        }
    };
    let started = Instant::now();
    let decide = {
        let admission = Arc::clone(&admission);
        move |body: &[u8]| {
            let request = Request::read(body)?;
            Ok(admission.answer(route, &request, started))
        }
    };
    let decided: Result<Vec<u8>, ReviewError> = match admission.lanes.decide(arrived, decide).await
    {
        Ok(decided) => decided,
        // The response contains no verdict, so the API server applies the webhook's failurePolicy.
        Err(overdue) => {
            admission.metrics.overdue();
            tracing::warn!(%overdue, "review-overdue");
            return (StatusCode::GATEWAY_TIMEOUT, format!("{overdue}\n")).into_response();
        }
    };
    match decided {
        Ok(answer) => {
            let json = HeaderValue::from_static("application/json");
            ([(header::CONTENT_TYPE, json)], answer).into_response()
        }
        // Respond with an HTTP error: an AdmissionReview must contain the request's UID, which is unknown here.
        Err(error) => {
            admission.metrics.unreadable();
            tracing::warn!(%error, "review-not-read");
            (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response()
        }
    }
}

impl Admission {
    /// Decides on the request, counts, logs and reports the verdict, and returns the review to send.
    fn answer(&self, route: Route, request: &Request<'_>, started: Instant) -> Vec<u8> {
        let verdict = self.functions.decide(route, request, &self.settings);
        let (outcome, reason) = (verdict.as_str(), verdict.reason());
        if let Some(place) = verdict.panic() {
            self.metrics.panicked();
            tracing::error!(uid = logged(&request.uid), place, "decision-panicked");
        }
        let mut operations = 0;
        match &verdict {
            Verdict::Changed {
                operations: some, ..
            } => operations = *some,
            Verdict::Refused(refused) if request.dry_run != Some(true) => {
                let namespace = request
                    .namespace
                    .as_deref()
                    // Check the namespace, because it becomes part of a URL path, and the client is not necessarily an API
                    // server.
                    .filter(|namespace| is_dns_label(namespace));
                if let Some((owner, namespace)) = refused.owner.clone().zip(namespace) {
                    self.recorder.tell(Notice {
                        owner,
                        namespace: namespace.to_owned(),
                        message: refused.message.clone(),
                    });
                }
            }
            _ => {}
        }
        let warnings = verdict.warnings(request);
        let review = verdict.answer().to_review(&request.uid, &warnings);
        let took = started.elapsed();
        self.metrics
            .reviewed(resource(request), outcome, reason, took);
        tracing::info!(
            uid = logged(&request.uid),
            kind = logged(&request.kind.kind),
            namespace = logged(request.namespace.as_deref().unwrap_or_default()),
            name = logged(&decision::name(request)),
            operation = logged(&request.operation),
            outcome,
            reason,
            operations,
            ms = took.as_secs_f64() * 1000.0,
            "reviewed"
        );
        review
    }
}

/// Returns a name for the log, truncated to the maximum length of a Kubernetes name, because the API server may not have
/// validated the name yet.
fn logged(name: &str) -> &str {
    cut(name, 253)
}

/// Returns the resource as a metrics label. The set of labels is fixed, so that clients cannot add series.
fn resource(request: &Request<'_>) -> &'static str {
    match (request.kind.group.as_ref(), request.kind.kind.as_ref()) {
        ("", "Pod") => "pods",
        ("tekton.dev", "Task") => "tasks",
        ("tekton.dev", "TaskRun") => "taskruns",
        ("tekton.dev", "Pipeline") => "pipelines",
        ("tekton.dev", "PipelineRun") => "pipelineruns",
        _ => "other",
    }
}
