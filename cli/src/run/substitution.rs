//! Replaces Tekton variables, such as `$(params.url)`, in a step's strings.
//!
//! Like Tekton, replaces only known variables and leaves everything else unchanged, because it may be shell syntax, such as
//! `$(date)`. Templates, in contrast, use a syntax in which an unknown variable is an error (`gleaner_core::variable`).

use std::collections::BTreeMap;

use gleaner_core::variable::{Access, Reference};
use serde_json::Value;

use super::expression::UNKNOWN;
use super::variable::{key, parts, reach, replace};
use crate::values::{as_text, did_you_mean};
use gleaner_core::task::consistency::dotted;

#[derive(Debug, Clone, Default)]
pub(crate) struct Substitution {
    pub(crate) params: BTreeMap<String, Value>,
    /// For each StepAction parameter whose value is a whole array or object of the Task, the name of the Task's variable, without
    /// `[*]`.
    pub(crate) passed: BTreeMap<String, String>,
    /// All other variables, keyed by the text between `$(` and `)`.
    pub(crate) named: BTreeMap<String, String>,
    /// Results of steps and other tasks, keyed by `steps.NAME.results.NAME` and `tasks.NAME.results.NAME`.
    pub(crate) results: BTreeMap<String, Value>,
    /// True in the trial before the run, when results are unknown and are replaced with [`UNKNOWN`].
    pub(crate) tentative: bool,
}

impl Substitution {
    pub(crate) fn name(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.named.insert(name.into(), value.into());
    }

    /// Replaces the variables in a string.
    pub(crate) fn text(&self, text: &str) -> Result<String, String> {
        replace(text, |variable| self.lookup(variable))
    }

    /// Replaces the variables in the items of `command` or `args`. An item that consists only of an array variable is
    /// replaced with the items of the array.
    pub(crate) fn items(&self, items: &[String]) -> Result<Vec<String>, String> {
        let mut replaced = Vec::with_capacity(items.len());
        for item in items {
            match self.whole_array(item) {
                Some(values) => replaced.extend(values.iter().map(as_text)),
                None => replaced.push(self.text(item)?),
            }
        }
        Ok(replaced)
    }

    /// If the item consists only of a variable that refers to an array, returns the array.
    fn whole_array(&self, item: &str) -> Option<&[Value]> {
        let inside = item.strip_prefix("$(")?.strip_suffix(')')?;
        let is_whole = |access: &[Access]| access.is_empty() || access == [Access::All];
        if let Ok(Reference::Param { name, access }) = Reference::parse(inside) {
            let value = self.params.get(&name).filter(|_| is_whole(&access))?;
            return value.as_array().map(Vec::as_slice);
        }
        let (name, access) = result_name(inside)?;
        let value = self.results.get(&name).filter(|_| is_whole(&access))?;
        value.as_array().map(Vec::as_slice)
    }

    /// Returns the value of a step's or task's result. Returns `None` if the variable does not refer to a result, or if the step
    /// has not written the result.
    fn result(&self, variable: &str) -> Result<Option<String>, String> {
        let Some((name, access)) = result_name(variable) else {
            return Ok(None);
        };
        match self.results.get(&name) {
            Some(value) => match reach(variable, &access, value) {
                Ok(value) => Ok(Some(as_text(value))),
                // Report an invalid access path, although Tekton's entrypoint would pass the variable to the step unchanged.
                Err(error) => Err(error),
            },
            None => Ok(self.tentative.then(|| UNKNOWN.to_owned())),
        }
    }

    /// Returns the value of a variable, or `None` if the variable is unknown and therefore remains unchanged.
    fn lookup(&self, variable: &str) -> Result<Option<String>, String> {
        let reference = Reference::parse(variable);
        let Ok(reference @ Reference::Param { name, .. }) = &reference else {
            return match self.named.get(&dotted(variable)) {
                Some(value) => Ok(Some(value.clone())),
                None => self.result(variable),
            };
        };
        if let Some(variable) = self.passed.get(name) {
            let access: String = reference.access().iter().map(Access::to_string).collect();
            return Ok(Some(format!("$({variable}{access})")));
        }
        let value = self.params.get(name).ok_or_else(|| {
            let help = did_you_mean(name, self.params.keys());
            format!("`$({reference})`: the Task has no parameter '{name}'{help}")
        })?;
        let reached = match reference.reach(value) {
            // The access path leads into a value that is not yet known.
            Err(_) if self.tentative && contains_unknown(value) => return Ok(Some(UNKNOWN.into())),
            other => other?,
        };
        match reached {
            Value::Array(_) => Err(format!(
                "`$({reference})` is an array: use it as a complete item of command or args, or append an index such as [0]"
            )),
            Value::Object(_) => Err(format!(
                "`$({reference})` is an object, which Tekton does not accept here: use one of its keys"
            )),
            scalar => Ok(Some(as_text(scalar))),
        }
    }
}

/// Returns the name of a result and the access path into it, or `None` if the variable does not refer to a result.
fn result_name(variable: &str) -> Option<(String, Vec<Access>)> {
    let parts = parts(variable)?;
    let words = [0, 1, 2, 3].map(|index| key(&parts, index));
    match words {
        [
            Some(root @ ("steps" | "tasks")),
            Some(of),
            Some("results"),
            Some(name),
        ] => Some((format!("{root}.{of}.results.{name}"), parts[4..].to_vec())),
        _ => None,
    }
}

fn contains_unknown(value: &Value) -> bool {
    value.to_string().contains(UNKNOWN)
}

/// Replaces `$(NAME)` in `text` with the value of the environment variable, as the kubelet does in `command`, `args` and the
/// values of environment variables. `$$` becomes `$` (`k8s.io/kubernetes/third_party/forked/golang/expansion`).
pub(crate) fn expand(text: &str, environment: &[(String, String)]) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        expanded.push_str(&rest[..start]);
        let behind = &rest[start + 1..];
        if let Some(after) = behind.strip_prefix('$') {
            expanded.push('$');
            rest = after;
            continue;
        }
        let name = behind
            .strip_prefix('(')
            .and_then(|inside| inside.split_once(')'));
        // If a variable is declared several times, the last declaration takes precedence.
        let found = name.and_then(|(name, after)| {
            let (_, value) = environment.iter().rfind(|(other, _)| other == name)?;
            Some((value, after))
        });
        match found {
            Some((value, after)) => {
                expanded.push_str(value);
                rest = after;
            }
            None => {
                expanded.push('$');
                rest = behind;
            }
        }
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests;
