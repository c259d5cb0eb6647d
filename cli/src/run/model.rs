//! The plan of a run. It is complete before the run creates anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use gleaner_core::task::Task;
use gleaner_proto::name::is_dns_label;
use serde_json::Value;

/// Parameter values by name.
pub(crate) type Params = BTreeMap<String, Value>;
/// Values by result name, in the declared order: strings, lists of strings or maps of strings.
pub(crate) type Results = serde_json::Map<String, Value>;

/// The plan of a run: its tasks and, if they belong to a pipeline, the pipeline's settings.
#[derive(Debug)]
pub(crate) struct RunPlan {
    /// The name of the TaskRun or PipelineRun.
    pub(crate) name: String,
    /// The namespace that the documents specify.
    pub(crate) namespace: Option<String>,
    /// The tasks in execution order, without the `finally` tasks.
    pub(crate) tasks: Vec<PlannedTask>,
    /// The settings of the pipeline; `None` if the run has a single task without a pipeline.
    pub(crate) pipeline: Option<Pipeline>,
    /// The names of features that the documents use and that require a cluster. A note lists these names.
    pub(crate) cluster: BTreeSet<&'static str>,
    /// Notes to print for the user.
    pub(crate) notes: Vec<String>,
}

impl RunPlan {
    /// Returns all tasks, including those in `finally`.
    pub(crate) fn all_tasks(&self) -> impl Iterator<Item = &PlannedTask> {
        let finally = self.pipeline.iter().flat_map(|pipeline| &pipeline.finally);
        self.tasks.iter().chain(finally)
    }

    pub(crate) fn all_tasks_mut(&mut self) -> impl Iterator<Item = &mut PlannedTask> {
        let finally = self.pipeline.iter_mut();
        let finally = finally.flat_map(|pipeline| &mut pipeline.finally);
        self.tasks.iter_mut().chain(finally)
    }

    /// Returns the namespaces that templates specify but no template creates.
    pub(crate) fn namespaces(&self) -> Vec<String> {
        let (mut named, mut created) = (BTreeSet::new(), BTreeSet::new());
        for task in self.all_tasks() {
            let objects = task.task.document.get("objects").and_then(Value::as_array);
            for template in objects
                .into_iter()
                .flatten()
                .map(|object| &object["resourceTemplate"])
            {
                let metadata = &template["metadata"];
                if template["kind"] == "Namespace" {
                    created.extend(metadata["name"].as_str());
                }
                named.extend(metadata["namespace"].as_str());
            }
        }
        let missing = named.difference(&created).filter(|name| is_dns_label(name));
        missing.map(|name| (*name).to_owned()).collect()
    }
}

/// The settings of a pipeline, and its `finally` tasks.
#[derive(Debug, Default)]
pub(crate) struct Pipeline {
    /// The name of the Pipeline; empty if it is embedded in the run.
    pub(crate) name: String,
    pub(crate) params: Params,
    /// The names of the bound workspaces.
    pub(crate) workspaces: BTreeSet<String>,
    pub(crate) finally: Vec<PlannedTask>,
    /// The names and values of the results. The values still contain variables.
    pub(crate) results: Vec<(String, Value)>,
    pub(crate) limits: Limits,
}

/// The time limits of a pipeline run; `None` for no limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) whole: Option<Duration>,
    pub(crate) tasks: Option<Duration>,
    pub(crate) finally: Option<Duration>,
}

impl Limits {
    /// Tekton's default timeout (`default-timeout-minutes` in `config-defaults`).
    pub(crate) const DEFAULT: Duration = Duration::from_secs(60 * 60);
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            whole: Some(Self::DEFAULT),
            tasks: None,
            finally: None,
        }
    }
}

/// The plan of one task.
#[derive(Debug)]
pub(crate) struct PlannedTask {
    /// The name of the pipeline task; without a pipeline, the name of the Task.
    pub(crate) name: String,
    pub(crate) task: Task,
    /// The values of the parameters; in a pipeline, they may contain the pipeline's variables.
    pub(crate) params: Params,
    pub(crate) when: Vec<Guard>,
    /// The tasks that must run first: those in `runAfter`, and those whose results this task uses.
    pub(crate) after: BTreeSet<String>,
    /// The tasks whose results this task uses.
    pub(crate) takes: BTreeSet<String>,
    /// The bound workspaces by name.
    pub(crate) workspaces: BTreeMap<String, BoundWorkspace>,
    /// The volumes and workspaces that each step mounts.
    pub(crate) mounts: Mounts,
    /// The task's own time limit; `None` for no limit.
    pub(crate) timeout: Option<Duration>,
    /// True if the pipeline continues when the task fails (`onError: continue`).
    pub(crate) continues: bool,
}

/// The mounts by step name.
pub(crate) type Mounts = BTreeMap<String, Vec<Mount>>;

/// A mount of an emptyDir volume or of a workspace. The strings may contain variables.
#[derive(Debug, Clone)]
pub(crate) struct Mount {
    /// The name of the volume or workspace.
    pub(crate) volume: String,
    pub(crate) is_workspace: bool,
    pub(crate) path: String,
    pub(crate) sub_path: Option<String>,
}

/// A `when` condition of a pipeline task.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    pub(crate) input: String,
    /// True for `in`, false for `notin`.
    pub(crate) among: bool,
    pub(crate) values: Vec<Value>,
}

/// The volume to which a workspace is bound.
#[derive(Debug, Clone)]
pub(crate) struct BoundWorkspace {
    pub(crate) source: Volume,
    /// The subdirectory of the volume; may contain the pipeline's variables.
    pub(crate) sub_path: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Volume {
    /// A directory on this machine (`--workspace`).
    Directory(PathBuf),
    /// A separate empty directory for each task (`emptyDir`).
    Empty,
    /// An empty directory that the tasks of the run share (`volumeClaimTemplate`). The value is the directory's name.
    Shared(String),
}
