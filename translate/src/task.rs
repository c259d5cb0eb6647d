//! Translates a TaskSpec. Its resources become object parameters, and its variables refer to these parameters.

use gleaner_core::document::suggestion::suggestion;
use gleaner_core::document::{Diagnostics, Node, Place, Source};

use crate::input_resource::{Declared, InputResource};
use crate::interface::Interface;
use crate::resource_lists::{self, Direction, Item};
use crate::resource_type::ResourceType;
use crate::variables::{self, Replacement, Variables, rewrite, rewrite_text};
use crate::versions;

/// Translates the TaskSpec at `place`, and the variables in its declaration. If the declaration is in the proposal's syntax, it
/// stays in the spec. `annotation` is the annotation with the declaration, and the annotation's place.
pub(crate) fn translate(
    spec: &mut Node,
    place: &Place,
    annotation: Option<(&mut Node, &Place)>,
    source: &Source,
    found: &mut Diagnostics,
) -> Interface {
    let items = resource_lists::take(spec, place, is_created, found);
    let Declared {
        mut resources,
        refused,
    } = InputResource::read_all(&items, found);
    for resource in &mut resources {
        if resource.kind == ResourceType::Git {
            // The clone step uses all keys of the type.
            resource.uses_keys_of_type();
        }
    }
    versions::task_spec(spec, place, found);
    let mut variables = TaskVariables {
        created: created(spec),
        resources,
        refused,
        within: Within::Steps,
    };
    variables.rewrite_paths(&items, found);
    variables.within = Within::Default;
    for (index, param) in spec.items_at_mut("params").iter_mut().enumerate() {
        if let Some(default) = param.field_mut("default") {
            let place = place.key("params").index(index).key("default");
            rewrite(default, &place, &mut variables, source, found);
        }
    }
    variables.within = Within::Steps;
    rewrite(spec, place, &mut variables, source, found);
    variables.within = Within::Declaration;
    for (part, place) in declaration_parts(spec, place) {
        rewrite(part, &place, &mut variables, source, found);
    }
    if let Some((annotation, place)) = annotation {
        rewrite(annotation, place, &mut variables, source, found);
    }
    for resource in &variables.resources {
        resource.declare(spec, place, found);
    }
    expand_arrays(spec);
    Interface {
        resources: variables.resources,
        refused: variables.refused,
        ..Interface::default()
    }
}

/// Returns true if the Task creates the resource in this entry of `outputs.resources`. An entry with a type but without a spec
/// uses the syntax that preceded the proposal; a run binds it to an existing resource.
fn is_created(entry: &Node) -> bool {
    entry.present("type").is_none() || entry.present("spec").is_some()
}

/// Returns the parts of a TaskSpec that contain a declaration in the proposal's syntax, each with its place.
fn declaration_parts<'a>(spec: &'a mut Node, place: &Place) -> Vec<(&'a mut Node, Place)> {
    let mut parts = Vec::new();
    for (key, node) in spec.entries_mut().into_iter().flatten() {
        let place = place.key(&key.name);
        match key.name.as_str() {
            "outputs" => parts.push((node, place)),
            "steps" => {
                for (index, step) in node.items_mut().iter_mut().enumerate() {
                    let outputs = step.field_mut("outputs");
                    parts.extend(outputs.map(|node| (node, place.index(index).key("outputs"))));
                }
            }
            _ => {}
        }
    }
    parts
}

/// Returns the names of the objects that the Task declares in the proposal's syntax.
fn created(spec: &Node) -> Vec<String> {
    let lists = ["resources", "objects"].into_iter();
    let items = lists.filter_map(|key| spec.descend(&["outputs", key])?.sequence());
    let names = items.flatten().filter_map(|item| item.text_of("name"));
    names.map(str::to_owned).collect()
}

/// Rewrites the proposal's `command: ["$(params.list)"]` to `$(params.list[*])`.
fn expand_arrays(spec: &mut Node) {
    let arrays = spec.list_of("params").iter().filter(|param| {
        let default = param.get("default").and_then(Node::sequence);
        let kind = param.text_of("type");
        kind == Some("array") || kind.is_none() && default.is_some()
    });
    let names = arrays.filter_map(|param| param.text_of("name"));
    let arrays: Vec<String> = names.map(str::to_owned).collect();
    for container in versions::containers(spec) {
        for key in ["command", "args"] {
            for item in container.items_at_mut(key) {
                let Some(inside) = item.as_str().and_then(variables::inside) else {
                    continue;
                };
                let words = variables::words(inside).unwrap_or_default();
                if let ["params", name] = words[..]
                    && arrays.iter().any(|array| array == name)
                {
                    *item = Node::derived(item.at, format!("$({inside}[*])"));
                }
            }
        }
    }
}

struct TaskVariables {
    resources: Vec<InputResource>,
    /// The names of the declared resources with errors that were already reported.
    refused: Vec<String>,
    /// The names of the objects that the Task creates.
    created: Vec<String>,
    within: Within,
}

/// The part of the Task that contains a variable.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// The default of a parameter. Old versions of Tekton replaced resource variables in defaults; v1 replaces no variables in
    /// defaults.
    Default,
    /// The fields in which Tekton v1 replaces variables.
    Steps,
    /// The declaration, in which Gleaner replaces variables.
    Declaration,
}

