//! Determines the effect, the message and the remedy for an unknown or misused variable in a Task.

use std::cell::Cell;

use indexmap::IndexSet;

use crate::document::suggestion::suggestion;
use crate::variable::occurrence::{Occurrence, key, misspelt, parts, root};
use crate::variable::{Access, Reference};

use super::admission;
use super::artifacts::is_artifact;
use super::field::Field;
use super::names::{Kind, Names};
use super::shell::{is_in_comment, is_program};

const ROOTS: [&str; 12] = [
    "params",
    "inputs",
    "outputs",
    "resources",
    "results",
    "step",
    "steps",
    "workspaces",
    "context",
    "credentials",
    "tasks",
    "finally",
];

/// The prefixes of the context variables that Tekton replaces only in tasks embedded in Pipelines.
const OF_PIPELINES: [&str; 2] = ["pipelineRun.", "pipeline."];
const OF_PIPELINE: [&str; 4] = [
    "pipelineRun.name",
    "pipelineRun.namespace",
    "pipelineRun.uid",
    "pipeline.name",
];

/// The effect of a variable that is unknown or misused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Tekton's webhook rejects the object that contains the variable.
    Refused,
    /// Neither Tekton nor `gleaner run` replaces the variable.
    Literal,
    /// Tekton does not replace the variable, but `gleaner run` does.
    Replaced,
    /// The effect depends on the cluster's settings, or on the Task that refers to the StepAction.
    Elsewhere,
}

/// A variable that is unknown or misused.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) effect: Effect,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// The maximum number of problems for which to find a suggestion. Finding a suggestion takes longer than the rest of a check.
const SUGGESTIONS: usize = 40;

/// The rule by which variables are checked against the known names.
pub(super) struct Rule<'a> {
    pub(super) names: &'a Names<'a>,
    suggestions: Cell<usize>,
}

/// A message and its remedy.
pub(super) type Wrong = (String, Option<String>);

// === impl Rule ===

impl<'a> Rule<'a> {
    pub(super) const fn new(names: &'a Names<'a>) -> Self {
        Self {
            names,
            suggestions: Cell::new(0),
        }
    }

    /// Returns the problem with a variable that occurs in `text`. Returns `None` if the variable is valid or may be shell syntax.
    pub(super) fn problem(
        &self,
        text: &str,
        one: Occurrence<'_>,
        field: &Field<'_>,
    ) -> Option<Problem> {
        let inner = one.inner;
        let is_refused = admission::refuses(self.names, one, field);
        let (message, help, effect) = match (self.wrong(one, field), self.in_brackets(inner)) {
            (None, Some((message, help))) => (message, help, Effect::Replaced),
            (None, None) if is_refused => {
                let (message, help) = self.refused(inner, field);
                (message, help, Effect::Refused)
            }
            (None, None) => return None,
            (Some((message, help)), _) => (message, help, Effect::Literal),
        };
        let effect = if is_refused {
            Effect::Refused
        } else if is_artifact(inner) || self.depends_on_task(inner) {
            Effect::Elsewhere
        } else if field.is_script() && (is_program(inner) || is_in_comment(text, one.offset)) {
            return None;
        } else {
            effect
        };
        Some(Problem {
            effect,
            message,
            help,
        })
    }

    /// Returns the message and the remedy for a variable that Tekton rejects because of its form.
    fn refused(&self, inner: &str, field: &Field<'_>) -> Wrong {
        if self.names.is_step_action && inner.starts_with("params") {
            let message = format!("`$({inner})`: the script of a StepAction cannot use parameters");
            return (message, Some("pass it in env or args".to_owned()));
        }
        let help = match parts(inner) {
            Some(_) if inner.starts_with("results") => {
                "put a name that contains dots in brackets, such as $(results[\"a.b\"].path)"
            }
            Some(_) => "put a name that contains dots in brackets, such as $(params[\"a.b\"])",
            None if field.is_script() => {
                "Tekton treats it as a variable; for a shell command substitution, use backquotes"
            }
            None => "remove it",
        };
        let message = format!("unknown variable `$({inner})`");
        (message, Some(help.to_owned()))
    }

