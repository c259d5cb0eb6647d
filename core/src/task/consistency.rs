//! Contradictions between a declaration and its TaskSpec: invalid variables in `fromPath`, variables without a value, and results
//! that both a step and a resource write.

use std::collections::HashSet;

use gleaner_proto::output::OutputType;
use indexmap::{IndexMap, IndexSet};

use crate::declaration::{Declaration, Finding, ParamShape, param_type};
use crate::document::diagnostic::{Diagnostic, Part};
use crate::document::{Diagnostics, Place};
use crate::variable::occurrence::occurrences;
use crate::variable::{Access, COMPLETION_INDEX, CONTEXT, Reference};

use super::spec::TaskSpec;
use super::step::{Action, Step};
use super::step_variables::OF_TEKTON;

/// Checks the variables in `fromPath`. Tekton replaces them, so the declaration must not use any if the pod does not belong to a
/// TaskRun (`spec` is `None`). Places and positions are relative to the declaration.
pub fn paths(declaration: &Declaration, spec: Option<&TaskSpec>, found: &mut Diagnostics) {
    let names = spec.map(Names::of);
    for (step, outputs) in &declaration.steps {
        for (index, output) in outputs.iter().enumerate() {
            let path = output.spec.path.as_deref().unwrap_or_default();
            for one in occurrences(path) {
                let wrong = match &names {
                    Some(names) => names.unknown(one.inner, declaration, found),
                    None => Some(outside_tekton(one.inner)),
                };
                if let Some((message, help)) = wrong {
                    found.push_with(|_| {
                        let place = Place::from(["steps", step.as_str()]).index(index);
                        Diagnostic::new(place.key("fromPath"), output.at, message)
                            .maybe_help(help)
                            .about(Part::Offset(one.offset))
                    });
                }
            }
        }
    }
}

/// Reports results that both a step and a resource write. Places and positions are relative to the document. If only a resource
/// writes a result, the Task may declare the result, so that Tekton knows it.
pub fn results(declaration: &Declaration, spec: &TaskSpec) -> Vec<Diagnostic> {
    let written: HashSet<&str> = spec.steps.iter().flat_map(written_by).collect();
    let both = spec.results.iter().filter(|result| {
        declaration.template(&result.name).is_some()
            && (result.value.is_some() || written.contains(result.name.as_str()))
    });
    let mut found = Diagnostics::default();
    for result in both {
        found.push_with(|_| {
            let name = &result.name;
            let message = format!(
                "the Task's result '{name}' and the resource '{name}' would write the same result"
            );
            Diagnostic::new(&result.place, Some(result.at), message).help("rename one of them")
        });
    }
    found.into_vec()
}

/// Reports context variables that the templates use but that never have a value in this kind of pod. `is_task` is false for a
/// pod that does not belong to a TaskRun. Places and positions are relative to the declaration.
pub fn context(declaration: &Declaration, is_task: bool, found: &mut Diagnostics) {
    let wrong = context_uses(declaration, |name| {
        let help = match (is_task, name) {
            (true, COMPLETION_INDEX) => OF_JOB_ONLY,
            (false, name) if name.starts_with("pipelineRun.") || name == "task.retry-count" => {
                "this variable exists only in Tekton's pods"
            }
            _ => return None,
        };
        let message = format!("`$(context.{name})` has no value here");
        Some((message, Some(help.to_owned())))
    });
    found.extend(wrong.into_vec());
}

/// Calls `wrong` with the name of each context variable in the templates, and returns all errors that these calls return. Places
/// and positions are relative to the declaration.
pub(crate) fn context_uses(
    declaration: &Declaration,
    wrong: impl Fn(&str) -> Option<Finding>,
) -> Diagnostics {
    let mut found = Diagnostics::default();
    for usage in declaration.uses() {
        if let Reference::Context(name) = &usage.reference
            && let Some((message, help)) = wrong(name)
        {
            found.push_with(|_| usage.diagnostic(message).maybe_help(help));
        }
    }
    found
}

const OF_JOB_ONLY: &str = "this variable exists only in the pods of an Indexed Job";

/// Returns the names of the results whose files `step` refers to.
fn written_by(step: &Step) -> impl Iterator<Item = &str> {
    let action = match &step.action {
        Action::Script(script) => std::slice::from_ref(script),
        Action::Command(command) => command,
        Action::Image(_) | Action::Reference(_) => &[],
    };
    let values = step
        .env
        .iter()
        .filter_map(|variable| variable.value.as_ref());
    let texts = action.iter().chain(&step.args).chain(values);
    texts
        .flat_map(|text| occurrences(text))
        .filter_map(|one| result(one.inner))
}

/// Returns the name of the result whose file `variable` refers to.
fn result(variable: &str) -> Option<&str> {
    let spellings = [(".", ".path"), ("[\"", "\"].path"), ("['", "'].path")];
    let access = variable.strip_prefix("results")?;
    let mut names = spellings
        .iter()
        .filter_map(|(open, close)| access.strip_prefix(open)?.strip_suffix(close));
    names.next()
}

