//! A PipelineSpec: its resources become object parameters, and its tasks hand them on.

use std::collections::BTreeMap;

use gleaner_core::document::diagnostic::suggestion;
use gleaner_core::document::yaml::Node;
use indexmap::IndexMap;

use crate::binding::{self, Binding, Target};
use crate::catalogue::Catalogue;
use crate::desk::Desk;
use crate::edit::{Edit, present, text, text_of};
use crate::input_resource::{InputResource, Side};
use crate::interface::{Interface, Interfaces, Made};
use crate::variables::{self, Judge, Verdict};
use crate::versions;

/// What is known around a Pipeline.
pub(crate) struct Surroundings<'a> {
    /// The Tasks of all files.
    pub(crate) known: &'a Interfaces,
    /// The Tasks embedded in this document, by place.
    pub(crate) embedded: &'a BTreeMap<String, Interface>,
    /// The PipelineResources.
    pub(crate) catalogue: &'a Catalogue,
    /// The namespace of the document.
    pub(crate) namespace: Option<&'a str>,
}

/// Translates the PipelineSpec at `place`.
pub(crate) fn translate(
    spec: &mut Node,
    place: &str,
    around: &Surroundings<'_>,
    desk: &mut Desk<'_>,
) -> Interface {
    let resources = spec.take("resources");
    let items = resources
        .as_ref()
        .map(|node| desk.items(node, &format!("{place}.resources")));
    let place_of = format!("{place}.resources");
    let mut inputs =
        InputResource::read_all(items.unwrap_or_default(), &place_of, Side::Input, desk);
    for port in &mut inputs {
        // Its tasks may be elsewhere, and use any of them.
        let keys = port.kind.keys();
        keys.iter().for_each(|(key, _)| port.uses(key));
    }
    let mut pipeline = Pipeline {
        inputs,
        tasks: tasks(spec, place, around),
    };
    for list in ["tasks", "finally"] {
        let mut items = spec.take(list);
        let nodes = items.as_mut().map_or(&mut [][..], Node::items_mut);
        for (index, task) in nodes.iter_mut().enumerate() {
            let place = format!("{place}.{list}[{index}]");
            pipeline.task(task, &place, around, desk);
        }
        if let Some(items) = items {
            spec.put(list, items);
        }
    }
    variables::rewrite(
        spec,
        place,
        &["taskSpec", "pipelineSpec", "description", "displayName"],
        &mut pipeline,
        desk,
    );
    let inputs = pipeline.inputs;
    for port in &inputs {
        port.declare(spec, place, desk);
    }
    Interface {
        inputs,
        ..Interface::default()
    }
}

/// The tasks of a PipelineSpec by name, each with its interface where that is known.
fn tasks(
    spec: &Node,
    place: &str,
    around: &Surroundings<'_>,
) -> IndexMap<String, Option<Interface>> {
    let mut found = IndexMap::new();
    for list in ["tasks", "finally"] {
        let items = spec.get(list).and_then(Node::sequence).unwrap_or_default();
        for (index, task) in items.iter().enumerate() {
            let embedded = format!("{place}.{list}[{index}].taskSpec");
            let interface = around
                .embedded
                .get(&embedded)
                .or_else(|| Interfaces::referred(&around.known.tasks, present(task, "taskRef")));
            let name = text_of(task, "name").unwrap_or_default();
            found.insert(name.to_owned(), interface.cloned());
        }
    }
    found
}

struct Pipeline {
    inputs: Vec<InputResource>,
    tasks: IndexMap<String, Option<Interface>>,
}

/// A binding, and what it is for as far as that is known.
#[derive(Clone, Copy)]
struct Request<'a> {
    binding: &'a Binding,
    port: Option<&'a InputResource>,
}

impl Request<'_> {
    /// The node that says what is bound.
    fn node(&self) -> &Node {
        match &self.binding.target {
            Target::Reference(name) | Target::OfPipeline(name) => name,
            Target::Inline(spec) => spec,
        }
    }

    fn place(&self) -> String {
        let field = match &self.binding.target {
            Target::Reference(_) => "resourceRef.name",
            Target::OfPipeline(_) => "resource",
            Target::Inline(_) => "resourceSpec",
        };
        format!("{}.{field}", self.binding.place)
    }
}

