//! Steps, merged with the step template.

use std::collections::{HashMap, HashSet};

use crate::document::Node;
use crate::document::{Cursor, Diagnostics};
use crate::task::structure;

pub use gleaner_proto::redirector::SCRIPT_PREAMBLE;

/// Returns true if `script` specifies its interpreter: its first non-empty line begins with `#!`. Tekton puts
/// [`SCRIPT_PREAMBLE`] before any other script (`pkg/pod/script.go`).
pub fn has_interpreter(script: &str) -> bool {
    script.trim_start().starts_with("#!")
}

/// The maximum number of steps in a Task. This limits the number of containers in the Task's pod.
pub const STEPS_MAX: usize = 256;
/// The maximum total size of the copies of a step template, in bytes. Each step gets a copy.
const COPIES_MAX: usize = 4 << 20;

/// A step of a Task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The step's name, or `unnamed-<i>` if the step has no name, as in Tekton.
    pub name: String,
    /// The action that the step runs.
    pub action: Action,
    /// The arguments of the action.
    pub args: Vec<String>,
    /// The step's environment variables, in order.
    pub env: Vec<Environment>,
    /// The working directory.
    pub working_dir: Option<String>,
    /// `onError`, which may contain a variable.
    pub on_error: Option<String>,
    /// `timeout`, which may contain a variable.
    pub timeout: Option<String>,
    /// The conditions; the step runs only if all of them are true.
    pub when: Vec<Condition>,
    /// The names of the step's own results.
    pub results: Vec<String>,
    /// A file that gets a copy of the step's standard output.
    pub stdout_path: Option<String>,
    /// A file that gets a copy of the step's standard error.
    pub stderr_path: Option<String>,
}

/// The action that a step runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A script; without a `#!` line it is run by `sh -e`.
    Script(String),
    /// A command with its fixed arguments.
    Command(Vec<String>),
    /// The entrypoint of this image.
    Image(String),
    /// A StepAction with this name.
    Reference(String),
}

/// An environment variable of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The name of the variable.
    pub name: String,
    /// The variable's value, or `None` if it is set by `valueFrom`.
    pub value: Option<String>,
}

/// A condition of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// A condition with `input`, `operator` and `values`.
    Listed {
        /// The string to compare with the values.
        input: String,
        /// True if the input must be one of the values; false if it must not be one of them.
        among: bool,
        /// The values to compare with the input.
        values: Vec<String>,
    },
    /// An expression in the Common Expression Language (CEL).
    Expression(String),
}

impl Step {
    /// Reads the steps of a TaskSpec.
    pub(crate) fn read_all(spec: &Cursor<'_>, found: &mut Diagnostics) -> Vec<Self> {
        let template = ["stepTemplate", "containerTemplate"].into_iter();
        let template = template.filter_map(|key| spec.field(key)).next();
        if let Some(template) = &template
            && template.node.mapping().is_none()
        {
            template.expected("a map", found);
        }
        let template = template.map(|template| Self::read(&template, String::new(), found));
        let mut steps: Vec<Self> = Vec::new();
        let mut names = HashSet::new();
        let items = spec.items_at("steps", found);
        if items.len() > STEPS_MAX {
            let message = format!(
                "the Task has {} steps, but at most {STEPS_MAX} are allowed",
                items.len()
            );
            found.refuse(spec, message, "split the Task into several Tasks");
            return steps;
        }
        if let Some(template) = &template
            && template.bytes() * items.len() > COPIES_MAX
        {
            let message = "the step template is too large, because Tekton copies it to each step";
            let help = format!(
                "all copies together may take at most {} MiB",
                COPIES_MAX >> 20
            );
            found.refuse(spec, message, help);
            return steps;
        }
        for (index, item) in items.iter().enumerate() {
            if item.node.mapping().is_none() {
                item.expected("a map", found);
                continue;
            }
            let step = Self::read(item, step_name(item.node, index), found);
            if !names.insert(step.name.clone()) {
                let message = format!("an earlier step is also named '{}'", step.name);
                found.refuse(item, message, "rename one of them");
            }
            steps.push(match &template {
                Some(template) => step.merged_with(template),
                None => step,
            });
        }
        steps
    }

    fn read(step: &Cursor<'_>, name: String, found: &mut Diagnostics) -> Self {
        Self {
            name,
            action: action(step, found),
            args: step.texts_at("args", found),
            env: environment(step, found),
            working_dir: step.text_at("workingDir", found),
            on_error: step.text_at("onError", found),
            timeout: step.field("timeout").and_then(|timeout| {
                let help = |value: &str| format!("write a duration with a unit, such as {value}s");
                timeout.text_or(found, help).map(str::to_owned)
            }),
            when: conditions(step, found),
            results: result_names(step, found),
            stdout_path: redirection(step, "stdoutConfig", found),
            stderr_path: redirection(step, "stderrConfig", found),
        }
    }