fn outside_tekton(variable: &str) -> Finding {
    let message = format!("`$({variable})` is not replaced in a pod outside Tekton");
    (message, Some("write the path without variables".to_owned()))
}

/// The fields of a workspace variable (Tekton `docs/variables.md`).
const OF_WORKSPACE: [&str; 4] = ["path", "bound", "claim", "volume"];

/// The names that `fromPath` may refer to.
struct Names<'a> {
    params: IndexMap<String, ParamShape>,
    workspaces: IndexSet<&'a str>,
    results: IndexSet<&'a str>,
}

impl<'a> Names<'a> {
    fn of(spec: &'a TaskSpec) -> Self {
        let workspaces = spec.workspaces.iter();
        Self {
            params: spec.param_shapes(),
            workspaces: workspaces
                .map(|workspace| workspace.name.as_str())
                .collect(),
            results: spec
                .results
                .iter()
                .map(|result| result.name.as_str())
                .collect(),
        }
    }

    /// Returns an error and a remedy if `variable` does not exist or is not a string.
    fn unknown(
        &self,
        variable: &str,
        declaration: &Declaration,
        found: &Diagnostics,
    ) -> Option<Finding> {
        let lacks = |what: &str, name: &str, known: &IndexSet<&str>| {
            let message = || format!("`$({variable})`: the Task has no {what} '{name}'");
            let help = || found.suggestion(name, known.iter().copied());
            (!known.contains(name)).then(|| (message(), help()))
        };
        if let Ok(Reference::Param { name, access }) = Reference::parse(variable) {
            return self.param(variable, &name, &access, found);
        }
        let dotted = dotted(variable);
        let (root, rest) = dotted.split_once('.').unwrap_or((&dotted, ""));
        let words: Vec<&str> = rest.split('.').collect();
        match (root, words.as_slice()) {
            ("workspaces", _) => self.workspace(variable, rest, found),
            ("results", _) => {
                let name = rest.strip_suffix(".path").unwrap_or(rest);
                lacks("result", name, &self.results)
            }
            ("context", _) if rest == COMPLETION_INDEX => {
                let message = format!("`$({variable})` has no value here");
                Some((message, Some(OF_JOB_ONLY.to_owned())))
            }
            ("context", _) if CONTEXT.contains(&rest) => None,
            ("context", _) => {
                let message = format!("`$({variable})`: unknown context variable '{rest}'");
                Some((message, found.suggestion(rest, CONTEXT)))
            }
            // Tekton's own variables, and variables for the PipelineResources of old Tasks, are not checked.
            ("step" | "inputs", _) | ("resources", ["inputs" | "outputs", _, ..]) => None,
            ("steps", [_, field, ..]) if OF_TEKTON.contains(field) || *field == "outputs" => None,
            ("steps", [step, output, ..]) if declaration.output(step, output).is_some() => {
                let message = format!("`$({variable})`: outputs are only available in templates");
                Some((
                    message,
                    Some("use a path that is known before the run starts".to_owned()),
                ))
            }
            _ => {
                let message = format!("`$({variable})` is not allowed in a path");
                let help = "use $(params.NAME), $(workspaces.NAME.path) or $(context.NAME)";
                Some((message, Some(help.to_owned())))
            }
        }
    }

    /// Reports a parameter that does not exist or is not a string.
    fn param(
        &self,
        variable: &str,
        name: &str,
        access: &[Access],
        found: &Diagnostics,
    ) -> Option<Finding> {
        match param_type(&self.params, name, access, found) {
            Ok(None | Some(OutputType::String)) => None,
            Ok(Some(kind)) => {
                let part = match kind {
                    OutputType::Array => "[0]",
                    _ => ".KEY",
                };
                let kind = kind.as_str();
                let message =
                    format!("`$({variable})` is of type {kind}, but a path must be a string");
                let help = format!("use a part of it, such as $(params.{name}{part})");
                Some((message, Some(help)))
            }
            Err((message, help)) => Some((format!("`$({variable})`: {message}"), help)),
        }
    }

    /// Reports a workspace, or a field of a workspace, that does not exist.
    fn workspace(&self, variable: &str, rest: &str, found: &Diagnostics) -> Option<Finding> {
        let (name, field) = match rest.rsplit_once('.') {
            Some((name, field)) if !self.workspaces.contains(rest) => (name, field),
            _ => (rest, ""),
        };
        if !self.workspaces.contains(name) {
            let message = format!("`$({variable})`: the Task has no workspace '{name}'");
            let help = found.suggestion(name, self.workspaces.iter().copied());
            return Some((message, help));
        }
        if OF_WORKSPACE.contains(&field) {
            return None;
        }
        let message = format!("`$({variable})` is not a variable of the workspace '{name}'");
        Some((message, Some(format!("write $(workspaces.{name}.path)"))))
    }
}

/// Converts brackets in `variable` to dots: `workspaces["src"].path` becomes `workspaces.src.path`.
pub fn dotted(variable: &str) -> String {
    let mut text = variable.to_owned();
    for (open, close) in [("[\"", "\"]"), ("['", "']")] {
        text = text.replace(open, ".").replace(close, "");
    }
    text
}
