//! The variables in a Task's steps, checked against what the Task declares: Tekton's webhook refuses unknown ones, or leaves
//! them unchanged and the step sees them.

use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::suggestion::suggestion;
use gleaner_core::document::{Content, Cursor, Diagnostics, Locate, Location, Source};
use gleaner_core::task::{ParamKind, TaskSpec};
use gleaner_core::variable::{Access, CONTEXT, Reference};

use super::variable::{Occurrence, key, misspelt, occurrences, parts, root};

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

/// Fields of a step that hold no variables of Tekton: the declaration of outputs is checked by its own reader.
const PASSED_OVER: [&str; 5] = ["name", "displayName", "description", "outputs", "ref"];

/// The context variables that Tekton replaces in the steps of embedded specs alone.
const OF_PIPELINES: [&str; 2] = ["pipelineRun.", "pipeline."];

/// The names that the variables of a step may refer to.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    pub(crate) spec: &'a TaskSpec,
    /// What has them: "the Task", "the StepAction 'NAME'".
    pub(crate) owner: String,
    /// True for a spec that is embedded in a Pipeline, whose names reach into it.
    pub(crate) in_pipeline: bool,
}

/// A message and its remedy.
type Problem = (String, Option<String>);

/// The place of a text: the step's index and the field.
struct Field<'a> {
    step: Option<usize>,
    name: &'a str,
    /// True for an item of a list in which an array becomes as many items.
    spreads: bool,
}

/// Returns the unknown and misused variables in `steps` and `stepTemplate` of the TaskSpec at `spec`.
pub(crate) fn check(spec: &Cursor<'_>, names: &Names<'_>, source: &Source) -> Vec<Diagnostic> {
    let mut found = Diagnostics::default();
    let steps = spec.items_at("steps", &mut Diagnostics::default());
    for (index, step) in steps.iter().enumerate() {
        // The texts of a StepAction are checked in its own document.
        names.check_map(step, Some(index), source, &mut found);
    }
    if let Some(template) = spec.field("stepTemplate") {
        names.check_map(&template, None, source, &mut found);
    }
    found.into_vec()
}

// === impl Names ===

