//! The expected response to each request. A 2xx response that does not match, such as a login page, comes from a proxy and
//! contains no information about the object.

use http::StatusCode;
use serde_json::Value;

use super::answer::text;
use super::kind::Place;

/// The response that is expected if the request succeeds.
#[derive(Debug, Clone)]
pub(super) enum Expected {
    /// The object at `place`.
    Object { place: Place, write: Write },
    /// A success `Status`, or the object with this UID if its deletion is still in progress.
    Deletion { place: Place, uid: String },
    /// The list of kinds in a group version.
    Kinds,
    /// The result of an access review.
    Review,
    /// Any JSON, because the response is used only in a message.
    Json,
}

/// The effect of a request whose response is an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    /// The request only reads, or is a dry run.
    None { create: bool },
    /// The request creates the object.
    Create,
    /// The request creates or changes the object.
    Apply,
}

// === impl Expected ===

impl Expected {
    /// Returns true if `value`, received with a 2xx status, is the expected response.
    pub(super) fn is_met(&self, status: StatusCode, value: &Value) -> bool {
        match self {
            Self::Object { place, write } => write.is_met(status, value) && place.is_of(value),
            Self::Deletion { place, uid } => {
                let going = place.is_of(value) && text(value, "/metadata/uid") == uid;
                going || is_success(value, uid)
            }
            Self::Kinds => text(value, "/kind") == "APIResourceList",
            Self::Review => value["status"]["allowed"].is_boolean(),
            Self::Json => true,
        }
    }

    /// Returns true if a read can show whether the API server executed the request.
    pub(super) fn is_visible(&self) -> bool {
        match self {
            Self::Object { write, .. } => *write == Write::Create,
            Self::Deletion { .. } => true,
            Self::Kinds | Self::Review | Self::Json => false,
        }
    }
}

/// Returns true if `value` is a success `Status` that does not concern a different object.
fn is_success(value: &Value, uid: &str) -> bool {
    let of = text(value, "/details/uid");
    text(value, "/kind") == "Status"
        && text(value, "/status") == "Success"
        && (of.is_empty() || of == uid)
}

// === impl Write ===

impl Write {
    /// Returns true if the status code and the object match the request. The API server responds to a create with 201, even in a
    /// dry run, and to an apply with 200 if the object already existed. A stored object has a UID.
    fn is_met(self, status: StatusCode, value: &Value) -> bool {
        let stored = !text(value, "/metadata/uid").is_empty();
        match self {
            Self::None { create: true } => status == StatusCode::CREATED,
            Self::None { create: false } => true,
            Self::Create => status == StatusCode::CREATED && stored,
            Self::Apply => matches!(status, StatusCode::OK | StatusCode::CREATED) && stored,
        }
    }
}

// === impl Place ===

impl Place {
    /// Returns true if `object` has the kind, name and namespace of this place.
    fn is_of(&self, object: &Value) -> bool {
        let name = &self.kind.name;
        text(object, "/apiVersion") == name.api_version
            && text(object, "/kind") == name.kind
            && text(object, "/metadata/name") == self.name
            && text(object, "/metadata/namespace") == self.namespace.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
