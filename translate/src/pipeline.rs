//! Translates a PipelineSpec. The Pipeline's resources become object parameters, which the Pipeline passes to its tasks.

use std::collections::HashMap;

use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::suggestion::suggestion;
use gleaner_core::document::{Cursor, Diagnostics, Node, Place, Source};
use indexmap::IndexMap;
use serde_json::Value;

use crate::binding::{self, Binding, TargetKind};
use crate::catalogue::{Catalogue, Referrer};
use crate::input_resource::{Declared, InputResource};
use crate::interface::{Created, Interface, Interfaces, referred};
use crate::passed_variables::PassedVariables;
use crate::resource_lists::{self, Direction};
use crate::variables::{self, Replacement, Variables};
use crate::versions;

/// The Tasks and PipelineResources to which a PipelineSpec may refer.
pub(crate) struct Surroundings<'a> {
    /// The Tasks of all files.
    pub(crate) known: &'a Interfaces,
    /// The interfaces of the TaskSpecs in the same document, by place.
    pub(crate) embedded: &'a HashMap<Place, Interface>,
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) referrer: Referrer<'a>,
    pub(crate) source: &'a Source,
}

pub(crate) fn translate(
    spec: &mut Node,
    place: &Place,
    around: &Surroundings<'_>,
    found: &mut Diagnostics,
) -> Interface {
    let items = resource_lists::take_inputs(spec, place, found);
    let Declared {
        mut resources,
        refused,
    } = InputResource::read_all(&items, found);
    for resource in &mut resources {
        // Require all of the type's keys, because a Task that is not in the files could use any of them.
        resource.uses_keys_of_type();
    }
    let tasks = tasks(spec, place, around);
    let mut pipeline = Pipeline {
        resources,
        refused,
        tasks,
    };
    for list in LISTS {
        for (index, task) in spec.items_at_mut(list).iter_mut().enumerate() {
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
        refused: pipeline.refused,
        ..Interface::default()
    }
}

const LISTS: [&str; 2] = ["tasks", "finally"];

type Tasks = IndexMap<String, Option<Interface>>;

/// Returns the tasks of a PipelineSpec by name, each with its interface if it is known.
fn tasks(spec: &Node, place: &Place, around: &Surroundings<'_>) -> Tasks {
    let mut found = IndexMap::new();
    for list in LISTS {
        for (index, task) in spec.list_of(list).iter().enumerate() {
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
    /// The names of the declared resources whose errors were already reported.
    refused: Vec<String>,
    tasks: Tasks,
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
            let message = "Tekton has removed Conditions";
            let help = "replace the Condition with a task, and use its result in 'when'";
            found.push(conditions.diagnostic(message).help(help));
        }
        versions::reference(task, place, "taskRef", "Task", found);
        let name = task.text_of("name").unwrap_or_default().to_owned();
        let interface = match task.field_mut("pipelineSpec") {
            Some(nested) => Some(translate(nested, &place.key("pipelineSpec"), around, found)),
            None => self.tasks.get(&name).cloned().flatten(),
        };
        let title = format!("the task '{name}'");
        let bound = (title.as_str(), interface.as_ref());
        let passed = binding::replace_all(
            task,
            place,
            bound,
            found,
            |binding, resource, task, found| self.value(binding, resource, task, around, found),
        );
        let mut variables = PassedVariables {
            title: &title,
            is_run: false,
            passed: &passed,
            interface: interface.as_ref(),
            used: Vec::new(),
        };
        variables::rewrite(task, place, &mut variables, around.source, found);
        for (name, key) in variables.used {
            let own = self.resources.iter_mut().find(|own| own.name == name);
            own.into_iter().for_each(|own| own.uses(&key));
        }
    }

    /// Returns the value of the parameter that replaces a binding. `resource` is the resource that the Task declares under the
    /// binding's name, if the Task is known.
    fn value(
        &mut self,
        binding: &Binding<'_>,
        resource: Option<&InputResource>,
        task: &mut Node,
        around: &Surroundings<'_>,
        found: &mut Diagnostics,
    ) -> Option<Value> {
        let name = binding.target.node.as_str().unwrap_or_default();
        let words = variables::inside(name).and_then(variables::words);
        match (binding.target_kind, words.as_deref()) {
            (TargetKind::OfPipeline, _) => self.own(name, binding, resource, task, found),
            (TargetKind::Reference, Some(["resources", own])) => {
                self.own(own, binding, resource, task, found)
            }
            (TargetKind::Reference, Some(["tasks", from, output])) => {
                self.output(from, output, binding, resource, found)
            }
            (TargetKind::Reference, _)
                if name.contains("$(") && !around.catalogue.has(name, around.referrer) =>
            {
                let message = format!("'{name}' is not a resource");
                let help =
                    "use $(resources.NAME), $(tasks.TASK.OUTPUT) or the name of a PipelineResource";
                found.push(binding.target.diagnostic(message).help(help));
                None
            }
            _ => binding.resolve(around.catalogue, around.referrer, resource, found),
        }
    }

    /// If a task in `from` creates the resource `name`, returns a reference to that task's result. Otherwise, returns a
    /// reference to the parameter for the Pipeline's own resource `name`. Adds the tasks in `from` to `runAfter`.
    fn own(
        &mut self,
        name: &str,
        binding: &Binding<'_>,
        resource: Option<&InputResource>,
        task: &mut Node,
        found: &mut Diagnostics,
    ) -> Option<Value> {
        let mut creators = binding.from.iter().filter_map(|from| from.node.as_str());
        if let Some(from) = creators.find(|from| self.created(from, name).is_some()) {
            return self.output(from, name, binding, resource, found);
        }
        for from in &binding.from {
            let name = from.node.as_str().unwrap_or_default();
            if !self.tasks.contains_key(name) {
                let place = binding.cursor.place.key("from");
                found.push(self.no_task(name, &Cursor::new(from.node, place)));
            }
            let mut after = task.items_at_mut("runAfter").iter();
            if after.all(|other| other.as_str() != Some(name)) {
                task.push_at("runAfter", from.node.clone());
            }
        }
        let Some(own) = self.resources.iter_mut().find(|own| own.name == name) else {
            if self.refused.iter().any(|refused| refused == name) {
                return None;
            }
            let message = format!("the Pipeline declares no resource '{name}'");
            let known = self.resources.iter().map(|own| own.name.as_str());
            found.add(&binding.target, message, suggestion(name, known));
            return None;
        };
        match resource {
            Some(resource) if resource.kind == own.kind => {
                resource.keys.iter().for_each(|key| own.uses(key));
            }
            Some(resource) => binding.check_fit(resource, own.kind.as_str(), &[], found),
            None => {}
        }
        Some(format!("$(params.{name}[*])").into())
    }

    /// Returns a reference to the result `output` of the task `from`.
    fn output(
        &self,
        from: &str,
        output: &str,
        binding: &Binding<'_>,
        resource: Option<&InputResource>,
        found: &mut Diagnostics,
    ) -> Option<Value> {
        let target = &binding.target;
        let refused = match (self.tasks.get(from), self.created(from, output)) {
            (None, _) => self.no_task(from, target),
            _ if binding.direction == Direction::Output => target
                .diagnostic(format!(
                    "'{output}' is created by the task '{from}', so it cannot be bound as an output"
                ))
                .help("bind it under inputs"),
            (_, Some(Created::Object)) => target
                .diagnostic(format!(
                    "'{output}' is an object of the task '{from}', not a PipelineResource, so it cannot be bound as an \
                     input"
                ))
                .help(format!(
                    "pass one of its fields as a parameter: $(tasks.{from}.results.{output}.name)"
                )),
            (Some(Some(interface)), None) => target
                .diagnostic(format!("the task '{from}' creates no resource '{output}'"))
                .maybe_help(suggestion(
                    output,
                    interface.created.keys().map(String::as_str),
                )),
            (_, created) => {
                if let (Some(Created::Resource { kind, keys }), Some(resource)) = (created, resource) {
                    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                    binding.check_fit(resource, kind, &keys, found);
                }
                return Some(format!("$(tasks.{from}.results.{output}[*])").into());
            }
        };
        found.push(refused);
        None
    }

    /// If the task `from` is known and creates the object `output`, returns that object.
    fn created(&self, from: &str, output: &str) -> Option<&Created> {
        self.tasks.get(from)?.as_ref()?.created.get(output)
    }

    fn no_task(&self, name: &str, cursor: &Cursor<'_>) -> Diagnostic {
        let message = format!("the Pipeline has no task '{name}'");
        let known = self.tasks.keys().map(String::as_str);
        cursor
            .diagnostic(message)
            .maybe_help(suggestion(name, known))
    }

    fn resource(&mut self, name: &str, key: &str, inside: &str) -> Replacement {
        if self.refused.iter().any(|refused| refused == name) {
            // Any text will do, because the translation fails: the error in the declaration was already reported.
            return Replacement::Text(name.to_owned());
        }
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
    fn had_braces(&self, words: &[&str]) -> bool {
        matches!(words, ["inputs" | "outputs" | "params", ..])
    }

    fn replace(&mut self, words: &[&str], inside: &str) -> Replacement {
        match words {
            ["inputs", "params", ..] => match inside.strip_prefix("inputs.") {
                Some(rest) => Replacement::Variable(rest.to_owned()),
                None => Replacement::Keep,
            },
            ["resources", name, key] => self.resource(name, key, inside),
            ["resources" | "inputs" | "outputs", ..] => Replacement::refused(
                format!("`$({inside})` is not a variable of a Pipeline"),
                "write $(params.NAME) or $(resources.NAME.KEY)",
            ),
            ["tasks", from, output, rest @ ..] => match rest {
                _ if self.created(from, output).is_none() => Replacement::Keep,
                [key] => Replacement::Variable(format!("tasks.{from}.results.{output}.{key}")),
                _ => Replacement::refused(
                    format!("`$({inside})` is a whole object, but a string is required"),
                    format!("write $(tasks.{from}.{output}.name) or another key"),
                ),
            },
            _ => Replacement::Keep,
        }
    }

    fn skips(&self, field: &str) -> bool {
        ["taskSpec", "pipelineSpec", "description", "displayName"].contains(&field)
    }
}
