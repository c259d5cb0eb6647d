//! The plan for running one task on this machine: the task's directory, paths and variables.

use std::collections::BTreeMap;
use std::io::{self, Error};
use std::path::{Path, PathBuf};

use gleaner_core::task::{Step, Task};
use gleaner_proto::StepName;
use serde_json::Value;

use super::command::{Command, Surroundings};
use super::directory::RunDirectory;
use super::model::{BoundWorkspace, Mounts, Params, PlannedTask, Results, Volume};
use super::paths::{Paths, WORKSPACE, leads_out};
use super::read_only::{self, ReadOnly};
use super::substitution::Substitution;
use super::variable::replace_context;
use crate::values::as_text;
use gleaner_core::task::spec::Workspace;

/// The maximum length of a command-line argument in bytes (Linux: `MAX_ARG_STRLEN`).
const ARGUMENT_MAX: usize = 128 << 10;

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) task: Task,
    /// The name of the pipeline task, or `None` if the task is not part of a pipeline.
    pub(crate) pipeline_task: Option<String>,
    /// The write-protected workspaces. Declared, and therefore dropped, before `directory`, which can be removed only without
    /// write protection.
    pub(crate) read_only: Vec<ReadOnly>,
    pub(crate) directory: RunDirectory,
    pub(crate) paths: Paths,
    pub(crate) substitution: Substitution,
    /// The shell commands of `--step-command`, by step name.
    pub(crate) commands: BTreeMap<String, String>,
    pub(crate) mounts: Mounts,
    /// True if steps inherit from this process only `PATH` and the environment variables that the documents set with
    /// `valueFrom` (`--clean-env`).
    pub(crate) clean_env: bool,
    /// Notes to print about differences from a run in a cluster.
    pub(crate) notes: Vec<String>,
}

/// The inputs to a plan, except the task.
pub(crate) struct Inputs<'a> {
    pub(crate) params: Params,
    /// The results of earlier tasks, to which an embedded spec may refer.
    pub(crate) results: &'a BTreeMap<String, Results>,
    pub(crate) workspaces: BTreeMap<String, BoundWorkspace>,
    pub(crate) commands: BTreeMap<String, String>,
    pub(crate) clean_env: bool,
    /// The directory that contains the volumes shared by tasks.
    pub(crate) shared: &'a Path,
    pub(crate) in_pipeline: bool,
    /// True in a trial, when the results of other tasks are unknown.
    pub(crate) tentative: bool,
}

impl Plan {
    /// Creates the plan and the directories that the task needs.
    ///
    /// # Errors
    /// Messages about all errors in the parameters and workspaces.
    pub(crate) fn new(
        planned: &PlannedTask,
        inputs: Inputs<'_>,
        directory: RunDirectory,
    ) -> Result<Self, Vec<String>> {
        let mut errors: Vec<String> = inputs
            .params
            .iter()
            .filter_map(|(name, value)| too_long(name, value))
            .collect();
        let mut results = BTreeMap::new();
        for (task, of_task) in inputs.results {
            for (name, value) in of_task {
                results.insert(format!("tasks.{task}.results.{name}"), value.clone());
            }
        }
        let mut plan = Self {
            pipeline_task: inputs.in_pipeline.then(|| planned.name.clone()),
            paths: Paths::default(),
            substitution: Substitution {
                params: inputs.params,
                results,
                tentative: inputs.tentative,
                ..Substitution::default()
            },
            read_only: Vec::new(),
            notes: Vec::new(),
            task: planned.task.clone(),
            mounts: planned.mounts.clone(),
            clean_env: inputs.clean_env,
            commands: inputs.commands,
            directory,
        };
        plan.create_directories(&inputs.workspaces, inputs.shared, &mut errors);
        plan.set_path_variables();
        if errors.is_empty() {
            Ok(plan)
        } else {
            Err(errors)
        }
    }

    /// Returns a step's name as shown in messages. In a pipeline, this is `TASK/STEP`.
    pub(crate) fn shown(&self, step: &str) -> String {
        match &self.pipeline_task {
            Some(task) => format!("{task}/{step}"),
            None => step.to_owned(),
        }
    }

