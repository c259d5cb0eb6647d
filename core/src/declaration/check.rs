//! Checks the parts of a declaration against each other and against its Task.

use std::collections::HashSet;

use indexmap::{IndexMap, IndexSet};

use super::model::{Declaration, Origin, Policy, Template};
use super::read::Gaps;
use super::{cycle, literal_name, order};
use crate::document::diagnostic::Diagnostic;
use crate::document::{Diagnostics, Place};
use crate::variable::{Access, Position, Reference, Use};
use gleaner_proto::kubernetes::{PIPELINE_RESOURCE_API_VERSION, PIPELINE_RESOURCE_KIND};
use gleaner_proto::name::StepName;
use gleaner_proto::output::OutputType;

/// The parts of a Task to which its declaration can refer. If a part is unknown, it is `None`, and references to it are not
/// checked.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// The names of the Task's steps.
    pub steps: Option<Vec<String>>,
    /// The Task's parameters.
    pub params: Option<IndexMap<String, ParamShape>>,
    /// True if the steps are the containers of a pod outside Tekton. Such a pod has no parameters.
    pub is_pod: bool,
    /// The namespace in the Task's metadata.
    pub namespace: Option<String>,
}

/// The type of a Task's parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParamShape {
    /// A string.
    String,
    /// A list of strings.
    Array,
    /// A map of strings. The field contains the keys, or `None` if they are not declared.
    Object(Option<IndexSet<String>>),
}

/// Checks the declaration and adds errors to `found`.
pub(super) fn check(
    declaration: &Declaration,
    gaps: &Gaps,
    scope: &Scope,
    found: &mut Diagnostics,
) {
    if let Some(steps) = &scope.steps {
        let known: HashSet<&str> = steps.iter().map(String::as_str).collect();
        for (step, outputs) in &declaration.steps {
            if !known.contains(step.as_str()) {
                found.push_with(|found| {
                    let at = outputs.first().and_then(|output| output.at);
                    let help = found.suggestion(step.as_str(), steps.iter().map(String::as_str));
                    let message = match scope.is_pod {
                        true => format!("the pod has no container '{step}'"),
                        false => format!("the Task has no step '{step}'"),
                    };
                    let place = Place::from(["steps", step.as_str()]);
                    Diagnostic::new(place, at, message).maybe_help(help)
                });
            }
        }
    }
    for template in &declaration.templates {
        literal_name::check(template, found);
        check_policy(template, found);
        check_results(template, found);
        for usage in &template.uses {
            if gaps.may_hold(&usage.reference, declaration) {
                continue;
            }
            if let Err((message, help)) = check_use(declaration, template, usage, scope, found) {
                found.push_with(|_| usage.diagnostic(message).maybe_help(help));
            }
        }
    }
    order::check(declaration, found);
    found.extend(cycle::find(declaration));
}

/// Rejects `Apply` for a PipelineResource, which never changes after it is created (the proposal: "they are immutable once
/// generated").
fn check_policy(template: &Template, found: &mut Diagnostics) {
    let is_resource = template.is(PIPELINE_RESOURCE_API_VERSION, PIPELINE_RESOURCE_KIND);
    if is_resource && template.policy == Policy::Apply {
        let place = template.place.key("policy");
        let message = "a PipelineResource cannot be applied, because it is immutable once created";
        found.push(Diagnostic::new(place, None, message).help("use policy: Create"));
    }
}

/// Rejects a result that exposes the data of a Secret, because results can be read without permission to read Secrets.
fn check_results(template: &Template, found: &mut Diagnostics) {
    if !is_secret(template) {
        return;
    }
    let results = template.results.iter();
    for (name, _) in
        results.filter(|(_, path)| !path.is_below("metadata") && !path.is_below("type"))
    {
        let place = template.place.key("results").key(name);
        let message = "a result would expose the data of a Secret";
        let help = "pass the Secret's name instead, which is always one of the results";
        found.push(Diagnostic::new(place, None, message).help(help));
    }
}

fn is_secret(template: &Template) -> bool {
    template.is("v1", "Secret")
}

/// A message and its remedy.
pub(crate) type Finding = (String, Option<String>);

fn wrong<T>(message: String, help: impl Into<String>) -> Result<T, Finding> {
    Err((message, Some(help.into())))
}

