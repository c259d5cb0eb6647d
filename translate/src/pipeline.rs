//! A PipelineSpec: its resources become object parameters, and its tasks pass them on.

use std::collections::HashMap;

use gleaner_core::document::diagnostic::{Diagnostic, suggestion};
use gleaner_core::document::yaml::Node;
use gleaner_core::document::{Cursor, Diagnostics, Place, Source};
use indexmap::IndexMap;
use serde_json::Value;

use crate::binding::{self, Binding, Target};
use crate::catalogue::Catalogue;
use crate::edit::Edit;
use crate::input_resource::InputResource;
use crate::interface::{Created, Interface, Interfaces, referred};
use crate::resource_lists::{self, Direction};
use crate::variables::{self, Replacement, Variables};
use crate::versions;

/// The documents around a PipelineSpec.
pub(crate) struct Surroundings<'a> {
    /// The Tasks of all files.
    pub(crate) known: &'a Interfaces,
    /// The Tasks embedded in the same document, by place.
    pub(crate) embedded: &'a HashMap<Place, Interface>,
    pub(crate) catalogue: &'a Catalogue,
    /// The namespace of the document.
    pub(crate) namespace: Option<&'a str>,
    pub(crate) source: &'a Source,
}

/// Translates the PipelineSpec at `place`.
pub(crate) fn translate(
    spec: &mut Node,
    place: &Place,
    around: &Surroundings<'_>,
    found: &mut Diagnostics,
) -> Interface {
    let items = resource_lists::take_inputs(spec, place, found);
    let mut resources = InputResource::read_all(&items, found);
    for resource in &mut resources {
        // Its tasks may be in other files, and use any of them.
        resource
            .kind
            .keys()
            .iter()
            .for_each(|key| resource.uses(key));
    }
    let tasks = tasks(spec, place, around);
    let mut pipeline = Pipeline { resources, tasks };
    for list in LISTS {
        for (index, task) in spec.items_mut(list).iter_mut().enumerate() {
            pipeline.task(task, &place.key(list).index(index), around, found);
        }
    }
    variables::rewrite(spec, place, &mut pipeline, around.source, found);
    let resources = pipeline.resources;
    for resource in &resources {
        resource.declare(spec, place, found);
    }
    Interface {
        resources,
        ..Interface::default()
    }
}

const LISTS: [&str; 2] = ["tasks", "finally"];

type Tasks = IndexMap<String, Option<Interface>>;

/// The tasks of a PipelineSpec by name, each with its interface where that is known.
fn tasks(spec: &Node, place: &Place, around: &Surroundings<'_>) -> Tasks {
    let mut found = IndexMap::new();
    for list in LISTS {
        let items = spec.get(list).and_then(Node::sequence).unwrap_or_default();
        for (index, task) in items.iter().enumerate() {
            let embedded = place.key(list).index(index).key("taskSpec");
            let embedded = around.embedded.get(&embedded);
            let interface =
                embedded.or_else(|| referred(&around.known.tasks, task.present("taskRef")));
            let name = task.text_of("name").unwrap_or_default();
            found.insert(name.to_owned(), interface.cloned());
        }
    }
    found
}

struct Pipeline {
    resources: Vec<InputResource>,
    tasks: Tasks,
}

/// A binding of a Pipeline's task.
#[derive(Clone, Copy)]
struct Request<'a> {
    binding: &'a Binding<'a>,
    /// The name of what is bound.
    target: &'a Cursor<'a>,
    /// The resource of the task, where that is known.
    resource: Option<&'a InputResource>,
}

