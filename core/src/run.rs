//! The run that objects belong to: the TaskRun (or pod) that the sidecar serves.

use std::collections::BTreeMap;

use crate::variable::COMPLETION_INDEX;
use gleaner_proto::kubernetes::{RUN_API_VERSION, label};
use serde_json::{Value, json};

/// The run that the sidecar serves.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// Values of `$(context.*)`, by name without `context.`.
    pub context: BTreeMap<String, String>,
    /// Additional labels for created objects.
    pub labels: BTreeMap<String, String>,
    /// The owner of created objects.
    pub ownership: Ownership,
    /// The key for hashes of content with secrets; each process has a different key. Without a key, such content has no hash, and
    /// an existing object is replaced instead of adopted.
    pub secret_key: Option<String>,
}

/// The owner of created objects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Ownership {
    /// The PipelineRun, or a standalone TaskRun.
    #[default]
    Run,
    /// The owner of a pod outside Tekton: its Job, or the pod itself.
    Other(OwnerReference),
    /// No owner, because a local run is not in a cluster.
    Nobody,
}

/// The identity of an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerReference {
    /// `apiVersion`
    pub api_version: String,
    /// `kind`
    pub kind: String,
    /// `metadata.name`
    pub name: String,
    /// `metadata.uid`
    pub uid: String,
}

impl Run {
    fn context(&self, name: &str) -> Option<&str> {
        self.context
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Returns the UID of the TaskRun, or of the Job or pod outside Tekton. The names of this run's objects are derived from it.
    pub fn uid(&self) -> Option<&str> {
        self.context("taskRun.uid")
    }

    /// Returns the completion index of an Indexed Job's pod.
    pub fn completion_index(&self) -> Option<&str> {
        self.context(COMPLETION_INDEX)
    }

    /// Returns the run's namespace.
    pub fn namespace(&self) -> Option<&str> {
        self.context("taskRun.namespace")
    }

    /// Returns the first part of derived names: the Task's name, or the TaskRun's if the Task has none.
    pub fn task(&self) -> &str {
        self.context("task.name")
            .or_else(|| self.context("taskRun.name"))
            .unwrap_or("task")
    }

    /// Returns the owner of created objects: the PipelineRun, or a standalone TaskRun.
    pub fn owner(&self) -> Option<OwnerReference> {
        let owner = |kind: &str, prefix: &str| {
            Some(OwnerReference {
                api_version: RUN_API_VERSION.to_owned(),
                kind: kind.to_owned(),
                name: self.context(&format!("{prefix}.name"))?.to_owned(),
                uid: self.context(&format!("{prefix}.uid"))?.to_owned(),
            })
        };
        match &self.ownership {
            Ownership::Run => {
                owner("PipelineRun", "pipelineRun").or_else(|| owner("TaskRun", "taskRun"))
            }
            Ownership::Other(owner) => Some(owner.clone()),
            Ownership::Nobody => None,
        }
    }

    /// Returns the object that represents this run to users: the TaskRun, or the owner of a pod outside Tekton. Returns `None`
    /// for a local run.
    pub fn subject(&self) -> Option<OwnerReference> {
        match &self.ownership {
            Ownership::Run => Some(OwnerReference {
                api_version: RUN_API_VERSION.to_owned(),
                kind: "TaskRun".to_owned(),
                name: self.context("taskRun.name")?.to_owned(),
                uid: self.uid()?.to_owned(),
            }),
            Ownership::Other(owner) => Some(owner.clone()),
            Ownership::Nobody => None,
        }
    }

    /// Returns the labels of every created object: the proposal's two labels, Tekton's labels, and the managing tool. Tekton's
    /// labels are omitted for a pod outside Tekton, which has no Task or TaskRun.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let of_tekton = |name| match self.ownership {
            Ownership::Other(_) => None,
            Ownership::Run | Ownership::Nobody => self.context(name),
        };
        let known = [
            (label::TASK, of_tekton("task.name")),
            (label::TASKRUN_PROPOSAL, of_tekton("taskRun.name")),
            (label::TASK_RUN, of_tekton("taskRun.name")),
            (label::PIPELINE_RUN, of_tekton("pipelineRun.name")),
            (label::MANAGED_BY, Some(label::MANAGER)),
        ];
        let known = known
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())));
        self.labels.clone().into_iter().chain(known).collect()
    }
}

impl OwnerReference {
    /// Returns the owner reference as in the proposal, except for the version (see `gleaner_proto::kubernetes::RUN_API_VERSION`).
    pub fn to_json(&self) -> Value {
        json!({
            "apiVersion": self.api_version,
            "blockOwnerDeletion": true,
            "controller": true,
            "kind": self.kind,
            "name": self.name,
            "uid": self.uid,
        })
    }
}

#[cfg(test)]
mod tests;
