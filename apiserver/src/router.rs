//! One request: from its path to the verb that answers it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::Value;
use tokio::sync::watch;

use crate::kind::{Kind, Registry};
use crate::options::{self, Options};
use crate::status::Refusal;
use crate::store::Store;
use crate::target::{self, Objects, Target};
use crate::{access, body, create, delete, discovery, read};

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) registry: Registry,
    pub(crate) store: Store,
    /// Turns true when the server is to end: watches end then.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// The whole API behind one handler: its paths are data (kinds), not routes.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(handle).with_state(shared)
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = answer(shared, &parts, body).await;
    let response = answer.unwrap_or_else(IntoResponse::into_response);
    tracing::debug!(method = %parts.method, uri = %parts.uri, status = response.status().as_u16(), "served");
    response
}

async fn answer(shared: Arc<Shared>, parts: &Parts, body: Body) -> Result<Response, Refusal> {
    let registry = &shared.registry;
    let document = match target::parse(parts.uri.path()) {
        Target::Objects(objects) => return objects_request(shared, parts, objects, body).await,
        _ if parts.method != Method::GET => return Err(Refusal::method_not_allowed()),
        Target::Health => return Ok("ok".into_response()),
        Target::Version => Some(discovery::version()),
        Target::CoreVersions => Some(discovery::core_versions()),
        Target::Groups => Some(discovery::group_list(registry)),
        Target::Group(group) => discovery::group(registry, &group),
        Target::Resources { group, version } => {
            discovery::resource_list(registry, &group, &version)
        }
        Target::Nothing => None,
    };
    Ok(axum::Json(document.ok_or(Refusal::PageNotFound)?).into_response())
}

/// A request about objects of one kind.
struct Call<'a> {
    shared: Arc<Shared>,
    parts: &'a Parts,
    kind: Arc<Kind>,
    namespace: Option<String>,
    name: Option<String>,
    subresource: Option<String>,
    bytes: Bytes,
}

async fn objects_request(
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
    match subresource.as_deref() {
        None => {}
        Some("status") if kind.has_status => {}
        Some(_) => return Err(unknown(&shared.registry, &group)),
    }
    let bytes = body::read(body).await?;
    Call {
        shared,
        parts,
        kind,
        namespace,
        name,
        subresource,
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

impl Call<'_> {
    fn answer(self) -> Result<Response, Refusal> {
        match (&self.parts.method, &self.name, &self.subresource) {
            (&Method::GET, None, None) => {
                let options = self.options("ListOptions")?;
                let list = read::list(
                    &self.shared.store,
                    &self.kind,
                    self.namespace.as_deref(),
                    &options,
                )?;
                Ok(axum::Json(list).into_response())
            }
            (&Method::GET, Some(name), _) => {
                let object = read::get(&self.shared.store, &self.kind, self.place()?, name)?;
                Ok(axum::Json(&*object).into_response())
            }
            (&Method::POST, None, None) => self.create(),
            (&Method::DELETE, Some(name), None) => {
                let options = self.options("DeleteOptions")?;
                let body = body::optional_json(&self.bytes)?;
                let outcome = delete::delete(
                    &self.shared.store,
                    &self.kind,
                    self.place()?,
                    name,
                    &options,
                    &body,
                )?;
                Ok(axum::Json(outcome).into_response())
            }
            _ => Err(Refusal::method_not_allowed()),
        }
    }

    fn create(&self) -> Result<Response, Refusal> {
        let options = self.options("CreateOptions")?;
        let object = body::object(&self.kind, &self.parts.headers, &self.bytes)?;
        let (made, warnings) = create::create(
            &self.shared.store,
            &self.kind,
            self.place()?,
            object,
            &options,
        )?;
        Ok(written(StatusCode::CREATED, &made, &warnings))
    }

    fn options(&self, kind: &str) -> Result<Options, Refusal> {
        let mut options = options::parse(self.parts.uri.query().unwrap_or_default(), kind)?;
        if options.field_manager.is_none() {
            options.field_manager = Some(user_agent_name(self.parts));
        }
        Ok(options)
    }

    /// The namespace that one object is in: empty for cluster-scoped kinds.
    ///
    /// # Errors
    ///
    /// 405 for a namespaced kind without one: only lists and watches span namespaces.
    fn place(&self) -> Result<&str, Refusal> {
        match &self.namespace {
            Some(namespace) => Ok(namespace),
            None if self.kind.namespaced => Err(Refusal::method_not_allowed()),
            None => Ok(""),
        }
    }
}

/// The manager of who names none: the user agent up to its first slash, as on a real server.
fn user_agent_name(parts: &Parts) -> String {
    parts
        .headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split('/').next())
        .filter(|name| !name.is_empty())
        .unwrap_or("unknown")
        .to_owned()
}

/// An object that was written, with what there is to say about it.
fn written(code: StatusCode, object: &Value, warnings: &[String]) -> Response {
    let mut response = (code, axum::Json(object)).into_response();
    for warning in warnings {
        let text = warning.replace('\\', "\\\\").replace('"', "\\\"");
        // What a header cannot carry is not worth failing a request that has been served.
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            response
                .headers_mut()
                .append(HeaderName::from_static("warning"), value);
        }
    }
    response
}
