//! One request: from its path to what answers it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Method, StatusCode};

use crate::kind::Registry;
use crate::status::Refusal;
use crate::store::Store;
use crate::target::{self, Objects, Target};
use crate::update::Scope;
use crate::verbs::Call;
use crate::{access, body, discovery};

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) registry: Registry,
    pub(crate) store: Store,
    /// Turns true when the server is to end: watches end then.
    pub(crate) stopping: tokio::sync::watch::Receiver<bool>,
}

/// The whole API behind one handler: its paths are data (kinds), not routes.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(handle).with_state(shared)
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = answer(shared, &parts, body).await;
    let response = answer.unwrap_or_else(IntoResponse::into_response);
    let status = response.status().as_u16();
    tracing::debug!(method = %parts.method, uri = %parts.uri, status, "served");
    response
}

async fn answer(shared: Arc<Shared>, parts: &Parts, body: Body) -> Result<Response, Refusal> {
    let registry = &shared.registry;
    let document = match target::parse(parts.uri.path()) {
        Target::Objects(objects) => return about_objects(shared, parts, objects, body).await,
        _ if parts.method != Method::GET => return Err(Refusal::method_not_allowed()),
        Target::Health => return Ok("ok".into_response()),
        Target::Version => discovery::version(),
        Target::CoreVersions => discovery::core_versions(),
        Target::Groups => discovery::group_list(registry),
        Target::Group(group) => {
            discovery::group(registry, &group).ok_or_else(|| unknown(registry, &group))?
        }
        Target::Resources { group, version } => {
            discovery::resource_list(registry, &group, &version)
                .ok_or_else(|| unknown(registry, &group))?
        }
        Target::Nothing => return Err(Refusal::PageNotFound),
    };
    Ok(axum::Json(document).into_response())
}

async fn about_objects(
    shared: Arc<Shared>,
    parts: &Parts,
    objects: Objects,
    body: Body,
) -> Result<Response, Refusal> {
    let Objects {
        group,
        version,
        namespace,
        resource,
        name,
        subresource,
    } = objects;
    if (group.as_str(), resource.as_str()) == (access::GROUP, access::PLURAL) {
        if parts.method != Method::POST {
            return Err(Refusal::method_not_allowed());
        }
        let review = body::optional_json(&body::read(body).await?)?;
        return Ok((StatusCode::CREATED, axum::Json(access::answer(review))).into_response());
    }
    let kind = shared
        .registry
        .by_plural(&group, &version, &resource)
        .filter(|kind| kind.namespaced || namespace.is_none())
        .ok_or_else(|| unknown(&shared.registry, &group))?;
    let scope = match subresource.as_deref() {
        None => Scope::Main,
        Some("status") if kind.has_status => Scope::Status,
        Some(_) => return Err(unknown(&shared.registry, &group)),
    };
    let bytes = body::read(body).await?;
    Call {
        shared,
        parts,
        kind,
        namespace,
        name,
        scope,
        bytes,
    }
    .answer()
}

/// A group of Kubernetes' own answers for what it lacks; for a CRD's group nobody does.
fn unknown(registry: &Registry, group: &str) -> Refusal {
    if registry.is_built_in_group(group) {
        Refusal::no_such_resource()
    } else {
        Refusal::PageNotFound
    }
}
