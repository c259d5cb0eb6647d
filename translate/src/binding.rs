//! Bindings. A binding passes a resource to a Task or Pipeline under a name.

use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::suggestion::{nearest, suggestion};
use gleaner_core::document::{Cursor, Diagnostics, Node, Place};
use serde_json::{Value, json};

use crate::catalogue::{Catalogue, Referrer, Resource};
use crate::input_resource::{InputResource, add_param};
use crate::interface::Interface;
use crate::resource_lists::{self, Direction, Item};

#[derive(Debug, Clone)]
pub(crate) struct Binding<'a> {
    /// The name under which the Task or the Pipeline declares the resource.
    pub(crate) name: String,
    /// The value of the field that specifies the bound resource: a name, or the spec of an inline PipelineResource.
    pub(crate) target: Cursor<'a>,
    pub(crate) target_kind: TargetKind,
    /// The items of `from`: the names of the tasks after which this task runs.
    pub(crate) from: Vec<Cursor<'a>>,
    pub(crate) direction: Direction,
    pub(crate) cursor: Cursor<'a>,
}

/// The field that specifies a binding's target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TargetKind {
    /// `resourceRef.name`: the name of a PipelineResource, or a variable.
    Reference,
    /// `resourceSpec`: an inline PipelineResource.
    Inline,
    /// `resource`: the name of one of the Pipeline's resources.
    OfPipeline,
}

const FIELDS: [&str; 5] = ["name", "resourceRef", "resourceSpec", "resource", "from"];

/// A bound resource, and the value for the parameter that replaces the binding.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) name: String,
    /// The parameter's value; `None` if an error in the binding was already reported.
    pub(crate) value: Option<Value>,
}

/// The Task or Pipeline that receives the resources: its title in messages, and its interface if this is known.
pub(crate) type Bound<'a> = (&'a str, Option<&'a Interface>);

/// Replaces the bindings in `spec`, the spec of a run or a pipeline task, with parameters. Returns the bound resources. The
/// callback `value` returns the value for a binding. If the interface of the Task or Pipeline is known, the callback also
/// receives the declared resource that has the binding's name.
pub(crate) fn replace_all(
    spec: &mut Node,
    place: &Place,
    (title, interface): Bound<'_>,
    found: &mut Diagnostics,
    mut value: impl FnMut(
        &Binding<'_>,
        Option<&InputResource>,
        &mut Node,
        &mut Diagnostics,
    ) -> Option<Value>,
) -> Vec<Passed> {
    let form = Form::of(spec);
    let items = resource_lists::take(spec, place, |_| false, found);
    if let Some(rest) = spec.take("outputs") {
        Cursor::new(&rest, place.key("outputs")).fields(&["resources"], found);
    }
    let (bindings, reported) = read_all(&items, found);
    if let Some(interface) = interface {
        let cursor = Cursor::new(spec, place.clone());
        check(
            &bindings,
            &reported,
            interface,
            (title, form),
            &cursor,
            found,
        );
    }
    let mut passed: Vec<Passed> = Vec::new();
    for binding in &bindings {
        let name = &binding.name;
        let is_refused = |interface: &Interface| interface.refused.contains(name);
        if interface.is_some_and(is_refused) {
            passed.push(Passed {
                name: name.clone(),
                value: None,
            });
            continue;
        }
        let resource = interface.and_then(|interface| interface.resource(name));
        let value = value(binding, resource, spec, found);
        if let Some(value) = &value {
            let param = json!({"name": name, "value": value});
            let param = Node::derived(binding.cursor.node.at, param);
            if let Err((_, message)) = add_param(spec, name, param) {
                found.refuse(&binding.cursor, message, "rename one of them");
            }
        }
        passed.push(Passed {
            name: name.clone(),
            value,
        });
    }
    passed.extend(
        reported
            .into_iter()
            .map(|name| Passed { name, value: None }),
    );
    passed
}

