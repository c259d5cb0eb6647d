//! From a step as the Task has it to a command of this machine.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use gleaner_core::declaration::Declaration;
use gleaner_proto::{OutputSpec, duration};

use super::folder::Folder;
use super::paths::Paths;
use super::substitution::{Substitution, SubstitutionError, expand};
use gleaner_core::task::step::{Condition, SCRIPT_PREAMBLE};
use gleaner_core::task::{Action, Step};

/// What a step needs to become a command.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) paths: &'a Paths,
    pub(crate) substitution: &'a Substitution,
    /// The lines of `--step-command` by step.
    pub(crate) commands: &'a BTreeMap<String, String>,
    pub(crate) declaration: &'a Declaration,
}

/// A step, ready to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// The command and its arguments.
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
    /// Whether its conditions hold.
    pub(crate) runs: bool,
}

/// Why a step cannot become a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommandError {
    #[error("step '{step}': {error}")]
    Substitution {
        step: String,
        error: SubstitutionError,
    },
    #[error(
        "step '{step}' runs whatever its image '{image}' runs, and here are no images; say what to run instead with \
         --step-command {step}='...'"
    )]
    Image { step: String, image: String },
    #[error(
        "step '{step}' refers to the StepAction '{name}', which only a cluster can resolve; say what to run instead with \
         --step-command {step}='...'"
    )]
    Reference { step: String, name: String },
    #[error("step '{step}': timeout: {error}")]
    Timeout {
        step: String,
        error: duration::DurationError,
    },
    #[error("step '{step}': onError is '{value}'; use continue or stopAndFail")]
    OnError { step: String, value: String },
    #[error(
        "step '{step}': the condition '{expression}' is in CEL, which only a cluster evaluates; take it out to run it here"
    )]
    Expression { step: String, expression: String },
}

impl Command {
    /// Prepares `step`. Nothing is written or run.
    ///
    /// # Errors
    /// When the step cannot be run on this machine, or says something wrong.
    pub(crate) fn prepare(
        step: &Step,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, CommandError> {
        let name = &step.name;
        let paths = &surroundings
            .paths
            .of_step(&surroundings.folder.own_run(name));
        let surroundings = &Surroundings {
            paths,
            ..*surroundings
        };
        let text = |text: &str| surroundings.text(name, text);
        let environment = environment(step, surroundings)?;
        let local = |text: &str| surroundings.paths.text(text);
        let (script, start) = match (&step.action, surroundings.commands.get(name)) {
            (_, Some(line)) => {
                let line = local(&text(line)?);
                (None, vec!["sh".to_owned(), "-c".to_owned(), line])
            }
            (Action::Script(script), None) => {
                let script = local(&text(&with_preamble(script))?);
                let file = surroundings
                    .folder
                    .script(name)
                    .to_string_lossy()
                    .into_owned();
                (Some(script), vec![file])
            }
            (Action::Command(command), None) => {
                (None, surroundings.items(name, command, &environment)?)
            }
            (Action::Image(image), None) => {
                return Err(CommandError::Image {
                    step: name.clone(),
                    image: image.clone(),
                });
            }
            (Action::Reference(reference), None) => {
                return Err(CommandError::Reference {
                    step: name.clone(),
                    name: reference.clone(),
                });
            }
        };
        let mut arguments = start;
        if !surroundings.commands.contains_key(name) {
            arguments.extend(surroundings.items(name, &step.args, &environment)?);
        }
        let copy = |path: &Option<String>| -> Result<Option<PathBuf>, CommandError> {
            path.as_deref()
                .map(|path| Ok(surroundings.paths.path(&text(path)?)))
                .transpose()
        };
        Ok(Self {
            arguments,
            script,
            working_dir: match &step.working_dir {
                // A relative one is below /workspace, as in Tekton.
                Some(folder) => surroundings.folder.workspace().join(local(&text(folder)?)),
                None => surroundings.folder.workspace(),
            },
            continue_on_error: continues(step, surroundings)?,
            timeout: timeout(step, surroundings)?,
            stdout_copy: copy(&step.stdout_path)?,
            stderr_copy: copy(&step.stderr_path)?,
            runs: conditions_hold(step, surroundings)?,
            outputs: outputs(name, surroundings)?,
            environment,
        })
    }
}

impl Command {
    /// No command at all, for a step that is the redirector alone.
    pub(crate) const fn nothing_in(working_dir: PathBuf) -> Self {
        Self {
            arguments: Vec::new(),
            script: None,
            outputs: Vec::new(),
            environment: Vec::new(),
            working_dir,
            continue_on_error: false,
            timeout: None,
            stdout_copy: None,
            stderr_copy: None,
            runs: true,
        }
    }
}

impl Surroundings<'_> {
    fn text(&self, step: &str, text: &str) -> Result<String, CommandError> {
        let replaced = self.substitution.text(text);
        replaced.map_err(|error| CommandError::Substitution {
            step: step.to_owned(),
            error,
        })
    }

