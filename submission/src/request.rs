//! The requests that a submission sends, as data. This module performs no I/O.
//!
//! The requests are not built with kube's `PostParams`, because `PostParams` has no `fieldValidation`. Without `fieldValidation`,
//! the API server silently drops a misspelled field.

use std::time::Duration;

use bytes::Bytes;
use gleaner_core::render::Disclosure;
use gleaner_runtime::api_server::path;
use http::Method;
use serde_json::json;

use super::expected::{Expected, Write};
use super::kind::Place;

/// A request, which can be sent several times.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) uri: String,
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
    pub(super) expected: Expected,
    /// The rule for forwarding the API server's messages about the object in the request.
    pub(super) disclosure: Disclosure,
}

const JSON: &str = "application/json";
/// The media type for server-side apply. This type also covers JSON bodies, because JSON is a subset of YAML. Every API server
/// since 1.16 accepts this media type.
const APPLY: &str = "application/apply-patch+yaml";

/// The mode of a write: a dry run or a real one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    DryRun,
    Real,
}

impl Call {
    /// Creates an object with strict field validation, so that an unknown field is an error.
    pub(super) fn create(place: &Place, body: Bytes, manager: &str, mode: Mode) -> Self {
        let uri = format!("{}?{}", place.collection_path(), write_query(manager, mode));
        let write = match mode {
            Mode::DryRun => Write::None { create: true },
            Mode::Real => Write::Create,
        };
        Self::new(Method::POST, uri, JSON, body, object(place, write)).about(place)
    }

    /// Applies an object with server-side apply, without `force`.
    pub(super) fn apply(place: &Place, body: Bytes, manager: &str, mode: Mode) -> Self {
        let uri = format!(
            "{}?{}&force=false",
            place.path(),
            write_query(manager, mode)
        );
        let write = match mode {
            Mode::DryRun => Write::None { create: false },
            Mode::Real => Write::Apply,
        };
        Self::new(Method::PATCH, uri, APPLY, body, object(place, write)).about(place)
    }

    pub(super) fn get(place: &Place) -> Self {
        let write = Write::None { create: false };
        Self::read(place.path(), object(place, write)).about(place)
    }

    /// Deletes the object with this UID (and, if specified, with this resource version), and no other object.
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
        let expected = Expected::Deletion {
            place: place.clone(),
            uid: uid.to_owned(),
        };
        let body = options.to_string().into();
        Self::new(Method::DELETE, place.path(), JSON, body, expected).about(place)
    }

    /// Returns the URI for an attempt with the client-side timeout `patience`. The timeout sent to the API server is slightly
    /// shorter, so that the API server does not execute a write after the client has stopped waiting (`timeout`, in
    /// `k8s.io/apiserver/pkg/endpoints/filters/request_deadline.go`).
    pub(super) fn uri_within(&self, patience: Duration) -> String {
        if self.method == Method::GET {
            return self.uri.clone();
        }
        let separator = if self.uri.contains('?') { '&' } else { '?' };
        // A timeout of zero would select the API server's default of one minute.
        let milliseconds = (patience.as_millis() * 9 / 10).max(1);
        format!("{}{separator}timeout={milliseconds}ms", self.uri)
    }

    pub(super) fn kinds(api_version: &str) -> Self {
        Self::read(path::group_version(api_version), Expected::Kinds)
    }

    pub(super) fn group(group: &str) -> Self {
        Self::read(format!("/apis/{}", path::segment(group)), Expected::Json)
    }

    /// Checks whether the client's own credentials have a permission (SelfSubjectAccessReview).
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
        let body = review.to_string().into();
        Self::new(Method::POST, uri, JSON, body, Expected::Review)
    }

    fn read(uri: String, expected: Expected) -> Self {
        Self::new(Method::GET, uri, JSON, Bytes::new(), expected)
    }

    fn new(
        method: Method,
        uri: String,
        content_type: &'static str,
        body: Bytes,
        expected: Expected,
    ) -> Self {
        Self {
            method,
            uri,
            content_type,
            body,
            expected,
            disclosure: Disclosure::Full,
        }
    }

    fn about(mut self, place: &Place) -> Self {
        self.disclosure = place.disclosure.clone();
        self
    }
}

fn object(place: &Place, write: Write) -> Expected {
    Expected::Object {
        place: place.clone(),
        write,
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
