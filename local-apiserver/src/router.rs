//! The paths of the API, with their methods and handlers.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::refusal::Refusal;
use crate::state::Shared;
use crate::{access, body, discovery, objects};

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let reviews = format!(
        "/apis/{}/{}/{}",
        access::GROUP,
        access::VERSION,
        access::PLURAL
    );
    Router::new()
        .route("/readyz", get(async || "ok"))
        .route("/version", get(discovery::version))
        .route("/api", get(discovery::core_versions))
        .route("/apis", get(discovery::groups))
        .route("/apis/{group}", get(discovery::group))
        .route(&reviews, post(access::review))
        .nest("/api", group())
        .nest("/apis/{group}", group())
        .fallback(async || Refusal::not_served())
        .method_not_allowed_fallback(async || Refusal::method_not_allowed())
        .layer(DefaultBodyLimit::max(body::LIMIT))
        .with_state(shared)
}

/// Returns the endpoints of a group, with paths relative to the group.
fn group() -> Router<Arc<Shared>> {
    let collection = || get(objects::list).post(objects::post);
    let object = || {
        get(objects::get)
            .patch(objects::patch)
            .delete(objects::remove)
    };
    Router::new()
        .route("/{version}", get(discovery::resources))
        .route("/{version}/{resource}", collection())
        .route("/{version}/{resource}/{name}", object())
        .route("/{version}/namespaces/{namespace}/{resource}", collection())
        .route(
            "/{version}/namespaces/{namespace}/{resource}/{name}",
            object(),
        )
}
