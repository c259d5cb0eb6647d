//! What a declaration says that the TaskSpec beside it does not bear out: variables in `fromPath`, and results of one
//! name.

use crate::declaration::Declaration;
use crate::document::Place;
use crate::document::diagnostic::Diagnostic;
use crate::document::suggestion::suggestion;
use crate::variable::{CONTEXT, Reference};

use super::spec::TaskSpec;
use super::step::{Action, Step};

/// What is wrong with the variables in `fromPath`; places and positions are the declaration's.
pub fn paths(declaration: &Declaration, spec: &TaskSpec) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (step, outputs) in &declaration.steps {
        for (index, output) in outputs.iter().enumerate() {
            let path = output.spec.path.as_deref().unwrap_or_default();
            let place = Place::from(["steps", step.as_str()])
                .index(index)
                .key("fromPath");
            let wrong = variables(path).filter_map(|variable| unknown(variable, spec));
            found.extend(wrong.map(|(message, help)| {
                Diagnostic::new(&place, output.at, message).maybe_help(help)
            }));
        }
    }
    found
}

/// Results that both a step and a resource write; places and positions are the document's. A Task result that no step
/// writes is how Tekton learns of the resource's.
pub fn results(declaration: &Declaration, spec: &TaskSpec) -> Vec<Diagnostic> {
    let both = spec.results.iter().filter(|result| {
        let written =
            result.value.is_some() || spec.steps.iter().any(|step| writes(step, &result.name));
        written && declaration.template(&result.name).is_some()
    });
    both.map(|result| {
        let name = &result.name;
        let message = format!(
            "the Task's result '{name}' and the resource '{name}' would write the same result"
        );
        Diagnostic::new(&result.place, Some(result.at), message).help("rename one")
    })
    .collect()
}

/// Whether `step` names the file of the result.
fn writes(step: &Step, result: &str) -> bool {
    let spellings = [
        format!("$(results.{result}.path)"),
        format!("$(results[\"{result}\"].path)"),
        format!("$(results['{result}'].path)"),
    ];
    let action = match &step.action {
        Action::Script(script) => std::slice::from_ref(script),
        Action::Command(command) => command,
        Action::Image(_) | Action::Reference(_) => &[],
    };
    let values = step
        .env
        .iter()
        .filter_map(|variable| variable.value.as_ref());
    let mut texts = action.iter().chain(&step.args).chain(values);
    texts.any(|text| spellings.iter().any(|spelling| text.contains(spelling)))
}

/// What stands between `$(` and `)`.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    text.split("$(")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(variable, _)| variable))
}

/// Why `variable` stands for nothing.
fn unknown(variable: &str, spec: &TaskSpec) -> Option<(String, Option<String>)> {
    let lacks = |what: &str, name: &str, known: Vec<&str>| {
        let message = format!("`$({variable})`: the Task has no {what} '{name}'");
        (!known.contains(&name)).then(|| (message, suggestion(name, known.iter().copied())))
    };
    if let Ok(Reference::Param { name, .. }) = Reference::parse(variable) {
        let known = spec.params.iter().map(|param| param.name.as_str());
        return lacks("parameter", &name, known.collect());
    }
    let dotted = dotted(variable);
    let (root, rest) = dotted.split_once('.').unwrap_or((&dotted, ""));
    match root {
        "workspaces" => {
            let name = rest.rsplit_once('.').map_or(rest, |(name, _)| name);
            let known = spec
                .workspaces
                .iter()
                .map(|workspace| workspace.name.as_str());
            lacks("workspace", name, known.collect())
        }
        "results" => {
            let name = rest.strip_suffix(".path").unwrap_or(rest);
            let known = spec.results.iter().map(|result| result.name.as_str());
            lacks("result", name, known.collect())
        }
        "context" if CONTEXT.contains(&rest) => None,
        "context" => {
            let message = format!("`$({variable})`: there is no context variable '{rest}'");
            Some((message, suggestion(rest, CONTEXT)))
        }
        "step" | "steps" | "resources" | "inputs" => None,
        _ => {
            let message = format!("`$({variable})` is no variable that a path can hold");
            let help = "use $(params.NAME), $(workspaces.NAME.path) or $(context.NAME)";
            Some((message, Some(help.to_owned())))
        }
    }
}

/// `workspaces["src"].path` as `workspaces.src.path`.
pub fn dotted(variable: &str) -> String {
    let mut text = variable.to_owned();
    for (open, close) in [("[\"", "\"]"), ("['", "']")] {
        text = text.replace(open, ".").replace(close, "");
    }
    text
}
