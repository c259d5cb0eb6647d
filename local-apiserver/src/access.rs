//! Responds to a `SelfSubjectAccessReview`. The server does not distinguish users, so it allows every request.

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

pub(crate) const GROUP: &str = "authorization.k8s.io";
pub(crate) const VERSION: &str = "v1";
/// The path of the endpoint, relative to the group version.
pub(crate) const PLURAL: &str = "selfsubjectaccessreviews";

/// Returns the entry for this resource in the discovery document.
pub(crate) fn resource() -> Value {
    json!({
        "name": PLURAL,
        "singularName": "selfsubjectaccessreview",
        "namespaced": false,
        "kind": "SelfSubjectAccessReview",
        "verbs": ["create"],
    })
}

/// Returns the review with a status that allows the request.
pub(crate) async fn review(Json(mut review): Json<Map<String, Value>>) -> impl IntoResponse {
    let status = json!({ "allowed": true, "reason": "this server allows everything" });
    review.insert("status".to_owned(), status);
    (StatusCode::CREATED, Json(review))
}
