//! Whose objects these are: the TaskRun (or pod) that the sidecar serves.

use std::collections::BTreeMap;

use gleaner_proto::kubernetes::{RUN_API_VERSION, label};
use serde_json::{Value, json};

/// The run that the sidecar serves.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// Values of `$(context.*)`, by their names without `context.`.
    pub context: BTreeMap<String, String>,
    /// Further labels for what is created.
    pub labels: BTreeMap<String, String>,
    /// Who owns what is created.
    pub ownership: Ownership,
    /// Keys the hash of content that holds secrets; another one in each process. Without it such content has no hash, and is
    /// replaced where other content would be adopted.
    pub secret_key: Option<String>,
}

/// Who owns what is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ownership {
    /// The PipelineRun, or the TaskRun that stands alone.
    #[default]
    Run,
    /// Nobody: there is no run in the cluster (a run on a laptop).
    Nobody,
}

/// An owner reference in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner<'a> {
    /// `PipelineRun` or `TaskRun`.
    pub kind: &'static str,
    /// Its name.
    pub name: &'a str,
    /// Its UID.
    pub uid: &'a str,
}

impl Run {
    fn context(&self, name: &str) -> Option<&str> {
        self.context
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The UID that makes this run's names its own: the TaskRun's.
    pub fn uid(&self) -> Option<&str> {
        self.context("taskRun.uid")
    }

    /// The run's namespace.
    pub fn namespace(&self) -> Option<&str> {
        self.context("taskRun.namespace")
    }

    /// The first part of derived names: the Task's name, or the TaskRun's where the Task has none of its own.
    pub fn task(&self) -> &str {
        self.context("task.name")
            .or_else(|| self.context("taskRun.name"))
            .unwrap_or("task")
    }

    /// The owner of what is created: the PipelineRun, by UID, or the TaskRun that stands alone.
    pub fn owner(&self) -> Option<Owner<'_>> {
        if self.ownership == Ownership::Nobody {
            return None;
        }
        let owner = |kind, prefix: &str| {
            Some(Owner {
                kind,
                name: self.context(&format!("{prefix}.name"))?,
                uid: self.context(&format!("{prefix}.uid"))?,
            })
        };
        owner("PipelineRun", "pipelineRun").or_else(|| owner("TaskRun", "taskRun"))
    }

    /// The labels of everything that is created: the proposal's two, Tekton's own, and who made it.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let known = [
            (label::TASK, self.context("task.name")),
            (label::TASKRUN_PROPOSAL, self.context("taskRun.name")),
            (label::TASK_RUN, self.context("taskRun.name")),
            (label::PIPELINE_RUN, self.context("pipelineRun.name")),
            (label::MANAGED_BY, Some(label::MANAGER)),
        ];
        let known = known
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())));
        self.labels.clone().into_iter().chain(known).collect()
    }
}

impl Owner<'_> {
    /// The owner reference, as in the proposal but for the version (see `gleaner_proto::kubernetes::RUN_API_VERSION`).
    pub fn reference(&self) -> Value {
        json!({
            "apiVersion": RUN_API_VERSION,
            "blockOwnerDeletion": true,
            "controller": true,
            "kind": self.kind,
            "name": self.name,
            "uid": self.uid,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(context: &[(&str, &str)]) -> Run {
        let context = context
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Run {
            context,
            ..Run::default()
        }
    }

    #[test]
    fn the_pipeline_run_owns_before_the_task_run() {
        let alone = [("taskRun.name", "tr"), ("taskRun.uid", "1")];
        assert_eq!(run(&alone).owner().map(|owner| owner.kind), Some("TaskRun"));
        let within = [
            alone[0],
            alone[1],
            ("pipelineRun.name", "pr"),
            ("pipelineRun.uid", "2"),
        ];
        assert_eq!(
            run(&within).owner(),
            Some(Owner {
                kind: "PipelineRun",
                name: "pr",
                uid: "2"
            })
        );
        let nobody = Run {
            ownership: Ownership::Nobody,
            ..run(&within)
        };
        assert_eq!(nobody.owner(), None);
        // Labels of the downward API are empty where the pod has none.
        assert_eq!(
            run(&[alone[0], alone[1], ("pipelineRun.uid", "")])
                .owner()
                .map(|owner| owner.kind),
            Some("TaskRun")
        );
    }
}
