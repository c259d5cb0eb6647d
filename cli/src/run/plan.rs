//! What the command line and the Task come to, before anything runs. Everything that is wrong is said at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gleaner_proto::{StepName, exit_code};

use serde_json::Value;

use super::command::{Command, Surroundings};
use super::directory::RunDirectory;
use super::paths::Paths;
use super::substitution::Substitution;
use crate::args::Run;
use crate::failure::Failure;
use crate::render;
use crate::terminal;
use crate::values::{Assignment, as_text, did_you_mean};
use gleaner_core::task::{Step, Task};

/// The longest argument of a command (Linux: `MAX_ARG_STRLEN`).
const ARGUMENT_MAX: usize = 128 << 10;

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) task: Task,
    pub(crate) directory: RunDirectory,
    pub(crate) paths: Paths,
    pub(crate) substitution: Substitution,
    /// The lines of `--step-command` by step.
    pub(crate) commands: BTreeMap<String, String>,
    /// The differences from a run in a cluster, for people.
    pub(crate) notes: Vec<String>,
}

impl Plan {
    /// Makes the plan; or says on standard error what is wrong and gives the exit code.
    pub(crate) fn new(options: &Run) -> Result<Self, u8> {
        let task = render::open_task(&options.task)?;
        let (params, errors) = render::read_params(&task, &options.task)?;
        let mut errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let too_long = |(name, value): (&String, _)| too_long(name, value);
        errors.extend(params.iter().filter_map(too_long));
        let directory = RunDirectory::new(options.keep).map_err(|error| {
            Failure::unreachable(format_args!("no temporary folder can be made: {error}")).print()
        })?;
        let (lines, names) = (&options.step_commands, task.spec.step_names());
        let commands = named("--step-command", "step", lines, &names, &mut errors);
        let mut plan = Self {
            paths: Paths::default(),
            substitution: Substitution {
                params,
                named: BTreeMap::new(),
            },
            notes: Vec::new(),
            task,
            directory,
            commands,
        };
        plan.lay_out_directories(options, &mut errors);
        plan.name_places();
        if errors.is_empty() {
            // With a parameter missing, every step that uses it would complain again.
            errors.extend(plan.trial());
        }
        plan.note_differences();
        if errors.is_empty() {
            return Ok(plan);
        }
        errors.iter().for_each(terminal::error);
        Err(exit_code::USAGE)
    }

    /// The variables that only the run itself knows.
    pub(crate) fn name_run(&mut self, context: &BTreeMap<String, String>) {
        for (name, value) in context {
            self.substitution.name(format!("context.{name}"), value);
        }
    }

    /// Lays out directories for workspaces and for git inputs, which Tekton once cloned.
    fn lay_out_directories(&mut self, options: &Run, errors: &mut Vec<String>) {
        let spec = self.task.spec.clone();
        let cloned: Vec<_> = spec
            .inputs
            .iter()
            .filter(|input| input.kind == "git")
            .collect();
        let known: Vec<String> = spec
            .workspaces
            .iter()
            .map(|workspace| workspace.name.clone())
            .chain(cloned.iter().map(|input| input.name.clone()))
            .collect();
        let given = &options.workspaces;
        let given = named("--workspace", "workspace", given, &known, errors);
        self.paths.keep(self.directory.path());
        let given: BTreeMap<&String, PathBuf> = given
            .iter()
            .filter_map(|(name, directory)| match existing_directory(directory) {
                Ok(directory) => Some((name, directory)),
                Err(error) => {
                    errors.push(format!("--workspace {name}={directory}: {error}"));
                    None
                }
            })
            .collect();
        given
            .values()
            .for_each(|directory| self.paths.keep(directory));
        for workspace in &spec.workspaces {
            let name = &workspace.name;
            let found = given.get(name);
            let bound = found.is_some() || !workspace.optional;
            let path = if bound {
                self.directory_for(name, &workspace.mount_path, found, errors)
            } else {
                String::new()
            };
            for (field, value) in [
                ("path", path),
                ("bound", bound.to_string()),
                ("claim", String::new()),
                ("volume", String::new()),
            ] {
                let name = format!("workspaces.{name}.{field}");
                self.substitution.name(name, value);
            }
        }
        for input in cloned {
            let path = self.directory_for(&input.name, &input.path, given.get(&input.name), errors);
            for spelling in ["resources", "inputs.resources", "resources.inputs"] {
                self.substitution
                    .name(format!("{spelling}.{}.path", input.name), path.clone());
            }
        }
        self.paths.lead("/workspace", &self.directory.workspace());
        self.paths.lead("/tekton", &self.directory.tekton());
    }

