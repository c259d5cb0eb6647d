//! Resources that a Task or a Pipeline takes in: declared in one of four spellings, and object parameters from now on.

use gleaner_core::document::diagnostic::Location;
use gleaner_core::document::yaml::Node;

use crate::desk::Desk;
use crate::edit::{self, Edit, present, text, text_of};
use crate::resource_type::ResourceType;

/// A resource that is taken in.
#[derive(Debug, Clone)]
pub(crate) struct InputResource {
    /// Its name, and that of the parameter.
    pub(crate) name: String,
    /// Its type.
    pub(crate) kind: ResourceType,
    /// Whether a run may do without it.
    pub(crate) optional: bool,
    /// Where Tekton cloned it to.
    pub(crate) path: String,
    /// What it is for.
    description: Option<String>,
    /// The keys that whatever is bound must have. None of them has a default: Tekton counts a default for one key, and not what
    /// another task's result will bring for the others (`MissingKeysObjectParamNames`, `pkg/reconciler/taskrun/validate_taskrun.go`).
    pub(crate) keys: Vec<String>,
    /// Where it is declared.
    pub(crate) at: Location,
}

/// What a port is declared as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// It is taken in.
    Input,
    /// A run binds it to what exists already.
    BoundOutput,
}

const FIELDS: [&str; 5] = ["name", "type", "description", "targetPath", "optional"];

impl InputResource {
    /// Reads the declarations in `items`; complains of those that have no equal.
    pub(crate) fn read_all(
        items: &[Node],
        place: &str,
        side: Side,
        desk: &mut Desk<'_>,
    ) -> Vec<Self> {
        let mut ports: Vec<Self> = Vec::new();
        for (index, node) in items.iter().enumerate() {
            let place = format!("{place}[{index}]");
            let Some(port) = Self::read(node, &place, side, desk) else {
                continue;
            };
            if ports.iter().any(|other| other.name == port.name) {
                let message = format!("the resource '{}' is declared twice", port.name);
                desk.complain(&place, node, message, "remove one of the two");
            } else {
                ports.push(port);
            }
        }
        ports
    }

    fn read(node: &Node, place: &str, side: Side, desk: &mut Desk<'_>) -> Option<Self> {
        desk.only(node, place, &FIELDS);
        let name = desk.name(node, place)?;
        if !is_object_name(&name) {
            let message = format!("'{name}' cannot be the name of an object parameter");
            let help = "use letters, digits, '-' and '_', and begin with a letter or '_'";
            desk.complain(place, node, message, help);
            return None;
        }
        let Some(word) = desk.text(node, "type", place) else {
            let message = format!("the resource '{name}' has no type");
            desk.complain(place, node, message, "use git or image");
            return None;
        };
        let kind = match side {
            Side::Input => ResourceType::of_input(&word),
            Side::BoundOutput => ResourceType::of_bound_output(&word),
        };
        let kind = kind.map_err(|(message, help)| {
            let node = node.get("type").unwrap_or(node);
            desk.complain(&format!("{place}.type"), node, message, &help);
        });
        let folder = text_of(node, "targetPath").unwrap_or(&name);
        Some(Self {
            kind: kind.ok()?,
            optional: node
                .get("optional")
                .is_some_and(|node| node.to_json() == true),
            path: format!("/workspace/{}", folder.trim_matches('/')),
            description: text_of(node, "description").map(str::to_owned),
            keys: vec!["url".to_owned()],
            at: node.at,
            name,
        })
    }

    /// Notes that `key` is used.
    pub(crate) fn uses(&mut self, key: &str) {
        if !self.keys.iter().any(|other| other == key) {
            self.keys.push(key.to_owned());
        }
    }

    /// The parameter that takes its place in `params` of `spec`.
    pub(crate) fn declare(&self, spec: &mut Node, place: &str, desk: &mut Desk<'_>) {
        if spec.get("params").is_none() {
            spec.put_first("params", edit::list(self.at, Vec::new()));
        }
        let params = spec.list_mut("params");
        let taken = |param: &&Node| text_of(param, "name") == Some(&self.name);
        if let Some(param) = params.iter().find(taken) {
            let message = format!(
                "the resource '{0}' becomes a parameter '{0}', and there is one already",
                self.name
            );
            let node = param.clone();
            desk.complain(
                &format!("{place}.params"),
                &node,
                message,
                "rename one of the two",
            );
            return;
        }
        params.push(self.parameter());
    }

