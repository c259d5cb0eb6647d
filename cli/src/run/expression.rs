//! Replaces the variables in a pipeline when a task starts.

use std::collections::{BTreeMap, BTreeSet};

use gleaner_core::variable::{Access, Reference};
use serde_json::Value;

use super::model::{Guard, Params, Results};
use super::variable::{self, key, occurrences, parts, reach};
use crate::values::as_text;

/// The placeholder that the trial before a run uses for a value that is not yet known.
pub(crate) const UNKNOWN: &str = "\u{fffc}";

/// The values of a pipeline's variables.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    pub(crate) params: Params,
    /// The values of `$(context.*)`, by the name after `context.`.
    pub(crate) context: BTreeMap<String, String>,
    /// The bound workspaces.
    pub(crate) workspaces: BTreeSet<String>,
    /// The results of the completed tasks.
    pub(crate) results: BTreeMap<String, Results>,
    /// The values of `$(tasks.NAME.status)`, by task name.
    pub(crate) statuses: BTreeMap<String, &'static str>,
    /// The values of `$(tasks.NAME.reason)`, by task name.
    pub(crate) reasons: BTreeMap<String, &'static str>,
    /// True in the trial before the run, when results are unknown.
    pub(crate) tentative: bool,
}

/// The reason why a variable has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// The task was skipped, or did not write the result.
    Result {
        task: String,
        result: String,
    },
    Invalid(String),
}

impl std::fmt::Display for Unavailable {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Result { task, result } => {
                write!(out, "task '{task}' did not write the result '{result}'")
            }
            Self::Invalid(message) => out.write_str(message),
        }
    }
}

impl Scope {
    /// Replaces the context variables inside the parameters' values, as Tekton does after it has replaced the parameters.
    pub(crate) fn with_context(mut self) -> Self {
        for value in self.params.values_mut() {
            variable::replace_context(value, &|name| self.context.get(name));
        }
        self
    }

    /// Replaces the variables in a string.
    pub(crate) fn text(&self, text: &str) -> Result<String, Unavailable> {
        variable::replace(text, |inner| Ok(self.lookup(inner)?.as_ref().map(as_text)))
    }