    /// The directory that stands at `mount_path` in the pod: the one that was given, or an empty one.
    fn directory_for(
        &mut self,
        name: &str,
        mount_path: &str,
        given: Option<&PathBuf>,
        errors: &mut Vec<String>,
    ) -> String {
        let own = self.directory.workspace().join(name);
        let made = match given {
            // So that a step finds it by a relative path too.
            Some(directory) => std::os::unix::fs::symlink(directory, &own),
            None => {
                self.notes.push(format!(
                    "{mount_path} is an empty folder; give it one with --workspace {name}=DIR"
                ));
                std::fs::create_dir_all(&own)
            }
        };
        if let Err(error) = made {
            errors.push(format!("the folder of '{name}' cannot be made: {error}"));
        }
        // Scripts rarely quote a path of Tekton's, none of which would need it.
        let unquoted = given.filter(|directory| needs_no_quotes(directory));
        let path = unquoted.cloned().unwrap_or(own);
        self.paths.lead(mount_path, &path);
        path.to_string_lossy().into_owned()
    }

    /// Variables that stand for places in the run's directory.
    fn name_places(&mut self) {
        for result in &self.task.spec.results {
            let path = self.directory.results().join(&result.name);
            self.substitution.name(
                format!("results.{}.path", result.name),
                path.to_string_lossy(),
            );
        }
        for step in &self.task.spec.steps {
            let path = self.directory.step_exit_code(&step.name);
            let name = format!("steps.step-{}.exitCode.path", step.name);
            self.substitution.name(name, path.to_string_lossy());
        }
    }

    /// Returns the errors that the steps would meet when they start.
    fn trial(&self) -> Vec<String> {
        let surroundings = self.surroundings(&self.substitution);
        let wrong = |step: &Step| {
            let named =
                StepName::new(&*step.name).map_err(|error| format!("a step's name: {error}"));
            named.and_then(|_| Command::prepare(step, &surroundings))
        };
        let steps = self.task.spec.steps.iter();
        steps.filter_map(|step| wrong(step).err()).collect()
    }

    pub(crate) fn surroundings<'a>(&'a self, substitution: &'a Substitution) -> Surroundings<'a> {
        Surroundings {
            directory: &self.directory,
            paths: &self.paths,
            substitution,
            commands: &self.commands,
            declaration: &self.task.declaration,
        }
    }

    fn note_differences(&mut self) {
        let directories = std::mem::take(&mut self.notes);
        let unused: Vec<&str> = self.task.spec.cluster_only.iter().copied().collect();
        if !unused.is_empty() {
            self.notes.push(format!(
                "steps run with the tools of this machine; not used here: {}",
                unused.join(", ")
            ));
        }
        let path = self.directory.path().display();
        let note = format!("/workspace and /tekton are in {path}");
        self.notes.push(note);
        self.notes.extend(directories);
        for step in &self.task.spec.steps {
            let elsewhere = step.env.iter().filter(|variable| variable.value.is_none());
            let names: Vec<&str> = elsewhere.map(|variable| variable.name.as_str()).collect();
            if !names.is_empty() {
                self.notes.push(format!(
                    "step '{}': {} would come from the cluster (valueFrom); here it is what your environment has",
                    step.name,
                    names.join(", ")
                ));
            }
        }
    }
}

/// A parameter reaches the sidecar, and often a step, as an argument.
fn too_long(name: &str, value: &Value) -> Option<String> {
    // With the `=` and the zero at the end.
    let length = name.len() + as_text(value).len() + 2;
    (length > ARGUMENT_MAX).then(|| {
        format!(
            "the parameter '{name}' has {length} bytes; here a parameter with its name has room for {ARGUMENT_MAX} \
             (128 KiB)"
        )
    })
}

/// Assignments by name, where each name must be known.
fn named(
    flag: &str,
    what: &str,
    given: &[Assignment],
    known: &[String],
    errors: &mut Vec<String>,
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for Assignment { name, value } in given {
        if !known.contains(name) {
            let help = did_you_mean(name, known);
            errors.push(format!("{flag}: the Task has no {what} '{name}'{help}"));
        } else if found.insert(name.clone(), value.clone()).is_some() {
            errors.push(format!("{flag}: '{name}' is given twice"));
        }
    }
    found
}

fn needs_no_quotes(path: &Path) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/_.-+@%,=:".contains(byte);
    path.as_os_str().as_encoded_bytes().iter().all(plain)
}

fn existing_directory(directory: &str) -> Result<PathBuf, String> {
    let path = Path::new(directory)
        .canonicalize()
        .map_err(|error| error.to_string())?;
    if path.is_dir() {
        Ok(path)
    } else {
        Err("is no folder".to_owned())
    }
}