impl Names<'_> {
    /// Checks the fields of a step.
    pub(crate) fn check_map(
        &self,
        step: &Cursor<'_>,
        index: Option<usize>,
        source: &Source,
        found: &mut Diagnostics,
    ) {
        for (name, field) in step.entries(&mut Diagnostics::default()) {
            if PASSED_OVER.contains(&name) {
                continue;
            }
            let spreads = ["command", "args", "when"].contains(&name);
            let place = Field {
                step: index,
                name,
                spreads,
            };
            self.check_texts(&field, &place, source, found);
        }
    }

    fn check_texts(
        &self,
        node: &Cursor<'_>,
        field: &Field<'_>,
        source: &Source,
        found: &mut Diagnostics,
    ) {
        match &node.node.content {
            Content::String(text) => {
                for one in occurrences(text) {
                    if let Some((message, help)) = self.problem(one, field) {
                        let at = Some(position(text, one.offset));
                        let diagnostic = Diagnostic::new(&node.place, at, message).maybe_help(help);
                        found.push(source.locate(node.node, diagnostic));
                    }
                }
            }
            Content::Sequence(_) => {
                for item in node.items(found) {
                    self.check_texts(&item, field, source, found);
                }
            }
            Content::Mapping(_) => {
                for (_, value) in node.entries(found) {
                    self.check_texts(&value, field, source, found);
                }
            }
            Content::Null | Content::Boolean(_) | Content::Number(_) => {}
        }
    }

    /// Returns what is wrong with a variable; nothing for what may be a shell's.
    fn problem(&self, one: Occurrence<'_>, field: &Field<'_>) -> Option<Problem> {
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
            // A script may run a program of that name: `$(results.sh a b)`.
            return (field.name != "script").then(|| unknown(None)).flatten();
        };
        let name = key(&parts, 1).unwrap_or_default();
        match root {
            "params" | "inputs" | "resources" if key(&parts, 1) != Some("params") => {
                self.of_resource(inner)
            }
            "results" if key(&parts, 2) == Some("path") && parts.len() == 3 => {
                let known = self.spec.results.iter().map(|result| result.name.as_str());
                lacks(inner, &format!("{} has no result", self.owner), name, known)
            }
            "workspaces" => {
                let fields = ["path", "bound", "claim", "volume"];
                if !key(&parts, 2).is_some_and(|field| fields.contains(&field)) {
                    return unknown(Some(format!("use $(workspaces.{name}.path)")));
                }
                let known = self
                    .spec
                    .workspaces
                    .iter()
                    .map(|workspace| workspace.name.as_str());
                lacks(
                    inner,
                    &format!("{} has no workspace", self.owner),
                    name,
                    known,
                )
            }
            "context" => self.of_context(inner),
            "step" => self.of_own_step(inner, &parts, field),
            "steps" => self.of_steps(inner, &parts, field),
            "credentials" if name == "path" => None,
            "outputs" => None,
            "tasks" if self.in_pipeline => None,
            "tasks" | "finally" => unknown(Some(
                "a step gets the results of other tasks by parameters of its Task".to_owned(),
            )),
            "results" => unknown(Some(format!("use $(results.{name}.path)"))),
            _ => unknown(None),
        }
    }

    fn of_param(
        &self,
        one: Occurrence<'_>,
        name: &str,
        access: &[Access],
        field: &Field<'_>,
    ) -> Option<Problem> {
        let params = &self.spec.params;
        let inner = one.inner;
        let Some(param) = params.iter().find(|param| param.name == name) else {
            let known = params.iter().map(|param| param.name.as_str());
            return lacks(
                inner,
                &format!("{} has no parameter", self.owner),
                name,
                known,
            );
        };
        let is_whole = access.is_empty() || access == [Access::All];
        match (&param.kind, access.first()) {
            // A parameter of a StepAction may be another one.
            (ParamKind::Array | ParamKind::Object { .. }, Some(Access::All))
                if field.name == "params" && one.is_whole =>
            {
                None
            }
            (ParamKind::Array, _) if is_whole && !(one.is_whole && field.spreads) => Some((
                format!("`$({inner})` is an array"),
                Some(
                    "let it be a whole item of command or args, or add an index such as [0]"
                        .to_owned(),
                ),
            )),
            (ParamKind::Object { .. }, _) if is_whole => Some((
                format!("`$({inner})` is an object"),
                Some("name one of its keys".to_owned()),
            )),
            (ParamKind::Object { keys }, Some(Access::Key(key)))
                if !keys.is_empty() && !keys.contains(key) =>
            {
                let message = format!("`$({inner})`: the parameter '{name}' has no key '{key}'");
                Some((message, suggestion(key, keys.iter().map(String::as_str))))
            }
            (ParamKind::String, Some(_)) => Some((
                format!("`$({inner})`: the parameter '{name}' is of type string"),
                Some(format!("use $(params.{name})")),
            )),
            _ => None,
        }
    }

    fn of_resource(&self, inner: &str) -> Option<Problem> {
        let known = self.spec.inputs.iter().map(|input| input.name.as_str());
        let names: Vec<&str> = known.clone().collect();
        let is_known = inner
            .split(['.', '[', ']', '"', '\''])
            .any(|word| names.contains(&word));
        (!is_known).then(|| {
            let message = format!("`$({inner})`: the Task has no such resource");
            (message, suggestion(inner, known))
        })
    }

    fn of_context(&self, inner: &str) -> Option<Problem> {
        let name = inner.strip_prefix("context.").unwrap_or(inner);
        let of_pipeline = OF_PIPELINES.iter().any(|prefix| name.starts_with(prefix));
        if self.in_pipeline && (name == "pipeline.name" || of_pipeline && CONTEXT.contains(&name)) {
            return None;
        }
        if of_pipeline {
            let message = format!("`$({inner})` is unknown in a step of a Task");
            let help = "the Pipeline can pass it by a parameter; templates of outputs have it";
            return Some((message, Some(help.to_owned())));
        }
        let known = CONTEXT.iter().filter(|name| !name.starts_with("pipeline"));
        let known = known.copied();
        (!known.clone().any(|known| known == name)).then(|| {
            let message = format!("unknown variable `$({inner})`");
            (message, suggestion(name, known))
        })
    }

    /// `$(step.results.NAME.path)`.
    fn of_own_step(&self, inner: &str, parts: &[Access], field: &Field<'_>) -> Option<Problem> {
        match (key(parts, 1), key(parts, 2), key(parts, 3)) {
            (Some("results"), Some(name), Some("path")) => {
                let step = self.spec.steps.get(field.step?)?;
                let known = step.results.iter().map(String::as_str);
                lacks(inner, "the step has no result", name, known)
            }
            (Some("artifacts"), ..) => Some(artifacts(inner)),
            _ => Some((
                format!("unknown variable `$({inner})`"),
                Some("use $(step.results.NAME.path)".to_owned()),
            )),
        }
    }

    /// `$(steps.STEP.results.NAME)` and `$(steps.step-STEP.exitCode.path)`.
    fn of_steps(&self, inner: &str, parts: &[Access], field: &Field<'_>) -> Option<Problem> {
        let (name, what) = (key(parts, 1)?, key(parts, 2));
        let steps = &self.spec.steps;
        let of_name = |name: &str| steps.iter().position(|step| step.name == name);
        let names = steps.iter().map(|step| step.name.as_str());
        match what {
            Some("exitCode") => match name.strip_prefix("step-") {
                Some(name) if of_name(name).is_some() => None,
                other => Some((
                    format!(
                        "`$({inner})`: the Task has no step '{}'",
                        other.unwrap_or(name)
                    ),
                    Some("use $(steps.step-NAME.exitCode.path)".to_owned()),
                )),
            },
            Some("results") => {
                let Some(index) = of_name(name) else {
                    return lacks(inner, &format!("{} has no step", self.owner), name, names);
                };
                if field.step.is_some_and(|own| index >= own) {
                    let message = format!("`$({inner})`: step '{name}' runs later, or is this one");
                    return Some((
                        message,
                        Some("a step reads results of steps before it".to_owned()),
                    ));
                }
                if ["script", "image", "workingDir"].contains(&field.name) {
                    let message = format!(
                        "`$({inner})`: Tekton knows no step results in '{}'",
                        field.name
                    );
                    return Some((message, Some("pass it by env or args".to_owned())));
                }
                let result = key(parts, 3).unwrap_or_default();
                let known = steps[index].results.iter().map(String::as_str);
                let lacks_it = format!("step '{name}' has no result");
                lacks(inner, &lacks_it, result, known)
            }
            Some("outputs") => Some(artifacts(inner)),
            _ if of_name(name).is_none() => {
                lacks(inner, &format!("{} has no step", self.owner), name, names)
            }
            _ => Some((
                format!("`$({inner})` is unknown in a step: step outputs fill templates"),
                Some("let the step read the file, or declare results of the step".to_owned()),
            )),
        }
    }
}

/// Returns the problem that `name` is not one of `known`.
fn lacks<'a>(
    inner: &str,
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Option<Problem> {
    if known.clone().any(|known| known == name) {
        return None;
    }
    Some((
        format!("`$({inner})`: {what} '{name}'"),
        suggestion(name, known),
    ))
}

fn artifacts(inner: &str) -> Problem {
    let message = format!("`$({inner})`: artifacts are known only in a cluster");
    (message, Some("use a result or an output".to_owned()))
}

/// The line and column of a byte of `text`.
fn position(text: &str, offset: usize) -> Location {
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Location {
        line,
        column: before[start..].chars().count() + 1,
    }
}
