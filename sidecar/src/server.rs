//! The HTTP API: one router, behind a Unix socket for each step and a loopback address for people.

mod answer;
mod body;
mod caller;
mod listener;
mod people;
mod steps;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use gleaner_proto::StepName;
use gleaner_proto::message::problem_type;
use tokio::sync::watch;

use crate::metrics::Metrics;
use crate::preflight::Report;
use crate::run_actor::Handle;
use answer::ApiProblem;
pub use body::Bodies;
pub(crate) use caller::random;
pub use caller::{Caller, Tokens};
pub use listener::{ListenError, Listeners};

/// What every handler needs.
#[derive(Clone)]
pub struct Api {
    /// The owner of the run's state.
    pub handle: Handle,
    /// The steps' tokens.
    pub tokens: Arc<Tokens>,
    /// What the preflight has found, once it has.
    pub preflight: watch::Receiver<Option<Arc<Report>>>,
    /// The metrics.
    pub metrics: Metrics,
    /// Turns true when the sidecar is to end: who waits for an event then stops waiting.
    pub ending: watch::Receiver<bool>,
    /// Largest body, in bytes.
    pub max_body: usize,
    /// Most JSON values in a body.
    pub max_values: usize,
    /// Deepest nesting of arrays and objects in a body.
    pub max_depth: usize,
    /// Room for all bodies together.
    pub bodies: Bodies,
    /// Longest time for a body.
    pub body_timeout: Duration,
    /// Longest wait that a GET may ask for.
    pub max_wait: Duration,
}

/// The router. The listener adds a [`Caller`] to each request.
pub fn router(api: Api) -> Router {
    let write = Router::new()
        .route("/v1/steps/{step}/outputs", post(steps::outputs))
        .route("/v1/submit", post(steps::submit))
        .route("/v1/finish", post(steps::finish))
        .route_layer(middleware::from_fn_with_state(
            api.clone(),
            caller::require_step,
        ));
    Router::new()
        .route("/", get(people::page))
        .route("/v1/preflight", get(steps::preflight))
        .route("/v1/resources", get(people::resources))
        .route("/v1/resources/{name}", get(people::resource))
        .route("/v1/status", get(people::status))
        .route("/v1/events", get(people::events))
        .route("/livez", get(people::live))
        .route("/readyz", get(people::ready))
        .route("/metrics", get(people::metrics))
        .route("/openapi.json", get(people::openapi))
        .merge(write)
        .fallback(nothing_here)
        .method_not_allowed_fallback(other_method)
        .layer(middleware::from_fn(caller::refuse_foreign_hosts))
        .with_state(api)
}

async fn nothing_here(uri: http::Uri) -> ApiProblem {
    let detail = format!(
        "there is nothing at {}; GET /openapi.json lists what there is",
        uri.path()
    );
    ApiProblem::new(problem_type::NOT_FOUND, 404, "nothing here", detail)
}

async fn other_method(method: http::Method, uri: http::Uri) -> ApiProblem {
    let detail = format!(
        "{} does not take {method}; GET /openapi.json says what it takes",
        uri.path()
    );
    ApiProblem::new(
        problem_type::METHOD,
        405,
        "another method is needed",
        detail,
    )
}

/// Whether `step` may speak through `caller`.
fn may_speak(caller: &Caller, step: &str) -> bool {
    matches!(caller, Caller::Step(name) if name.as_str() == step)
}

/// The name in a path, which no step can have when it is no step name at all.
fn step_name(step: &str) -> Option<StepName> {
    StepName::new(step).ok()
}
