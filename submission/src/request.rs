//! The requests that a submission consists of, as values: no I/O here.
//!
//! They are written out by hand because kube's `PostParams` has no `fieldValidation`, without which an API
//! server drops a misspelt field silently.

use bytes::Bytes;
use gleaner_core::render::Disclosure;
use gleaner_runtime::api_server::path;
use http::Method;
use serde_json::json;

use super::kind::Place;

/// One request, which may be sent any number of times.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) uri: String,
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
    /// That of the object that it is about.
    pub(super) disclosure: Disclosure,
}

const JSON: &str = "application/json";
/// JSON is YAML, so a JSON body may go by this name; every API server since 1.16 knows it.
const APPLY: &str = "application/apply-patch+yaml";

/// Whether a write is to be tried only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    DryRun,
    Real,
}

impl Call {
    /// Creates an object; strict, so that a field that the kind does not know is an error.
    pub(super) fn create(place: &Place, body: Bytes, manager: &str, mode: Mode) -> Self {
        let uri = format!("{}?{}", place.collection_path(), write_query(manager, mode));
        Self::with_body(Method::POST, uri, JSON, body).about(place)
    }

    /// Server-side apply, never forced.
    pub(super) fn apply(place: &Place, body: Bytes, manager: &str, mode: Mode) -> Self {
        let uri = format!(
            "{}?{}&force=false",
            place.path(),
            write_query(manager, mode)
        );
        Self::with_body(Method::PATCH, uri, APPLY, body).about(place)
    }

    pub(super) fn get(place: &Place) -> Self {
        Self::read(place.path()).about(place)
    }

    /// Deletes exactly the object with this UID (and in this state, when a version is given).
    pub(super) fn delete(place: &Place, uid: &str, resource_version: Option<&str>) -> Self {
        let mut preconditions = json!({"uid": uid});
        if let Some(version) = resource_version {
            preconditions["resourceVersion"] = version.into();
        }
        let options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": preconditions,
            "propagationPolicy": "Background",
        });
        Self::with_body(
            Method::DELETE,
            place.path(),
            JSON,
            options.to_string().into(),
        )
        .about(place)
    }

    pub(super) fn kinds(api_version: &str) -> Self {
        Self::read(path::group_version(api_version))
    }

    pub(super) fn group(group: &str) -> Self {
        Self::read(format!("/apis/{}", path::segment(group)))
    }

    /// Asks whether the client itself may do something.
    pub(super) fn access_review(verb: &str, group: &str, resource: &str, namespace: &str) -> Self {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": verb,
                "group": group,
                "resource": resource,
                "namespace": namespace,
            }},
        });
        let uri = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned();
        Self::with_body(Method::POST, uri, JSON, review.to_string().into())
    }

    fn read(uri: String) -> Self {
        Self::with_body(Method::GET, uri, JSON, Bytes::new())
    }

    fn with_body(method: Method, uri: String, content_type: &'static str, body: Bytes) -> Self {
        Self {
            method,
            uri,
            content_type,
            body,
            disclosure: Disclosure::Full,
        }
    }

    fn about(mut self, place: &Place) -> Self {
        self.disclosure = place.disclosure.clone();
        self
    }
}

fn write_query(manager: &str, mode: Mode) -> String {
    let dry_run = match mode {
        Mode::DryRun => "dryRun=All&",
        Mode::Real => "",
    };
    let manager = path::segment(manager);
    format!("{dry_run}fieldManager={manager}&fieldValidation=Strict")
}
