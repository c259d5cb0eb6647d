//! Kubernetes' own kinds, as far as a task's outputs are likely to use them.

use crate::kind::{Form, Kind, NameRule};

/// A line of the table: kind, plural, short names, `namespaced`, `has_status`, rule of its name.
type Line = (
    &'static str,
    &'static str,
    &'static [&'static str],
    bool,
    bool,
    NameRule,
);

use NameRule::{Label, PathSegment, Rfc1035Label, Subdomain};

const CORE: &[Line] = &[
    ("ConfigMap", "configmaps", &["cm"], true, false, Subdomain),
    ("Event", "events", &["ev"], true, false, Subdomain),
    ("Namespace", "namespaces", &["ns"], false, true, Label),
    (
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        &["pvc"],
        true,
        true,
        Subdomain,
    ),
    ("Pod", "pods", &["po"], true, true, Subdomain),
    ("Secret", "secrets", &[], true, false, Subdomain),
    (
        "ServiceAccount",
        "serviceaccounts",
        &["sa"],
        true,
        false,
        Subdomain,
    ),
    ("Service", "services", &["svc"], true, true, Rfc1035Label),
];
const APPS: &[Line] = &[
    ("DaemonSet", "daemonsets", &["ds"], true, true, Subdomain),
    (
        "Deployment",
        "deployments",
        &["deploy"],
        true,
        true,
        Subdomain,
    ),
    (
        "StatefulSet",
        "statefulsets",
        &["sts"],
        true,
        true,
        Subdomain,
    ),
];
const BATCH: &[Line] = &[
    ("CronJob", "cronjobs", &["cj"], true, true, Subdomain),
    ("Job", "jobs", &[], true, true, Subdomain),
];
const NETWORKING: &[Line] = &[
    ("Ingress", "ingresses", &["ing"], true, true, Subdomain),
    (
        "NetworkPolicy",
        "networkpolicies",
        &["netpol"],
        true,
        false,
        Subdomain,
    ),
];
const RBAC: &[Line] = &[
    (
        "ClusterRoleBinding",
        "clusterrolebindings",
        &[],
        false,
        false,
        PathSegment,
    ),
    (
        "ClusterRole",
        "clusterroles",
        &[],
        false,
        false,
        PathSegment,
    ),
    ("RoleBinding", "rolebindings", &[], true, false, PathSegment),
    ("Role", "roles", &[], true, false, PathSegment),
];

const GROUPS: &[(&str, &[Line])] = &[
    ("", CORE),
    ("apps", APPS),
    ("batch", BATCH),
    ("networking.k8s.io", NETWORKING),
    ("rbac.authorization.k8s.io", RBAC),
];

/// All of them: each in version `v1`.
pub(crate) fn kinds() -> impl Iterator<Item = Kind> {
    GROUPS.iter().flat_map(|(group, lines)| {
        lines.iter().map(
            |&(kind, plural, short_names, namespaced, has_status, name_rule)| Kind {
                group: (*group).to_owned(),
                version: "v1".to_owned(),
                kind: kind.to_owned(),
                plural: plural.to_owned(),
                singular: kind.to_lowercase(),
                short_names: short_names.iter().map(|&s| s.to_owned()).collect(),
                categories: Vec::new(),
                namespaced,
                has_status,
                name_rule,
                form: Form::BuiltIn,
            },
        )
    })
}