fn check_use(
    declaration: &Declaration,
    template: &Template,
    usage: &Use,
    scope: &Scope,
    found: &Diagnostics,
) -> Result<(), Finding> {
    let kind = match &usage.reference {
        Reference::Param { name, access } => {
            let Some(params) = &scope.params else {
                return Ok(());
            };
            if scope.is_pod {
                return wrong(
                    format!("a pod has no parameters, so '{name}' has no value"),
                    "write the value itself, or produce it as an output",
                );
            }
            param_type(params, name, access, found)?
        }
        Reference::Output {
            step,
            output,
            access,
        } => output_type(declaration, template, usage, step, output, access, found)?,
        Reference::Context(_) => Some(OutputType::String),
        Reference::Resource { name, field } => {
            check_resource(declaration, template, name, field, found)?;
            Some(OutputType::String)
        }
    };
    check_position(template, usage, kind)
}

/// Returns the type of a parameter. If `access` selects a part of the parameter, returns the type of that part.
///
/// # Errors
/// Returns the message and the remedy if the parameter or the part does not exist.
pub(crate) fn param_type(
    params: &IndexMap<String, ParamShape>,
    name: &str,
    access: &[Access],
    found: &Diagnostics,
) -> Result<Option<OutputType>, Finding> {
    let Some(shape) = params.get(name) else {
        let help = found
            .suggestion(name, params.keys().map(String::as_str))
            .or_else(|| Some("declare it under spec.params of the Task".into()));
        return Err((format!("the Task has no parameter '{name}'"), help));
    };
    match (shape, access) {
        (ParamShape::String, []) | (ParamShape::Array, [Access::Index(_)]) => {
            Ok(Some(OutputType::String))
        }
        (ParamShape::Array, [] | [Access::All]) => Ok(Some(OutputType::Array)),
        (ParamShape::Object(_), [] | [Access::All]) => Ok(Some(OutputType::Object)),
        (ParamShape::Object(keys), [Access::Key(key)]) => match keys {
            Some(keys) if !keys.contains(key) => {
                let help = found.suggestion(key, keys.iter().map(String::as_str));
                Err((format!("the parameter '{name}' has no key '{key}'"), help))
            }
            _ => Ok(Some(OutputType::String)),
        },
        (ParamShape::String, _) => {
            let dotted = match access {
                [Access::Key(key)] => Some(format!(
                    "write params[\"{name}.{key}\"] for a parameter whose name contains a dot"
                )),
                _ => None,
            };
            let message = format!("the parameter '{name}' is a string and has no keys or items");
            Err((message, dotted))
        }
        (ParamShape::Array, _) => wrong(
            format!("the parameter '{name}' is an array of strings and has no keys"),
            format!("write $(params.{name}[*]) or $(params.{name}[0])"),
        ),
        (ParamShape::Object(_), _) => wrong(
            format!("the parameter '{name}' is an object of strings and has no items"),
            format!("write $(params.{name}.KEY)"),
        ),
    }
}

fn output_type(
    declaration: &Declaration,
    template: &Template,
    usage: &Use,
    step: &str,
    name: &str,
    access: &[Access],
    found: &Diagnostics,
) -> Result<Option<OutputType>, Finding> {
    if !declaration.steps.contains_key(step) {
        let known = declaration.steps.keys().map(StepName::as_str);
        let help = found.suggestion(step, known);
        let help = help.unwrap_or_else(|| format!("declare the output under steps.{step}"));
        return wrong(format!("the declaration has no step '{step}'"), help);
    }
    let Some(output) = declaration.output(step, name) else {
        let outputs = declaration.outputs(step).iter();
        let help = found.suggestion(name, outputs.map(|output| output.spec.name.as_str()));
        let help = help.unwrap_or_else(|| format!("declare the output under steps.{step}"));
        return wrong(
            format!("the step '{step}' declares no output '{name}'"),
            help,
        );
    };
    if output.secret && !may_hold_secret(template, usage) {
        let help = "move it to data or stringData of a Secret";
        let message =
            format!("the output '{step}.{name}' is secret, so only a Secret may contain it");
        return wrong(message, help);
    }
    match (output.spec.kind, access) {
        (kind, []) => Ok(Some(kind)),
        (OutputType::Array | OutputType::Object, [Access::All]) => Ok(Some(output.spec.kind)),
        (OutputType::Array, [Access::Index(_), ..])
        | (OutputType::Object, [Access::Key(_), ..]) => Ok(None),
        (kind, [first, ..]) => {
            let kind = kind.as_str();
            wrong(
                format!("the output '{step}.{name}' is of type {kind}, which has no `{first}`"),
                "declare the output with type array or object, or use the whole value",
            )
        }
    }
}

