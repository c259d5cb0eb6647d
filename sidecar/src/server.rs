//! The HTTP API. The same router is served on each step's Unix socket and, for users, on a loopback address.

mod answer;
mod body;
mod caller;
mod clients;
mod events;
mod listener;
mod page;
mod read_routes;
mod views;
mod workbench;
mod write_routes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use gleaner_proto::message::problem_type;
use gleaner_proto::route;
use gleaner_runtime::Shutdown;
use gleaner_runtime::http::Bodies;
use tokio::sync::watch;

use crate::metrics::Metrics;
use crate::preflight::Report;
use crate::run_actor::Handle;
use answer::ApiProblem;
pub(crate) use caller::random;
pub use caller::{Caller, Tokens};
pub use clients::Clients;
pub use listener::{ListenError, Listeners};
pub use views::Views;
pub use workbench::Workbench;

#[derive(Clone)]
pub struct Api {
    pub handle: Handle,
    pub tokens: Arc<Tokens>,
    pub clients: Arc<Clients>,
    pub views: Arc<Views>,
    pub workbench: Arc<Workbench>,
    /// The preflight's findings, or `None` until the first attempt has finished.
    pub preflight: watch::Receiver<Option<Arc<Report>>>,
    pub metrics: Metrics,
    /// The shutdown request, which ends event streams.
    pub shutdown: Shutdown,
    /// The time from which the event streams count their intervals (`BEAT` in `events.rs`). All streams share this time, so that
    /// they send at the same moments.
    pub start: Instant,
    pub max_values: usize,
    pub max_depth: usize,
    /// The maximum memory for one parsed message.
    pub max_message: usize,
    pub bodies: Bodies,
    pub max_wait: Duration,
}

/// Returns the router. The listener adds the [`Caller`] to each request.
pub fn router(api: Api) -> Router {
    let write = Router::new()
        .route(route::OUTPUTS, post(write_routes::outputs))
        .route(route::START, post(write_routes::start))
        .route(route::FAILURE, post(write_routes::failure))
        .route(route::SUBMIT, post(write_routes::submit))
        .route(route::FINISH, post(write_routes::finish))
        .route_layer(middleware::from_fn_with_state(
            api.clone(),
            clients::bound_posts,
        ))
        .route_layer(middleware::from_fn_with_state(
            api.clone(),
            caller::require_step,
        ));
    Router::new()
        .route(route::PAGE, get(page::page))
        .route(route::PREFLIGHT, get(write_routes::preflight))
        .route(route::RESOURCES, get(read_routes::resources))
        .route(route::RESOURCE, get(read_routes::resource))
        .route(route::PREVIEW, get(read_routes::preview))
        .route(route::STATUS, get(read_routes::status))
        .route(route::EVENTS, get(events::events))
        .route(route::LIVE, get(read_routes::live))
        .route(route::READY, get(read_routes::ready))
        .route(route::METRICS, get(read_routes::metrics))
        .route(route::OPENAPI, get(read_routes::openapi))
        .merge(write)
        .fallback(nothing_here)
        .method_not_allowed_fallback(other_method)
        .layer(middleware::from_fn(caller::refuse_foreign_hosts))
        .with_state(api)
}

async fn nothing_here(uri: http::Uri) -> ApiProblem {
    let detail = format!(
        "no route has the path {}; see GET /openapi.json for the routes",
        uri.path()
    );
    ApiProblem::new(problem_type::NOT_FOUND, 404, "not found", detail)
}

async fn other_method(method: http::Method, uri: http::Uri) -> ApiProblem {
    let detail = format!(
        "{} does not accept {method}; see GET /openapi.json for its methods",
        uri.path()
    );
    ApiProblem::new(problem_type::METHOD, 405, "method not allowed", detail)
}
