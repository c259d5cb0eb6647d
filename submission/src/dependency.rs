//! Dependencies between the objects of one submission.
//!
//! A dry run creates nothing, so the API server refuses the dry run of an object if the same submission creates the object's
//! Namespace or CRD. Such an object is dry-run again after its Namespace and CRD exist.

use std::collections::HashSet;

use serde_json::Value;

use super::error::Reason;
use super::item::Item;
use super::kind::{Kind, KindName};
use gleaner_core::render::Rendered;

/// The kind of a CRD in the group `apiextensions.k8s.io`.
const CRD: &str = "CustomResourceDefinition";
/// The API group of CRDs.
const CRD_GROUP: &str = "apiextensions.k8s.io";
/// The kinds that grant permissions, possibly to the run's own ServiceAccount.
const BINDINGS: [&str; 2] = ["RoleBinding", "ClusterRoleBinding"];

/// Returns the positions of the earlier objects that `items[index]` requires: its Namespace and its CRD.
pub(super) fn containers(items: &[Item], index: usize) -> impl Iterator<Item = usize> {
    (0..index).filter(move |&earlier| contains(&items[earlier], &items[index]))
}

/// Returns true if `other` is the Namespace or the CRD of `item`. If so, deleting `other` also deletes `item`.
pub(super) fn contains(other: &Item, item: &Item) -> bool {
    is_crd_of(other, &item.place.kind)
        || is_namespace(&other.place.kind.name)
            && item.place.namespace.as_deref() == Some(other.place.name.as_str())
}

/// Returns true if the API server may have refused the dry run of `items[index]` only because an earlier object does not exist
/// yet. `reason` is the reason for the refusal, and `is_missing` returns true for the index of an object that does not exist.
pub(super) fn may_pass(
    items: &[Item],
    index: usize,
    reason: &Reason,
    is_missing: impl Fn(usize) -> bool,
) -> bool {
    if containers(items, index).any(&is_missing) {
        return matches!(
            reason,
            Reason::NoNamespace { .. } | Reason::MissingReference(_) | Reason::Denied(_)
        ) || is_not_served(reason);
    }
    let mut missing = (0..index)
        .filter(|earlier| is_missing(*earlier))
        .map(|earlier| &items[earlier]);
    match reason {
        Reason::MissingReference(_) | Reason::Denied(_) => {
            let names = missing.map(|item| item.place.name.as_str()).collect();
            mentions(&items[index], &names)
        }
        Reason::Forbidden { .. } => {
            missing.any(|item| BINDINGS.contains(&item.place.kind.name.kind.as_str()))
        }
        _ => false,
    }
}

/// Returns true if the API server may have responded with `reason` because it does not see a new object yet. Admission and
/// authorization read from caches, the API server serves a CRD's kind only some time after the CRD's creation, and a controller
/// creates the ServiceAccount `default` of a new Namespace only after the Namespace exists.
pub(super) fn may_lag(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::NoNamespace { .. } | Reason::MissingReference(_) | Reason::Forbidden { .. }
    ) || is_not_served(reason)
}

/// Returns true if the API server refused the request with an unclassified 404. Such a response usually means that the server
/// does not serve the path.
fn is_not_served(reason: &Reason) -> bool {
    matches!(reason, Reason::Refused { code: 404, .. })
}

/// If a later template creates the Namespace of `items[index]`, returns this Namespace.
pub(super) fn later_namespace(items: &[Item], index: usize) -> Option<&Item> {
    let namespace = items[index].place.namespace.as_deref()?;
    items[index + 1..]
        .iter()
        .find(|item| is_namespace(&item.place.kind.name) && item.place.name == namespace)
}

/// Marks the objects whose kind is defined by a CRD in `items`.
pub(super) fn mark_instances(items: &mut [Item]) {
    let crds: HashSet<String> = items
        .iter()
        .filter(|item| is_crd(&item.place.kind.name))
        .map(|item| item.place.name.clone())
        .collect();
    for item in items {
        item.is_instance = crds.contains(&item.place.kind.resource());
    }
}

/// If an earlier CRD in `rendered` defines the kind `name`, returns this kind.
pub(super) fn defined(rendered: &[Rendered], name: &KindName) -> Option<Kind> {
    rendered.iter().find_map(|one| {
        let object = &one.object;
        let text = |field: &str| object[field].as_str().unwrap_or_default();
        let (spec, names) = (&object["spec"], &object["spec"]["names"]);
        let version = name.api_version.strip_prefix(name.group())?;
        let is_version = |one: &Value| {
            one["served"] == true && one["name"].as_str() == version.strip_prefix('/')
        };
        let defines = is_crd(&KindName::new(text("apiVersion"), text("kind")))
            && spec["group"] == name.group()
            && names["kind"] == name.kind.as_str()
            && spec["versions"].as_array()?.iter().any(is_version);
        defines.then(|| {
            Some(Kind {
                name: name.clone(),
                plural: names["plural"].as_str()?.to_owned(),
                namespaced: spec["scope"] == "Namespaced",
            })
        })?
    })
}

fn is_namespace(kind: &KindName) -> bool {
    kind.api_version == "v1" && kind.kind == "Namespace"
}

/// Returns true if `kind` is CustomResourceDefinition.
pub(super) fn is_crd(kind: &KindName) -> bool {
    kind.group() == CRD_GROUP && kind.kind == CRD
}

/// Returns true if `other` is the CRD of `kind`, whose name is `<plural>.<group>`.
fn is_crd_of(other: &Item, kind: &Kind) -> bool {
    is_crd(&other.place.kind.name) && other.place.name == kind.resource()
}

/// Returns true if a string in the object, outside the object's own metadata, equals one of `names`.
fn mentions(item: &Item, names: &HashSet<&str>) -> bool {
    if names.is_empty() {
        return false;
    }
    let Ok(Value::Object(object)) = serde_json::from_slice(&item.body) else {
        return false;
    };
    let mut rest: Vec<&Value> = object
        .iter()
        .filter(|(key, _)| *key != "metadata")
        .map(|(_, value)| value)
        .collect();
    while let Some(value) = rest.pop() {
        match value {
            Value::String(text) if names.contains(text.as_str()) => return true,
            Value::Array(items) => rest.extend(items),
            Value::Object(fields) => rest.extend(fields.values()),
            _ => {}
        }
    }
    false
}
