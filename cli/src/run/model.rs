//! The plan of a run, before anything is created on this machine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use gleaner_core::task::Task;
use serde_json::Value;

/// Parameter values by name.
pub(crate) type Params = BTreeMap<String, Value>;
/// Values by the names of results, in the order of their declaration: texts, lists of texts, maps of texts.
pub(crate) type Results = serde_json::Map<String, Value>;

/// A run.
#[derive(Debug)]
pub(crate) struct Play {
    /// The name of the TaskRun or PipelineRun.
    pub(crate) name: String,
    /// The namespace in the documents.
    pub(crate) namespace: Option<String>,
    /// The tasks in the order in which they run.
    pub(crate) tasks: Vec<PlannedTask>,
    /// The rest of a pipeline; `None` if a single task is run.
    pub(crate) pipeline: Option<Pipeline>,
    /// Features that only a cluster has, in the terms of a note.
    pub(crate) cluster: BTreeSet<&'static str>,
    /// Messages for users.
    pub(crate) notes: Vec<String>,
}

/// The parts of a pipeline other than its tasks.
#[derive(Debug, Default)]
pub(crate) struct Pipeline {
    /// Its name; empty if it is embedded in the run.
    pub(crate) name: String,
    pub(crate) params: Params,
    /// The names of the workspaces that are bound.
    pub(crate) workspaces: BTreeSet<String>,
    pub(crate) finally: Vec<PlannedTask>,
    /// Names and values, which contain variables.
    pub(crate) results: Vec<(String, Value)>,
    pub(crate) limits: Limits,
}

/// The time limits of a run; `None` for no limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) whole: Option<Duration>,
    pub(crate) tasks: Option<Duration>,
    pub(crate) finally: Option<Duration>,
}

impl Limits {
    /// Tekton's default (`default-timeout-minutes` in `config-defaults`).
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

/// One task of a run.
#[derive(Debug)]
pub(crate) struct PlannedTask {
    /// Its name in the pipeline; the Task's own if there is none.
    pub(crate) name: String,
    pub(crate) task: Task,
    /// The given parameters; those of a pipeline's task contain variables of the pipeline.
    pub(crate) params: Params,
    pub(crate) when: Vec<Guard>,
    /// The tasks that it runs after (`runAfter`, and those whose results it uses).
    pub(crate) after: BTreeSet<String>,
    /// The tasks whose results it uses.
    pub(crate) takes: BTreeSet<String>,
    /// The bound workspaces.
    pub(crate) workspaces: BTreeMap<String, BoundWorkspace>,
    /// The volumes of type emptyDir that each step mounts.
    pub(crate) mounts: Mounts,
    /// The limit of its own time; none for no limit.
    pub(crate) timeout: Option<Duration>,
    /// True if the pipeline continues when the task fails (`onError: continue`).
    pub(crate) continues: bool,
}

/// Mounts by step.
pub(crate) type Mounts = BTreeMap<String, Vec<Mount>>;

/// A mount of a volume that is an empty directory, or of a workspace. The texts may hold variables.
#[derive(Debug, Clone)]
pub(crate) struct Mount {
    /// The name of the volume or workspace.
    pub(crate) volume: String,
    pub(crate) is_workspace: bool,
    pub(crate) path: String,
    pub(crate) sub_path: Option<String>,
}

/// A condition (`when`) of a pipeline's task.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    pub(crate) input: String,
    /// True for `in`, false for `notin`.
    pub(crate) among: bool,
    pub(crate) values: Vec<Value>,
}

/// The directory of a workspace.
#[derive(Debug, Clone)]
pub(crate) struct BoundWorkspace {
    pub(crate) source: Volume,
    /// A directory below it, which may contain variables of the pipeline.
    pub(crate) sub_path: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Volume {
    /// A directory of this machine (`--workspace`).
    Directory(PathBuf),
    /// An empty directory of each task (`emptyDir`).
    Empty,
    /// An empty directory that the tasks of the run share, by its name (`volumeClaimTemplate`).
    Shared(String),
}
