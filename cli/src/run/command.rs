//! From a step as the Task has it to a command of this machine.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use gleaner_core::declaration::Declaration;
use gleaner_proto::{OutputSpec, duration};

use super::directory::RunDirectory;
use super::paths::Paths;
use super::substitution::{Substitution, expand};
use gleaner_core::task::step::{Condition, SCRIPT_PREAMBLE};
use gleaner_core::task::{Action, Step};

#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) directory: &'a RunDirectory,
    pub(crate) paths: &'a Paths,
    pub(crate) substitution: &'a Substitution,
    /// The lines of `--step-command` by step.
    pub(crate) commands: &'a BTreeMap<String, String>,
    pub(crate) declaration: &'a Declaration,
}

#[derive(Debug, Default)]
pub(crate) struct Command {
    pub(crate) arguments: Vec<String>,
    /// The content of the script that `arguments[0]` names, and that is not yet written.
    pub(crate) script: Option<String>,
    /// The declared outputs, each where it lies on this machine.
    pub(crate) outputs: Vec<OutputSpec>,
    /// Environment variables beyond those of this process.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) working_dir: PathBuf,
    pub(crate) continue_on_error: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stdout_copy: Option<PathBuf>,
    pub(crate) stderr_copy: Option<PathBuf>,
    /// True if a condition (when) does not hold.
    pub(crate) skipped: bool,
}

impl Command {
    /// Prepares `step`. Nothing is written or run.
    ///
    /// # Errors
    /// A message if the step cannot be run on this machine or is invalid.
    pub(crate) fn prepare(step: &Step, surroundings: &Surroundings<'_>) -> Result<Self, String> {
        let name = &step.name;
        let own_run = surroundings.directory.own_run(name);
        let paths = &surroundings.paths.of_step(&own_run);
        let surroundings = &Surroundings {
            paths,
            ..*surroundings
        };
        let text = |text: &str| surroundings.text(name, text);
        let environment = environment(step, surroundings)?;
        let local = |text: &str| surroundings.paths.text(text);
        let workspace = surroundings.directory.workspace();
        let (script, mut arguments) = match (&step.action, surroundings.commands.get(name)) {
            (_, Some(line)) => {
                let line = local(&text(line)?);
                (None, vec!["sh".to_owned(), "-c".to_owned(), line])
            }
            (Action::Script(script), None) => {
                let script = local(&text(&with_preamble(script))?);
                let file = surroundings.directory.script(name);
                (Some(script), vec![file.to_string_lossy().into_owned()])
            }
            (Action::Command(command), None) => {
                (None, surroundings.items(name, command, &environment)?)
            }
            (Action::Image(image), None) => {
                return Err(format!(
                    "step '{name}' runs whatever its image '{image}' runs, and here are no images; say what \
                     to run instead with --step-command {name}='...'"
                ));
            }
            (Action::Reference(reference), None) => {
                return Err(format!(
                    "step '{name}' refers to the StepAction '{reference}', which only a cluster can resolve; say what \
                     to run instead with --step-command {name}='...'"
                ));
            }
        };
        if !surroundings.commands.contains_key(name) {
            arguments.extend(surroundings.items(name, &step.args, &environment)?);
        }
        let copy = |path: &Option<String>| {
            let path = path.as_deref().map(text).transpose()?;
            Ok::<_, String>(path.map(|path| surroundings.paths.path(&path)))
        };
        Ok(Self {
            arguments,
            script,
            working_dir: match &step.working_dir {
                // A relative one is below /workspace, as in Tekton.
                Some(directory) => workspace.join(local(&text(directory)?)),
                None => workspace,
            },
            continue_on_error: continues(step, surroundings)?,
            timeout: timeout(step, surroundings)?,
            stdout_copy: copy(&step.stdout_path)?,
            stderr_copy: copy(&step.stderr_path)?,
            skipped: !conditions_hold(step, surroundings)?,
            outputs: outputs(name, surroundings)?,
            environment,
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

fn with_preamble(script: &str) -> String {
    let preamble = if script.starts_with("#!") {
        ""
    } else {
        SCRIPT_PREAMBLE
    };
    format!("{preamble}{script}")
}

/// The declared variables, each expanded with those before it. One whose value is elsewhere in the cluster is left out.
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

/// A path that is not absolute is below /workspace.
fn outputs(step: &str, surroundings: &Surroundings<'_>) -> Result<Vec<OutputSpec>, String> {
    let outputs = surroundings.declaration.outputs(step).iter();
    let outputs = outputs.map(|output| {
        let mut spec = output.spec.clone();
        if let Some(path) = &mut spec.path {
            let local = surroundings.paths.path(&surroundings.text(step, path)?);
            let local = surroundings.directory.workspace().join(local);
            *path = local.to_string_lossy().into_owned();
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
        other => Err(format!(
            "step '{}': onError is '{other}'; use continue or stopAndFail",
            step.name
        )),
    }
}

fn timeout(step: &Step, surroundings: &Surroundings<'_>) -> Result<Option<Duration>, String> {
    let Some(text) = &step.timeout else {
        return Ok(None);
    };
    let parsed = duration::parse(&surroundings.text(&step.name, text)?);
    let parsed = parsed.map_err(|error| format!("step '{}': timeout: {error}", step.name))?;
    // Tekton takes 0 for no limit.
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
                    "step '{}': the condition '{expression}' is in CEL, which only a cluster evaluates; take it out to run \
                     it here",
                    step.name
                ));
            }
        }
    }
    Ok(hold)
}

#[cfg(test)]
mod tests;
