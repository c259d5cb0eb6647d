//! The fields of Tekton's documents, at every level at which Tekton's webhook rejects unknown fields (`DisallowUnknownFields`),
//! and the types of all fields except parameter values.

use crate::document::diagnostic::{Diagnostic, Part as PartOfNode};
use crate::document::suggestion::{nearest, suggestion};
use crate::document::{Content, Cursor, Diagnostics, Key};
use crate::kinds;

mod tables;

use tables::Fields;

/// A type of object in a Tekton document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The spec of a TaskRun.
    TaskRun,
    /// The spec of a PipelineRun.
    PipelineRun,
    /// An item of a PipelineRun's `taskRunSpecs`.
    TaskRunSpec,
    /// A PipelineSpec.
    Pipeline,
    /// A task of a Pipeline.
    PipelineTask,
    /// A TaskSpec.
    Task,
    /// A TaskSpec in a Pipeline.
    EmbeddedTask,
    /// A step.
    Step,
    /// The `stepTemplate` of a TaskSpec.
    StepTemplate,
    /// A sidecar of a TaskSpec.
    Sidecar,
    /// The spec of a StepAction.
    StepAction,
    /// A `taskRef`.
    TaskReference,
    /// A `pipelineRef`.
    PipelineReference,
}

/// The API version of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `tekton.dev/v1`.
    V1,
    /// An older version, or the proposal's syntax. The document may contain fields that `gleaner translate` converts.
    Old,
}

/// Findings about unknown fields and values of the wrong type.
#[derive(Debug, Default)]
pub struct Unknown {
    /// Fields of older versions, fields whose name is close to that of a known field, and values of the wrong type.
    pub errors: Diagnostics,
    /// Other unknown fields, which a later version of Tekton or Kubernetes may define.
    pub others: Diagnostics,
}

impl Unknown {
    /// Adds a finding for each field of `map` that is not in `known`.
    pub(crate) fn add(&mut self, map: &Cursor<'_>, known: &[&str]) {
        for (key, _) in map.node.mapping().unwrap_or_default() {
            if !known.contains(&key.name.as_str()) {
                self.add_key(map, key, known);
            }
        }
    }

    fn add_key(&mut self, map: &Cursor<'_>, key: &Key, known: &[&str]) {
        let name = key.name.as_str();
        let near = match self.errors.is_full() {
            true => None,
            false => nearest(name, known.iter().copied()),
        };
        let found = match near {
            Some(_) => &mut self.errors,
            None => &mut self.others,
        };
        found.push_with(|_| {
            let message = format!("unknown field '{name}'");
            let help = match near {
                Some(near) => Some(format!("did you mean '{near}'?")),
                None => suggestion(name, known.iter().copied()),
            };
            let help = help.unwrap_or_else(|| "remove it".to_owned());
            let diagnostic = Diagnostic::new(map.place.key(name), Some(key.at), message);
            diagnostic.help(help).about(PartOfNode::Key)
        });
    }

    /// Moves all findings into `found`.
    pub fn all_into(self, found: &mut Diagnostics) {
        found.extend(self.errors.into_vec());
        found.extend(self.others.into_vec());
    }
}

