//! Checks the fields of Tekton's documents. A local run uses a field, ignores it and prints a note, or rejects it.

use std::collections::BTreeSet;

use gleaner_core::document::{Cursor, Diagnostics};
use gleaner_core::task::fields::{self, Part, Unknown};
use serde_json::Value;

use super::paths::is_file_name;

mod tables;

use tables::Table;
use tables::Use::{Cluster, Refused, Supported};

/// The kinds of maps in a document, each with its own set of fields.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Document,
    TaskRun,
    PipelineRun,
    TaskRunSpec,
    Pipeline,
    PipelineTask,
    Task,
    Step,
    StepTemplate,
    StepAction,
    Reference,
    StepReference,
}

impl Kind {
    const fn tables(self) -> &'static [Table] {
        match self {
            Self::Document => &[tables::DOCUMENT],
            Self::TaskRun => &[tables::TASK_RUN],
            Self::PipelineRun => &[tables::PIPELINE_RUN],
            Self::TaskRunSpec => &[tables::TASK_RUN_SPEC],
            Self::Pipeline => &[tables::PIPELINE],
            Self::PipelineTask => &[tables::PIPELINE_TASK],
            Self::Task => &[tables::TASK],
            Self::Step => &[tables::STEP, tables::CONTAINER],
            Self::StepTemplate => &[tables::CONTAINER],
            Self::StepAction => &[tables::STEP_ACTION],
            Self::Reference => &[tables::REFERENCE],
            Self::StepReference => &[tables::STEP_REFERENCE],
        }
    }

    /// Returns the part of Tekton's schema that describes the nested fields, or `None` if they are not checked.
    const fn part(self) -> Option<Part> {
        Some(match self {
            Self::Task => Part::Task,
            Self::Step => Part::Step,
            Self::StepTemplate => Part::StepTemplate,
            Self::StepAction => Part::StepAction,
            Self::TaskRun => Part::TaskRun,
            Self::PipelineRun => Part::PipelineRun,
            Self::TaskRunSpec => Part::TaskRunSpec,
            Self::Pipeline => Part::Pipeline,
            Self::PipelineTask => Part::PipelineTask,
            Self::Document | Self::Reference | Self::StepReference => return None,
        })
    }
}

/// Checks the fields of `map`. Reports unknown and unsupported fields as errors. For each field that has an effect only in a
/// cluster, adds a term to `cluster` for the note that the run prints.
pub(crate) fn check(
    map: &Cursor<'_>,
    kind: Kind,
    found: &mut Diagnostics,
    cluster: &mut BTreeSet<&'static str>,
) {
    let table = || kind.tables().iter().copied().flatten();
    let known: Vec<&str> = table().map(|(field, _)| *field).collect();
    map.fields(&known, found);
    for (field, what) in table() {
        let Some(cursor) = map.field(field) else {
            continue;
        };
        match what {
            Supported => {}
            Cluster(word) => {
                cluster.insert(word);
            }
            Refused(_) if !is_set(map, field) => {}
            // If a reference has a `resolver`, report only this field, and not also the resolver's `params`.
            Refused(_) if *field == "params" && is_set(map, "resolver") => {}
            Refused(help) => {
                found.refuse(
                    &cursor,
                    format!("`gleaner run` does not support '{field}'"),
                    *help,
                );
            }
        }
    }
    if let Some(part) = kind.part() {
        let mut unknown = Unknown::default();
        fields::check_below(map, part, &mut unknown);
        unknown.all_into(found);
    }
    if let Kind::Task | Kind::Step | Kind::StepAction = kind {
        check_names(map, "results", found);
    }
}

/// Returns true if `map` contains `field` with a value that has an effect.
pub(crate) fn is_set(map: &Cursor<'_>, field: &str) -> bool {
    let field = map.node.present(field);
    field.is_some_and(|node| !is_nothing(&node.to_json()))
}

/// Returns true for a value that has no effect, such as `retries: 0` or an empty list.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
    }
}

/// Checks the names in a list of workspaces, results or resources, because a local run uses them as file and directory
/// names.
fn check_names(parent: &Cursor<'_>, list: &str, found: &mut Diagnostics) {
    for item in parent.items_at(list, &mut Diagnostics::default()) {
        check_name(&item, found);
    }
}

/// Checks that the name of a workspace, result or resource is a valid file name.
pub(crate) fn check_name(item: &Cursor<'_>, found: &mut Diagnostics) {
    if let Some(name) = item.node.text_of("name").filter(|name| !is_file_name(name)) {
        let message =
            format!("the name '{name}' is not a valid file name, but a local run uses it as one");
        found.refuse(item, message, "use letters, digits, '-', '_' and '.'");
    }
}

/// Checks the fields in a TaskSpec and in its steps.
pub(crate) fn check_task(
    spec: &Cursor<'_>,
    found: &mut Diagnostics,
    cluster: &mut BTreeSet<&'static str>,
) {
    check(spec, Kind::Task, found, cluster);
    for (parent, list) in [
        (&[][..], "workspaces"),
        // The resource fields of the proposal, v1beta1 and v1alpha1.
        (&[], "resources"),
        (&["resources"], "inputs"),
        (&["inputs"], "resources"),
    ] {
        if let Some(parent) = spec.descend(parent) {
            check_names(&parent, list, found);
        }
    }
    for template in ["stepTemplate", "containerTemplate"] {
        if let Some(template) = spec.field(template) {
            check(&template, Kind::StepTemplate, found, cluster);
        }
    }
    for step in spec.items_at("steps", found) {
        check(&step, Kind::Step, found, cluster);
        if let Some(reference) = step.field("ref") {
            check(&reference, Kind::StepReference, found, cluster);
        }
    }
}
