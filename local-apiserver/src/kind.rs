//! The kinds that the server knows.

use std::cmp::Reverse;
use std::sync::Arc;

use serde_json::Value;

use crate::typed::Reader;

/// What a name of this kind must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameRule {
    /// RFC 1123 subdomain, up to 253 characters: most kinds.
    Subdomain,
    /// RFC 1123 label, up to 63 characters: namespaces.
    Label,
    /// RFC 1035 label, up to 63 characters, no digit first: services.
    Rfc1035Label,
    /// Anything that can stand as one segment of a path: roles and their bindings.
    PathSegment,
}

/// How objects of a kind are checked.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    /// Kubernetes' own: by the types of `k8s-openapi`.
    BuiltIn(Reader),
    /// From a CRD: by its structural schema.
    Custom(Arc<Value>),
}

/// One kind in one version, as discovery lists it.
#[derive(Debug, Clone)]
pub(crate) struct Kind {
    /// Empty for the core group.
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    /// Whether `/status` is a subresource: then the main resource ignores `.status`.
    pub(crate) has_status: bool,
    pub(crate) name_rule: NameRule,
    pub(crate) form: Form,
}

impl Kind {
    /// `v1`, `apps/v1`, `tekton.dev/v1alpha1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `configmaps`, `pipelineresources.tekton.dev`: as error messages name it, and the key of the storage.
    pub(crate) fn qualified_plural(&self) -> String {
        crate::status::qualified(&self.plural, &self.group)
    }

    pub(crate) fn is_custom(&self) -> bool {
        matches!(self.form, Form::Custom(_))
    }
}

/// All kinds that one server serves.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    kinds: Vec<Arc<Kind>>,
}

impl Registry {
    /// Adds a kind; one of the same group, version and plural is replaced.
    pub(crate) fn add(&mut self, kind: Kind) {
        self.kinds.retain(|k| {
            (&k.group, &k.version, &k.plural) != (&kind.group, &kind.version, &kind.plural)
        });
        self.kinds.push(Arc::new(kind));
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

    /// The kinds of one group and version, in the order they were added.
    pub(crate) fn in_version<'a>(
        &'a self,
        group: &'a str,
        version: &'a str,
    ) -> impl Iterator<Item = &'a Arc<Kind>> {
        self.kinds
            .iter()
            .filter(move |k| k.group == group && k.version == version)
    }

    /// Each named group (not the core) with its versions, preferred first.
    pub(crate) fn groups(&self) -> Vec<(&str, Vec<&str>)> {
        let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
        for kind in self.kinds.iter().filter(|k| !k.group.is_empty()) {
            match groups.iter_mut().find(|(group, _)| *group == kind.group) {
                None => groups.push((&kind.group, vec![&kind.version])),
                Some((_, versions)) if !versions.contains(&kind.version.as_str()) => {
                    versions.push(&kind.version);
                }
                Some(_) => {}
            }
        }
        // Access reviews are answered, not stored: no kind of the registry.
        groups.push((crate::access::GROUP, vec!["v1"]));
        for (_, versions) in &mut groups {
            versions.sort_by_key(|version| Reverse(version_rank(version)));
        }
        groups
    }

    /// Whether any kind of the group is built in: such a group answers for resources it lacks.
    pub(crate) fn is_built_in_group(&self, group: &str) -> bool {
        group == crate::access::GROUP
            || self
                .kinds
                .iter()
                .any(|k| k.group == group && !k.is_custom())
    }
}

/// Kubernetes' order of versions: GA before beta before alpha, then the higher number.
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
mod tests {
    use super::{Reverse, version_rank};

    #[test]
    fn versions_rank_as_in_kubernetes() {
        let mut versions = ["v1alpha1", "v2", "v1beta2", "v1", "v1beta10"];
        versions.sort_by_key(|version| Reverse(version_rank(version)));
        assert_eq!(versions, ["v2", "v1", "v1beta10", "v1beta2", "v1alpha1"]);
    }
}
