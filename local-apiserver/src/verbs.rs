//! A request about objects of one kind: from its method to the deed.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::Value;

use crate::decode::{self, Decoded};
use crate::kind::Kind;
use crate::options::{self, FieldValidation, Options};
use crate::patch::{self, Place};
use crate::router::Shared;
use crate::status::{Cause, Refusal};
use crate::update::{self, Scope};
use crate::{body, create, delete, duplicates, read, watch};

/// A request whose kind is known and whose body is there.
pub(crate) struct Call<'a> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) parts: &'a Parts,
    pub(crate) kind: Arc<Kind>,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) scope: Scope,
    pub(crate) bytes: Bytes,
}

impl Call<'_> {
    /// Does what the method asks.
    ///
    /// # Errors
    ///
    /// What the deed refuses, and 405 for what no deed answers.
    pub(crate) fn answer(self) -> Result<Response, Refusal> {
        match (&self.parts.method, &self.name, self.scope) {
            (&Method::GET, None, Scope::Main) => self.list_or_watch(),
            (&Method::GET, Some(name), _) => {
                let object = read::get(&self.shared.store, &self.kind, self.place()?, name)?;
                Ok(axum::Json(&*object).into_response())
            }
            (&Method::POST, None, Scope::Main) => self.create(),
            (&Method::PUT, Some(name), _) => self.update(name),
            (&Method::PATCH, Some(name), _) => self.patch(name),
            (&Method::DELETE, Some(name), Scope::Main) => self.delete(name),
            _ => Err(Refusal::method_not_allowed()),
        }
    }

    fn list_or_watch(self) -> Result<Response, Refusal> {
        let options = self.options("ListOptions")?;
        if options.watch {
            return watch::watch(self.shared, self.kind, self.namespace, &options);
        }
        let namespace = self.namespace.as_deref();
        let list = read::list(&self.shared.store, &self.kind, namespace, &options)?;
        Ok(axum::Json(list).into_response())
    }

    fn create(&self) -> Result<Response, Refusal> {
        let options = self.options("CreateOptions")?;
        let object = self.object(&options)?;
        let (made, warnings) = create::create(
            &self.shared.store,
            &self.kind,
            self.place()?,
            object,
            &options,
        )?;
        Ok(written(StatusCode::CREATED, &made, &warnings))
    }

    fn update(&self, name: &str) -> Result<Response, Refusal> {
        let options = self.options("UpdateOptions")?;
        let object = self.object(&options)?;
        let Decoded { object, warnings } =
            decode::decode(&self.kind, object, options.field_validation)?;
        let mut held = self.shared.store.hold();
        let current = update::current(&held, &self.kind, self.place()?, name)?;
        let updated = update::replace(
            &mut held, &self.kind, &current, object, self.scope, &options,
        )?;
        Ok(written(StatusCode::OK, &updated, &warnings))
    }

    fn patch(&self, name: &str) -> Result<Response, Refusal> {
        let options = self.options("PatchOptions")?;
        let kind = &*self.kind;
        let place = Place {
            kind,
            namespace: self.place()?,
            name,
            scope: self.scope,
        };
        let store = &self.shared.store;
        let patched = match body::media_type(&self.parts.headers) {
            "application/merge-patch+json" => {
                let patch = serde_json::from_slice(&self.bytes).map_err(|error| {
                    Refusal::bad_request(format!("error decoding patch: {error}"))
                })?;
                patch::merge(store, place, &patch, &options)?
            }
            "application/apply-patch+yaml" => {
                if !options.names_manager {
                    let cause = Cause::required("fieldManager", "is required for apply patch");
                    return Err(Refusal::invalid(
                        "meta.k8s.io",
                        "PatchOptions",
                        "",
                        &[cause],
                    ));
                }
                let wanted = body::yaml_object(kind, &self.bytes)?;
                patch::apply(store, place, wanted, &options)?
            }
            _ => return Err(Refusal::unsupported_patch()),
        };
        let code = if patched.created {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        Ok(written(code, &patched.object, &patched.warnings))
    }

    fn delete(&self, name: &str) -> Result<Response, Refusal> {
        let options = self.options("DeleteOptions")?;
        let body = body::optional_json(&self.bytes)?;
        let store = &self.shared.store;
        let outcome = delete::delete(store, &self.kind, self.place()?, name, &options, &body)?;
        Ok(axum::Json(outcome).into_response())
    }

    /// The whole object in the body; under strict validation none of its fields may stand twice.
    fn object(&self, options: &Options) -> Result<Value, Refusal> {
        let object = body::object(&self.kind, &self.parts.headers, &self.bytes)?;
        if options.field_validation == FieldValidation::Strict {
            let faults: Vec<String> = duplicates::find(&self.bytes)
                .iter()
                .map(|path| format!("duplicate field {path:?}"))
                .collect();
            decode::strict(&self.kind, &faults)?;
        }
        Ok(object)
    }

    fn options(&self, kind: &str) -> Result<Options, Refusal> {
        let mut options = options::parse(self.parts.uri.query().unwrap_or_default(), kind)?;
        options.names_manager = options.field_manager.is_some();
        if !options.names_manager {
            options.field_manager = Some(user_agent_name(self.parts));
        }
        Ok(options)
    }

    /// The namespace that one object is in: empty for cluster-scoped kinds.
    ///
    /// # Errors
    ///
    /// For a namespaced kind without one, for only lists and watches span namespaces: what a real server says then.
    fn place(&self) -> Result<&str, Refusal> {
        match &self.namespace {
            Some(namespace) => Ok(namespace),
            None if !self.kind.namespaced => Ok(""),
            None if self.kind.is_custom() => Err(Refusal::PageNotFound),
            None if self.name.is_some() => Err(Refusal::no_such_resource()),
            None => Err(Refusal::method_not_allowed()),
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