    fn parameter(&self) -> Node {
        let at = self.at;
        let each = |node: Node| {
            let keys = self.keys.iter();
            edit::map(at, keys.map(|key| (key.as_str(), node.clone())))
        };
        let mut entries = vec![("name", text(at, self.name.as_str()))];
        if let Some(description) = &self.description {
            entries.push(("description", text(at, description.as_str())));
        }
        entries.push(("type", text(at, "object")));
        let property = edit::map(at, [("type", text(at, "string"))]);
        entries.push(("properties", each(property)));
        if self.optional {
            entries.push(("default", each(text(at, ""))));
        }
        edit::map(at, entries)
    }
}

/// The declarations of a Task's resources, in whichever spelling, taken out of `spec`.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    /// What is taken in.
    pub(crate) inputs: Vec<InputResource>,
    /// What runs bind to resources that exist already.
    pub(crate) outputs: Vec<InputResource>,
}

impl Declared {
    /// `resources: [...]` of the proposal, `resources.inputs` and `resources.outputs` of v1beta1, `inputs.resources` and
    /// `outputs.resources` of v1alpha1. Outputs that the Task creates, and objects, stay where they are.
    pub(crate) fn take(spec: &mut Node, place: &str, desk: &mut Desk<'_>) -> Self {
        let mut declared = Self::default();
        if let Some(resources) = spec.take("resources") {
            let place = format!("{place}.resources");
            if resources.sequence().is_some() {
                declared.add(&resources, &place, Side::Input, desk);
            } else {
                desk.only(&resources, &place, &["inputs", "outputs"]);
                for (key, side) in [("inputs", Side::Input), ("outputs", Side::BoundOutput)] {
                    if let Some(items) = present(&resources, key) {
                        declared.add(items, &format!("{place}.{key}"), side, desk);
                    }
                }
            }
        }
        if let Some(mut inputs) = spec.take("inputs") {
            let place = format!("{place}.inputs");
            desk.only(&inputs, &place, &["resources", "params"]);
            if let Some(items) = inputs.take("resources") {
                declared.add(&items, &format!("{place}.resources"), Side::Input, desk);
            }
            if let Some(params) = inputs.take("params") {
                let items = desk.items(&params, &format!("{place}.params")).to_vec();
                spec.list_mut("params").extend(items);
            }
        }
        if let Some(bound) = take_bound(spec) {
            let place = format!("{place}.outputs.resources");
            declared.add(&bound, &place, Side::BoundOutput, desk);
        }
        declared
    }

    fn add(&mut self, items: &Node, place: &str, side: Side, desk: &mut Desk<'_>) {
        let items = desk.items(items, place);
        let ports = InputResource::read_all(items, place, side, desk);
        let all = self.inputs.iter().chain(&self.outputs);
        let names: Vec<String> = all.map(|port| port.name.clone()).collect();
        for port in &ports {
            if names.contains(&port.name) {
                let message = format!(
                    "two resources are called '{}', and both become parameters",
                    port.name
                );
                desk.complain_at(place, port.at, message, Some("rename one".to_owned()));
            }
        }
        match side {
            Side::Input => self.inputs.extend(ports),
            Side::BoundOutput => self.outputs.extend(ports),
        }
    }
}

/// The entries of `outputs.resources` that have a type and no spec: older than the proposal, they bind what exists already.
fn take_bound(spec: &mut Node) -> Option<Node> {
    let outputs = spec.field_mut("outputs")?;
    let resources = outputs.field_mut("resources")?;
    let is_bound =
        |item: &&Node| present(item, "type").is_some() && present(item, "spec").is_none();
    let (bound, made): (Vec<&Node>, Vec<&Node>) = resources.sequence()?.iter().partition(is_bound);
    if bound.is_empty() {
        return None;
    }
    let list = |items: Vec<&Node>| edit::list(resources.at, items.into_iter().cloned().collect());
    let (bound, made) = (list(bound), list(made));
    if made.sequence().is_some_and(<[_]>::is_empty) {
        outputs.take("resources");
    } else {
        *resources = made;
    }
    if outputs.mapping().is_some_and(<[_]>::is_empty) {
        spec.take("outputs");
    }
    Some(bound)
}

/// Tekton's `objectVariableNameFormat` (`pkg/apis/pipeline/v1/task_validation.go`).
fn is_object_name(name: &str) -> bool {
    let mut letters = name.chars();
    let first = letters.next().unwrap_or_default();
    (first.is_ascii_alphabetic() || first == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}