    /// Replaces the variables in a parameter's value. A string that consists of a single variable is replaced by the variable's
    /// value, which may be of any type.
    pub(crate) fn value(&self, value: &Value) -> Result<Value, Unavailable> {
        match value {
            Value::String(text) => match self.whole(text)? {
                Some(value) => Ok(value),
                None => Ok(Value::String(self.text(text)?)),
            },
            Value::Array(items) => {
                let mut replaced = Vec::new();
                for item in items {
                    match self.value(item)? {
                        Value::Array(several) => replaced.extend(several),
                        one => replaced.push(one),
                    }
                }
                Ok(Value::Array(replaced))
            }
            Value::Object(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), self.value(value)?)));
                Ok(Value::Object(entries.collect::<Result<_, Unavailable>>()?))
            }
            other => Ok(other.clone()),
        }
    }

    /// Returns true if all `when` conditions are true.
    pub(crate) fn holds(&self, guards: &[Guard]) -> Result<bool, Unavailable> {
        for guard in guards {
            let input = self.text(&guard.input)?;
            let values = self.value(&Value::Array(guard.values.clone()))?;
            let items = values.as_array().into_iter().flatten();
            let among = items.map(as_text).any(|value| value == input);
            if among != guard.among {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// If the text consists of a single variable, returns the variable's value.
    fn whole(&self, text: &str) -> Result<Option<Value>, Unavailable> {
        match occurrences(text).find(|one| one.is_whole) {
            Some(one) => self.lookup(one.inner),
            None => Ok(None),
        }
    }

    /// Returns the value of a variable, or `None` if the pipeline has no such variable.
    fn lookup(&self, inner: &str) -> Result<Option<Value>, Unavailable> {
        if let Ok(reference @ Reference::Param { name, .. }) = &Reference::parse(inner) {
            let value = self.params.get(name).ok_or_else(|| {
                Unavailable::Invalid(format!(
                    "`$({inner})`: the Pipeline has no parameter '{name}'"
                ))
            })?;
            let reached = reference.reach(value).map_err(Unavailable::Invalid)?;
            return Ok(Some(reached.clone()));
        }
        let Some(parts) = parts(inner) else {
            return Ok(None);
        };
        match variable::root(inner) {
            Some("context") => {
                let known = self.context.get(&inner["context.".len()..]);
                let known = known.map(|value| Value::from(value.as_str()));
                Ok(known.or_else(|| self.unknown()))
            }
            Some("tasks" | "finally") => self.of_task(inner, &parts),
            Some("workspaces") if key(&parts, 2) == Some("bound") => {
                let bound = key(&parts, 1).is_some_and(|name| self.workspaces.contains(name));
                Ok(Some(Value::String(bound.to_string())))
            }
            _ => Ok(None),
        }
    }

    /// In the trial before the run, returns the placeholder. During the run, returns `None`.
    fn unknown(&self) -> Option<Value> {
        self.tentative.then(|| UNKNOWN.into())
    }

    fn of_task(&self, inner: &str, parts: &[Access]) -> Result<Option<Value>, Unavailable> {
        let Some(task) = key(parts, 1) else {
            return Ok(None);
        };
        if parts.len() == 2 && task == "status" {
            let known = self.statuses.get("").map(|status| Value::from(*status));
            return Ok(known.or_else(|| self.unknown()));
        }
        match (key(parts, 2), key(parts, 3)) {
            (Some("status"), None) => {
                let known = self.statuses.get(task).map(|status| Value::from(*status));
                Ok(known.or_else(|| self.unknown()))
            }
            (Some("reason"), None) => {
                let known = self.reasons.get(task).map(|reason| Value::from(*reason));
                Ok(known.or_else(|| self.unknown()))
            }
            (Some("results"), Some(result)) => {
                let written = self
                    .results
                    .get(task)
                    .and_then(|results| results.get(result));
                match written {
                    Some(value) => {
                        let reached = reach(inner, &parts[4..], value);
                        Ok(Some(reached.map_err(Unavailable::Invalid)?.clone()))
                    }
                    None if self.tentative => Ok(Some(UNKNOWN.into())),
                    None => Err(Unavailable::Result {
                        task: task.to_owned(),
                        result: result.to_owned(),
                    }),
                }
            }
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scope() -> Scope {
        let mut scope = Scope {
            params: serde_json::from_value(json!({"url": "u", "list": ["a", "b"]})).unwrap(),
            ..Scope::default()
        };
        scope
            .context
            .insert("pipelineRun.name".into(), "run".into());
        let results =
            serde_json::from_value(json!({"img": {"url": "x"}, "l": ["1", "2"], "s": "t"}));
        scope.results.insert("build".into(), results.unwrap());
        scope
    }

    #[test]
    fn results_are_passed_with_their_types() {
        let scope = scope();
        let value = |text: &str| scope.value(&json!(text)).unwrap();
        assert_eq!(value("$(tasks.build.results.img[*])"), json!({"url": "x"}));
        assert_eq!(value("$(tasks.build.results.img.url)"), "x");
        assert_eq!(value("$(tasks.build.results.l[1])"), "2");
        assert_eq!(value("$(params.list[*])"), json!(["a", "b"]));
        assert_eq!(
            value("a $(tasks.build.results.s) $(params[\"url\"]) $(date)"),
            "a t u $(date)"
        );
        assert_eq!(value("$(context.pipelineRun.name)"), "run");
        assert_eq!(
            scope.value(&json!(["x", "$(params.list[*])"])).unwrap(),
            json!(["x", "a", "b"])
        );
    }

    #[test]
    fn the_error_for_a_missing_result_names_the_task_and_the_result() {
        let error = scope().text("$(tasks.build.results.none)").unwrap_err();
        assert_eq!(
            error.to_string(),
            "task 'build' did not write the result 'none'"
        );
        let tentative = Scope {
            tentative: true,
            ..scope()
        };
        assert_eq!(tentative.text("$(tasks.other.results.x)").unwrap(), UNKNOWN);
    }

    #[test]
    fn variables_in_a_value_are_not_replaced_again() {
        let mut scope = scope();
        scope.params.insert("url".into(), json!("$(params.list)"));
        assert_eq!(scope.text("$(params.url)").unwrap(), "$(params.list)");
    }
}
