//! The names and versions of Kubernetes' own kinds.

use crate::document::suggestion::nearest;
use crate::document::{Cursor, Diagnostics};

use super::VERSION;

/// Kubernetes' own kinds by `apiVersion` (k8s.io/api), except review kinds and control-plane kinds.
const KINDS: [(&str, &[&str]); 19] = [
    (
        "v1",
        &[
            "Binding",
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "Namespace",
            "Node",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "Pod",
            "PodTemplate",
            "ReplicationController",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
    ),
    (
        "apps/v1",
        &[
            "ControllerRevision",
            "DaemonSet",
            "Deployment",
            "ReplicaSet",
            "StatefulSet",
        ],
    ),
    ("batch/v1", &["CronJob", "Job"]),
    // The newest version comes first, because it is suggested in place of removed versions.
    ("autoscaling/v2", &["HorizontalPodAutoscaler"]),
    ("autoscaling/v1", &["HorizontalPodAutoscaler"]),
    ("policy/v1", &["PodDisruptionBudget"]),
    (
        "networking.k8s.io/v1",
        &[
            "IPAddress",
            "Ingress",
            "IngressClass",
            "NetworkPolicy",
            "ServiceCIDR",
        ],
    ),
    (
        "rbac.authorization.k8s.io/v1",
        &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
    ),
    (
        "storage.k8s.io/v1",
        &[
            "CSIDriver",
            "CSINode",
            "CSIStorageCapacity",
            "StorageClass",
            "VolumeAttachment",
            "VolumeAttributesClass",
        ],
    ),
    ("scheduling.k8s.io/v1", &["PriorityClass"]),
    ("coordination.k8s.io/v1", &["Lease"]),
    ("discovery.k8s.io/v1", &["EndpointSlice"]),
    ("events.k8s.io/v1", &["Event"]),
    ("node.k8s.io/v1", &["RuntimeClass"]),
    ("apiextensions.k8s.io/v1", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io/v1", &["APIService"]),
    ("certificates.k8s.io/v1", &["CertificateSigningRequest"]),
    (
        "admissionregistration.k8s.io/v1",
        &[
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        ],
    ),
    (
        "flowcontrol.apiserver.k8s.io/v1",
        &["FlowSchema", "PriorityLevelConfiguration"],
    ),
];

/// Tekton's kinds by `apiVersion` (tektoncd/pipeline, `config/300-crds`), and PipelineResource, whose CRD Gleaner's chart
/// installs. A later version of Tekton may serve more kinds.
const TEKTON: [(&str, &[&str]); 3] = [
    (
        "tekton.dev/v1",
        &["Pipeline", "PipelineRun", "Task", "TaskRun"],
    ),
    (
        "tekton.dev/v1beta1",
        &[
            "ClusterTask",
            "CustomRun",
            "Pipeline",
            "PipelineRun",
            "StepAction",
            "Task",
            "TaskRun",
        ],
    ),
    (
        "tekton.dev/v1alpha1",
        &[
            "PipelineResource",
            "Run",
            "StepAction",
            "VerificationPolicy",
        ],
    ),
];

/// Returns true if the API group is one of Kubernetes' own, which no CRD defines. The name of the core group is empty.
pub fn is_own_group(group: &str) -> bool {
    KINDS.iter().any(|(version, _)| group_of(version) == group)
}

/// Reports an unknown kind; returns true if the kind is known, or may be defined by a CRD.
pub(super) fn check(
    version: &str,
    kind: &str,
    template: &Cursor<'_>,
    errors: &mut Diagnostics,
    warnings: &mut Diagnostics,
) -> bool {
    let at = |key| template.field(key).unwrap_or_else(|| template.clone());
    if (version, kind) == ("v1", "List") {
        let help = "write an entry under objects for each of its items";
        errors.refuse(&at("kind"), "a List cannot be created", help);
        return false;
    }
    if let Some((_, kinds)) = TEKTON.iter().find(|(known, _)| *known == version) {
        return kinds.contains(&kind)
            || check_tekton((version, kinds), kind, &at("kind"), errors, warnings);
    }
    if let Some((_, kinds)) = KINDS.iter().find(|(known, _)| *known == version) {
        if kinds.contains(&kind) {
            return true;
        }
        let help = match (nearest(kind, kinds.iter().copied()), version_of(kind)) {
            (_, Some(right)) => format!("{kind} is in apiVersion {right}"),
            (Some(right), None) => format!("did you mean '{right}'?"),
            (None, None) => match misspelt(kind) {
                Some((right, version)) => {
                    format!("did you mean '{right}' in apiVersion {version}?")
                }
                None => format!("Kubernetes {VERSION} has {}", kinds.join(", ")),
            },
        };
        errors.refuse(&at("kind"), format!("{version} has no kind '{kind}'"), help);
        return false;
    }
    let group = group_of(version);
    let known_group = KINDS.iter().find(|(known, _)| group_of(known) == group);
    // A group without a dot is one of Kubernetes' own.
    let is_own = !group.contains('.');
    let meant = version_of(kind).or_else(|| {
        let versions = KINDS.iter().map(|(version, _)| *version);
        is_own.then(|| nearest(version, versions)).flatten()
    });
    let message = || format!("Kubernetes {VERSION} has no apiVersion '{version}'");
    let help = || meant.map(|right| format!("did you mean {right}?"));
    let at = at("apiVersion");
    if known_group.is_some() && is_version(version) {
        // The finding is only a warning, because an older or newer cluster may serve this version.
        warnings.add(&at, message(), help());
        return true;
    }
    let is_near = meant.is_some_and(|right| {
        nearest(group, [group_of(right)]).is_some() && version_of(kind).is_some()
    });
    if is_own || is_near {
        errors.add(&at, message(), help());
        return false;
    }
    true
}

/// Reports a kind that Tekton does not have in this version, if another version has it or its name is misspelled. Returns false
/// if the name is misspelled.
fn check_tekton(
    (version, kinds): (&str, &[&str]),
    kind: &str,
    at: &Cursor<'_>,
    errors: &mut Diagnostics,
    warnings: &mut Diagnostics,
) -> bool {
    let message = format!("{version} has no kind '{kind}'");
    if let Some((other, _)) = TEKTON.iter().find(|(_, kinds)| kinds.contains(&kind)) {
        warnings.refuse(at, message, format!("{kind} is in apiVersion {other}"));
        return true;
    }
    let Some(right) = nearest(kind, kinds.iter().copied()) else {
        return true;
    };
    errors.refuse(at, message, format!("did you mean '{right}'?"));
    false
}

/// Reports a document whose kind Tekton does not have in this version. Returns true if the version exists.
pub(super) fn check_tekton_document(
    version: &str,
    kind: &str,
    document: &Cursor<'_>,
    errors: &mut Diagnostics,
    warnings: Option<&mut Diagnostics>,
) -> bool {
    let at = document
        .field("apiVersion")
        .unwrap_or_else(|| document.clone());
    match TEKTON.iter().find(|(known, _)| *known == version) {
        Some((_, kinds)) if kinds.contains(&kind) => true,
        Some(_) => {
            if let Some(warnings) = warnings {
                let message =
                    format!("current versions of Tekton do not serve {kind} in {version}");
                let help = "translate the file: gleaner translate -f FILE";
                warnings.refuse(&at, message, help);
            }
            true
        }
        None => {
            let having = TEKTON.iter().filter(|(_, kinds)| kinds.contains(&kind));
            let having: Vec<&str> = having.map(|(version, _)| *version).collect();
            let right = nearest(version, having.iter().copied()).or(having.first().copied());
            let help = right.map(|right| format!("did you mean {right}?"));
            errors.add(&at, format!("Tekton has no {kind} in {version}"), help);
            false
        }
    }
}

/// Returns the `apiVersion` of a kind with exactly this name.
pub(super) fn version_of(kind: &str) -> Option<&'static str> {
    let found = KINDS.iter().find(|(_, kinds)| kinds.contains(&kind));
    found.map(|(version, _)| *version)
}

/// Returns the known kind, from any version, that `kind` was probably meant to be.
fn misspelt(kind: &str) -> Option<(&'static str, &'static str)> {
    KINDS
        .iter()
        .find_map(|(version, kinds)| Some((nearest(kind, kinds.iter().copied())?, *version)))
}

/// Returns the API group of an `apiVersion`, or an empty string for the core group.
pub(crate) fn group_of(version: &str) -> &str {
    version.split_once('/').map_or("", |(group, _)| group)
}

/// Returns true if the part of `version` after the group is a version such as `v1` or `v1beta1`.
fn is_version(version: &str) -> bool {
    let (_, version) = version.split_once('/').unwrap_or(("", version));
    let Some(rest) = version.strip_prefix('v') else {
        return false;
    };
    let number = |text: &str| text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = rest.splitn(2, "beta");
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next());
    let (major, minor) = match major.split_once("alpha") {
        Some((major, minor)) => (major, Some(minor)),
        None => (major, minor),
    };
    number(major) && minor.is_none_or(number)
}
