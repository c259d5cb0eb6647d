//! Bindings: which resource a task or a run gets under which name, in whichever spelling.

use gleaner_core::document::yaml::Node;

use crate::catalogue::{Catalogue, Resource};
use crate::desk::Desk;
use crate::edit::{self, Edit, present, text, text_of};
use crate::input_resource::{InputResource, Side};
use crate::interface::Interface;

/// One binding, as it is written.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    /// The name under which the task or the Pipeline knows it.
    pub(crate) name: String,
    /// What is bound.
    pub(crate) target: Target,
    /// The tasks that this one comes after.
    pub(crate) from: Vec<Node>,
    /// Whether it is taken in.
    pub(crate) side: Side,
    /// The node and its place.
    pub(crate) node: Node,
    /// Its place.
    pub(crate) place: String,
}

/// What is bound.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// `resourceRef.name`: the name of a PipelineResource, or a variable.
    Reference(Node),
    /// `resourceSpec`: written out here.
    Inline(Node),
    /// `resource`: one of the Pipeline's own.
    OfPipeline(Node),
}

const FIELDS: [&str; 5] = ["name", "resourceRef", "resourceSpec", "resource", "from"];

/// The bindings below `spec`, taken out: `resources`, a list or `inputs` and `outputs`, and v1alpha1's `inputs.resources`
/// and `outputs.resources`.
pub(crate) fn take(spec: &mut Node, place: &str, desk: &mut Desk<'_>) -> Vec<Binding> {
    let mut bindings = Vec::new();
    if let Some(resources) = spec.take("resources") {
        let place = format!("{place}.resources");
        if resources.sequence().is_some() {
            read_all(&resources, &place, Side::Input, &mut bindings, desk);
        } else {
            desk.only(&resources, &place, &["inputs", "outputs"]);
            for (key, side) in [("inputs", Side::Input), ("outputs", Side::BoundOutput)] {
                if let Some(items) = present(&resources, key) {
                    read_all(items, &format!("{place}.{key}"), side, &mut bindings, desk);
                }
            }
        }
    }
    for (key, side) in [("inputs", Side::Input), ("outputs", Side::BoundOutput)] {
        let Some(mut parent) = spec.take(key) else {
            continue;
        };
        let place = format!("{place}.{key}");
        if let Some(items) = parent.take("resources") {
            let place = format!("{place}.resources");
            read_all(&items, &place, side, &mut bindings, desk);
        }
        if side == Side::Input
            && let Some(params) = parent.take("params")
        {
            let items = desk.items(&params, &format!("{place}.params")).to_vec();
            spec.list_mut("params").extend(items);
        }
        desk.only(&parent, &place, &[]);
    }
    bindings
}

fn read_all(
    items: &Node,
    place: &str,
    side: Side,
    bindings: &mut Vec<Binding>,
    desk: &mut Desk<'_>,
) {
    for (index, node) in desk.items(items, place).iter().enumerate() {
        let place = format!("{place}[{index}]");
        let Some(binding) = read(node, &place, side, desk) else {
            continue;
        };
        if bindings.iter().any(|other| other.name == binding.name) {
            let message = format!("the resource '{}' is bound twice", binding.name);
            desk.complain(&place, node, message, "remove one of the two");
        } else {
            bindings.push(binding);
        }
    }
}

fn read(node: &Node, place: &str, side: Side, desk: &mut Desk<'_>) -> Option<Binding> {
    desk.only(node, place, &FIELDS);
    let name = desk.name(node, place)?;
    let reference = present(node, "resourceRef").and_then(|reference| {
        let place = format!("{place}.resourceRef");
        desk.only(reference, &place, &["name", "apiVersion"]);
        desk.name(reference, &place)?;
        reference.get("name").cloned()
    });
    let resource = desk.text(node, "resource", place);
    let target = match (reference, present(node, "resourceSpec"), resource) {
        (Some(name), None, None) => Target::Reference(name),
        (None, Some(spec), None) => Target::Inline(spec.clone()),
        (None, None, Some(_)) => Target::OfPipeline(node.get("resource")?.clone()),
        _ => {
            let message = format!("the binding of '{name}' must say what is bound, and once");
            let help = "give resourceRef.name, resourceSpec or (in a Pipeline) resource";
            desk.complain(place, node, message, help);
            return None;
        }
    };
    Some(Binding {
        name,
        target,
        from: desk.list(node, "from", place).to_vec(),
        side,
        node: node.clone(),
        place: place.to_owned(),
    })
}

