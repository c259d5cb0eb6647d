//! Unknown fields of Tekton's documents. Tekton's webhook decodes them strictly, at every level (`DisallowUnknownFields`).

mod shape;

use super::site::kind_of;
use crate::document::diagnostic::{Diagnostic, Part};
use crate::document::suggestion::{nearest, suggestion};
use crate::document::{Cursor, Diagnostics, Node};
use crate::kinds;
use shape::{Fields, Shape};

/// The kinds of maps in a document.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A whole document.
    Document,
    /// The spec of a TaskRun.
    TaskRun,
    /// The spec of a PipelineRun.
    PipelineRun,
    /// An item of `taskRunSpecs`.
    TaskRunSpec,
    /// The spec of a Pipeline.
    Pipeline,
    /// A task of a Pipeline.
    PipelineTask,
    /// The spec of a Task.
    Task,
    /// A step.
    Step,
    /// A `stepTemplate`.
    StepTemplate,
    /// The spec of a StepAction.
    StepAction,
    /// A `taskRef` or `pipelineRef`.
    Reference,
    /// The `ref` of a step.
    StepReference,
}

/// The version whose documents [`check_document`] checks.
const VERSION: &str = "tekton.dev/v1";

/// Unknown fields.
#[derive(Debug, Default)]
pub struct Unknown {
    /// Fields whose name is close to that of a known field.
    pub misspelled: Diagnostics,
    /// Other fields, which a later version of Tekton or Kubernetes may have.
    pub other: Diagnostics,
}

// === impl Unknown ===

impl Unknown {
    /// Adds the fields of `map` that are not `known`.
    pub(crate) fn add(&mut self, map: &Cursor<'_>, known: &[&str]) {
        for (key, _) in map.node.mapping().unwrap_or_default() {
            let name = key.name.as_str();
            if known.contains(&name) {
                continue;
            }
            let near = match self.misspelled.is_full() {
                true => None,
                false => nearest(name, known.iter().copied()),
            };
            let found = match near {
                Some(_) => &mut self.misspelled,
                None => &mut self.other,
            };
            found.push_with(|_| {
                let message = format!("unknown field '{name}'");
                let help = match near {
                    Some(near) => Some(format!("did you mean '{near}'?")),
                    None => suggestion(name, known.iter().copied()),
                };
                Diagnostic::new(map.place.key(name), Some(key.at), message)
                    .maybe_help(help)
                    .about(Part::Key)
            });
        }
    }

    /// Moves all unknown fields into `found`.
    pub fn all_into(self, found: &mut Diagnostics) {
        found.extend(self.misspelled.into_vec());
        found.extend(self.other.into_vec());
    }
}

/// Adds the unknown fields of `map` and of the maps below it that have no [`Kind`] of their own. Values of a wrong type are
/// reported by the code that reads them.
pub fn check(map: &Cursor<'_>, kind: Kind, found: &mut Unknown) {
    kind.fields().check(map, found);
}

/// Adds the unknown fields of a document of `tekton.dev/v1`.
pub(crate) fn check_document(document: &Node, found: &mut Unknown) {
    if document.text_of("apiVersion") != Some(VERSION) {
        return;
    }
    let root = Cursor::root(document);
    check(&root, Kind::Document, found);
    let Some(spec) = root.field("spec") else {
        return;
    };
    match kind_of(document) {
        "Task" => check_task(&spec, found),
        "TaskRun" => {
            check(&spec, Kind::TaskRun, found);
            check_task_of(&spec, found);
        }
        "Pipeline" => check_pipeline(&spec, found),
        "PipelineRun" => {
            check(&spec, Kind::PipelineRun, found);
            at(&spec, "pipelineRef", Kind::Reference, found);
            for item in spec.list_of("taskRunSpecs") {
                check(&item, Kind::TaskRunSpec, found);
            }
            if let Some(pipeline) = spec.field("pipelineSpec") {
                check_pipeline(&pipeline, found);
            }
        }
        _ => {}
    }
}

fn check_pipeline(pipeline: &Cursor<'_>, found: &mut Unknown) {
    check(pipeline, Kind::Pipeline, found);
    for list in ["tasks", "finally"] {
        for task in pipeline.list_of(list) {
            check(&task, Kind::PipelineTask, found);
            check_task_of(&task, found);
            at(&task, "pipelineRef", Kind::Reference, found);
            if let Some(nested) = task.field("pipelineSpec") {
                check_pipeline(&nested, found);
            }
        }
    }
}

/// Checks the Task of a run or of a task in a Pipeline.
fn check_task_of(parent: &Cursor<'_>, found: &mut Unknown) {
    at(parent, "taskRef", Kind::Reference, found);
    // The fields of a custom task are not known.
    if let Some(spec) = parent.field("taskSpec")
        && spec.node.present("apiVersion").is_none()
    {
        check_task(&spec, found);
    }
}

fn check_task(spec: &Cursor<'_>, found: &mut Unknown) {
    check(spec, Kind::Task, found);
    at(spec, "stepTemplate", Kind::StepTemplate, found);
    for step in spec.list_of("steps") {
        check(&step, Kind::Step, found);
        at(&step, "ref", Kind::StepReference, found);
    }
}

fn at(parent: &Cursor<'_>, key: &str, kind: Kind, found: &mut Unknown) {
    if let Some(map) = parent.field(key) {
        check(&map, kind, found);
    }
}

// === impl Fields ===

impl Fields {
    fn check(&self, map: &Cursor<'_>, found: &mut Unknown) {
        if map.node.mapping().is_none() {
            return;
        }
        let nested: Vec<_> = self.all().flat_map(|fields| fields.nested).collect();
        let plain = self.all().flat_map(|fields| fields.plain);
        let known = plain.chain(nested.iter().map(|(field, _)| field));
        let known: Vec<&str> = known.copied().collect();
        found.add(map, &known);
        for (field, shape) in nested {
            if let Some(value) = map.field(field) {
                shape.check(&value, found);
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.base)
    }
}

// === impl Shape ===

impl Shape {
    fn check(&self, value: &Cursor<'_>, found: &mut Unknown) {
        let ignored = &mut Diagnostics::default();
        match self {
            Self::Map(fields) => fields.check(value, found),
            Self::Each(item) => {
                for value in value.items(ignored) {
                    item.check(&value, found);
                }
            }
            Self::Values(of_each) => {
                for (_, value) in value.entries(ignored) {
                    of_each.check(&value, found);
                }
            }
            Self::Container(field) => {
                kinds::check_fields(&["Pod", "spec", "containers", field], value, found);
            }
            Self::Pod(field) => kinds::check_fields(&["Pod", "spec", field], value, found),
            Self::Volume(None) => kinds::check_fields(&["Pod", "spec", "volumes"], value, found),
            Self::Volume(Some(source)) => {
                kinds::check_fields(&["Pod", "spec", "volumes", source], value, found);
            }
            Self::Claim => kinds::check_fields(&["PersistentVolumeClaim"], value, found),
        }
    }
}