    /// Sets the context variables, whose values are known only when the task starts.
    pub(crate) fn set_context_variables(&mut self, context: &BTreeMap<String, String>) {
        for (name, value) in context {
            self.substitution.name(format!("context.{name}"), value);
        }
        // Tekton replaces context variables after it has replaced parameters, so the values of parameters may contain context
        // variables.
        let of_task = |name: &str| context.get(name).filter(|_| name.starts_with("task"));
        for value in self.substitution.params.values_mut() {
            replace_context(value, &of_task);
        }
    }

    /// Creates directories for the workspaces and for git inputs (repositories that old Tekton versions cloned).
    fn create_directories(
        &mut self,
        bound: &BTreeMap<String, BoundWorkspace>,
        shared: &Path,
        errors: &mut Vec<String>,
    ) {
        self.paths.keep(self.directory.path());
        self.paths.keep(shared);
        let given = bound.values().filter_map(|bound| match &bound.source {
            Volume::Directory(directory) => Some(directory),
            Volume::Empty | Volume::Shared(_) => None,
        });
        given.for_each(|directory| self.paths.keep(directory));
        let spec = self.task.spec.clone();
        for workspace in &spec.workspaces {
            let name = &workspace.name;
            let found = bound.get(name);
            let is_bound = found.is_some() || !workspace.optional;
            let path = match is_bound {
                true => self.directory_for(workspace, found, shared, errors),
                false => String::new(),
            };
            for (field, value) in [
                ("path", path),
                ("bound", is_bound.to_string()),
                ("claim", String::new()),
                ("volume", String::new()),
            ] {
                let name = format!("workspaces.{name}.{field}");
                self.substitution.name(name, value);
            }
        }
        for input in spec.inputs.iter().filter(|input| input.kind == "git") {
            let workspace = Workspace {
                name: input.name.clone(),
                mount_path: input.path.clone(),
                optional: false,
                read_only: false,
            };
            let path = self.directory_for(&workspace, bound.get(&input.name), shared, errors);
            for spelling in ["resources", "inputs.resources", "resources.inputs"] {
                self.substitution
                    .name(format!("{spelling}.{}.path", input.name), path.clone());
            }
        }
        self.paths.map(WORKSPACE, &self.directory.workspace());
        self.paths.map("/tekton", &self.directory.tekton());
    }

    /// Creates the directory for a workspace, and returns the local path to use instead of the workspace's path in a pod.
    fn directory_for(
        &mut self,
        workspace: &Workspace,
        bound: Option<&BoundWorkspace>,
        shared: &Path,
        errors: &mut Vec<String>,
    ) -> String {
        let name = &workspace.name;
        let own = self.directory.workspace().join(name);
        let made = self.make_directory(workspace, bound, shared, &own);
        let directory = made.unwrap_or_else(|error| {
            errors.push(format!(
                "cannot create the directory of the workspace '{name}': {error}"
            ));
            own.clone()
        });
        // Scripts often use workspace paths without quotes, because Tekton's paths need none. If the path of the directory needs
        // quotes, return the path of the symbolic link to the directory.
        let path = if needs_no_quotes(&directory) {
            directory
        } else {
            own
        };
        self.paths.map(&workspace.mount_path, &path);
        path.to_string_lossy().into_owned()
    }

    fn make_directory(
        &mut self,
        workspace: &Workspace,
        bound: Option<&BoundWorkspace>,
        shared: &Path,
        own: &Path,
    ) -> io::Result<PathBuf> {
        let sub_path = bound.and_then(|bound| bound.sub_path.as_deref());
        let sub_path = sub_path.map(|text| self.substitution.text(text));
        let sub_path = sub_path.transpose().map_err(Error::other)?;
        if let Some(out) = sub_path.as_deref().filter(|path| leads_out(path)) {
            return Err(Error::other(format!(
                "the subPath '{out}' is outside the workspace; use a relative path without '..'"
            )));
        }
        let outer = match bound.map(|bound| &bound.source) {
            None => {
                self.notes.push(format!(
                    "{} is an empty directory; to use an existing directory, set --workspace {}=DIR",
                    workspace.mount_path, workspace.name
                ));
                None
            }
            // Ignore the subPath of an `emptyDir`: no other workspace uses the volume, so the subdirectory would be empty, too.
            Some(Volume::Empty) => None,
            Some(Volume::Shared(name)) => Some(shared.join(name)),
            Some(Volume::Directory(directory)) => Some(directory.clone()),
        };
        let mut directory = match (outer, sub_path) {
            (None, _) => own.to_owned(),
            (Some(outer), None) => outer,
            (Some(outer), Some(sub_path)) => outer.join(sub_path),
        };
        std::fs::create_dir_all(&directory)?;
        if workspace.read_only {
            // Do not write-protect a directory that belongs to the user or to other tasks. Give the steps a write-protected
            // copy instead.
            if directory != own {
                let copy = self
                    .directory
                    .path()
                    .join("read-only")
                    .join(&workspace.name);
                read_only::copy(&directory, &copy)?;
                directory = copy;
            }
            self.read_only
                .push(ReadOnly::protect(&workspace.name, &directory)?);
        }
        if directory != own {
            // With this link, a step can also access the directory by a path relative to /workspace.
            std::os::unix::fs::symlink(&directory, own)?;
        }
        Ok(directory)
    }

