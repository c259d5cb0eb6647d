//! The endpoints that list, read and write objects.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::apply::apply;
use crate::body::{self, Received};
use crate::create::create;
use crate::delete::delete;
use crate::kind::Kind;
use crate::options::{ListOptions, WriteOptions};
use crate::refusal::Refusal;
use crate::state::Shared;

/// The target of a request: all objects of a kind, or one object.
pub(crate) struct Target {
    shared: Arc<Shared>,
    kind: Arc<Kind>,
    namespace: Option<String>,
    /// The name of the object; empty for the whole collection.
    name: String,
}

type Written = Result<(StatusCode, Json<Value>), Refusal>;

pub(crate) async fn list(target: Target, _: ListOptions) -> Json<Value> {
    let kind = &target.kind;
    let contents = target.shared.store.lock();
    let items: Vec<Value> = contents
        .list(&kind.qualified_plural(), target.namespace.as_deref())
        .map(|object| kind.in_version(object))
        .collect();
    Json(json!({
        "kind": format!("{}List", kind.kind),
        "apiVersion": kind.api_version(),
        "metadata": { "resourceVersion": contents.revision().to_string() },
        "items": items,
    }))
}

pub(crate) async fn get(target: Target) -> Result<Json<Value>, Refusal> {
    let (kind, name) = (&target.kind, &target.name);
    let key = kind.key(target.namespace()?, name);
    let contents = target.shared.store.lock();
    let object = contents.get(&key);
    let object = object.ok_or_else(|| Refusal::not_found(&kind.group, &kind.plural, name))?;
    Ok(Json(kind.in_version(object)))
}

pub(crate) async fn post(
    target: Target,
    options: WriteOptions,
    headers: HeaderMap,
    body: Received,
) -> Written {
    let (store, kind) = (&target.shared.store, &target.kind);
    let object = body::object(kind, &headers, "application/json", body)?;
    let object = create(store, kind, target.namespace()?, object, &options)?;
    if !options.dry_run {
        target.shared.written(kind, &object);
    }
    Ok((StatusCode::CREATED, Json(object)))
}

pub(crate) async fn patch(
    target: Target,
    options: WriteOptions,
    headers: HeaderMap,
    body: Received,
) -> Written {
    let (store, kind, name) = (&target.shared.store, &target.kind, &target.name);
    let wanted = body::object(kind, &headers, "application/apply-patch+yaml", body)?;
    let applied = apply(store, kind, target.namespace()?, name, wanted, &options)?;
    if !options.dry_run {
        target.shared.written(kind, &applied.object);
    }
    let status = if applied.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(applied.object)))
}

pub(crate) async fn remove(
    target: Target,
    options: WriteOptions,
    body: Received,
) -> Result<Json<Value>, Refusal> {
    let (store, kind, name) = (&target.shared.store, &target.kind, &target.name);
    let body = body::json(body)?;
    let deleted = delete(store, kind, target.namespace()?, name, &options, &body)?;
    let key = kind.key(target.namespace()?, name);
    if store.lock().get(&key).is_none() {
        target.shared.removed(kind, name);
    }
    Ok(Json(deleted))
}

impl Target {
    /// Returns the namespace in the path; empty for cluster-scoped kinds.
    /// Errors: 405 if the kind is namespaced but the path contains no namespace. Only a list request may omit the namespace.
    fn namespace(&self) -> Result<&str, Refusal> {
        match &self.namespace {
            Some(namespace) => Ok(namespace),
            None if self.kind.namespaced => Err(Refusal::method_not_allowed()),
            None => Ok(""),
        }
    }
}

impl FromRequestParts<Arc<Shared>> for Target {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Refusal> {
        /// The variables in the path `/[GROUP/]VERSION[/namespaces/NS]/RESOURCE[/NAME]`.
        #[derive(Deserialize)]
        struct Place {
            #[serde(default)]
            group: String,
            version: String,
            namespace: Option<String>,
            resource: String,
            #[serde(default)]
            name: String,
        }
        let place = Path::<Place>::from_request_parts(parts, shared).await;
        let Path(place) = place.map_err(|_| Refusal::not_served())?;
        let kind = shared
            .registry()
            .by_plural(&place.group, &place.version, &place.resource)
            .filter(|kind| kind.namespaced || place.namespace.is_none())
            .ok_or_else(Refusal::not_served)?;
        Ok(Self {
            shared: Arc::clone(shared),
            kind,
            namespace: place.namespace,
            name: place.name,
        })
    }
}
