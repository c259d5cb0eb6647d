//! Converts a step to a command on this machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gleaner_core::declaration::Declaration;
use gleaner_proto::name::is_dns_label;
use gleaner_proto::{OutputSpec, duration};

use super::directory::RunDirectory;
use super::expression::UNKNOWN;
use super::model::Mounts;
use super::paths::{Paths, WORKSPACE, in_pod, leads_out};
use super::substitution::{Substitution, expand};
use gleaner_core::task::step::{Condition, SCRIPT_PREAMBLE, has_interpreter};
use gleaner_core::task::{Action, Step};

#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) directory: &'a RunDirectory,
    pub(crate) paths: &'a Paths,
    pub(crate) substitution: &'a Substitution,
    /// The shell commands given with `--step-command`, by step name.
    pub(crate) commands: &'a BTreeMap<String, String>,
    pub(crate) declaration: &'a Declaration,
    /// The mounts of each step.
    pub(crate) mounts: &'a Mounts,
}

#[derive(Debug, Default)]
pub(crate) struct Command {
    pub(crate) arguments: Vec<String>,
    /// The content of the script file `arguments[0]`. The file is written only when the step runs.
    pub(crate) script: Option<String>,
    /// The declared outputs, with their paths on this machine.
    pub(crate) outputs: Vec<OutputSpec>,
    /// The environment variables that the documents set to a value.
    pub(crate) environment: Vec<(String, String)>,
    /// The names of environment variables whose values come from objects in the cluster (`valueFrom`).
    pub(crate) from_cluster: Vec<String>,
    /// Warnings about this step, shown before it runs.
    pub(crate) warnings: Vec<String>,
    /// The directories of the step's mounts; they may not exist yet.
    pub(crate) volumes: Vec<PathBuf>,
    pub(crate) working_dir: PathBuf,
    /// True if a missing working directory is created. Tekton creates it only below /workspace.
    pub(crate) makes_working_dir: bool,
    pub(crate) continue_on_error: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stdout_copy: Option<PathBuf>,
    pub(crate) stderr_copy: Option<PathBuf>,
    /// True if a `when` condition of the step is false.
    pub(crate) skipped: bool,
}

