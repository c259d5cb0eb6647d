//! Steps, with the step template merged in.

use std::collections::HashSet;

use crate::document::Node;
use crate::document::{Cursor, Diagnostics};

pub use gleaner_proto::redirector::SCRIPT_PREAMBLE;

/// Returns true if `script` names its interpreter: its first line that is not empty begins with `#!`. Tekton puts
/// [`SCRIPT_PREAMBLE`] before any other (`pkg/pod/script.go`).
pub fn has_interpreter(script: &str) -> bool {
    script.trim_start().starts_with("#!")
}

/// The most steps of a Task, each of which becomes a container of one pod.
pub const STEPS_MAX: usize = 256;
/// The most text, in bytes, that a step template may give to all steps together: each gets a copy of its own.
const COPIES_MAX: usize = 4 << 20;

/// A step of a Task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name; `unnamed-<i>` when it has none, as Tekton names it.
    pub name: String,
    /// What it runs.
    pub action: Action,
    /// Arguments behind it.
    pub args: Vec<String>,
    /// Its environment variables, in order.
    pub env: Vec<Environment>,
    /// The folder it runs in.
    pub working_dir: Option<String>,
    /// `onError`, which may hold a variable.
    pub on_error: Option<String>,
    /// `timeout`, which may hold a variable.
    pub timeout: Option<String>,
    /// Conditions, all of which must hold for the step to run.
    pub when: Vec<Condition>,
    /// The names of the results that it writes itself.
    pub results: Vec<String>,
    /// A file that gets a copy of what the step writes to standard output.
    pub stdout_path: Option<String>,
    /// A file that gets a copy of what the step writes to standard error.
    pub stderr_path: Option<String>,
}

/// What a step runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A script; without a `#!` line it is one for `sh -e`.
    Script(String),
    /// A command with its fixed arguments.
    Command(Vec<String>),
    /// Whatever the image runs.
    Image(String),
    /// A StepAction that stands elsewhere.
    Reference(String),
}

/// An environment variable of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Its value; none when it comes from a Secret, a ConfigMap or the pod.
    pub value: Option<String>,
}

/// A condition of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// `input`, `operator`, `values`.
    Listed {
        /// The text that is looked for.
        input: String,
        /// Whether it must be among the values, or must not.
        among: bool,
        /// The values.
        values: Vec<String>,
    },
    /// An expression of the Common Expression Language.
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
                "the Task has {} steps; at most {STEPS_MAX} are read",
                items.len()
            );
            found.refuse(spec, message, "divide it into several Tasks");
            return steps;
        }
        if let Some(template) = &template
            && template.bytes() * items.len() > COPIES_MAX
        {
            let message = "the step template, copied to each step, is too large";
            let help = format!("at most {} MiB are read", COPIES_MAX >> 20);
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
                let message = format!("a step before this one is also called '{}'", step.name);
                found.add(item, message, None);
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
            timeout: step.text_at("timeout", found),
            when: conditions(step, found),
            results: result_names(step, found),
            stdout_path: redirection(step, "stdoutConfig", found),
            stderr_path: redirection(step, "stderrConfig", found),
        }
    }

    /// Takes from the template what the step does not say itself. Environment variables are merged by name.
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
        let own: HashSet<&str> = self.env.iter().map(|own| own.name.as_str()).collect();
        let inherited = template.env.iter();
        let mut env: Vec<Environment> = inherited
            .filter(|variable| !own.contains(variable.name.as_str()))
            .cloned()
            .collect();
        env.append(&mut self.env);
        self.env = env;
        self.working_dir = self.working_dir.or_else(|| template.working_dir.clone());
        self
    }

    /// The memory that a copy takes at least.
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

fn size_of_texts(texts: &[String]) -> usize {
    let sizes = texts.iter().map(|text| size_of::<String>() + text.len());
    sizes.sum()
}

/// The name of the step `node`, the `index`th of its Task.
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
            let help = "keep one of them, as Tekton demands";
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
        let among = match item.text_at("operator", found).as_deref() {
            Some("in") => true,
            Some("notin") => false,
            _ => {
                let help = "use in or notin";
                found.refuse(&item, "has no operator", help);
                continue;
            }
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
