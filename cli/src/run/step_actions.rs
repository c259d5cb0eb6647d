//! Replaces a step's reference to a StepAction with the fields of the StepAction.

use std::collections::{BTreeMap, BTreeSet};

use gleaner_core::document::{Content, Cursor, Diagnostics, Finding, Key, Node, Place};
use gleaner_core::task::{ParamKind, ParamSpec, step_variables};
use serde_json::{Map, Value};

use super::documents::{Document, Documents};
use super::fields::{self, Kind};
use super::params::{given_params, type_mismatch};
use super::substitution::Substitution;
use super::variable::{occurrences, parts};
use crate::values;

/// The fields that a step with a reference must not set, because they belong to the StepAction
/// (`pkg/apis/pipeline/v1/container_validation.go`).
const STEP_ACTION_FIELDS: [&str; 9] = [
    "image",
    "command",
    "args",
    "script",
    "workingDir",
    "env",
    "results",
    "volumeMounts",
    "securityContext",
];

/// Returns the document after replacing the StepAction references in the TaskSpec at `place`, as Tekton does.
///
/// # Errors
/// Returns all errors in the StepActions and in the references to them.
pub(crate) fn resolve(
    document: Document<'_>,
    place: &Place,
    documents: &Documents<'_>,
    cluster: &mut BTreeSet<&'static str>,
) -> Result<Node, Vec<Finding>> {
    let mut resolved = document.node.clone();
    let mut found = Vec::new();
    let Some(spec) = document.node.find(place) else {
        return Ok(resolved);
    };
    let spec = Cursor::new(spec, place.clone());
    let steps = spec.items_at("steps", &mut Diagnostics::default());
    for (index, step) in steps.iter().enumerate() {
        let Some(reference) = step.field("ref") else {
            continue;
        };
        let Some(name) = reference.node.text_of("name") else {
            continue;
        };
        // `--step-command` can replace a StepAction that is not in the files. Without that option, the step reports the error
        // later.
        let action = match documents.named("StepAction", name, document.namespace()) {
            Ok(action) => action,
            Err((message, help)) => {
                let all = documents.of_kind("StepAction");
                if all.iter().any(|one| one.given_name() == Some(name)) {
                    let diagnostic = reference.diagnostic(message).maybe_help(help);
                    found.push(document.error(diagnostic));
                }
                continue;
            }
        };
        let merged = merge(document, step, action, cluster);
        match merged {
            Ok(merged) => {
                if let Some(node) = resolved.find_mut(&place.key("steps").index(index)) {
                    *node = merged;
                }
            }
            // Several steps may reference the same StepAction, so report each of its errors only once.
            Err(errors) => {
                for error in errors {
                    if !found.contains(&error) {
                        found.push(error);
                    }
                }
            }
        }
    }
    if found.is_empty() {
        Ok(resolved)
    } else {
        Err(found)
    }
}

