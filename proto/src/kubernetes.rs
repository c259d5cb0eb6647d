//! Names that Gleaner reads from Kubernetes objects or writes to them.

/// Annotations.
pub mod annotation {
    /// The declaration, on a Task or on a pod template.
    pub const OUTPUTS: &str = "gleaner.dev/outputs";
    /// The sidecar's `requests.cpu`.
    pub const CPU_REQUEST: &str = "gleaner.dev/cpu-request";
    /// The sidecar's `limits.cpu`.
    pub const CPU_LIMIT: &str = "gleaner.dev/cpu-limit";
    /// The sidecar's `requests.memory`.
    pub const MEMORY_REQUEST: &str = "gleaner.dev/memory-request";
    /// The sidecar's `limits.memory`.
    pub const MEMORY_LIMIT: &str = "gleaner.dev/memory-limit";
    /// The span context of a TaskRun. Tekton or a user sets the annotation on the TaskRun
    /// (`pkg/reconciler/taskrun/tracing.go`), and Tekton copies it to the pod.
    pub const SPAN_CONTEXT: &str = "tekton.dev/taskrunSpanContext";
    /// On a created object: a keyed hash of its rendered content. When a create request is repeated, the hash shows whether the
    /// existing object was created from the same content.
    pub const CONTENT: &str = "gleaner.dev/content";
    /// On a created object: the UID of the run's TaskRun, Job or pod.
    pub const RUN_UID: &str = "gleaner.dev/run-uid";
    /// On an object that server-side apply created: the UID of the TaskRun that applied it. If a later run applies the object,
    /// the annotation is removed.
    pub const MADE_BY: &str = "gleaner.dev/made-by";
    /// On a created object: the name of its template in the declaration.
    pub const RESOURCE: &str = "gleaner.dev/resource";
}

/// Labels.
pub mod label {
    /// The Task's name. Tekton and the 2019 proposal use the same label.
    pub const TASK: &str = "tekton.dev/task";
    /// The TaskRun's name as the 2019 proposal spells it.
    pub const TASKRUN_PROPOSAL: &str = "tekton.dev/taskrun";
    /// The TaskRun's name as Tekton currently spells it (`pkg/apis/pipeline/register.go`).
    pub const TASK_RUN: &str = "tekton.dev/taskRun";
    /// The PipelineRun's UID, on the pods of its TaskRuns.
    pub const PIPELINE_RUN_UID: &str = "tekton.dev/pipelineRunUID";
    /// The name that the Pipeline gives the task.
    pub const PIPELINE_TASK: &str = "tekton.dev/pipelineTask";
    /// The PipelineRun's name.
    pub const PIPELINE_RUN: &str = "tekton.dev/pipelineRun";
    /// The program that created an object; [`MANAGER`] for Gleaner.
    pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
    /// The value of [`MANAGED_BY`], and the name of Gleaner's field manager.
    pub const MANAGER: &str = "gleaner";
}

/// The sidecar's name in a Task.
pub const SIDECAR: &str = "gleaner";
/// The name of the sidecar's container: Tekton adds a prefix to the sidecar's name (`pkg/pod/pod.go`).
pub const SIDECAR_CONTAINER: &str = "sidecar-gleaner";

/// `apiVersion` of a PipelineResource, as in the 2019 proposal.
pub const PIPELINE_RESOURCE_API_VERSION: &str = "tekton.dev/v1alpha1";
/// The types of PipelineResources at the time of the proposal. No other types are valid
/// (`pkg/apis/resource/v1alpha1/pipeline_resource_types.go`).
pub const PIPELINE_RESOURCE_TYPES: [&str; 6] = [
    "git",
    "image",
    "storage",
    "cluster",
    "pullRequest",
    "cloudEvent",
];
/// `kind` of a PipelineResource.
pub const PIPELINE_RESOURCE_KIND: &str = "PipelineResource";
/// `apiVersion` of the runs that own resources. PipelineRuns are no longer served in the proposal's version, `v1alpha1`, and the
/// garbage collector cannot resolve an owner in a version that is not served.
pub const RUN_API_VERSION: &str = "tekton.dev/v1";
