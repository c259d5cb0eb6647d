//! Parses and serializes AdmissionReviews in version `admission.k8s.io/v1` (k8s.io/api/admission/v1/types.go).
//!
//! The object remains unparsed JSON until a check needs its fields, because most objects do not use Gleaner.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request<'a> {
    #[serde(borrow)]
    pub uid: Cow<'a, str>,
    /// The object's API group and kind.
    #[serde(borrow)]
    pub kind: Kind<'a>,
    /// A subresource such as `status` or `scale`, or empty for the object itself.
    #[serde(borrow, default)]
    pub sub_resource: Option<Cow<'a, str>>,
    /// The object's namespace, or empty for a cluster-scoped object.
    #[serde(borrow, default)]
    pub namespace: Option<Cow<'a, str>>,
    /// The object's name, or empty if the API server will generate it from `generateName`.
    #[serde(borrow, default)]
    pub name: Option<Cow<'a, str>>,
    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
    #[serde(borrow)]
    pub operation: Cow<'a, str>,
    /// True for a dry run, which must not have side effects.
    #[serde(default)]
    pub dry_run: Option<bool>,
    #[serde(borrow, default)]
    pub object: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub old_object: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub struct Kind<'a> {
    /// The API group, or empty for the core group.
    #[serde(borrow)]
    pub group: Cow<'a, str>,
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
}

/// An error in the body of a request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReviewError {
    #[error("the body is not an AdmissionReview: {0}")]
    Shape(#[from] serde_json::Error),
    #[error(
        "the body has kind '{kind}' and apiVersion '{api_version}'; send an AdmissionReview of admission.k8s.io/v1"
    )]
    Version { kind: String, api_version: String },
    #[error("the AdmissionReview contains no request")]
    Empty,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Allows the object unchanged.
    Allow,
    /// Allows the object with the changes in this JSON patch.
    Patch(Vec<u8>),
    /// Refuses the object for this reason.
    Deny(String),
}

#[derive(Deserialize)]
struct Review<'a> {
    #[serde(rename = "apiVersion", borrow)]
    api_version: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    request: Option<Request<'a>>,
}

impl<'a> Request<'a> {
    /// Parses the request in a review.
    pub fn read(body: &'a [u8]) -> Result<Self, ReviewError> {
        let review: Review<'a> = serde_json::from_slice(body)?;
        if review.kind != KIND || review.api_version != API_VERSION {
            return Err(ReviewError::Version {
                kind: review.kind.into_owned(),
                api_version: review.api_version.into_owned(),
            });
        }
        review.request.ok_or(ReviewError::Empty)
    }
}

impl Answer {
    /// Returns an AdmissionReview that contains the response to the request `uid`, and `warnings` for the client.
    pub fn to_review(&self, uid: &str, warnings: &[String]) -> Vec<u8> {
        let mut response = json!({"uid": uid, "allowed": !matches!(self, Self::Deny(_))});
        match self {
            Self::Allow => {}
            Self::Patch(patch) => {
                response["patchType"] = "JSONPatch".into();
                response["patch"] = STANDARD.encode(patch).into();
            }
            Self::Deny(message) => {
                // Tekton treats code 400 as a permanent error, but retries forever after 403
                // (pkg/reconciler/pipelinerun, handleRunCreationError).
                response["status"] = json!({
                    "status": "Failure",
                    "message": message,
                    "reason": "BadRequest",
                    "code": 400,
                });
            }
        }
        if !warnings.is_empty() {
            response["warnings"] = warnings.into();
        }
        let review = json!({"apiVersion": API_VERSION, "kind": KIND, "response": response});
        review.to_string().into_bytes()
    }
}