impl Pipeline {
    fn task(
        &mut self,
        task: &mut Node,
        place: &str,
        around: &Surroundings<'_>,
        desk: &mut Desk<'_>,
    ) {
        if let Some(conditions) = task.take("conditions") {
            let message = "Tekton has no Conditions any more".to_owned();
            let help = "use when: with a result of a task that does what the Condition did";
            desk.complain(&format!("{place}.conditions"), &conditions, message, help);
        }
        if let Some(reference) = task.field_mut("taskRef") {
            versions::reference(reference, "Task", &format!("{place}.taskRef"), desk);
        }
        let mut of = Interface::default();
        let mut is_known = false;
        if let Some(nested) = task.field_mut("pipelineSpec") {
            of = translate(nested, &format!("{place}.pipelineSpec"), around, desk);
            is_known = true;
        } else if let Some(Some(interface)) =
            self.tasks.get(text_of(task, "name").unwrap_or_default())
        {
            of = interface.clone();
            is_known = true;
        }
        let bindings = binding::take(task, place, desk);
        if is_known {
            let name = text_of(task, "name").unwrap_or_default();
            let title = format!("the task '{name}'");
            binding::check(&bindings, &of, &title, task, place, desk);
        }
        for binding in &bindings {
            let port = of.port(&binding.name);
            let request = Request { binding, port };
            if let Some(value) = self.value(&request, task, around, desk) {
                binding.bind(value, task, desk);
            }
        }
    }

    /// What is bound, in the words of a parameter.
    fn value(
        &mut self,
        request: &Request<'_>,
        task: &mut Node,
        around: &Surroundings<'_>,
        desk: &mut Desk<'_>,
    ) -> Option<Node> {
        let Request { binding, port, .. } = *request;
        let exists =
            |desk: &mut Desk<'_>| binding.resolve(around.catalogue, around.namespace, port, desk);
        let said = match &binding.target {
            Target::Inline(_) => return exists(desk),
            Target::OfPipeline(name) | Target::Reference(name) => name.as_str().unwrap_or_default(),
        };
        let variable = said
            .strip_prefix("$(")
            .and_then(|rest| rest.strip_suffix(')'));
        let words = variable.and_then(variables::words);
        match (&binding.target, words.as_deref()) {
            (Target::OfPipeline(_), _) => self.passed_on(said, request, task, desk),
            (_, Some(["resources", resource])) => self.passed_on(resource, request, task, desk),
            (_, Some(["tasks", from, output])) => self.output(from, output, request, desk),
            (_, None) if !said.contains("$(") => exists(desk),
            _ => {
                let message = format!("'{said}' names no resource");
                let help = "write $(resources.NAME), $(tasks.TASK.OUTPUT) or the name of a PipelineResource";
                desk.complain(&request.place(), request.node(), message, help);
                None
            }
        }
    }

    /// One of the Pipeline's own resources.
    fn passed_on(
        &mut self,
        resource: &str,
        request: &Request<'_>,
        task: &mut Node,
        desk: &mut Desk<'_>,
    ) -> Option<Node> {
        let Request { binding, port } = *request;
        // What comes from a task that creates it is that task's; anything else is the Pipeline's, and only comes later.
        let creates = |from: &&str| {
            let interface = self.tasks.get(*from).and_then(Option::as_ref);
            interface.is_some_and(|interface| interface.made.contains_key(resource))
        };
        if let Some(from) = binding.from.iter().filter_map(Node::as_str).find(creates) {
            return self.output(from, resource, request, desk);
        }
        for from in &binding.from {
            let wanted = from.as_str().unwrap_or_default();
            if !self.tasks.contains_key(wanted) {
                self.no_task(wanted, from, &format!("{}.from", binding.place), desk);
            }
            let after = task.list_mut("runAfter");
            if after.iter().all(|other| other.as_str() != Some(wanted)) {
                after.push(from.clone());
            }
        }
        let Some(own) = self.inputs.iter_mut().find(|own| own.name == resource) else {
            let message = format!("the Pipeline declares no resource '{resource}'");
            let known = self.inputs.iter().map(|port| port.name.as_str());
            desk.unknown(
                &request.place(),
                request.node().at,
                message,
                resource,
                known,
            );
            return None;
        };
        if let Some(port) = port {
            if port.kind == own.kind {
                port.keys.iter().for_each(|key| own.uses(key));
            } else {
                binding.fits(port, own.kind.as_str(), &[], desk);
            }
        }
        Some(text(request.node().at, format!("$(params.{resource}[*])")))
    }

