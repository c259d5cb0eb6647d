//! Bindings: which resource a Pipeline's task or a run gets under which name.

use gleaner_core::document::diagnostic::{Diagnostic, suggestion};
use gleaner_core::document::yaml::Node;
use gleaner_core::document::{Cursor, Diagnostics, Place};
use serde_json::{Value, json};

use crate::catalogue::{Catalogue, Resource};
use crate::edit::{Edit, derived};
use crate::input_resource::{InputResource, add_param};
use crate::interface::Interface;
use crate::resource_lists::{self, Direction, Item};

/// A binding.
#[derive(Debug, Clone)]
pub(crate) struct Binding<'a> {
    /// The name of the resource in the Task or the Pipeline.
    pub(crate) name: String,
    pub(crate) target: Target<'a>,
    /// The names of the tasks after which this one runs.
    pub(crate) from: Vec<Cursor<'a>>,
    pub(crate) direction: Direction,
    pub(crate) cursor: Cursor<'a>,
}

/// The resource that is bound.
#[derive(Debug, Clone)]
pub(crate) enum Target<'a> {
    /// `resourceRef.name`: the name of a PipelineResource, or a variable.
    Reference(Cursor<'a>),
    /// `resourceSpec`: a PipelineResource, written out.
    Inline(Cursor<'a>),
    /// `resource`: the name of one of the Pipeline's resources.
    OfPipeline(Cursor<'a>),
}

const FIELDS: [&str; 5] = ["name", "resourceRef", "resourceSpec", "resource", "from"];

/// Takes the bindings out of the `spec` of a run or a Pipeline's task.
pub(crate) fn take(spec: &mut Node, place: &Place, found: &mut Diagnostics) -> Vec<Item> {
    let items = resource_lists::take(spec, place, |_| false, found);
    if let Some(rest) = spec.take("outputs") {
        Cursor::new(&rest, place.key("outputs")).fields(&["resources"], found);
    }
    items
}

/// Reads bindings; reports names that are bound twice.
pub(crate) fn read_all<'a>(items: &'a [Item], found: &mut Diagnostics) -> Vec<Binding<'a>> {
    let mut bindings: Vec<Binding<'a>> = Vec::new();
    for item in items {
        let Some(binding) = Binding::read(item, found) else {
            continue;
        };
        if bindings.iter().any(|other| other.name == binding.name) {
            let message = format!("the resource '{}' is bound twice", binding.name);
            found.push(
                binding
                    .cursor
                    .diagnostic(message)
                    .help("remove one of the two"),
            );
        } else {
            bindings.push(binding);
        }
    }
    bindings
}

/// Reports bindings of resources that `title` does not declare, and declared resources without a binding. `cursor` is the
/// spec that has the bindings and the parameters.
pub(crate) fn check(
    bindings: &[Binding<'_>],
    interface: &Interface,
    title: &str,
    cursor: &Cursor<'_>,
    found: &mut Diagnostics,
) {
    for Binding { name, cursor, .. } in bindings {
        if interface.resource(name).is_some() {
            continue;
        }
        found.push(if interface.created.contains_key(name) {
            let message = format!("{title} creates '{name}' itself: it is bound to nothing");
            cursor.diagnostic(message).help("remove the binding")
        } else {
            let message = format!("{title} declares no resource '{name}'");
            let known = interface.resources.iter().map(|known| known.name.as_str());
            cursor
                .diagnostic(message)
                .maybe_help(suggestion(name, known))
        });
    }
    let params = cursor.node.get("params").and_then(Node::sequence);
    for InputResource { name, optional, .. } in &interface.resources {
        let bound = bindings.iter().any(|binding| binding.name == *name);
        let mut params = params.unwrap_or_default().iter();
        let given = params.any(|param| param.text_of("name") == Some(name));
        if !bound && !given && !optional {
            let message =
                format!("{title} takes in the resource '{name}', and nothing is bound to it");
            let help = format!("add resources: [{{name: {name}, resourceRef: {{name: ...}}}}]");
            found.push(cursor.diagnostic(message).help(help));
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
        let target = match (reference, cursor.field("resourceSpec"), resource) {
            (Some(name), None, None) => Target::Reference(name),
            (None, Some(spec), None) => Target::Inline(spec),
            (None, None, Some(name)) => Target::OfPipeline(name),
            _ => {
                let message = format!("the binding of '{name}' must say what is bound, and once");
                let help = "give resourceRef.name, resourceSpec or (in a Pipeline) resource";
                found.push(cursor.diagnostic(message).help(help));
                return None;
            }
        };
        Some(Self {
            name,
            target,
            from: cursor.items_at("from", found),
            direction: item.direction,
            cursor,
        })
    }

    /// Adds the parameter that replaces this binding.
    pub(crate) fn bind(&self, value: Value, spec: &mut Node, found: &mut Diagnostics) {
        let param = json!({"name": self.name, "value": value});
        let param = derived(self.cursor.node.at, param);
        if let Err((_, message)) = add_param(spec, &self.name, param) {
            found.push(
                self.cursor
                    .diagnostic(message)
                    .help("rename one of the two"),
            );
        }
    }

    /// The values of a PipelineResource that exists, or that is written out here; it must fit `resource`.
    pub(crate) fn resolve(
        &self,
        catalogue: &Catalogue,
        namespace: Option<&str>,
        resource: Option<&InputResource>,
        found: &mut Diagnostics,
    ) -> Option<Value> {
        let bound = match &self.target {
            Target::Reference(name) => catalogue.find(name, namespace, found)?.clone(),
            Target::Inline(spec) => match Resource::read(spec, None) {
                Ok(resource) => resource,
                Err(diagnostics) => {
                    found.extend(diagnostics);
                    return None;
                }
            },
            Target::OfPipeline(name) => {
                let message = "only a Pipeline's task takes one of the Pipeline's resources";
                let diagnostic = Diagnostic::new(&self.cursor.place, name.at(), message);
                found.push(diagnostic.help("give resourceRef.name or resourceSpec"));
                return None;
            }
        };
        if let Some(resource) = resource {
            let keys: Vec<&str> = bound.values.keys().map(String::as_str).collect();
            self.check_fit(resource, &bound.kind, &keys, found);
        }
        Some(bound.values.into())
    }

    /// Reports that what is bound, a resource of type `kind` with these keys, does not fit `resource`.
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
                format!("'{name}' is of type {wanted}, and what is bound to it of type {kind}");
            return found.push(self.cursor.diagnostic(message));
        }
        for key in resource
            .keys
            .iter()
            .filter(|key| !keys.contains(&key.as_str()))
        {
            let message =
                format!("'{name}' is used by its {key}, and what is bound to it has none");
            let help = format!("give it a param '{key}'");
            found.push(self.cursor.diagnostic(message).help(help));
        }
    }
}