impl Variables for TaskVariables {
    fn replace(&mut self, words: &[&str], inside: &str) -> Replacement {
        use Direction::{Input, Output};
        match (words, self.within) {
            (["inputs", "params", ..], _) => match inside.strip_prefix("inputs.") {
                Some(rest) => Replacement::Variable(rest.to_owned()),
                None => Replacement::Keep,
            },
            (["inputs", "resources", name, key] | ["resources", "inputs", name, key], _) => {
                self.resource(Some(Input), name, key, inside)
            }
            (["outputs", "resources", name, key] | ["resources", "outputs", name, key], _) => {
                self.resource(Some(Output), name, key, inside)
            }
            (["resources", name, key], _) => self.resource(None, name, key, inside),
            (["resources" | "inputs" | "outputs", ..], Within::Steps | Within::Default) => {
                Replacement::refused(
                    format!("`$({inside})` is not a variable"),
                    "write $(resources.NAME.KEY) or $(params.NAME)",
                )
            }
            (["steps", step, output], Within::Steps)
                if !["results", "outputs", "inputs"].contains(output) =>
            {
                let message = format!(
                    "`$({inside})`: outputs of the step '{step}' are only available in templates"
                );
                let help = "read the file that the other step wrote";
                Replacement::refused(message, help)
            }
            _ => Replacement::Keep,
        }
    }

    /// Returns true for the declaration and for texts that users read, because these fields are not part of the steps. The
    /// declaration may be in `outputs`, or in an annotation in the `metadata` of an embedded TaskSpec.
    fn skips(&self, field: &str) -> bool {
        self.within != Within::Declaration
            && ["outputs", "metadata", "description", "displayName"].contains(&field)
    }

    fn escapes(&self) -> bool {
        self.within == Within::Declaration
    }
}

impl TaskVariables {
    /// Translates a variable that refers to a resource. If the variable contains a direction, `direction` is set.
    fn resource(
        &mut self,
        direction: Option<Direction>,
        name: &str,
        key: &str,
        inside: &str,
    ) -> Replacement {
        if self.refused.iter().any(|refused| refused == name) {
            // Any text will do, because the translation fails: the error in the declaration was already reported.
            return Replacement::Text(name.to_owned());
        }
        let creates = self.created.iter().any(|created| created == name);
        let mut resources = self.resources.iter_mut();
        let declared = resources.find(|own| {
            own.name == name
                && direction.is_none_or(|direction| own.directions.contains(&direction))
        });
        if creates && self.within == Within::Declaration {
            match (direction, &declared) {
                (Some(Direction::Output), _) => {
                    return Replacement::Variable(format!("resources.{name}.{key}"));
                }
                (None, None) => return Replacement::Keep,
                (None, Some(_)) => {
                    return Replacement::refused(
                        format!(
                            "`$({inside})` is ambiguous: it may refer to the input or to the created resource"
                        ),
                        format!("write $(inputs.{inside}) or $(outputs.{inside})"),
                    );
                }
                (Some(Direction::Input), _) => {}
            }
        }
        let Some(resource) = declared else {
            return self.unknown(creates, name, inside);
        };
        let takes_in = resource.directions.contains(&Direction::Input);
        match key {
            "path" if takes_in && direction != Some(Direction::Output) => {
                Replacement::Text(resource.path.clone())
            }
            "path" => Replacement::refused(
                format!("`$({inside})`: Tekton no longer creates this directory for an output"),
                "use your own directory under /workspace",
            ),
            "type" => Replacement::Text(resource.kind.as_str().to_owned()),
            _ if self.within == Within::Default => Replacement::refused(
                format!("`$({inside})`: Tekton v1 does not replace variables in defaults"),
                "use the variable where the parameter is used",
            ),
            _ => {
                resource.uses(key);
                Replacement::Variable(format!("params.{name}.{key}"))
            }
        }
    }

    /// Translates the variables in the `targetPath` of each resource, because the paths become part of the steps.
    fn rewrite_paths(&mut self, items: &[Item], found: &mut Diagnostics) {
        for index in 0..self.resources.len() {
            let path = std::mem::take(&mut self.resources[index].path);
            let name = self.resources[index].name.clone();
            let mut items = items.iter().map(Item::cursor);
            let item = items.find(|item| item.node.text_of("name") == Some(&name));
            let target = item.as_ref().and_then(|item| item.field("targetPath"));
            let path = rewrite_text(&path, self, &mut |_, message, help| {
                if let Some(target) = &target {
                    found.push(target.diagnostic(message).maybe_help(help));
                }
            });
            self.resources[index].path = path;
        }
    }

    fn unknown(&self, creates: bool, name: &str, inside: &str) -> Replacement {
        let known = self.resources.iter().map(|own| own.name.as_str());
        match self.within {
            // Do not report the error here, because the declaration's parser reports it with a better suggestion.
            Within::Declaration => Replacement::Keep,
            _ if creates => Replacement::refused(
                format!("`$({inside})`: '{name}' is created only after the steps"),
                "use it in another task, or in a template",
            ),
            _ => {
                let message = format!("`$({inside})`: the Task declares no resource '{name}'");
                let (_, key) = inside.rsplit_once('.').unwrap_or_default();
                match self.resources.iter().find(|own| own.name == name) {
                    // A resource with this name is declared, but in the other direction.
                    Some(own) if own.directions == [Direction::Input] => Replacement::refused(
                        format!("`$({inside})`: the resource '{name}' is an input"),
                        format!("write $(resources.inputs.{name}.{key})"),
                    ),
                    Some(_) => Replacement::refused(
                        format!("`$({inside})`: the resource '{name}' is an output"),
                        format!("write $(resources.outputs.{name}.{key})"),
                    ),
                    None => Replacement::Refused {
                        message,
                        help: suggestion(name, known),
                    },
                }
            }
        }
    }
}