    /// Sets the variables for the paths of results, exit codes and credentials.
    fn set_path_variables(&mut self) {
        let path = |path: PathBuf| path.to_string_lossy().into_owned();
        for result in &self.task.spec.results {
            let place = path(self.directory.results().join(&result.name));
            let name = format!("results.{}.path", result.name);
            self.substitution.name(name, place);
        }
        for step in &self.task.spec.steps {
            let place = path(self.directory.step_exit_code(&step.name));
            let name = format!("steps.step-{}.exitCode.path", step.name);
            self.substitution.name(name, place);
        }
        let credentials = path(self.directory.tekton().join("creds"));
        self.substitution.name("credentials.path", credentials);
    }

    /// Prepares all steps without running them. Returns the errors that would prevent steps from starting, and the warnings.
    pub(crate) fn trial(&self) -> (Vec<String>, Vec<String>) {
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        let mut substitution = self.substitution.clone();
        // The results of earlier steps are not yet known, so use placeholders.
        substitution.tentative = true;
        let surroundings = self.surroundings(&substitution);
        let prepare = |step: &Step| {
            let named = StepName::new(&*step.name).map_err(|error| format!("step name: {error}"));
            named.and_then(|_| Command::prepare(step, &surroundings))
        };
        for step in &self.task.spec.steps {
            match prepare(step) {
                Ok(command) => warnings.extend(command.warnings),
                Err(error) => errors.push(error),
            }
        }
        (errors, warnings)
    }

    pub(crate) fn surroundings<'a>(&'a self, substitution: &'a Substitution) -> Surroundings<'a> {
        Surroundings {
            directory: &self.directory,
            paths: &self.paths,
            substitution,
            commands: &self.commands,
            declaration: &self.task.declaration,
            mounts: &self.mounts,
        }
    }

    /// Returns notes about this task: the environment variables whose values would come from the cluster and, if `with_places`
    /// is true, the paths of the task's directories.
    pub(crate) fn differences(&self, with_places: bool) -> Vec<String> {
        let mut notes = Vec::new();
        if with_places {
            let path = self.directory.path().display();
            notes.push(format!("/workspace and /tekton are in {path}"));
            notes.extend(self.notes.clone());
        }
        for step in &self.task.spec.steps {
            let elsewhere = step.env.iter().filter(|variable| variable.value.is_none());
            let names: Vec<&str> = elsewhere.map(|variable| variable.name.as_str()).collect();
            if !names.is_empty() {
                notes.push(format!(
                    "step '{}': in a cluster, valueFrom sets {}, but a local run takes the values from your environment",
                    self.shown(&step.name),
                    names.join(", ")
                ));
            }
        }
        notes
    }
}

/// Returns an error if a parameter is too long for a command-line argument. The sidecar, and often a step, receives parameters as
/// arguments.
fn too_long(name: &str, value: &Value) -> Option<String> {
    // The two additional bytes are the `=` and the terminating zero.
    let length = name.len() + as_text(value).len() + 2;
    (length > ARGUMENT_MAX).then(|| {
        format!(
            "the parameter '{name}' is {length} bytes long, including its name, but a local run supports at most {ARGUMENT_MAX} \
             (128 KiB)"
        )
    })
}

/// Returns true if a shell reads the path as one word without quotes.
pub(crate) fn needs_no_quotes(path: &Path) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/_.-+@%,=:".contains(byte);
    path.as_os_str().as_encoded_bytes().iter().all(plain)
}