    /// Returns the message and the remedy for an object key that is not in the form `params.NAME.KEY`, the only form that Tekton
    /// replaces (`objectIndividualVariablePattern` in `pkg/reconciler/taskrun/resources/apply.go`).
    fn in_brackets(&self, inner: &str) -> Option<Wrong> {
        let Ok(Reference::Param { name, access }) = Reference::parse(inner) else {
            return None;
        };
        let (Some(Kind::Object(_)), [Access::Key(key)]) =
            (self.names.params.get(name.as_str()), access.as_slice())
        else {
            return None;
        };
        let right = format!("params.{name}.{key}");
        let message = format!("unknown variable `$({inner})`");
        (inner != right).then(|| (message, Some(format!("use $({right})"))))
    }

    /// Returns true if the variable is in a StepAction and its value depends on the Task that refers to the StepAction.
    fn depends_on_task(&self, inner: &str) -> bool {
        let roots = ["results", "workspaces", "steps"];
        self.names.is_step_action && root(inner).is_some_and(|root| roots.contains(&root))
    }

    fn wrong(&self, one: Occurrence<'_>, field: &Field<'_>) -> Option<Wrong> {
        let inner = one.inner;
        let unknown = |help: Option<String>| Some((format!("unknown variable `$({inner})`"), help));
        let Some(root) = root(inner).filter(|root| ROOTS.contains(root)) else {
            let meant = misspelt(inner, &ROOTS)?;
            return unknown(Some(format!("did you mean '{meant}'?")));
        };
        if let Ok(Reference::Param { name, access }) = Reference::parse(inner) {
            return self.of_param(one, &name, &access, field);
        }
        let Some(parts) = parts(inner) else {
            // In a script, such text is not reported, because it may be a command substitution, such as `$(steps.sh a b)`.
            return (!field.is_script()).then(|| unknown(None)).flatten();
        };
        let name = key(&parts, 1).unwrap_or_default();
        match root {
            "inputs" | "resources" if key(&parts, 1) != Some("params") => self.of_resource(inner),
            "results" if parts.last() == Some(&Access::Key("path".to_owned())) => {
                let name = dotted(inner, "results.", ".path").unwrap_or(name);
                let what = format!("the {} has no result", self.names.title());
                self.lacks(inner, &what, name, &self.names.results)
            }
            "results" => unknown(Some(format!("use $(results.{name}.path)"))),
            "workspaces" => self.of_workspace(inner, name),
            "context" => self.of_context(inner),
            "step" => self.of_own_step(inner, &parts, field),
            "steps" => self.of_steps(inner, &parts, field),
            "credentials" if name == "path" => None,
            "outputs" => None,
            "tasks" if self.names.is_in_pipeline => None,
            "tasks" | "finally" => unknown(Some(
                "pass the results of other tasks through parameters of the Task".to_owned(),
            )),
            _ => unknown(None),
        }
    }

    fn of_param(
        &self,
        one: Occurrence<'_>,
        name: &str,
        access: &[Access],
        field: &Field<'_>,
    ) -> Option<Wrong> {
        let inner = one.inner;
        let Some(kind) = self.names.params.get(name) else {
            if self.names.has_param(name) {
                return None;
            }
            let what = format!("the {} has no parameter", self.names.title());
            let known = self.names.params.keys().copied();
            return Some((
                format!("`$({inner})`: {what} '{name}'"),
                self.suggestion(name, known),
            ));
        };
        let is_whole = access.is_empty() || access == [Access::All];
        let of_type = || {
            format!(
                "`$({inner})`: the parameter '{name}' is of type {}",
                kind.as_str()
            )
        };
        match (kind, access.first()) {
            (Kind::Array | Kind::Object(_), _)
                if is_whole && one.is_whole && field.takes_any_type() =>
            {
                None
            }
            (Kind::Array, _) if is_whole && !(one.is_whole && field.spreads()) => Some((
                format!("`$({inner})` is an array"),
                Some(
                    "use it as a whole item of command or args, or add an index such as [0]"
                        .to_owned(),
                ),
            )),
            (Kind::Array, Some(Access::Key(_))) => Some((
                of_type(),
                Some("replace the key with an index such as [0]".to_owned()),
            )),
            (Kind::Object(_), _) if is_whole => Some((
                format!("`$({inner})` is an object"),
                Some("add one of its keys, such as .KEY".to_owned()),
            )),
            (Kind::Object(keys), Some(Access::Key(key)))
                if !keys.is_empty() && !keys.contains(key.as_str()) =>
            {
                let message = format!("`$({inner})`: the parameter '{name}' has no key '{key}'");
                Some((message, self.suggestion(key, keys.iter().copied())))
            }
            (Kind::Object(_), Some(Access::Index(_))) => Some((
                of_type(),
                Some("replace the index with one of its keys, such as .KEY".to_owned()),
            )),
            (Kind::String, Some(_)) => Some((of_type(), Some(format!("use $(params.{name})")))),
            _ => None,
        }
    }

