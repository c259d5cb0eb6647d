//! The kinds that the server serves.

use std::cmp::Reverse;
use std::sync::{Arc, LazyLock};

use serde_json::Value;

use crate::access;
use crate::names::NameRule;
use crate::store::Key;

/// The structural schema for a whole object, including `metadata`; created on first use.
pub(crate) type Schema = LazyLock<Value, Box<dyn FnOnce() -> Value + Send>>;

/// One version of a kind, with the properties that discovery lists.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The API group; empty for the core group.
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    /// True if the kind has a status subresource. Other endpoints then ignore the `status` that a client sends.
    pub(crate) has_status: bool,
    /// True for a built-in kind of Kubernetes, false for a kind that a CRD defines.
    pub(crate) built_in: bool,
    pub(crate) name_rule: NameRule,
    pub(crate) schema: Schema,
}

#[derive(Debug, Default)]
pub(crate) struct Registry {
    kinds: Vec<Arc<Kind>>,
}

impl Kind {
    /// Returns the `apiVersion`, such as `v1`, `apps/v1` or `tekton.dev/v1alpha1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Returns the resource name for messages and for the store, such as `configmaps` or `taskruns.tekton.dev`.
    pub(crate) fn qualified_plural(&self) -> String {
        qualified(&self.plural, &self.group)
    }

    /// Returns the store key of an object of this kind.
    pub(crate) fn key(&self, namespace: &str, name: &str) -> Key {
        Key {
            resource: self.qualified_plural(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Converts the object to this version: only `apiVersion` changes, as with the CRD conversion strategy `None`.
    pub(crate) fn in_version(&self, object: &Value) -> Value {
        let mut object = object.clone();
        object["apiVersion"] = self.api_version().into();
        object
    }
}

impl Registry {
    /// Adds a kind, or replaces the kind with the same group, version and plural.
    pub(crate) fn add(&mut self, kind: Arc<Kind>) {
        self.kinds.retain(|k| {
            (&k.group, &k.version, &k.plural) != (&kind.group, &kind.version, &kind.plural)
        });
        self.kinds.push(kind);
    }

    /// Removes all versions of the kind whose [`Kind::qualified_plural`] is `qualified_plural`.
    pub(crate) fn remove(&mut self, qualified_plural: &str) {
        self.kinds
            .retain(|kind| kind.qualified_plural() != qualified_plural);
    }

    pub(crate) fn by_plural(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Kind>> {
        self.in_version(group, version)
            .find(|k| k.plural == plural)
            .cloned()
    }

    pub(crate) fn by_kind(&self, api_version: &str, kind: &str) -> Option<Arc<Kind>> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        self.in_version(group, version)
            .find(|k| k.kind == kind)
            .cloned()
    }

    /// Returns the kinds of one group and version, in the order in which they were added.
    pub(crate) fn in_version<'a>(
        &'a self,
        group: &'a str,
        version: &'a str,
    ) -> impl Iterator<Item = &'a Arc<Kind>> {
        self.kinds
            .iter()
            .filter(move |k| k.group == group && k.version == version)
    }

    /// Returns all groups except the core group, each with its versions. The preferred version comes first.
    pub(crate) fn groups(&self) -> Vec<(&str, Vec<&str>)> {
        // Access reviews are not stored, so the registry does not contain `SelfSubjectAccessReview`. That kind's group is added
        // here.
        let mut groups: Vec<(&str, Vec<&str>)> = vec![(access::GROUP, vec![access::VERSION])];
        for kind in self.kinds.iter().filter(|k| !k.group.is_empty()) {
            match groups.iter_mut().find(|(group, _)| *group == kind.group) {
                None => groups.push((&kind.group, vec![&kind.version])),
                Some((_, versions)) if !versions.contains(&kind.version.as_str()) => {
                    versions.push(&kind.version);
                }
                Some(_) => {}
            }
        }
        for (_, versions) in &mut groups {
            versions.sort_by_key(|version| Reverse(version_rank(version)));
        }
        groups
    }
}

/// Returns the name of a resource or kind followed by its group, as in `taskruns.tekton.dev`. For the core group, returns only
/// the name, as in `configmaps`.
pub(crate) fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

/// Returns the rank of a version; the highest rank is the preferred version. As in Kubernetes, GA ranks above beta, and beta
/// above alpha. Within each level, a higher number ranks higher.
fn version_rank(version: &str) -> (u8, u32, u32) {
    let Some(rest) = version.strip_prefix('v') else {
        return (0, 0, 0);
    };
    let number = |s: &str| s.parse::<u32>().unwrap_or(0);
    if let Some((major, minor)) = rest.split_once("beta") {
        (2, number(major), number(minor))
    } else if let Some((major, minor)) = rest.split_once("alpha") {
        (1, number(major), number(minor))
    } else {
        (3, number(rest), 0)
    }
}

#[cfg(test)]
mod tests;