/// Returns the step with the fields of the StepAction, after replacing the variables for the StepAction's parameters.
fn merge(
    document: Document<'_>,
    step: &Cursor<'_>,
    action: Document<'_>,
    cluster: &mut BTreeSet<&'static str>,
) -> Result<Node, Vec<Finding>> {
    let mut found = Diagnostics::default();
    for field in STEP_ACTION_FIELDS {
        if let Some(own) = step.field(field) {
            let message = format!("a step with 'ref' must not have '{field}'");
            found.refuse(&own, message, "move it to the StepAction");
        }
    }
    let given = given_params(step, &mut found);
    let (spec, params) = read(action, cluster)?;
    let names = params.iter().map(|param| &param.name);
    let unknown = given
        .keys()
        .filter(|name| !names.clone().any(|known| known == *name));
    for name in unknown {
        let message = format!(
            "the StepAction '{}' has no parameter '{name}'",
            action.name()
        );
        found.add(step, message, None);
    }
    let mut passed = BTreeMap::new();
    let (mut specs, mut known) = (Vec::new(), Map::new());
    for param in &params {
        let name = &param.name;
        let value = given.get(name);
        if let Some(variable) = value.and_then(|value| whole_variable(param, value)) {
            passed.insert(name.clone(), variable.to_owned());
        } else if let Some(message) = value.and_then(|value| type_mismatch(param, value)) {
            found.add(step, message, None);
        } else if value.is_none() && param.default.is_none() {
            let message = format!(
                "the parameter '{name}' has no value, but the StepAction '{}' requires one",
                action.name()
            );
            let help = format!("add it to the step: params: [{{name: {name}, value: VALUE}}]");
            found.refuse(step, message, help);
        } else {
            specs.push(param.clone());
            known.extend(value.map(|value| (name.clone(), value.clone())));
        }
    }
    let (values, wrong) = values::params(&specs, &[], &known);
    for error in wrong {
        found.add(
            step,
            format!("StepAction '{}': {error}", action.name()),
            None,
        );
    }
    let found = found.into_vec();
    if !found.is_empty() {
        return Err(document.errors(found));
    }
    let substitution = Substitution {
        params: values,
        passed,
        ..Substitution::default()
    };
    let passed_on = |entries: &[(Key, Node)], without: &[&str]| {
        let entries = entries
            .iter()
            .filter(|(key, _)| !without.contains(&key.name.as_str()));
        entries.cloned().collect::<Vec<_>>()
    };
    let own = step.node.mapping().unwrap_or_default();
    let mut entries = passed_on(own, &["ref", "params"]);
    let fields = spec.mapping().unwrap_or_default();
    for (key, node) in passed_on(fields, &["params", "description"]) {
        let node = replaced(&node, &substitution)
            .map_err(|error| vec![action.error(Cursor::root(&node).diagnostic(error))])?;
        entries.push((key, node));
    }
    Ok(Node {
        at: step.node.at,
        content: Content::Mapping(entries),
    })
}

/// Reads and checks a StepAction. Returns its spec and its parameters.
fn read<'a>(
    action: Document<'a>,
    cluster: &mut BTreeSet<&'static str>,
) -> Result<(&'a Node, Vec<ParamSpec>), Vec<Finding>> {
    let mut found = Diagnostics::default();
    let root = Cursor::root(action.node);
    fields::check(&root, Kind::Document, &mut found, cluster);
    let Some(spec) = root.required("spec", "{image: IMAGE, script: SCRIPT}", &mut found) else {
        return Err(action.errors(found.into_vec()));
    };
    fields::check(&spec, Kind::StepAction, &mut found, cluster);
    let params = ParamSpec::read_all(&spec, &mut found);
    match step_variables::of_step_action(&spec) {
        Ok(misused) => found.extend(misused.in_document(action.node, action.source)),
        Err(wrong) => found.extend(wrong),
    }
    match found.finish((spec.node, params)) {
        Ok(read) => Ok(read),
        Err(wrong) => Err(action.errors(wrong)),
    }
}

/// If the value of an array or object parameter is a variable that refers to a whole array or object, returns that variable
/// without `[*]`.
fn whole_variable<'a>(param: &ParamSpec, value: &'a Value) -> Option<&'a str> {
    let text = value.as_str().filter(|_| param.kind != ParamKind::String)?;
    let whole = occurrences(text).find(|one| one.is_whole)?;
    parts(whole.inner)?;
    whole.inner.strip_suffix("[*]")
}

/// Returns `node` after replacing the variables for the StepAction's parameters in all strings.
fn replaced(node: &Node, substitution: &Substitution) -> Result<Node, String> {
    let content = match &node.content {
        Content::String(text) => Content::String(substitution.text(text)?),
        Content::Sequence(items) => {
            let mut several = Vec::new();
            for item in items {
                match item.as_str() {
                    Some(text) => {
                        let texts = substitution.items(&[text.to_owned()])?.into_iter();
                        several.extend(texts.map(|text| Node {
                            at: item.at,
                            content: Content::String(text),
                        }));
                    }
                    None => several.push(replaced(item, substitution)?),
                }
            }
            Content::Sequence(several)
        }
        Content::Mapping(entries) => {
            let entries = entries
                .iter()
                .map(|(key, node)| Ok((key.clone(), replaced(node, substitution)?)));
            Content::Mapping(entries.collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    };
    Ok(Node {
        at: node.at,
        content,
    })
}
