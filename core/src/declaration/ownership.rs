//! Reports objects that a run cannot own, because an owner must be in the same namespace as the object that it owns
//! (`k8s.io/apimachinery/pkg/apis/meta/v1`, `ObjectMeta.OwnerReferences`).

use super::check::Scope;
use super::model::{Declaration, Origin, Policy, Template};
use crate::document::Diagnostics;
use crate::document::diagnostic::Diagnostic;
use crate::variable::{Field, Reference, Tree};

/// Kubernetes' API groups whose kinds are all cluster-scoped.
const CLUSTER_GROUPS: [&str; 4] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "flowcontrol.apiserver.k8s.io",
];
/// The cluster-scoped kinds in Kubernetes' other API groups.
const CLUSTER_KINDS: [(&str, &str); 18] = [
    ("", "Namespace"),
    ("", "Node"),
    ("", "PersistentVolume"),
    ("certificates.k8s.io", "CertificateSigningRequest"),
    ("certificates.k8s.io", "ClusterTrustBundle"),
    ("networking.k8s.io", "IPAddress"),
    ("networking.k8s.io", "IngressClass"),
    ("networking.k8s.io", "ServiceCIDR"),
    ("node.k8s.io", "RuntimeClass"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("storage.k8s.io", "CSIDriver"),
    ("storage.k8s.io", "CSINode"),
    ("storage.k8s.io", "StorageClass"),
    ("storage.k8s.io", "VolumeAttachment"),
    ("storage.k8s.io", "VolumeAttributesClass"),
    ("gateway.networking.k8s.io", "GatewayClass"),
];

/// Reports each owned object that is cluster-scoped or in a namespace other than the run's.
pub(super) fn check(
    declaration: &Declaration,
    scope: &Scope,
    errors: &mut Diagnostics,
    warnings: &mut Diagnostics,
) {
    let objects = declaration.templates.iter();
    for template in objects.filter(|one| one.owned && one.origin == Origin::Object) {
        let kind = &template.kind;
        if is_cluster_scoped(template) {
            let message = format!(
                "a run cannot own a {kind}, because a {kind} is cluster-scoped and the run is in a namespace"
            );
            let help = "remove 'owned', and delete the object yourself when it is no longer needed";
            let place = template.place.key("owned");
            errors.push(Diagnostic::new(place, None, message).help(help));
            continue;
        }
        let place = template.metadata().key("namespace");
        let help = "remove 'namespace' or 'owned'";
        match template.tree.field(&["metadata", "namespace"]) {
            Some(Field::Variable(Tree::String(Reference::Resource { name, field })))
                if field == "name" && declaration.template(name).is_some_and(is_new_namespace) =>
            {
                let message = format!(
                    "an owned object must be in the run's namespace, but '{name}' is a namespace that this task creates"
                );
                errors.push(Diagnostic::new(place, None, message).help(help));
            }
            Some(Field::Fixed(namespace)) => {
                let (Some(own), Some(namespace)) = (&scope.namespace, namespace.as_str()) else {
                    continue;
                };
                if own != namespace {
                    let message = format!(
                        "an owned object must be in the run's namespace, which is probably '{own}', not '{namespace}'"
                    );
                    warnings.push(Diagnostic::new(place, None, message).help(help));
                }
            }
            _ => {}
        }
    }
}

fn is_cluster_scoped(template: &Template) -> bool {
    let group = template.group().unwrap_or_default();
    CLUSTER_GROUPS.contains(&group) || CLUSTER_KINDS.contains(&(group, template.kind.as_str()))
}

/// Returns true for a Namespace that the run creates. Such a Namespace cannot be the namespace of the run itself.
fn is_new_namespace(template: &Template) -> bool {
    template.is("v1", "Namespace") && template.policy == Policy::Create
}