/// The expected type of a value.
#[derive(Debug)]
enum Shape {
    /// Any value.
    Any,
    /// A string.
    Text,
    /// A boolean.
    Flag,
    /// A map with these fields.
    Map(Fields),
    /// A map with the fields of this part.
    Of(Part),
    /// A list of values of this type.
    Each(&'static Self),
    /// A map with arbitrary keys and values of this type.
    Values(&'static Self),
    /// A value of the Kubernetes type at this path.
    Kubernetes(&'static [&'static str]),
    /// A field of this type that only older API versions have.
    Old(&'static Self),
}

use Shape::{Any, Each, Flag, Kubernetes, Map, Of, Old, Text, Values};

impl Part {
    const fn fields(self) -> &'static [Fields] {
        match self {
            Self::TaskRun => &[tables::TASK_RUN],
            Self::PipelineRun => &[tables::PIPELINE_RUN],
            Self::TaskRunSpec => &[tables::TASK_RUN_SPEC],
            Self::Pipeline => &[tables::PIPELINE],
            Self::PipelineTask => &[tables::PIPELINE_TASK],
            Self::Task => &[tables::TASK],
            Self::EmbeddedTask => &[tables::TASK, tables::EMBEDDED],
            Self::Step => &[tables::STEP, tables::CONTAINER, tables::OLD_OF_STEPS],
            Self::StepTemplate => &[tables::CONTAINER, tables::OLD_OF_STEPS],
            Self::Sidecar => &[tables::SIDECAR, tables::CONTAINER],
            Self::StepAction => &[tables::STEP_ACTION],
            Self::TaskReference => &[tables::TASK_REFERENCE],
            Self::PipelineReference => &[tables::PIPELINE_REFERENCE],
        }
    }
}

/// The checks that apply to a document.
#[derive(Debug, Clone, Copy)]
struct Rules {
    version: Version,
    /// True if the types of values are also checked.
    types: bool,
}

/// Reports unknown fields and values of the wrong type in a Tekton document. Its metadata is not checked.
pub fn check(document: &Cursor<'_>, version: Version, found: &mut Unknown) {
    let part = match document.node.text_of("kind") {
        Some("Task") => Part::Task,
        Some("TaskRun") => Part::TaskRun,
        Some("Pipeline") => Part::Pipeline,
        Some("PipelineRun") => Part::PipelineRun,
        Some("StepAction") => Part::StepAction,
        _ => return,
    };
    found.add(
        document,
        &["apiVersion", "kind", "metadata", "spec", "status"],
    );
    if let Some(spec) = document.field("spec") {
        let types = true;
        Of(part).check(&spec, Rules { version, types }, found);
    }
}

/// Reports unknown fields inside the values of `map`, a map of the type `part`. Skips unknown fields of `map` itself, and values
/// that are themselves a [`Part`], except sidecars.
pub fn check_below(map: &Cursor<'_>, part: Part, found: &mut Unknown) {
    let rules = Rules {
        version: Version::Old,
        types: false,
    };
    for (field, shape) in part.fields().iter().copied().flatten() {
        if let Some(cursor) = map.field(field).filter(|_| !shape.is_of_part()) {
            shape.check(&cursor, rules, found);
        }
    }
}

impl Shape {
    const fn is_of_part(&self) -> bool {
        match self {
            Of(Part::Sidecar) => false,
            Of(_) => true,
            Each(item) => item.is_of_part(),
            _ => false,
        }
    }

    fn check(&self, cursor: &Cursor<'_>, rules: Rules, found: &mut Unknown) {
        let mut ignored = Diagnostics::default();
        match self {
            Text if rules.types => drop(cursor.text(&mut found.errors)),
            Flag if rules.types => drop(cursor.flag(&mut found.errors)),
            Any | Text | Flag => {}
            Map(fields) => check_map(cursor, &[fields], rules, found),
            Of(part) => check_map(cursor, part.fields(), rules, found),
            Old(shape) => shape.check(cursor, rules, found),
            Each(item) => {
                for cursor in cursor.items(&mut ignored) {
                    item.check(&cursor, rules, found);
                }
            }
            Values(value) => {
                for (_, cursor) in cursor.entries(&mut ignored) {
                    value.check(&cursor, rules, found);
                }
            }
            Kubernetes(path) => kinds::check_fields(path, cursor, found),
        }
    }
}

fn check_map(cursor: &Cursor<'_>, tables: &[Fields], rules: Rules, found: &mut Unknown) {
    let Some(entries) = cursor.node.mapping() else {
        return;
    };
    let fields = || tables.iter().copied().flatten();
    let current = fields().filter(|(_, shape)| !matches!(shape, Old(_)));
    let known: Vec<&str> = current.map(|(field, _)| *field).collect();
    for (key, node) in entries.iter() {
        if node.content == Content::Null && fields().any(|(field, _)| *field == key.name) {
            continue;
        }
        let place = cursor.place.key(&key.name);
        let Some((name, shape)) = fields().find(|(field, _)| *field == key.name) else {
            found.add_key(cursor, key, &known);
            continue;
        };
        match shape {
            Old(_) if rules.version == Version::V1 => found.errors.push_with(|_| {
                let message =
                    format!("unknown field '{name}': it exists only in older API versions");
                let diagnostic = Diagnostic::new(place, Some(key.at), message);
                let help = "convert the document with `gleaner translate`";
                diagnostic.help(help).about(PartOfNode::Key)
            }),
            _ => shape.check(&Cursor::new(node, place), rules, found),
        }
    }
}
