//! Resource variables in the values that a run or a pipeline task sets. Old versions of Tekton first inserted such a value into
//! the Task's steps, and then replaced the variables in the value. v1 does not replace these variables, so the translation does.

use gleaner_core::document::suggestion::suggestion;
use serde_json::Value;

use crate::binding::Passed;
use crate::interface::Interface;
use crate::variables::{self, Replacement, Variables};

/// The variables of the resources that a run or a pipeline task passes.
pub(crate) struct PassedVariables<'a> {
    /// The words that messages use for the run or pipeline task, such as `the run` or `the task 'build'`.
    pub(crate) title: &'a str,
    pub(crate) is_run: bool,
    pub(crate) passed: &'a [Passed],
    /// The Task or Pipeline that receives the resources, if known.
    pub(crate) interface: Option<&'a Interface>,
    /// The names and keys of the Pipeline's own resources to which the translated variables refer.
    pub(crate) used: Vec<(String, String)>,
}

impl Variables for PassedVariables<'_> {
    fn replace(&mut self, words: &[&str], inside: &str) -> Replacement {
        match words {
            ["inputs" | "outputs", "resources", name, key]
            | ["resources", "inputs" | "outputs", name, key] => self.resource(name, key, inside),
            ["resources", name, key] if self.is_run => self.resource(name, key, inside),
            ["inputs", "params", ..] if self.is_run => Replacement::refused(
                format!("`$({inside})`: a run has no inputs.params to refer to"),
                "use a literal value",
            ),
            ["resources" | "inputs" | "outputs", ..] if self.is_run => Replacement::refused(
                format!("`$({inside})` is not a variable of a run"),
                "use a literal value, or $(resources.inputs.NAME.KEY)",
            ),
            _ => Replacement::Keep,
        }
    }

    fn skips(&self, field: &str) -> bool {
        ["taskSpec", "pipelineSpec", "description", "displayName"].contains(&field)
    }
}

impl PassedVariables<'_> {
    fn resource(&mut self, name: &str, key: &str, inside: &str) -> Replacement {
        let title = self.title;
        let Some(passed) = self.passed.iter().find(|passed| passed.name == name) else {
            let known = self.passed.iter().map(|passed| passed.name.as_str());
            return Replacement::Refused {
                message: format!("`$({inside})`: {title} binds no resource '{name}'"),
                help: suggestion(name, known),
            };
        };
        let Some(value) = &passed.value else {
            // Any text will do, because the translation fails: the error in the binding was already reported.
            return Replacement::Text(name.to_owned());
        };
        let resource = self
            .interface
            .and_then(|interface| interface.resource(name));
        if matches!(key, "path" | "type") {
            let Some(resource) = resource else {
                return Replacement::refused(
                    format!(
                        "`$({inside})`: the value depends on the Task, which is not in the files"
                    ),
                    "add the Task's file with -f, or use a literal value",
                );
            };
            return match (key, resource.path.contains("$(")) {
                ("type", _) => Replacement::Text(resource.kind.as_str().to_owned()),
                (_, false) => Replacement::Text(resource.path.clone()),
                (_, true) => Replacement::refused(
                    format!(
                        "`$({inside})`: the value '{}' contains a variable of the Task",
                        resource.path
                    ),
                    "use a literal path",
                ),
            };
        }
        match value {
            Value::Object(values) => match values.get(key).and_then(Value::as_str) {
                Some(text) => Replacement::Text(text.to_owned()),
                None => Replacement::refused(
                    format!("`$({inside})`: the resource bound to '{name}' has no {key}"),
                    format!("add a param '{key}'"),
                ),
            },
            other => {
                let whole = other.as_str().and_then(variables::inside);
                let whole = whole.and_then(|whole| whole.strip_suffix("[*]"));
                let whole = whole.unwrap_or_default();
                if let Some(own) = whole.strip_prefix("params.") {
                    self.used.push((own.to_owned(), key.to_owned()));
                }
                Replacement::Variable(format!("{whole}.{key}"))
            }
        }
    }
}
