//! `SelfSubjectAccessReview`: the embedded server has no users, so everything is allowed.

use serde_json::{Value, json};

pub(crate) const GROUP: &str = "authorization.k8s.io";
pub(crate) const PLURAL: &str = "selfsubjectaccessreviews";

/// Its line in discovery.
pub(crate) fn resource() -> Value {
    json!({
        "name": PLURAL,
        "singularName": "selfsubjectaccessreview",
        "namespaced": false,
        "kind": "SelfSubjectAccessReview",
        "verbs": ["create"],
    })
}

/// The review with its answer.
pub(crate) fn answer(mut review: Value) -> Value {
    review["status"] =
        json!({ "allowed": true, "reason": "the embedded API server allows everything" });
    review
}
