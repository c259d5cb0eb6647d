//! The GET routes, for people and probes: resources, status, page, health.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use futures::{Stream, StreamExt};
use gleaner_proto::duration;
use gleaner_proto::message::{Phase, Status, problem_type};
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use serde_json::Value;
use tokio_stream::wrappers::WatchStream;

use super::Api;
use super::answer::{ApiProblem, Json};
use crate::run_actor::Preview;
use gleaner_core::document::writer::to_yaml;

/// What can stand behind the `?` of the resources' routes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// How long to wait for the last variable, such as `30s`.
    wait: Option<String>,
    /// Whether to show what is still unknown as it is written in the template.
    #[serde(default)]
    partial: bool,
}

pub(super) async fn resources(
    State(api): State<Api>,
    query: Result<Query<Wanted>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiProblem> {
    let resources = rendered(&api, query).await?;
    Ok(documents(
        &headers,
        resources.into_iter().map(|(_, object)| object).collect(),
    ))
}

pub(super) async fn resource(
    State(api): State<Api>,
    name: Result<Path<String>, PathRejection>,
    query: Result<Query<Wanted>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiProblem> {
    let Path(name) = name?;
    let known: Vec<String> = {
        let status = api.handle.status().borrow().clone();
        status
            .resources
            .iter()
            .map(|resource| resource.resource.clone())
            .collect()
    };
    if !known.contains(&name) {
        let detail = format!(
            "the declaration has no resource '{name}'; it has {}",
            known.join(", ")
        );
        return Err(ApiProblem::new(
            problem_type::NOT_FOUND,
            404,
            "no such resource",
            detail,
        ));
    }
    let found = rendered(&api, query)
        .await?
        .into_iter()
        .find(|(resource, _)| *resource == name);
    let object = found.map(|(_, object)| object).unwrap_or_default();
    Ok(if wants_json(&headers) {
        Json(object).into_response()
    } else {
        yaml(&[object])
    })
}

async fn rendered(
    api: &Api,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Result<Vec<(String, Value)>, ApiProblem> {
    let malformed =
        |detail: String| ApiProblem::new(problem_type::MALFORMED, 400, "not understood", detail);
    let Query(wanted) = query.map_err(|error| {
        malformed(format!(
            "{}; known are ?wait=30s and ?partial=true",
            error.body_text()
        ))
    })?;
    if let Some(wait) = &wanted.wait {
        let wait = duration::parse(wait).map_err(|error| malformed(error.to_string()))?;
        resolved(api, wait.min(api.max_wait)).await;
    }
    let preview = if wanted.partial {
        Preview::Partial
    } else {
        Preview::Whole
    };
    Ok(api.handle.resources(preview).await?)
}

/// Waits until all variables are known, at most for `wait`.
async fn resolved(api: &Api, wait: Duration) {
    let mut status = api.handle.status();
    tokio::select! {
        _ = status.wait_for(|status| status.phase != Phase::Collecting) => {}
        () = api.shutdown.requested() => {}
        () = tokio::time::sleep(wait) => {}
    }
}

fn documents(headers: &HeaderMap, objects: Vec<Value>) -> Response {
    if wants_json(headers) {
        Json(objects).into_response()
    } else {
        yaml(&objects)
    }
}

fn yaml(objects: &[Value]) -> Response {
    // RFC 9512.
    let kind = HeaderValue::from_static("application/yaml");
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, to_yaml(objects)).into_response()
}

/// Whether JSON is asked for, and not merely taken as well.
fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default();
    accept.contains("json") && !accept.contains("yaml")
}

pub(super) async fn status(State(api): State<Api>) -> Json<Status> {
    let status = api.handle.status().borrow().clone();
    Json(Status::clone(&status))
}

pub(super) async fn events(
    State(api): State<Api>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = WatchStream::new(api.handle.status()).map(|status| {
        let json =
            serde_json::to_string(&*status).expect("invariant: a status has string keys only");
        Ok(Event::default().event("status").data(json))
    });
    let events = events.take_until(async move { api.shutdown.requested().await });
    Sse::new(events).keep_alive(KeepAlive::default())
}

pub(super) async fn page() -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                  base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    (
        [(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(policy),
        )],
        Html(include_str!("page.html")),
    )
        .into_response()
}

pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// The listeners open only when everything is in its place, so whoever gets an answer finds the sidecar ready.
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