impl Command {
    /// Prepares `step`. Writes no files and runs nothing.
    ///
    /// # Errors
    /// A message if the step is invalid or cannot run on this machine.
    pub(crate) fn prepare(step: &Step, surroundings: &Surroundings<'_>) -> Result<Self, String> {
        let name = &step.name;
        let own_run = surroundings.directory.own_run(name);
        let mut paths = surroundings.paths.of_step(&own_run);
        let volumes = mount(name, surroundings, &mut paths)?;
        let paths = &paths;
        let mut warnings = Vec::new();
        let surroundings = &Surroundings {
            paths,
            ..*surroundings
        };
        let text = |text: &str| surroundings.text(name, text);
        let environment = environment(step, surroundings)?;
        let local = |text: &str| surroundings.paths.text(text);
        let (script, mut arguments) = match (&step.action, surroundings.commands.get(name)) {
            (_, Some(line)) => {
                let line = local(&text(line)?);
                (None, vec!["sh".to_owned(), "-c".to_owned(), line])
            }
            (Action::Script(script), None) => {
                // The interpreter line may come from a parameter, so replace the variables first.
                let script = text(script)?;
                if script.trim_start().starts_with("#!win") {
                    return Err(format!(
                        "step '{name}' is a Windows script; specify a command with --step-command {name}='...'"
                    ));
                }
                if has_interpreter(&script) && !script.starts_with("#!") {
                    warnings.push(format!(
                        "step '{name}': the script has whitespace before '#!', but the kernel recognizes '#!' only at the beginning of \
                         a file; remove the whitespace, or the step fails in a cluster"
                    ));
                }
                let script = local(&with_preamble(&script));
                let file = surroundings.directory.script(name);
                (Some(script), vec![file.to_string_lossy().into_owned()])
            }
            (Action::Command(command), None) => {
                (None, surroundings.items(name, command, &environment)?)
            }
            (Action::Image(image), None) => {
                return Err(format!(
                    "step '{name}' uses the default command of its image '{image}', but a local run does not pull images; specify a command \
                     with --step-command {name}='...'"
                ));
            }
            (Action::Reference(reference), None) => {
                return Err(format!(
                    "step '{name}' refers to the StepAction '{reference}', which is not in the files; pass its file with -f, \
                     or specify a command with --step-command {name}='...'"
                ));
            }
        };
        if !surroundings.commands.contains_key(name) {
            arguments.extend(surroundings.items(name, &step.args, &environment)?);
        }
        // As in Tekton, a relative working directory is resolved against /workspace, and a relative file path against the working
        // directory.
        let directory = text(step.working_dir.as_deref().unwrap_or_default())?;
        let directory = in_pod(WORKSPACE, &directory);
        let working_dir = surroundings.paths.path(&directory);
        let copy = |path: &Option<String>| {
            let path = path.as_deref().map(text).transpose()?;
            let path = path.map(|path| in_pod(&directory, &path));
            Ok::<_, String>(path.map(|path| surroundings.paths.path(&path)))
        };
        Ok(Self {
            arguments,
            script,
            makes_working_dir: Path::new(&directory).starts_with(WORKSPACE)
                || working_dir.starts_with(surroundings.directory.path()),
            working_dir,
            continue_on_error: continues(step, surroundings)?,
            timeout: timeout(step, surroundings)?,
            stdout_copy: copy(&step.stdout_path)?,
            stderr_copy: copy(&step.stderr_path)?,
            skipped: !conditions_hold(step, surroundings)?,
            outputs: outputs(name, surroundings)?,
            volumes,
            from_cluster: from_cluster(step),
            environment,
            warnings,
        })
    }
}

impl Surroundings<'_> {
    fn text(&self, step: &str, text: &str) -> Result<String, String> {
        let replaced = self.substitution.text(text);
        replaced.map_err(|error| format!("step '{step}': {error}"))
    }

    fn items(
        &self,
        step: &str,
        items: &[String],
        environment: &[(String, String)],
    ) -> Result<Vec<String>, String> {
        let items = self.plain_items(step, items)?;
        let items = items.iter().map(|item| expand(item, environment));
        Ok(items.map(|item| self.paths.text(&item)).collect())
    }

    fn plain_items(&self, step: &str, items: &[String]) -> Result<Vec<String>, String> {
        let replaced = self.substitution.items(items);
        replaced.map_err(|error| format!("step '{step}': {error}"))
    }
}

/// Maps the mount paths of a step to the directories of its volumes, and returns these directories.
///
/// # Errors
/// A message about an invalid volume name, or about a subPath that leads out of its volume. Kubernetes rejects both as well
/// (`validateVolumeMounts`).
fn mount(
    step: &str,
    surroundings: &Surroundings<'_>,
    paths: &mut Paths,
) -> Result<Vec<PathBuf>, String> {
    let mut directories = Vec::new();
    for mount in surroundings.mounts.get(step).into_iter().flatten() {
        if mount.is_workspace {
            let name = format!("workspaces.{}.path", mount.volume);
            let directory = surroundings.substitution.named.get(&name);
            // An optional workspace that is not bound has no directory, so it is not mounted.
            if let Some(directory) = directory.filter(|directory| !directory.is_empty()) {
                let path = surroundings.text(step, &mount.path)?;
                paths.map(&path, Path::new(directory));
            }
            continue;
        }
        let volume = surroundings.text(step, &mount.volume)?;
        let sub_path = surroundings.text(step, mount.sub_path.as_deref().unwrap_or_default())?;
        if !is_dns_label(&volume) && !volume.contains(UNKNOWN) {
            return Err(format!(
                "step '{step}': '{volume}' is not a valid volume name; use lower-case letters, digits and '-'"
            ));
        }
        if leads_out(&sub_path) {
            return Err(format!(
                "step '{step}': the subPath '{sub_path}' is outside the volume '{volume}'; use a relative path without '..'"
            ));
        }
        let directory = surroundings.directory.volume(&volume).join(sub_path);
        paths.map(&surroundings.text(step, &mount.path)?, &directory);
        directories.push(directory);
    }
    Ok(directories)
}