impl Pipeline {
    fn task(
        &mut self,
        task: &mut Node,
        place: &Place,
        around: &Surroundings<'_>,
        found: &mut Diagnostics,
    ) {
        if let Some(conditions) = task.take("conditions") {
            let conditions = Cursor::new(&conditions, place.key("conditions"));
            let message = "Tekton has no Conditions any more";
            let help = "use when: with a result of a task that does what the Condition did";
            found.push(conditions.diagnostic(message).help(help));
        }
        versions::reference(task, place, "taskRef", "Task", found);
        let name = task.text_of("name").unwrap_or_default().to_owned();
        let interface = match task.field_mut("pipelineSpec") {
            Some(nested) => Some(translate(nested, &place.key("pipelineSpec"), around, found)),
            None => self.tasks.get(&name).cloned().flatten(),
        };
        let items = binding::take(task, place, found);
        let bindings = binding::read_all(&items, found);
        if let Some(interface) = &interface {
            let cursor = Cursor::new(task, place.clone());
            let title = format!("the task '{name}'");
            binding::check(&bindings, interface, &title, &cursor, found);
        }
        for binding in &bindings {
            let resource = interface
                .as_ref()
                .and_then(|own| own.resource(&binding.name));
            if let Some(value) = self.value(binding, resource, task, around, found) {
                binding.bind(value, task, found);
            }
        }
    }

    /// The value of the parameter that replaces a binding.
    fn value(
        &mut self,
        binding: &Binding<'_>,
        resource: Option<&InputResource>,
        task: &mut Node,
        around: &Surroundings<'_>,
        found: &mut Diagnostics,
    ) -> Option<Value> {
        let request = |target| Request {
            binding,
            target,
            resource,
        };
        let target = match &binding.target {
            Target::Reference(name) => name,
            Target::OfPipeline(name) => {
                let own = name.node.as_str().unwrap_or_default();
                return self.own(own, request(name), task, found);
            }
            Target::Inline(_) => {
                return binding.resolve(around.catalogue, around.namespace, resource, found);
            }
        };
        let name = target.node.as_str().unwrap_or_default();
        let words = variables::inside(name).and_then(variables::words);
        match words.as_deref() {
            Some(["resources", own]) => self.own(own, request(target), task, found),
            Some(["tasks", from, output]) => self.output(from, output, request(target), found),
            None if !name.contains("$(") => {
                binding.resolve(around.catalogue, around.namespace, resource, found)
            }
            _ => {
                let message = format!("'{name}' names no resource");
                let help = "write $(resources.NAME), $(tasks.TASK.OUTPUT) or the name of a PipelineResource";
                found.push(target.diagnostic(message).help(help));
                None
            }
        }
    }

    /// One of the Pipeline's own resources; or, where a task named in `from` creates it, that task's result.
    fn own(
        &mut self,
        name: &str,
        request: Request<'_>,
        task: &mut Node,
        found: &mut Diagnostics,
    ) -> Option<Value> {
        let Request {
            binding, target, ..
        } = request;
        let from = binding.from.iter();
        let from = from.map(|from| (from, from.node.as_str().unwrap_or_default()));
        let creates = |from: &str| {
            let interface = self.tasks.get(from).and_then(Option::as_ref);
            interface.is_some_and(|interface| interface.created.contains_key(name))
        };
        if let Some((_, from)) = from.clone().find(|(_, from)| creates(from)) {
            return self.output(from, name, request, found);
        }
        for (cursor, from) in from {
            if !self.tasks.contains_key(from) {
                let place = binding.cursor.place.key("from");
                found.push(self.no_task(from, &Cursor::new(cursor.node, place)));
            }
            let after = task.list_mut("runAfter");
            if after.iter().all(|other| other.as_str() != Some(from)) {
                after.push(cursor.node.clone());
            }
        }
        let Some(own) = self.resources.iter_mut().find(|own| own.name == name) else {
            let message = format!("the Pipeline declares no resource '{name}'");
            let known = self.resources.iter().map(|own| own.name.as_str());
            found.add(target, message, suggestion(name, known));
            return None;
        };
        if let Some(resource) = request.resource {
            if resource.kind == own.kind {
                resource.keys.iter().for_each(|key| own.uses(key));
            } else {
                binding.check_fit(resource, own.kind.as_str(), &[], found);
            }
        }
        Some(format!("$(params.{name}[*])").into())
    }