/// Reads the bindings, and reports names that are bound twice. Also returns the names of the bindings that could not be read.
fn read_all<'a>(items: &'a [Item], found: &mut Diagnostics) -> (Vec<Binding<'a>>, Vec<String>) {
    let mut bindings: Vec<Binding<'a>> = Vec::new();
    let mut reported = Vec::new();
    for item in items {
        let Some(binding) = Binding::read(item, found) else {
            let name = item.cursor().node.text_of("name").map(str::to_owned);
            reported.extend(name);
            continue;
        };
        let name = &binding.name;
        let mut earlier = bindings.iter();
        match earlier.find(|other| other.name == *name) {
            None => bindings.push(binding),
            Some(other) if other.direction == binding.direction => {
                let message = format!("the resource '{name}' is bound twice");
                found.refuse(&binding.cursor, message, "remove one of them");
            }
            // An image that is both input and output becomes one parameter.
            Some(other) if other.is_same_target(&binding) => {}
            Some(_) => {
                let message = format!(
                    "'{name}' is bound to one resource as an input and to another as an output, but both become the parameter '{name}'"
                );
                let help = "rename one of them in the Task and here";
                found.refuse(&binding.cursor, message, help);
            }
        }
    }
    (bindings, reported)
}

/// Reports bindings of resources that the Task or Pipeline does not declare, and declared resources that are not bound. `cursor`
/// is the spec without its bindings; `reported` contains the names of the bindings whose errors were already reported.
fn check(
    bindings: &[Binding<'_>],
    reported: &[String],
    interface: &Interface,
    (title, form): (&str, Form),
    cursor: &Cursor<'_>,
    found: &mut Diagnostics,
) {
    let known = || interface.resources.iter().map(|known| known.name.as_str());
    let mut misspelt = Vec::new();
    for Binding { name, cursor, .. } in bindings {
        if interface.resource(name).is_some() || interface.refused.contains(name) {
            continue;
        }
        found.push(if interface.created.contains_key(name) {
            let message = format!("{title} creates '{name}' itself, so it cannot be bound");
            cursor.diagnostic(message).help("remove the binding")
        } else {
            let message = format!("{title} declares no resource '{name}'");
            misspelt.extend(nearest(name, known()));
            cursor
                .diagnostic(message)
                .maybe_help(suggestion(name, known()))
        });
    }
    let params = cursor.node.list_of("params");
    for resource in &interface.resources {
        let InputResource { name, optional, .. } = resource;
        let bound = bindings.iter().any(|binding| binding.name == *name);
        let mut given = params.iter().filter_map(|param| param.text_of("name"));
        let given = given.any(|given| given == name);
        let is_meant = reported.contains(name) || misspelt.contains(&name.as_str());
        if !bound && !given && !optional && !is_meant {
            let message =
                format!("{title} requires the resource '{name}', but no resource is bound to it");
            let help = format!("add {}", form.example(resource));
            found.push(cursor.diagnostic(message).help(help));
        }
    }
}

/// The syntax of bindings in a spec.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// `resources: []` in the proposal's syntax.
    List,
    /// `resources: {inputs: [], outputs: []}` in a run.
    OfRun,
    /// `resources: {inputs: [], outputs: []}` in a pipeline task.
    OfPipeline,
    /// `inputs: {resources: []}` in a v1alpha1 run.
    V1alpha1,
}

impl Form {
    fn of(spec: &Node) -> Self {
        let resources = spec.present("resources");
        let is_list = resources.is_none_or(|resources| resources.sequence().is_some());
        let is_old = ["inputs", "outputs"]
            .iter()
            .any(|key| spec.present(key).is_some());
        let is_task = spec.present("name").is_some();
        match (is_list, is_task) {
            _ if is_old => Self::V1alpha1,
            (true, _) => Self::List,
            (false, true) => Self::OfPipeline,
            (false, false) => Self::OfRun,
        }
    }

