//! Events (`events.k8s.io/v1`), which `kubectl describe` shows with the object that they are about.

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ApiServer, RequestError, path};
use crate::text::cut;

const API_VERSION: &str = "events.k8s.io/v1";
/// The maximum length of a note, in bytes (k8s.io/kubernetes, pkg/apis/core/validation/events.go).
pub const NOTE_BYTES: usize = 1024;
/// The maximum length of an instance name, in bytes (same file).
const INSTANCE_BYTES: usize = 128;
/// The maximum length of an Event's name without its suffix, in bytes: a name is at most 253 bytes long, and the suffix (a dot
/// and 16 hexadecimal digits) is 17 bytes long.
const NAME_BYTES: usize = 236;

/// An Event to create.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// The reporting program, such as `gleaner.dev/injector`.
    pub controller: &'a str,
    /// The reporting instance; truncated to 128 bytes.
    pub instance: &'a str,
    /// The type of the Event.
    pub kind: EventKind,
    /// The machine-readable reason.
    pub reason: &'a str,
    /// The machine-readable action that succeeded or failed.
    pub action: &'a str,
    /// The text for users, truncated to [`NOTE_BYTES`].
    pub note: &'a str,
    /// The object that the Event is about.
    pub regarding: Regarding<'a>,
}

/// The type of an Event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A normal event.
    Normal,
    /// A problem that a user should look at.
    Warning,
}

/// The object that an Event is about.
#[derive(Debug, Clone, Copy)]
pub struct Regarding<'a> {
    /// `apiVersion` of the object.
    pub api_version: &'a str,
    /// `kind` of the object.
    pub kind: &'a str,
    /// The namespace of the object and of the Event.
    pub namespace: &'a str,
    /// The name of the object.
    pub name: &'a str,
    /// The UID of the object.
    pub uid: &'a str,
}

impl ApiServer {
    /// Creates an Event.
    ///
    /// # Errors
    /// Returns a [`RequestError`] unless the status is 2xx.
    pub async fn create_event(&self, event: &Event<'_>) -> Result<(), RequestError> {
        let path = path::collection(API_VERSION, "events", Some(event.regarding.namespace));
        let body = event.to_json(Timestamp::now());
        self.call(Method::POST, &path, "application/json", Some(&body))
            .await
            .map(|_| ())
    }
}

impl Event<'_> {
    fn to_json(&self, now: Timestamp) -> Value {
        let regarding = &self.regarding;
        // As in client-go, the name consists of the object's name and the time in nanoseconds, as a hexadecimal number.
        let base = cut(regarding.name, NAME_BYTES).trim_end_matches(['.', '-']);
        let name = format!("{base}.{:x}", now.as_nanosecond());
        json!({
            "apiVersion": API_VERSION,
            "kind": "Event",
            "metadata": {"name": name, "namespace": regarding.namespace},
            "type": match self.kind {
                EventKind::Normal => "Normal",
                EventKind::Warning => "Warning",
            },
            "reason": self.reason,
            "action": self.action,
            "note": cut(self.note, NOTE_BYTES),
            "eventTime": format!("{now:.6}"),
            "reportingController": self.controller,
            "reportingInstance": cut(self.instance, INSTANCE_BYTES),
            "regarding": {
                "apiVersion": regarding.api_version,
                "kind": regarding.kind,
                "namespace": regarding.namespace,
                "name": regarding.name,
                "uid": regarding.uid,
            },
        })
    }
}

#[cfg(test)]
mod tests;
