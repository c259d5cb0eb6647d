//! Steps, with the step template merged in.

use crate::document::diagnostic::Diagnostic;
use crate::document::yaml::{Content, Node};

use super::reading::{Reading, join, present};

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
    pub(crate) fn read_all(spec: &Node, place: &str, reading: &mut Reading) -> Vec<Self> {
        let template = present(spec, "stepTemplate").or_else(|| present(spec, "containerTemplate"));
        let template = template.map(|node| {
            let place = join(place, "stepTemplate");
            Self::read(node, String::new(), &place, reading)
        });
        let mut steps: Vec<Self> = Vec::new();
        for (index, node) in reading.list_at(spec, "steps", place).iter().enumerate() {
            let place = format!("{place}.steps[{index}]");
            let step = Self::read(node, step_name(node, index), &place, reading);
            if steps.iter().any(|other| other.name == step.name) {
                let message = format!("a step before this one is also called '{}'", step.name);
                reading
                    .diagnostics
                    .push(Diagnostic::new(place, Some(node.at), message));
            }
            steps.push(match &template {
                Some(template) => step.merged_with(template),
                None => step,
            });
        }
        steps
    }

    fn read(node: &Node, name: String, place: &str, reading: &mut Reading) -> Self {
        Self {
            name,
            action: action(node, place, reading),
            args: reading.texts_at(node, "args", place),
            env: environment(node, place, reading),
            working_dir: reading.text_at(node, "workingDir", place),
            on_error: reading.text_at(node, "onError", place),
            timeout: reading.text_at(node, "timeout", place),
            when: conditions(node, place, reading),
            results: result_names(node, place, reading),
            stdout_path: redirection(node, "stdoutConfig", place, reading),
            stderr_path: redirection(node, "stderrConfig", place, reading),
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
        let own = std::mem::take(&mut self.env);
        self.env = template.env.clone();
        self.env
            .retain(|other| own.iter().all(|variable| variable.name != other.name));
        self.env.extend(own);
        self.working_dir = self.working_dir.or_else(|| template.working_dir.clone());
        self
    }
}

/// The name of the step `node`, the `index`th of its Task.
pub(crate) fn step_name(node: &Node, index: usize) -> String {
    match node.get("name").and_then(Node::as_str) {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => format!("unnamed-{index}"),
    }
}

fn action(node: &Node, place: &str, reading: &mut Reading) -> Action {
    if let Some(reference) = present(node, "ref") {
        let name = reference.get("name").and_then(Node::as_str);
        return Action::Reference(name.unwrap_or("a remote StepAction").to_owned());
    }
    let script = reading
        .text_at(node, "script", place)
        .filter(|script| !script.is_empty());
    let command = reading.texts_at(node, "command", place);
    match script {
        Some(_) if !command.is_empty() => {
            let message = "has both script and command".to_owned();
            reading.complain(place, node, message, "keep one of them, as Tekton demands");
            Action::Command(command)
        }
        Some(script) => Action::Script(script),
        None if command.is_empty() => {
            Action::Image(reading.text_at(node, "image", place).unwrap_or_default())
        }
        None => Action::Command(command),
    }
}

fn environment(node: &Node, place: &str, reading: &mut Reading) -> Vec<Environment> {
    let mut variables = Vec::new();
    for (index, item) in reading.list_at(node, "env", place).iter().enumerate() {
        let place = format!("{place}.env[{index}]");
        let Some(name) = reading.name(item, &place) else {
            continue;
        };
        let elsewhere = present(item, "valueFrom").is_some();
        let value = reading.text_at(item, "value", &place).unwrap_or_default();
        variables.push(Environment {
            name,
            value: (!elsewhere).then_some(value),
        });
    }
    variables
}

fn conditions(node: &Node, place: &str, reading: &mut Reading) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for (index, item) in reading.list_at(node, "when", place).iter().enumerate() {
        let place = format!("{place}.when[{index}]");
        if let Some(expression) = reading.text_at(item, "cel", &place) {
            conditions.push(Condition::Expression(expression));
            continue;
        }
        let among = match reading.text_at(item, "operator", &place).as_deref() {
            Some("in") => true,
            Some("notin") => false,
            _ => {
                reading.complain(
                    &place,
                    item,
                    "has no operator".to_owned(),
                    "use in or notin",
                );
                continue;
            }
        };
        conditions.push(Condition::Listed {
            input: reading.text_at(item, "input", &place).unwrap_or_default(),
            among,
            values: reading.texts_at(item, "values", &place),
        });
    }
    conditions
}

fn result_names(node: &Node, place: &str, reading: &mut Reading) -> Vec<String> {
    let items = reading.list_at(node, "results", place);
    items
        .iter()
        .filter_map(|item| Some(item.get("name")?.as_str()?.to_owned()))
        .collect()
}

fn redirection(node: &Node, key: &str, place: &str, reading: &mut Reading) -> Option<String> {
    let config = node
        .get(key)
        .filter(|node| matches!(node.content, Content::Mapping(_)))?;
    reading.text_at(config, "path", &join(place, key))
}