    /// What another task creates.
    fn output(
        &self,
        from: &str,
        output: &str,
        request: &Request<'_>,
        desk: &mut Desk<'_>,
    ) -> Option<Node> {
        let Request { binding, port } = *request;
        let (place, node) = (request.place(), request.node());
        let Some(interface) = self.tasks.get(from) else {
            self.no_task(from, node, &place, desk);
            return None;
        };
        if binding.side == Side::BoundOutput {
            let message = format!(
                "'{output}' is created by the task '{from}': nothing else can be its output"
            );
            desk.complain(&place, node, message, "bind it under inputs");
            return None;
        }
        match interface
            .as_ref()
            .map(|interface| interface.made.get(output))
        {
            // A Task that is not in the files: Tekton will know.
            None => {}
            Some(Some(Made::Resource { kind, keys })) => {
                if let Some(port) = port {
                    let keys = keys.iter().map(String::as_str);
                    binding.fits(port, kind, &keys.collect::<Vec<_>>(), desk);
                }
            }
            Some(Some(Made::Object)) => {
                let message = format!(
                    "'{output}' is one of the objects of the task '{from}', and objects are no PipelineResources; nothing binds \
                     them as inputs"
                );
                let help = format!(
                    "take a field of it as a parameter: $(tasks.{from}.results.{output}.name)"
                );
                desk.complain(&place, node, message, &help);
                return None;
            }
            Some(None) => {
                let message = format!("the task '{from}' creates no resource '{output}'");
                let made = interface.iter().flat_map(|interface| interface.made.keys());
                desk.unknown(&place, node.at, message, output, made.map(String::as_str));
                return None;
            }
        }
        Some(text(
            node.at,
            format!("$(tasks.{from}.results.{output}[*])"),
        ))
    }

    fn no_task(&self, name: &str, node: &Node, place: &str, desk: &mut Desk<'_>) {
        let message = format!("the Pipeline has no task '{name}'");
        let known = self.tasks.keys().map(String::as_str);
        desk.unknown(place, node.at, message, name, known);
    }

    fn resource(&mut self, name: &str, key: &str, inside: &str) -> Verdict {
        let known = self.inputs.iter().map(|port| port.name.as_str());
        let help = suggestion(name, known);
        let Some(port) = self.inputs.iter_mut().find(|port| port.name == name) else {
            let message = format!("`$({inside})`: the Pipeline declares no resource '{name}'");
            return Verdict::Wrong { message, help };
        };
        if key == "type" {
            return Verdict::Text(port.kind.as_str().to_owned());
        }
        port.uses(key);
        Verdict::Variable(format!("params.{name}.{key}"))
    }
}

impl Judge for Pipeline {
    fn judge(&mut self, words: &[&str], inside: &str) -> Verdict {
        match words {
            ["inputs", "params", ..] => match inside.strip_prefix("inputs.") {
                Some(rest) => Verdict::Variable(rest.to_owned()),
                None => Verdict::Keep,
            },
            ["resources", name, key] => self.resource(name, key, inside),
            ["resources" | "inputs" | "outputs", ..] => Verdict::Wrong {
                message: format!("`$({inside})` is no variable of a Pipeline"),
                help: Some("write $(params.NAME) or $(resources.NAME.KEY)".to_owned()),
            },
            ["tasks", from, output, rest @ ..] => {
                let interface = self.tasks.get(*from).and_then(Option::as_ref);
                let made = interface.and_then(|interface| interface.made.get(*output));
                match (made, rest) {
                    (Some(_), [key]) => {
                        Verdict::Variable(format!("tasks.{from}.results.{output}.{key}"))
                    }
                    (Some(_), _) => Verdict::Wrong {
                        message: format!("`$({inside})` is a whole object where a text is wanted"),
                        help: Some(format!(
                            "write $(tasks.{from}.{output}.name) or another key"
                        )),
                    },
                    (None, _) => Verdict::Keep,
                }
            }
            _ => Verdict::Keep,
        }
    }
}
