//! The run that the created objects belong to: a TaskRun or, outside Tekton, a Job or pod.

use std::collections::BTreeMap;

use crate::variable::COMPLETION_INDEX;
use gleaner_proto::kubernetes::{RUN_API_VERSION, label};
use serde_json::{Value, json};

/// The identity of a run: context, labels and owner.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// The values of the variables `$(context.NAME)`, by `NAME`.
    pub context: BTreeMap<String, String>,
    /// Additional labels for created objects.
    pub labels: BTreeMap<String, String>,
    /// The owner of created objects.
    pub ownership: Ownership,
    /// The key for the content hashes of objects with secrets. The sidecar generates the key, and keeps it in the journal.
    /// Without a key, such an object has no content hash, so an existing object is replaced instead of adopted.
    pub secret_key: Option<String>,
}

/// The owner of created objects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Ownership {
    /// The PipelineRun, or a standalone TaskRun.
    #[default]
    Run,
    /// The Job that a pod outside Tekton belongs to, or the pod itself.
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

    /// Returns the run's UID, which is the UID of the TaskRun or, outside Tekton, of the Job or pod. Derived names are computed
    /// from this UID.
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

    /// Returns the first part of derived names: the Task's name, or the TaskRun's name if the Task has no name.
    pub fn task(&self) -> &str {
        self.context("task.name")
            .or_else(|| self.context("taskRun.name"))
            .unwrap_or("task")
    }

    /// Returns the owner of created objects, as specified by [`Ownership`].
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

    /// Returns the labels for every created object: the additional labels, the proposal's two labels, Tekton's labels, and the
    /// label for the managing tool. A pod outside Tekton has no Task or TaskRun, so it gets neither the proposal's nor Tekton's
    /// labels.
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
    /// Returns the owner reference in the proposal's form, except for the API version (see
    /// `gleaner_proto::kubernetes::RUN_API_VERSION`).
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