    /// The result `output` of the task `from`.
    fn output(
        &self,
        from: &str,
        output: &str,
        request: Request<'_>,
        found: &mut Diagnostics,
    ) -> Option<Value> {
        let Request {
            binding, target, ..
        } = request;
        let Some(interface) = self.tasks.get(from) else {
            found.push(self.no_task(from, target));
            return None;
        };
        if binding.direction == Direction::Output {
            let message = format!(
                "'{output}' is created by the task '{from}': nothing else can be its output"
            );
            found.push(target.diagnostic(message).help("bind it under inputs"));
            return None;
        }
        // Of a Task that is in no file, nothing is known.
        if let Some(Interface { created, .. }) = interface {
            match created.get(output) {
                Some(Created::Resource { kind, keys }) => {
                    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                    if let Some(resource) = request.resource {
                        binding.check_fit(resource, kind, &keys, found);
                    }
                }
                Some(Created::Object) => {
                    let message = format!(
                        "'{output}' is one of the objects of the task '{from}', and objects are no PipelineResources; nothing binds \
                         them as inputs"
                    );
                    let help = format!(
                        "take a field of it as a parameter: $(tasks.{from}.results.{output}.name)"
                    );
                    found.push(target.diagnostic(message).help(help));
                    return None;
                }
                None => {
                    let message = format!("the task '{from}' creates no resource '{output}'");
                    let known = created.keys().map(String::as_str);
                    found.add(target, message, suggestion(output, known));
                    return None;
                }
            }
        }
        Some(format!("$(tasks.{from}.results.{output}[*])").into())
    }

    fn no_task(&self, name: &str, cursor: &Cursor<'_>) -> Diagnostic {
        let message = format!("the Pipeline has no task '{name}'");
        let known = self.tasks.keys().map(String::as_str);
        cursor
            .diagnostic(message)
            .maybe_help(suggestion(name, known))
    }

    fn resource(&mut self, name: &str, key: &str, inside: &str) -> Replacement {
        let known = self.resources.iter().map(|own| own.name.as_str());
        let help = suggestion(name, known);
        let Some(own) = self.resources.iter_mut().find(|own| own.name == name) else {
            let message = format!("`$({inside})`: the Pipeline declares no resource '{name}'");
            return Replacement::Refused { message, help };
        };
        if key == "type" {
            return Replacement::Text(own.kind.as_str().to_owned());
        }
        own.uses(key);
        Replacement::Variable(format!("params.{name}.{key}"))
    }
}

impl Variables for Pipeline {
    fn replace(&mut self, words: &[&str], inside: &str) -> Replacement {
        match words {
            ["inputs", "params", ..] => match inside.strip_prefix("inputs.") {
                Some(rest) => Replacement::Variable(rest.to_owned()),
                None => Replacement::Keep,
            },
            ["resources", name, key] => self.resource(name, key, inside),
            ["resources" | "inputs" | "outputs", ..] => Replacement::refused(
                format!("`$({inside})` is no variable of a Pipeline"),
                "write $(params.NAME) or $(resources.NAME.KEY)",
            ),
            ["tasks", from, output, rest @ ..] => {
                let interface = self.tasks.get(*from).and_then(Option::as_ref);
                let created = interface.is_some_and(|own| own.created.contains_key(*output));
                match rest {
                    _ if !created => Replacement::Keep,
                    [key] => Replacement::Variable(format!("tasks.{from}.results.{output}.{key}")),
                    _ => Replacement::refused(
                        format!("`$({inside})` is a whole object where a text is wanted"),
                        format!("write $(tasks.{from}.{output}.name) or another key"),
                    ),
                }
            }
            _ => Replacement::Keep,
        }
    }

    fn skips(&self, field: &str) -> bool {
        ["taskSpec", "pipelineSpec", "description", "displayName"].contains(&field)
    }
}
