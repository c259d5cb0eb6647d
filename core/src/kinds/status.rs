//! The status of Kubernetes' own kinds, which `outline.json` does not contain.

/// The kinds without `status` (k8s.io/api).
pub(super) const WITHOUT_STATUS: [(&str, &[&str]); 10] = [
    (
        "v1",
        &[
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "PodTemplate",
            "Secret",
            "ServiceAccount",
        ],
    ),
    ("apps/v1", &["ControllerRevision"]),
    ("coordination.k8s.io/v1", &["Lease"]),
    ("discovery.k8s.io/v1", &["EndpointSlice"]),
    ("events.k8s.io/v1", &["Event"]),
    ("networking.k8s.io/v1", &["IngressClass"]),
    ("node.k8s.io/v1", &["RuntimeClass"]),
    (
        "rbac.authorization.k8s.io/v1",
        &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
    ),
    ("scheduling.k8s.io/v1", &["PriorityClass"]),
    ("storage.k8s.io/v1", &["StorageClass"]),
];

/// The part of a kind's status that Kubernetes' own controllers write.
pub(super) struct Status {
    pub(super) version: &'static str,
    pub(super) kind: &'static str,
    /// The types of the conditions, or `None` if the status has no `conditions`.
    pub(super) conditions: Option<&'static [&'static str]>,
    /// The values of `phase`; empty if the status has no `phase`.
    pub(super) phases: &'static [&'static str],
    /// The `waitFor` entry that a user who waits for an unknown condition probably meant.
    pub(super) instead: Option<&'static str>,
}

/// The statuses of the kinds that users often wait for. Other controllers may add conditions of their own.
pub(super) const STATUSES: [Status; 12] = [
    status(
        "v1",
        "Namespace",
        Some(&[]),
        &["Active", "Terminating"],
        None,
    ),
    status(
        "v1",
        "PersistentVolume",
        None,
        &["Pending", "Available", "Bound", "Released", "Failed"],
        None,
    ),
    status(
        "v1",
        "PersistentVolumeClaim",
        Some(&[
            "Resizing",
            "FileSystemResizePending",
            "ControllerResizeError",
            "NodeResizeError",
            "ModifyVolumeError",
            "ModifyingVolume",
            "Unused",
        ]),
        &["Pending", "Bound", "Lost"],
        None,
    ),
    status(
        "v1",
        "Pod",
        Some(&[
            "PodScheduled",
            "Initialized",
            "ContainersReady",
            "Ready",
            "DisruptionTarget",
            "PodReadyToStartContainers",
            "PodResizePending",
            "PodResizeInProgress",
        ]),
        &["Pending", "Running", "Succeeded", "Failed", "Unknown"],
        None,
    ),
    status(
        "apps/v1",
        "DaemonSet",
        Some(&[]),
        &[],
        Some("rollout: true"),
    ),
    status(
        "apps/v1",
        "Deployment",
        Some(&["Available", "Progressing", "ReplicaFailure"]),
        &[],
        Some("rollout: true"),
    ),
    status(
        "apps/v1",
        "ReplicaSet",
        Some(&["ReplicaFailure"]),
        &[],
        None,
    ),
    status(
        "apps/v1",
        "StatefulSet",
        Some(&[]),
        &[],
        Some("rollout: true"),
    ),
    status(
        "batch/v1",
        "Job",
        Some(&[
            "Complete",
            "Failed",
            "Suspended",
            "FailureTarget",
            "SuccessCriteriaMet",
        ]),
        &[],
        Some("condition: Complete"),
    ),
    status("batch/v1", "CronJob", None, &[], None),
    status(
        "networking.k8s.io/v1",
        "Ingress",
        None,
        &[],
        Some("jsonPath: .status.loadBalancer.ingress[0]"),
    ),
    status(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        Some(&[
            "Established",
            "NamesAccepted",
            "NonStructuralSchema",
            "Terminating",
            "KubernetesAPIApprovalPolicyConformant",
            "StorageMigrating",
        ]),
        &[],
        Some("condition: Established"),
    ),
];

const fn status(
    version: &'static str,
    kind: &'static str,
    conditions: Option<&'static [&'static str]>,
    phases: &'static [&'static str],
    instead: Option<&'static str>,
) -> Status {
    Status {
        version,
        kind,
        conditions,
        phases,
        instead,
    }
}

/// The `status` fields of some kinds, by `apiVersion` and kind (k8s.io/api).
pub(super) const FIELDS: [(&str, &str, &[&str]); 6] = [
    (
        "v1",
        "Pod",
        &[
            "allocatedResources",
            "conditions",
            "containerStatuses",
            "ephemeralContainerStatuses",
            "extendedResourceClaimStatus",
            "hostIP",
            "hostIPs",
            "initContainerStatuses",
            "message",
            "nominatedNodeName",
            "observedGeneration",
            "phase",
            "podIP",
            "podIPs",
            "qosClass",
            "reason",
            "resize",
            "resourceClaimStatuses",
            "resources",
            "startTime",
        ],
    ),
    ("v1", "Service", &["conditions", "loadBalancer"]),
    ("v1", "Namespace", &["conditions", "phase"]),
    (
        "apps/v1",
        "Deployment",
        &[
            "availableReplicas",
            "collisionCount",
            "conditions",
            "observedGeneration",
            "readyReplicas",
            "replicas",
            "terminatingReplicas",
            "unavailableReplicas",
            "updatedReplicas",
        ],
    ),
    (
        "batch/v1",
        "Job",
        &[
            "active",
            "completedIndexes",
            "completionTime",
            "conditions",
            "failed",
            "failedIndexes",
            "ready",
            "startTime",
            "succeeded",
            "terminating",
            "uncountedTerminatedPods",
        ],
    ),
    ("networking.k8s.io/v1", "Ingress", &["loadBalancer"]),
];