    /// Copies from the template each field that the step does not set. Environment variables are merged by name.
    fn merged_with(mut self, template: &Self) -> Self {
        if let (Action::Image(image), action) = (&self.action, &template.action) {
            self.action = match action {
                Action::Image(other) if image.is_empty() => Action::Image(other.clone()),
                Action::Image(_) => self.action,
                other => other.clone(),
            };
        }
        if self.args.is_empty() {
            self.args.clone_from(&template.args);
        }
        self.env = merged_environment(self.env, &template.env);
        self.working_dir = self.working_dir.or_else(|| template.working_dir.clone());
        self
    }

    /// Returns a lower bound on the memory that a copy of the step takes, in bytes.
    fn bytes(&self) -> usize {
        let action = match &self.action {
            Action::Script(text) | Action::Image(text) | Action::Reference(text) => text.len(),
            Action::Command(command) => size_of_texts(command),
        };
        let variables = self.env.iter().map(|variable| {
            let value = variable.value.as_deref().unwrap_or_default();
            size_of::<Environment>() + variable.name.len() + value.len()
        });
        action + size_of_texts(&self.args) + variables.sum::<usize>()
    }
}

/// Returns the variables that only the step sets, followed by the template's variables. If both set a variable, the step's value
/// is used (`MergeStepsWithStepTemplate` in `pkg/apis/pipeline/v1/merge.go`).
fn merged_environment(own: Vec<Environment>, template: &[Environment]) -> Vec<Environment> {
    let inherited: HashSet<&str> = template.iter().map(|one| one.name.as_str()).collect();
    let (changed, mut env): (Vec<_>, Vec<_>) = own
        .into_iter()
        .partition(|one| inherited.contains(one.name.as_str()));
    let changed: HashMap<&str, &Environment> =
        changed.iter().map(|one| (one.name.as_str(), one)).collect();
    let inherited = template.iter().map(|one| {
        let own = changed.get(one.name.as_str()).copied();
        own.unwrap_or(one).clone()
    });
    env.extend(inherited);
    env
}

fn size_of_texts(texts: &[String]) -> usize {
    let sizes = texts.iter().map(|text| size_of::<String>() + text.len());
    sizes.sum()
}

/// Returns the name of the step in `node`, which is at `index` in the Task's list of steps.
pub(crate) fn step_name(node: &Node, index: usize) -> String {
    match node.get("name").and_then(Node::as_str) {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => format!("unnamed-{index}"),
    }
}

fn action(step: &Cursor<'_>, found: &mut Diagnostics) -> Action {
    if let Some(reference) = step.field("ref") {
        let name = reference.node.text_of("name");
        return Action::Reference(name.unwrap_or("a remote StepAction").to_owned());
    }
    let script = step.text_at("script", found);
    let command = step.texts_at("command", found);
    match script.filter(|script| !script.is_empty()) {
        Some(_) if !command.is_empty() => {
            let help = "keep one of them, because Tekton does not allow both";
            found.refuse(step, "has both script and command", help);
            Action::Command(command)
        }
        Some(script) => Action::Script(script),
        None if command.is_empty() => {
            Action::Image(step.text_at("image", found).unwrap_or_default())
        }
        None => Action::Command(command),
    }
}

fn environment(step: &Cursor<'_>, found: &mut Diagnostics) -> Vec<Environment> {
    let mut variables = Vec::new();
    for item in step.items_at("env", found) {
        let Some(name) = item.name(found) else {
            continue;
        };
        let elsewhere = item.field("valueFrom").is_some();
        let value = item.text_at("value", found).unwrap_or_default();
        variables.push(Environment {
            name,
            value: (!elsewhere).then_some(value),
        });
    }
    variables
}

fn conditions(step: &Cursor<'_>, found: &mut Diagnostics) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for item in step.items_at("when", found) {
        if let Some(expression) = item.text_at("cel", found) {
            conditions.push(Condition::Expression(expression));
            continue;
        }
        let Some(among) = structure::operator(&item, found) else {
            continue;
        };
        conditions.push(Condition::Listed {
            input: item.text_at("input", found).unwrap_or_default(),
            among,
            values: item.texts_at("values", found),
        });
    }
    conditions
}

fn result_names(step: &Cursor<'_>, found: &mut Diagnostics) -> Vec<String> {
    let items = step.items_at("results", found).into_iter();
    items
        .filter_map(|item| Some(item.node.text_of("name")?.to_owned()))
        .collect()
}

fn redirection(step: &Cursor<'_>, key: &str, found: &mut Diagnostics) -> Option<String> {
    let config = step.field(key);
    let config = config.filter(|config| config.node.mapping().is_some())?;
    config.text_at("path", found)
}
