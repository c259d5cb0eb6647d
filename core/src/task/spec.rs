//! The TaskSpec.

use crate::declaration::ParamShape;
use crate::document::Location;
use crate::document::diagnostic::Diagnostic;
use crate::document::{Cursor, Diagnostics, Key, Node, Place};
use indexmap::IndexMap;

use super::param::{ParamKind, ParamSpec};
use super::step::Step;

/// The parts of a Task that Gleaner needs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TaskSpec {
    /// The parameters of the Task.
    pub params: Vec<ParamSpec>,
    /// The steps, merged with the step template.
    pub steps: Vec<Step>,
    /// The workspaces that the Task declares.
    pub workspaces: Vec<Workspace>,
    /// The results that the Task declares.
    pub results: Vec<TaskResult>,
    /// The input resources, in the syntax of the proposal, of v1alpha1, or of v1beta1. Current Tekton versions do not support
    /// input resources.
    pub inputs: Vec<InputResource>,
}

/// A declared workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// The name of the workspace.
    pub name: String,
    /// The mount path in the pod.
    pub mount_path: String,
    /// True if the task works without the workspace.
    pub optional: bool,
    /// True if the steps must not write to the workspace.
    pub read_only: bool,
}

/// A declared result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskResult {
    /// The name of the result.
    pub name: String,
    /// The field `value`, if the Task sets it, for example to a step's result.
    pub value: Option<String>,
    /// `string`, `array` or `object`.
    pub kind: String,
    /// The keys that an object result declares.
    pub keys: Vec<String>,
    /// The result's place in the document.
    pub place: Place,
    /// The result's position in the document's text.
    pub at: Location,
}

/// A PipelineResource that is an input of the task (`resources`, `inputs.resources`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputResource {
    /// The name of the resource.
    pub name: String,
    /// The resource's type, such as `git` or `image`.
    pub kind: String,
    /// The directory into which a `git` resource is cloned.
    pub path: String,
}

impl TaskSpec {
    /// Reads a TaskSpec.
    ///
    /// # Errors
    /// Returns all errors in the fields that Gleaner reads.
    pub fn read(spec: &Cursor<'_>) -> Result<Self, Vec<Diagnostic>> {
        let mut found = Diagnostics::default();
        let read = Self {
            params: ParamSpec::read_all(spec, &mut found),
            steps: Step::read_all(spec, &mut found),
            workspaces: workspaces(spec, &mut found),
            results: results(spec, &mut found),
            inputs: inputs(spec, &mut found),
        };
        if read.steps.is_empty() && found.is_empty() {
            let place = spec.place.key("steps");
            let error = Diagnostic::new(place, spec.at(), "the Task has no steps");
            found.push(error.help("add a step with name, image, and script or command"));
        }
        found.finish(read)
    }

    /// Returns the step names that the declaration may refer to.
    pub fn step_names(&self) -> Vec<String> {
        self.steps.iter().map(|step| step.name.clone()).collect()
    }

    /// Returns the parameters that the declaration may refer to.
    pub fn param_shapes(&self) -> IndexMap<String, ParamShape> {
        let shape = |kind: &ParamKind| match kind {
            ParamKind::String => ParamShape::String,
            ParamKind::Array => ParamShape::Array,
            ParamKind::Object { keys } if keys.is_empty() => ParamShape::Object(None),
            ParamKind::Object { keys } => ParamShape::Object(Some(keys.iter().cloned().collect())),
        };
        self.params
            .iter()
            .map(|param| (param.name.clone(), shape(&param.kind)))
            .collect()
    }
}

fn workspaces(spec: &Cursor<'_>, found: &mut Diagnostics) -> Vec<Workspace> {
    let mut workspaces = Vec::new();
    for item in spec.items_at("workspaces", found) {
        let Some(name) = item.name(found) else {
            continue;
        };
        let mount_path = item.text_at("mountPath", found);
        let is_set = |key: &str| {
            item.node
                .get(key)
                .is_some_and(|node| node.to_json() == true)
        };
        workspaces.push(Workspace {
            mount_path: mount_path.unwrap_or_else(|| format!("/workspace/{name}")),
            name,
            optional: is_set("optional"),
            read_only: is_set("readOnly"),
        });
    }
    workspaces
}

fn results(spec: &Cursor<'_>, found: &mut Diagnostics) -> Vec<TaskResult> {
    let mut results = Vec::new();
    for item in spec.items_at("results", found) {
        let Some(name) = item.name(found) else {
            continue;
        };
        let kind = item.text_at("type", found);
        results.push(TaskResult {
            name,
            value: item.node.text_of("value").map(str::to_owned),
            keys: item
                .node
                .present("properties")
                .and_then(Node::mapping)
                .map(keys)
                .unwrap_or_default(),
            kind: kind.unwrap_or_else(|| "string".to_owned()),
            at: item.node.at,
            place: item.place,
        });
    }
    results
}

fn keys(entries: &[(Key, Node)]) -> Vec<String> {
    entries.iter().map(|(key, _)| key.name.clone()).collect()
}

/// Reads the input resources: `resources` as a list (the proposal), `resources.inputs` (v1beta1) and `inputs.resources`
/// (v1alpha1).
fn inputs(spec: &Cursor<'_>, found: &mut Diagnostics) -> Vec<InputResource> {
    let mut resources = Vec::new();
    if let Some(list) = spec.field("resources") {
        if list.node.sequence().is_some() {
            resources.extend(list.items(found));
        } else {
            resources.extend(list.items_at("inputs", found));
        }
    }
    if let Some(inputs) = spec.field("inputs") {
        resources.extend(inputs.items_at("resources", found));
    }
    let resource = |item: Cursor<'_>| {
        let text = |key: &str| item.node.text_of(key);
        let name = text("name")?;
        Some(InputResource {
            name: name.to_owned(),
            kind: text("type").unwrap_or_default().to_owned(),
            path: format!("/workspace/{}", text("targetPath").unwrap_or(name)),
        })
    };
    resources.into_iter().filter_map(resource).collect()
}
