//! The GET routes for users and probes: resources, preview, status and health.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::response::{IntoResponse, Response};
use gleaner_proto::duration;
use gleaner_proto::message::{Phase, problem_type};
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;

use super::answer::ApiProblem;
use super::clients::Class;
use super::views::{Format, Subject, View};
use super::{Api, Caller};
use crate::run_actor::Snapshot;

/// The maximum number of resource names that an error message lists.
const LISTED: usize = 12;

/// The query parameters of the resource routes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// The maximum time to wait until all variables are resolved, such as `30s`.
    wait: Option<String>,
    /// True to keep unresolved variables as text. Otherwise, the request fails while variables are unresolved.
    #[serde(default)]
    partial: bool,
}

pub(super) async fn resources(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    query: Result<Query<Wanted>, QueryRejection>,
    headers: HeaderMap,
) -> Result<View, ApiProblem> {
    view(&api, &caller, None, query, &headers).await
}

pub(super) async fn resource(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    name: Result<Path<String>, PathRejection>,
    query: Result<Query<Wanted>, QueryRejection>,
    headers: HeaderMap,
) -> Result<View, ApiProblem> {
    let Path(name) = name?;
    let snapshot = newest(&api);
    let declaration = snapshot.state.declaration();
    if declaration.template(&name).is_none() {
        let templates = declaration.templates.iter();
        let known: Vec<&str> = templates.map(|template| template.name.as_str()).collect();
        let known = if known.len() > LISTED {
            "see GET /v1/status for the resources".to_owned()
        } else {
            format!("its resources are {}", known.join(", "))
        };
        let detail = format!("the declaration has no resource with this name; {known}");
        let title = "no such resource";
        return Err(ApiProblem::new(problem_type::NOT_FOUND, 404, title, detail));
    }
    view(&api, &caller, Some(name), query, &headers).await
}

/// Returns the resources in their current state. If the request has `?wait=`, first waits until all variables are resolved or
/// the given time has passed.
async fn view(
    api: &Api,
    caller: &Caller,
    only: Option<String>,
    query: Result<Query<Wanted>, QueryRejection>,
    headers: &HeaderMap,
) -> Result<View, ApiProblem> {
    let malformed =
        |detail: String| ApiProblem::new(problem_type::MALFORMED, 400, "invalid request", detail);
    let Query(wanted) = query.map_err(|error| {
        malformed(format!(
            "{}; use ?wait=30s or ?partial=true",
            error.body_text()
        ))
    })?;
    if let Some(wait) = &wanted.wait {
        let wait = duration::parse(wait).map_err(|error| malformed(error.to_string()))?;
        let _permit = api.clients.of(caller).begin(Class::Wait)?;
        resolved(api, wait.min(api.max_wait)).await;
    }
    let format = if wants_json(headers) {
        Format::Json
    } else {
        Format::Yaml
    };
    // After all variables are resolved, the partial and the complete view are the same, so both use one cached view.
    let partial = wanted.partial || newest(api).phase != Phase::Collecting;
    let subject = Subject::Resources {
        only,
        format,
        partial,
    };
    api.views.get(subject).await
}

/// Waits until all variables are resolved, `wait` has passed, or shutdown is requested.
async fn resolved(api: &Api, wait: Duration) {
    let mut snapshots = api.handle.snapshots();
    tokio::select! {
        _ = snapshots.wait_for(|snapshot| snapshot.phase != Phase::Collecting) => {}
        () = api.shutdown.requested() => {}
        () = tokio::time::sleep(wait) => {}
    }
}

/// Returns true if the Accept header contains JSON but not YAML.
fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default();
    accept.contains("json") && !accept.contains("yaml")
}

pub(super) async fn status(State(api): State<Api>) -> Result<View, ApiProblem> {
    Ok(api.views.get(Subject::Status).await?.data())
}

pub(super) async fn preview(State(api): State<Api>) -> Result<View, ApiProblem> {
    api.views.get(Subject::Preview).await
}

fn newest(api: &Api) -> Arc<Snapshot> {
    let snapshots = api.handle.snapshots();
    Arc::clone(&snapshots.borrow())
}

pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// Returns `ok`. The sockets open only after the sidecar is ready, so any response shows that the sidecar is ready.
pub(super) async fn ready() -> &'static str {
    "ok\n"
}

pub(super) async fn metrics(State(api): State<Api>) -> Response {
    api.metrics.response()
}

pub(super) async fn openapi() -> Response {
    let kind = HeaderValue::from_static("application/json");
    (
        [(header::CONTENT_TYPE, kind)],
        gleaner_proto::openapi::DOCUMENT,
    )
        .into_response()
}