    /// Returns an example of a field that binds `resource`.
    fn example(self, resource: &InputResource) -> String {
        let name = &resource.name;
        let direction = match resource.directions[..] {
            [Direction::Output] => "outputs",
            _ => "inputs",
        };
        let reference = format!("[{{name: {name}, resourceRef: {{name: ...}}}}]");
        match self {
            Self::List => format!("resources: {reference}"),
            Self::OfRun => format!("resources: {{{direction}: {reference}}}"),
            Self::OfPipeline => {
                format!("resources: {{{direction}: [{{name: {name}, resource: ...}}]}}")
            }
            Self::V1alpha1 => format!("{direction}: {{resources: {reference}}}"),
        }
    }
}

impl<'a> Binding<'a> {
    fn read(item: &'a Item, found: &mut Diagnostics) -> Option<Self> {
        let cursor = item.cursor();
        cursor.fields(&FIELDS, found);
        let name = cursor.name(found)?;
        let reference = cursor.field("resourceRef").and_then(|reference| {
            reference.fields(&["name", "apiVersion"], found);
            reference.name(found)?;
            reference.field("name")
        });
        let resource = cursor.field("resource");
        let resource = resource.filter(|resource| resource.text(found).is_some());
        let (target, target_kind) = match (reference, cursor.field("resourceSpec"), resource) {
            (Some(name), None, None) => (name, TargetKind::Reference),
            (None, Some(spec), None) => (spec, TargetKind::Inline),
            (None, None, Some(name)) => (name, TargetKind::OfPipeline),
            _ => {
                let message = format!("the binding of '{name}' must have exactly one target");
                let help = "set resourceRef.name, resourceSpec or (in a Pipeline) resource";
                found.push(cursor.diagnostic(message).help(help));
                return None;
            }
        };
        Some(Self {
            name,
            target,
            target_kind,
            from: cursor.items_at("from", found),
            direction: item.direction,
            cursor,
        })
    }

    fn is_same_target(&self, other: &Self) -> bool {
        let target = |binding: &Self| binding.target.node.to_json();
        self.target_kind == other.target_kind && target(self) == target(other)
    }

    /// Returns the values of the PipelineResource that the binding refers to or contains. Reports an error if this
    /// PipelineResource does not fit the declared `resource`.
    pub(crate) fn resolve(
        &self,
        catalogue: &Catalogue,
        referrer: Referrer<'_>,
        resource: Option<&InputResource>,
        found: &mut Diagnostics,
    ) -> Option<Value> {
        let bound = match self.target_kind {
            TargetKind::Reference => catalogue.find(&self.target, referrer, found)?.clone(),
            TargetKind::Inline => Resource::read(&self.target, None)
                .map_err(|diagnostics| found.extend(diagnostics))
                .ok()?,
            TargetKind::OfPipeline => {
                let message = "only a Pipeline's task can use the Pipeline's resources";
                let diagnostic = Diagnostic::new(&self.cursor.place, self.target.at(), message);
                found.push(diagnostic.help("set resourceRef.name or resourceSpec"));
                return None;
            }
        };
        if let Some(resource) = resource {
            let keys: Vec<&str> = bound.values.keys().map(String::as_str).collect();
            self.check_fit(resource, &bound.kind, &keys, found);
        }
        Some(bound.values.into())
    }

    /// Reports an error if a bound resource of type `kind` with the params `keys` does not fit the declared `resource`.
    pub(crate) fn check_fit(
        &self,
        resource: &InputResource,
        kind: &str,
        keys: &[&str],
        found: &mut Diagnostics,
    ) {
        let name = &resource.name;
        let wanted = resource.kind.as_str();
        if kind != wanted {
            let message =
                format!("'{name}' is of type {wanted}, but the bound resource is of type {kind}");
            return found.push(self.cursor.diagnostic(message));
        }
        let used = resource.keys.iter();
        for key in used.filter(|key| !keys.contains(&key.as_str())) {
            let message = format!(
                "'{name}' requires the param '{key}', which the bound resource does not have"
            );
            let help = format!("add a param '{key}'");
            found.push(self.cursor.diagnostic(message).help(help));
        }
    }
}