    fn of_resource(&self, inner: &str) -> Option<Wrong> {
        let known = &self.names.inputs;
        let is_known = inner
            .split(['.', '[', ']', '"', '\''])
            .any(|word| known.contains(word));
        if is_known || inner.starts_with("resources.outputs.") {
            return None;
        }
        let message = format!("`$({inner})`: the Task has no such resource");
        Some((message, self.suggestion(inner, known.iter().copied())))
    }

    fn of_workspace(&self, inner: &str, name: &str) -> Option<Wrong> {
        let fields = [".path", ".bound", ".claim", ".volume"].into_iter();
        let mut names = fields.filter_map(|field| dotted(inner, "workspaces.", field));
        match names.next() {
            Some(name) => self.lacks(
                inner,
                "the Task has no workspace",
                name,
                &self.names.workspaces,
            ),
            None => Some((
                format!("unknown variable `$({inner})`"),
                Some(format!("use $(workspaces.{name}.path)")),
            )),
        }
    }

    fn of_context(&self, inner: &str) -> Option<Wrong> {
        let name = inner.strip_prefix("context.").unwrap_or(inner);
        if OF_PIPELINES.iter().any(|prefix| name.starts_with(prefix)) {
            if self.names.is_in_pipeline {
                return self.unknown_context(inner, name, OF_PIPELINE.into_iter());
            }
            let message = format!("`$({inner})` is not available in a step of a Task");
            let help = "pass it from the Pipeline as a parameter, or use it in a template";
            return Some((message, Some(help.to_owned())));
        }
        let known = admission::CONTEXT.into_iter().flat_map(|(prefix, names)| {
            let root = prefix.trim_start_matches("context.");
            names.iter().map(move |name| format!("{root}.{name}"))
        });
        let known: Vec<String> = known.collect();
        self.unknown_context(inner, name, known.iter().map(String::as_str))
    }

    fn unknown_context<'n>(
        &self,
        inner: &str,
        name: &str,
        mut known: impl Iterator<Item = &'n str> + Clone,
    ) -> Option<Wrong> {
        let all = known.clone();
        if known.any(|known| known == name) {
            return None;
        }
        let message = format!("unknown variable `$({inner})`");
        Some((message, self.suggestion(name, all)))
    }

    /// Returns a message and a remedy if `name` is not in `known`. `what` is the first part of the message, such as
    /// `the step has no result`.
    pub(super) fn lacks(
        &self,
        inner: &str,
        what: &str,
        name: &str,
        known: &IndexSet<&str>,
    ) -> Option<Wrong> {
        (!known.contains(name)).then(|| {
            let message = format!("`$({inner})`: {what} '{name}'");
            (message, self.suggestion(name, known.iter().copied()))
        })
    }

    pub(super) fn suggestion<'n>(
        &self,
        wrong: &str,
        known: impl Iterator<Item = &'n str>,
    ) -> Option<String> {
        let given = self.suggestions.get();
        self.suggestions.set(given + 1);
        (given < SUGGESTIONS)
            .then(|| suggestion(wrong, known))
            .flatten()
    }
}

/// Returns the name between `open` and `close`; the name may contain dots.
pub(super) fn dotted<'t>(inner: &'t str, open: &str, close: &str) -> Option<&'t str> {
    inner.strip_prefix(open)?.strip_suffix(close)
}
