//! `SelfSubjectAccessReview`: the server has no users, so everything is allowed.

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

pub(crate) const GROUP: &str = "authorization.k8s.io";
pub(crate) const VERSION: &str = "v1";
/// The path of the endpoint, relative to the group version.
pub(crate) const PLURAL: &str = "selfsubjectaccessreviews";

/// Returns the resource as discovery lists it.
pub(crate) fn resource() -> Value {
    json!({
        "name": PLURAL,
        "singularName": "selfsubjectaccessreview",
        "namespaced": false,
        "kind": "SelfSubjectAccessReview",
        "verbs": ["create"],
    })
}

/// Returns the review with its status.
pub(crate) async fn review(Json(mut review): Json<Map<String, Value>>) -> impl IntoResponse {
    let status = json!({ "allowed": true, "reason": "this server allows everything" });
    review.insert("status".to_owned(), status);
    (StatusCode::CREATED, Json(review))
}
