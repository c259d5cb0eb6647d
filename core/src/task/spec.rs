//! The TaskSpec.

use std::collections::BTreeSet;

use crate::declaration::ParamShape;
use crate::document::diagnostic::{Diagnostic, Location};
use crate::document::yaml::Node;
use indexmap::IndexMap;

use super::param::{ParamKind, ParamSpec};
use super::reading::{Reading, join, present};
use super::step::Step;

/// What a Task says, as far as Gleaner must know it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TaskSpec {
    /// Its parameters.
    pub params: Vec<ParamSpec>,
    /// Its steps, the step template merged in.
    pub steps: Vec<Step>,
    /// The folders that it shares with other tasks.
    pub workspaces: Vec<Workspace>,
    /// The results that it writes itself.
    pub results: Vec<TaskResult>,
    /// Input resources of 2019, which no Tekton of today knows.
    pub inputs: Vec<InputResource>,
    /// What it asks for that only a cluster has, in the words of a note.
    pub cluster_only: BTreeSet<&'static str>,
}

/// A declared workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its name.
    pub name: String,
    /// Where it stands in the pod.
    pub mount_path: String,
    /// Whether the task works without it.
    pub optional: bool,
}

/// A declared result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskResult {
    /// Its name.
    pub name: String,
    /// Its value, when it repeats a step's result.
    pub value: Option<String>,
    /// `string`, `array` or `object`.
    pub kind: String,
    /// Its place in the document.
    pub place: String,
    /// Its position in the text.
    pub at: Location,
}

/// A PipelineResource that the task takes in (`resources`, `inputs.resources`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputResource {
    /// Its name.
    pub name: String,
    /// `git`, `image` and so on.
    pub kind: String,
    /// Where a `git` one is cloned to.
    pub path: String,
}

impl TaskSpec {
    /// Reads a TaskSpec that stands at `place` of its document.
    ///
    /// # Errors
    /// Everything that is wrong with the part that Gleaner reads.
    pub fn read(spec: &Node, place: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut reading = Reading::default();
        let read = Self {
            params: ParamSpec::read_all(spec, place, &mut reading),
            steps: Step::read_all(spec, place, &mut reading),
            workspaces: workspaces(spec, place, &mut reading),
            results: results(spec, place, &mut reading),
            inputs: inputs(spec, place, &mut reading),
            cluster_only: cluster_only(spec),
        };
        if read.steps.is_empty() && reading.diagnostics.is_empty() {
            let message = "the Task has no steps".to_owned();
            reading.diagnostics.push(Diagnostic::new(
                join(place, "steps"),
                Some(spec.at),
                message,
            ));
        }
        reading.finish(read)
    }

    /// What a declaration beside this spec may refer to as a step.
    pub fn step_names(&self) -> Vec<String> {
        self.steps.iter().map(|step| step.name.clone()).collect()
    }

    /// What a declaration beside this spec may refer to as a parameter.
    pub fn param_shapes(&self) -> IndexMap<String, ParamShape> {
        let shape = |kind: &ParamKind| match kind {
            ParamKind::String => ParamShape::String,
            ParamKind::Array => ParamShape::Array,
            ParamKind::Object { keys } if keys.is_empty() => ParamShape::Object(None),
            ParamKind::Object { keys } => ParamShape::Object(Some(keys.clone())),
        };
        self.params
            .iter()
            .map(|param| (param.name.clone(), shape(&param.kind)))
            .collect()
    }
}

fn workspaces(spec: &Node, place: &str, reading: &mut Reading) -> Vec<Workspace> {
    let mut workspaces = Vec::new();
    for (index, node) in reading
        .list_at(spec, "workspaces", place)
        .iter()
        .enumerate()
    {
        let place = format!("{place}.workspaces[{index}]");
        let Some(name) = reading.name(node, &place) else {
            continue;
        };
        let mount_path = reading.text_at(node, "mountPath", &place);
        let mount_path = mount_path.unwrap_or_else(|| format!("/workspace/{name}"));
        let optional = node
            .get("optional")
            .is_some_and(|node| node.to_json() == true);
        workspaces.push(Workspace {
            name,
            mount_path,
            optional,
        });
    }
    workspaces
}

fn results(spec: &Node, place: &str, reading: &mut Reading) -> Vec<TaskResult> {
    let mut results = Vec::new();
    for (index, node) in reading.list_at(spec, "results", place).iter().enumerate() {
        let place = format!("{place}.results[{index}]");
        let Some(name) = reading.name(node, &place) else {
            continue;
        };
        let value = node.get("value").and_then(Node::as_str).map(str::to_owned);
        let kind = reading.text_at(node, "type", &place);
        results.push(TaskResult {
            name,
            value,
            kind: kind.unwrap_or_else(|| "string".to_owned()),
            at: node.at,
            place,
        });
    }
    results
}

/// `resources` as in the proposal (a list), `resources.inputs` of v1beta1, and `inputs.resources` of v1alpha1.
fn inputs(spec: &Node, place: &str, reading: &mut Reading) -> Vec<InputResource> {
    let mut resources = Vec::new();
    if present(spec, "resources").is_some_and(|node| node.sequence().is_some()) {
        resources.extend(reading.list_at(spec, "resources", place));
    } else if let Some(parent) = present(spec, "resources") {
        resources.extend(reading.list_at(parent, "inputs", &join(place, "resources")));
    }
    if let Some(parent) = present(spec, "inputs") {
        resources.extend(reading.list_at(parent, "resources", &join(place, "inputs")));
    }
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
    let resource = |node: &Node| {
        let name = text(node, "name")?;
        let path = format!(
            "/workspace/{}",
            text(node, "targetPath").as_deref().unwrap_or(&name)
        );
        Some(InputResource {
            name,
            kind: text(node, "type").unwrap_or_default(),
            path,
        })
    };
    resources.into_iter().filter_map(resource).collect()
}

/// What the spec asks for that a plain process does not get.
fn cluster_only(spec: &Node) -> BTreeSet<&'static str> {
    const OF_TASK: [(&str, &str); 2] = [("sidecars", "sidecars"), ("volumes", "volumes")];
    const OF_STEP: [(&str, &str); 8] = [
        ("image", "images"),
        ("volumeMounts", "volumes"),
        ("volumeDevices", "volumes"),
        ("envFrom", "envFrom"),
        ("securityContext", "security contexts"),
        ("computeResources", "resource limits"),
        ("resources", "resource limits"),
        ("livenessProbe", "probes"),
    ];
    let mut found = BTreeSet::new();
    found.extend(
        OF_TASK
            .iter()
            .filter(|(key, _)| present(spec, key).is_some())
            .map(|(_, word)| *word),
    );
    let steps = spec
        .get("steps")
        .and_then(Node::sequence)
        .unwrap_or_default();
    for node in steps.iter().chain(present(spec, "stepTemplate")) {
        found.extend(
            OF_STEP
                .iter()
                .filter(|(key, _)| present(node, key).is_some())
                .map(|(_, word)| *word),
        );
    }
    found
}