impl Binding {
    /// Adds the parameter that takes the place of this binding.
    pub(crate) fn bind(&self, value: Node, spec: &mut Node, desk: &mut Desk<'_>) {
        let params = spec.list_mut("params");
        if params
            .iter()
            .any(|param| text_of(param, "name") == Some(&self.name))
        {
            let message = format!(
                "the resource '{0}' becomes a parameter '{0}', and there is one already",
                self.name
            );
            return desk.complain(&self.place, &self.node, message, "rename one of the two");
        }
        let at = self.node.at;
        params.push(edit::map(
            at,
            [("name", text(at, self.name.as_str())), ("value", value)],
        ));
    }

    /// A PipelineResource that exists already, or is written out here, as a value; it must fit `port`.
    pub(crate) fn resolve(
        &self,
        catalogue: &Catalogue,
        namespace: Option<&str>,
        port: Option<&InputResource>,
        desk: &mut Desk<'_>,
    ) -> Option<Node> {
        let (place, node) = (&self.place, &self.node);
        let resource = match &self.target {
            Target::Reference(name) => {
                let place = format!("{place}.resourceRef.name");
                catalogue.find(name, namespace, &place, desk)
            }
            Target::Inline(spec) => {
                let place = format!("{place}.resourceSpec");
                let file = desk.source.name.clone();
                Resource::read(spec, &place, &file, None, desk)
            }
            Target::OfPipeline(name) => {
                let message =
                    "only a Pipeline's task takes one of the Pipeline's resources".to_owned();
                desk.complain(
                    place,
                    name,
                    message,
                    "give resourceRef.name or resourceSpec",
                );
                None
            }
        }?;
        if let Some(port) = port {
            let keys = resource.values.iter().map(|(key, _)| key.as_str());
            self.fits(port, &resource.kind, &keys.collect::<Vec<_>>(), desk);
        }
        Some(resource.value(node.at))
    }

    /// Whether something of type `kind` with these keys is what `port` takes in; complains when not.
    pub(crate) fn fits(
        &self,
        port: &InputResource,
        kind: &str,
        keys: &[&str],
        desk: &mut Desk<'_>,
    ) {
        let (place, node, name) = (&self.place, &self.node, &port.name);
        let wanted = port.kind.as_str();
        if kind != wanted {
            let message =
                format!("'{name}' is of type {wanted}, and what is bound to it of type {kind}");
            return desk.complain_at(place, node.at, message, None);
        }
        for key in &port.keys {
            if !keys.contains(&key.as_str()) {
                let message =
                    format!("'{name}' is used by its {key}, and what is bound to it has none");
                let help = format!("give it a param '{key}'");
                desk.complain(place, node, message, &help);
            }
        }
    }
}

/// The port that each binding is for. Complains of bindings without a port, and of ports without a binding.
pub(crate) fn check(
    bindings: &[Binding],
    interface: &Interface,
    of: &str,
    node: &Node,
    place: &str,
    desk: &mut Desk<'_>,
) {
    for binding in bindings {
        let (place, node, name) = (&binding.place, &binding.node, &binding.name);
        if interface.port(name).is_some() {
            continue;
        }
        if interface.made.contains_key(name) {
            let message = format!("{of} creates '{name}' itself: it is bound to nothing");
            desk.complain(place, node, message, "remove the binding");
        } else {
            let message = format!("{of} declares no resource '{name}'");
            let known = interface.ports().map(|port| port.name.as_str());
            desk.unknown(place, node.at, message, name, known);
        }
    }
    for port in interface.ports() {
        let bound = bindings.iter().any(|binding| binding.name == port.name);
        let params = node.get("params").and_then(Node::sequence);
        let given = |param: &Node| text_of(param, "name") == Some(&port.name);
        let given = params.unwrap_or_default().iter().any(given);
        if !bound && !given && !port.optional {
            let message = format!(
                "{of} takes in the resource '{}', and nothing is bound to it",
                port.name
            );
            let help = format!(
                "add resources: [{{name: {}, resourceRef: {{name: ...}}}}]",
                port.name
            );
            desk.complain(place, node, message, &help);
        }
    }
}