/// Returns true if `usage` is in the data of a Secret, where a secret output is allowed. Kubernetes does not protect the other
/// fields, such as name and labels.
fn may_hold_secret(template: &Template, usage: &Use) -> bool {
    is_secret_data(template, &inside(template, usage))
}

/// Returns true if `inside`, a place relative to `template`, is in the data of a Secret. The values there must be strings,
/// because the API server rejects a value of any other type with a message that quotes the value.
pub(super) fn is_secret_data(template: &Template, inside: &Place) -> bool {
    is_secret(template)
        && ["data", "stringData"]
            .iter()
            .any(|data| inside.starts_with(&["resourceTemplate", data]))
}

/// Returns the place of a variable relative to its template.
fn inside(template: &Template, usage: &Use) -> Place {
    usage.place.within(&template.place).unwrap_or_default()
}

fn check_resource(
    declaration: &Declaration,
    template: &Template,
    name: &str,
    field: &str,
    found: &Diagnostics,
) -> Result<(), Finding> {
    let Some(other) = declaration.template(name) else {
        let templates = declaration.templates.iter();
        let help = found.suggestion(name, templates.map(|template| template.name.as_str()));
        return Err((format!("no resource or object is named '{name}'"), help));
    };
    if other.name == template.name {
        return wrong(
            format!("'{name}' refers to itself"),
            "write the value instead of the variable",
        );
    }
    let given = match &other.origin {
        Origin::PipelineResource { params, .. } => Some(params),
        Origin::Object => None,
    };
    let fields = ["name", "namespace", "apiVersion", "kind"].into_iter();
    let fields = fields.chain(given.map(|_| "type"));
    if fields.clone().any(|known| known == field)
        || given.is_some_and(|params| params.contains(field))
    {
        return Ok(());
    }
    let params = given.into_iter().flatten().map(String::as_str);
    let unknowable =
        ["uid", "status", "resourceVersion"].contains(&field) || other.results.contains_key(field);
    if unknowable {
        let help = "pass it to the next task with `results`";
        let message = format!(
            "'{field}' is known only after '{name}' is created, but all templates are rendered before that"
        );
        return wrong(message, help);
    }
    let message = format!("'{name}' has no field '{field}'");
    Err((message, found.suggestion(field, fields.chain(params))))
}

/// Rejects a list or map inside a string or in a string field. Also rejects a number or boolean in a Secret's `data`, where the
/// values must be base64. In all other string fields, numbers and booleans are converted to text.
fn check_position(
    template: &Template,
    usage: &Use,
    kind: Option<OutputType>,
) -> Result<(), Finding> {
    let Some(kind) = kind else { return Ok(()) };
    let structured = matches!(kind, OutputType::Array | OutputType::Object);
    let variable = &usage.reference;
    let json = || {
        let part = if kind == OutputType::Array {
            "[0]"
        } else {
            ".KEY"
        };
        format!(
            "write $(string({variable})) for the value as JSON, or use a part of the value, such as {part}"
        )
    };
    if structured && usage.position == Position::Within {
        let help = "use the variable as the whole value";
        let message = format!(
            "`$({variable})` is of type {} and cannot be used inside a string",
            kind.as_str()
        );
        return wrong(message, format!("{help}, {}", json()));
    }
    if usage.position != Position::Alone || kind == OutputType::String {
        return Ok(());
    }
    let inside = inside(template, usage);
    let is_text = template.is_text(&inside);
    let message = || {
        let kind = kind.as_str();
        format!("`$({variable})` is of type {kind}, but a string is required here")
    };
    match (structured, is_text) {
        (true, true) => wrong(message(), json()),
        (false, true) => Ok(()),
        (_, false) if is_secret_data(template, &inside) => wrong(
            message(),
            "put it under stringData, which accepts plain text, because values under data must be base64",
        ),
        (_, false) => Ok(()),
    }
}