fn with_preamble(script: &str) -> String {
    if has_interpreter(script) {
        return script.trim_start().to_owned();
    }
    format!("{SCRIPT_PREAMBLE}{script}")
}

fn from_cluster(step: &Step) -> Vec<String> {
    let elsewhere = step.env.iter().filter(|variable| variable.value.is_none());
    elsewhere.map(|variable| variable.name.clone()).collect()
}

/// Returns the environment variables that the step declares, with references to preceding variables expanded. Omits variables
/// whose values come from the cluster (`valueFrom`).
fn environment(
    step: &Step,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<(String, String)>, String> {
    let mut environment = Vec::new();
    for variable in &step.env {
        let Some(value) = &variable.value else {
            continue;
        };
        let value = surroundings.text(&step.name, value)?;
        let value = surroundings.paths.text(&expand(&value, &environment));
        environment.push((variable.name.clone(), value));
    }
    Ok(environment)
}

/// Returns the outputs of the step. Relative paths are resolved against /workspace.
fn outputs(step: &str, surroundings: &Surroundings<'_>) -> Result<Vec<OutputSpec>, String> {
    let outputs = surroundings.declaration.outputs(step).iter();
    let outputs = outputs.map(|output| {
        let mut spec = output.spec.clone();
        if let Some(path) = &mut spec.path {
            let local = in_pod(WORKSPACE, &surroundings.text(step, path)?);
            *path = surroundings
                .paths
                .path(&local)
                .to_string_lossy()
                .into_owned();
        }
        Ok(spec)
    });
    outputs.collect()
}

fn continues(step: &Step, surroundings: &Surroundings<'_>) -> Result<bool, String> {
    let Some(value) = &step.on_error else {
        return Ok(false);
    };
    match surroundings.text(&step.name, value)?.as_str() {
        "continue" => Ok(true),
        "stopAndFail" | "" => Ok(false),
        text if text.contains(UNKNOWN) => Ok(false),
        other => Err(format!(
            "step '{}': invalid onError '{other}'; use continue or stopAndFail",
            step.name
        )),
    }
}

fn timeout(step: &Step, surroundings: &Surroundings<'_>) -> Result<Option<Duration>, String> {
    let Some(text) = &step.timeout else {
        return Ok(None);
    };
    let text = surroundings.text(&step.name, text)?;
    if text.contains(UNKNOWN) {
        return Ok(None);
    }
    let parsed = duration::parse(&text);
    let parsed = parsed.map_err(|error| format!("step '{}': timeout: {error}", step.name))?;
    // In Tekton, a timeout of 0 means no limit.
    Ok(Some(parsed).filter(|timeout| !timeout.is_zero()))
}

fn conditions_hold(step: &Step, surroundings: &Surroundings<'_>) -> Result<bool, String> {
    let mut hold = true;
    for condition in &step.when {
        match condition {
            Condition::Listed {
                input,
                among,
                values,
            } => {
                let input = surroundings.text(&step.name, input)?;
                let values = surroundings.plain_items(&step.name, values)?;
                hold &= values.contains(&input) == *among;
            }
            Condition::Expression(expression) => {
                return Err(format!(
                    "step '{}': the condition '{expression}' uses CEL, which a local run does not evaluate; remove it to run \
                     the step here",
                    step.name
                ));
            }
        }
    }
    Ok(hold)
}

#[cfg(test)]
mod tests;
