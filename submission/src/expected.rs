//! The response that counts as success. Any other 2xx response, such as a login page, comes from a
//! proxy in front of the API server, and tells nothing about the object.

use http::StatusCode;
use serde_json::Value;

use super::answer::text;
use super::kind::Place;

/// The response to one request when it is done.
#[derive(Debug, Clone)]
pub(super) enum Expected {
    /// The object at this place.
    Object { place: Place, write: Write },
    /// A `Status` of success, or the object with this UID that is being deleted.
    Deletion { place: Place, uid: String },
    /// The kinds of a group version.
    Kinds,
    /// A decision about a permission.
    Review,
    /// Any JSON, if it only improves a message.
    Json,
}

/// The effect of a request whose response is an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    /// None: the request only reads, or is a dry run.
    None { create: bool },
    /// The request creates the object.
    Create,
    /// The request creates or changes the object.
    Apply,
}

// === impl Expected ===

impl Expected {
    /// Returns true if `value`, which came with a 2xx status, is the expected response.
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

    /// Returns true if a read tells whether the request was done.
    pub(super) fn is_visible(&self) -> bool {
        match self {
            Self::Object { write, .. } => *write == Write::Create,
            Self::Deletion { .. } => true,
            Self::Kinds | Self::Review | Self::Json => false,
        }
    }
}

/// Returns true if `value` is a `Status` of success, and of no other object.
fn is_success(value: &Value, uid: &str) -> bool {
    let of = text(value, "/details/uid");
    text(value, "/kind") == "Status"
        && text(value, "/status") == "Success"
        && (of.is_empty() || of == uid)
}

// === impl Write ===

impl Write {
    /// A create responds with 201, also in a dry run; an apply with 200 if the object existed. A stored object has a
    /// UID.
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
    /// Returns true if `object` is of the kind, and has the name and namespace, of this place.
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
