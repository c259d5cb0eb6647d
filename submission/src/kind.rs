//! Kinds as the cluster serves them, and the identity of objects.

use std::fmt;
use std::sync::Arc;

use gleaner_core::render::Disclosure;
use gleaner_proto::failure::ObjectReference;
use gleaner_proto::name::ResourceName;
use gleaner_runtime::api_server::path;

/// The `apiVersion` and `kind` fields of a template.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct KindName {
    pub(super) api_version: String,
    pub(super) kind: String,
}

/// A kind that the cluster serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) name: KindName,
    /// The kind's path segment in URLs, such as `pipelineresources`. It comes from discovery and is never derived from the kind.
    pub(super) plural: String,
    pub(super) namespaced: bool,
}

/// The kind, namespace and name of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) kind: Arc<Kind>,
    /// The namespace, or `None` for a cluster-scoped kind.
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    /// The rule for forwarding the API server's messages about the object.
    pub(super) disclosure: Disclosure,
}

/// The group and plural of the kind, the namespace, and the name.
pub(super) type PlaceKey = (String, Option<String>, String);

/// The object that an error concerns, and its template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The name of the template in the declaration.
    pub resource: ResourceName,
    pub object: ObjectReference,
}

// === impl KindName ===

impl KindName {
    pub(super) fn new(api_version: &str, kind: &str) -> Self {
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
        }
    }

    /// Returns the API group, which is empty for the core group.
    pub(super) fn group(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }
}

impl fmt::Display for KindName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} of {}", self.kind, self.api_version)
    }
}

// === impl Kind ===

impl Kind {
    /// Returns the resource in the form that RBAC and `kubectl auth can-i` use, such as `pipelineresources.tekton.dev`.
    pub(super) fn resource(&self) -> String {
        match self.name.group() {
            "" => self.plural.clone(),
            group => format!("{}.{group}", self.plural),
        }
    }
}

// === impl Place ===

impl Place {
    /// Returns the URL path at which objects are created.
    pub(super) fn collection_path(&self) -> String {
        let kind = &self.kind;
        path::collection(
            &kind.name.api_version,
            &kind.plural,
            self.namespace.as_deref(),
        )
    }

    /// Returns the URL path of the object itself.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.collection_path(), path::segment(&self.name))
    }

    /// Returns the key that identifies the object. It omits the version, because all versions of a group share the same objects.
    pub(super) fn key(&self) -> PlaceKey {
        let kind = &self.kind;
        (
            format!("{}/{}", kind.name.group(), kind.plural),
            self.namespace.clone(),
            self.name.clone(),
        )
    }

    /// Returns a reference to the object, for messages and records.
    pub(super) fn reference(&self, uid: Option<&str>) -> ObjectReference {
        ObjectReference {
            api_version: self.kind.name.api_version.clone(),
            kind: self.kind.name.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            uid: uid.map(str::to_owned),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reference(None).fmt(out)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.resource, self.object)
    }
}

#[cfg(test)]
mod tests;