    fn items(
        &self,
        step: &str,
        items: &[String],
        environment: &[(String, String)],
    ) -> Result<Vec<String>, CommandError> {
        let replaced = self.substitution.items(items);
        let replaced = replaced.map_err(|error| CommandError::Substitution {
            step: step.to_owned(),
            error,
        })?;
        Ok(replaced
            .iter()
            .map(|item| self.paths.text(&expand(item, environment)))
            .collect())
    }
}

fn with_preamble(script: &str) -> String {
    if script.starts_with("#!") {
        script.to_owned()
    } else {
        format!("{SCRIPT_PREAMBLE}{script}")
    }
}

/// The declared variables, each expanded with those before it. One whose value is elsewhere in the cluster is left out.
fn environment(
    step: &Step,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<(String, String)>, CommandError> {
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
fn outputs(step: &str, surroundings: &Surroundings<'_>) -> Result<Vec<OutputSpec>, CommandError> {
    let outputs = surroundings.declaration.outputs(step).iter();
    let outputs = outputs.map(|output| {
        let mut spec = output.spec.clone();
        if let Some(path) = &mut spec.path {
            let local = surroundings.paths.path(&surroundings.text(step, path)?);
            let local = surroundings.folder.workspace().join(local);
            *path = local.to_string_lossy().into_owned();
        }
        Ok(spec)
    });
    outputs.collect()
}

fn continues(step: &Step, surroundings: &Surroundings<'_>) -> Result<bool, CommandError> {
    let Some(value) = &step.on_error else {
        return Ok(false);
    };
    match surroundings.text(&step.name, value)?.as_str() {
        "continue" => Ok(true),
        "stopAndFail" | "" => Ok(false),
        other => Err(CommandError::OnError {
            step: step.name.clone(),
            value: other.to_owned(),
        }),
    }
}

fn timeout(step: &Step, surroundings: &Surroundings<'_>) -> Result<Option<Duration>, CommandError> {
    let Some(text) = &step.timeout else {
        return Ok(None);
    };
    let parsed = duration::parse(&surroundings.text(&step.name, text)?);
    let parsed = parsed.map_err(|error| CommandError::Timeout {
        step: step.name.clone(),
        error,
    })?;
    // Tekton takes 0 for no limit.
    Ok(Some(parsed).filter(|timeout| !timeout.is_zero()))
}

fn conditions_hold(step: &Step, surroundings: &Surroundings<'_>) -> Result<bool, CommandError> {
    let mut hold = true;
    for condition in &step.when {
        match condition {
            Condition::Listed {
                input,
                among,
                values,
            } => {
                let input = surroundings.text(&step.name, input)?;
                let values = surroundings.substitution.items(values).map_err(|error| {
                    CommandError::Substitution {
                        step: step.name.clone(),
                        error,
                    }
                })?;
                hold &= values.contains(&input) == *among;
            }
            Condition::Expression(expression) => {
                let (step, expression) = (step.name.clone(), expression.clone());
                return Err(CommandError::Expression { step, expression });
            }
        }
    }
    Ok(hold)
}

#[cfg(test)]
mod tests;
