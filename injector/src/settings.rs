//! What weaving and wrapping put into Tasks and pods.

/// Settings of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Gleaner's own image: sidecar and redirector.
    pub image: String,
    /// When it is pulled; the cluster's default when none is said.
    pub image_pull_policy: Option<PullPolicy>,
    /// What the sidecar asks for and may take.
    pub resources: Resources,
    /// The user that the sidecar runs as; the image's own (65532) when none is said, which OpenShift wants.
    pub run_as_user: Option<i64>,
    /// Whether the cluster has native sidecars (Kubernetes 1.29 or later, KEP-753).
    pub sidecars: Sidecars,
    /// What the sidecar logs.
    pub log_level: Option<String>,
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    /// At each start.
    Always,
    /// When it is not there.
    IfNotPresent,
    /// Never.
    Never,
}

/// Kinds of sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sidecars {
    /// Init containers with `restartPolicy: Always`.
    Native,
    /// Containers beside the steps, which Tekton stops when they have ended.
    Tekton,
}

/// Requests and limits, as Kubernetes quantities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resources {
    /// `requests.cpu`
    pub cpu_request: String,
    /// `limits.cpu`
    pub cpu_limit: String,
    /// `requests.memory`
    pub memory_request: String,
    /// `limits.memory`
    pub memory_limit: String,
}
