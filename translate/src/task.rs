//! A TaskSpec: its resources become object parameters, its variables follow them.

use gleaner_core::document::diagnostic::suggestion;
use gleaner_core::document::yaml::{Content, Node};

use crate::desk::Desk;
use crate::edit::{Edit, present, text, text_of};
use crate::input_resource::{Declared, InputResource};
use crate::interface::Interface;
use crate::resource_type::ResourceType;
use crate::variables::{self, Judge, Verdict};
use crate::{git_source, versions};

/// Fields that Tekton does not look into: those of a declaration (an embedded TaskSpec has its annotations in `metadata`), and
/// what is for people.
const NOT_SUBSTITUTED: [&str; 4] = ["outputs", "metadata", "description", "displayName"];

/// Translates the TaskSpec at `place`, but for its declaration, which stays where it is. `annotation` is the one that stands
/// beside it.
pub(crate) fn translate(
    spec: &mut Node,
    place: &str,
    annotation: Option<&mut Node>,
    desk: &mut Desk<'_>,
) -> Interface {
    let Declared {
        mut inputs,
        outputs,
    } = Declared::take(spec, place, desk);
    let gits = inputs
        .iter_mut()
        .filter(|port| port.kind == ResourceType::Git);
    gits.for_each(git_source::uses);
    let mut variables = TaskVariables {
        inputs,
        bound: outputs,
        made: made(spec),
        within: Within::Steps,
    };
    versions::task_spec(spec, place, desk);
    variables::rewrite(spec, place, &NOT_SUBSTITUTED, &mut variables, desk);
    variables.within = Within::Declaration;
    for (node, place) in declaration_parts(spec, place) {
        variables::rewrite(node, &place, &[], &mut variables, desk);
    }
    if let Some(annotation) = annotation {
        variables::rewrite(
            annotation,
            "metadata.annotations",
            &[],
            &mut variables,
            desk,
        );
    }
    let TaskVariables { inputs, bound, .. } = variables;
    for port in inputs.iter().chain(&bound) {
        port.declare(spec, place, desk);
    }
    expand_arrays(spec);
    Interface {
        inputs,
        bound,
        ..Interface::default()
    }
}

/// The parts of a TaskSpec that make up a declaration in the proposal's syntax, each with its place.
fn declaration_parts<'a>(
    spec: &'a mut Node,
    place: &'a str,
) -> impl Iterator<Item = (&'a mut Node, String)> {
    let entries = match &mut spec.content {
        Content::Mapping(entries) => entries.as_mut_slice(),
        _ => &mut [],
    };
    entries.iter_mut().flat_map(move |(key, node)| {
        let mut parts = Vec::new();
        match key.name.as_str() {
            "outputs" => parts.push((node, format!("{place}.outputs"))),
            "steps" => {
                for (index, step) in node.items_mut().iter_mut().enumerate() {
                    let place = format!("{place}.steps[{index}].outputs");
                    parts.extend(step.field_mut("outputs").map(|node| (node, place)));
                }
            }
            _ => {}
        }
        parts
    })
}

/// The names of what the Task creates, in the proposal's syntax.
fn made(spec: &Node) -> Vec<String> {
    let outputs = present(spec, "outputs");
    let lists = ["resources", "objects"].into_iter();
    let items = lists.filter_map(|key| outputs?.get(key)?.sequence());
    items
        .flatten()
        .filter_map(|item| text_of(item, "name").map(str::to_owned))
        .collect()
}

/// `command: ["$(params.list)"]` of the proposal, in the words of today.
fn expand_arrays(spec: &mut Node) {
    let params = spec
        .get("params")
        .and_then(Node::sequence)
        .unwrap_or_default();
    let is_array = |param: &&Node| {
        text_of(param, "type") == Some("array")
            || text_of(param, "type").is_none()
                && param
                    .get("default")
                    .is_some_and(|node| node.sequence().is_some())
    };
    let arrays: Vec<String> = params
        .iter()
        .filter(is_array)
        .filter_map(|param| text_of(param, "name").map(str::to_owned))
        .collect();
    for container in versions::containers(spec) {
        for key in ["command", "args"] {
            for item in container
                .field_mut(key)
                .map_or(&mut [][..], Node::items_mut)
            {
                let inside = item
                    .as_str()
                    .and_then(|text| text.strip_prefix("$(")?.strip_suffix(')'));
                let Some(inside) = inside else { continue };
                let words = variables::words(inside).unwrap_or_default();
                if let ["params", name] = words[..]
                    && arrays.iter().any(|array| array == name)
                {
                    *item = text(item.at, format!("$({inside}[*])"));
                }
            }
        }
    }
}

/// What becomes of the variables of a Task.
struct TaskVariables {
    inputs: Vec<InputResource>,
    bound: Vec<InputResource>,
    made: Vec<String>,
    within: Within,
}

/// Where a variable stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// In what Tekton substitutes.
    Steps,
    /// In what Gleaner substitutes.
    Declaration,
}

impl Judge for TaskVariables {
    fn judge(&mut self, words: &[&str], inside: &str) -> Verdict {
        let creates = |name: &str| self.made.iter().any(|made| made == name);
        match (words, self.within) {
            (["inputs", "params", ..], _) => match inside.strip_prefix("inputs.") {
                Some(rest) => Verdict::Variable(rest.to_owned()),
                None => Verdict::Keep,
            },
            (["outputs", "resources", name, key], Within::Declaration) if creates(name) => {
                Verdict::Variable(format!("resources.{name}.{key}"))
            }
            (["resources", name, _], Within::Declaration)
                if creates(name) && self.inputs.iter().any(|port| port.name == *name) =>
            {
                let message = format!("`$({inside})` may be what is taken in or what is created");
                wrong(
                    message,
                    &format!("write $(inputs.{inside}) or $(outputs.{inside})"),
                )
            }
            (["resources", name, _], Within::Declaration) if creates(name) => Verdict::Keep,
            (["inputs", "resources", name, key] | ["resources", "inputs", name, key], _) => {
                self.resource(name, key, inside, true)
            }
            (["outputs", "resources", name, key] | ["resources", "outputs", name, key], _) => {
                self.resource(name, key, inside, false)
            }
            (["resources", name, key], _) => {
                let bound = self.bound.iter().any(|port| port.name == *name);
                self.resource(name, key, inside, !bound)
            }
            (["resources" | "inputs" | "outputs", ..], Within::Steps) => {
                let message = format!("`$({inside})` is no variable");
                wrong(message, "write $(resources.NAME.KEY) or $(params.NAME)")
            }
            (["steps", step, output], Within::Steps)
                if !["results", "outputs", "inputs"].contains(output) =>
            {
                let message = format!(
                    "`$({inside})`: what the step '{step}' leaves behind fills templates, and no other step"
                );
                wrong(
                    message,
                    "let this step read the file that the other one wrote",
                )
            }
            _ => Verdict::Keep,
        }
    }

    fn escapes(&self) -> bool {
        self.within == Within::Declaration
    }
}

impl TaskVariables {
    fn resource(&mut self, name: &str, key: &str, inside: &str, is_input: bool) -> Verdict {
        let ports = if is_input {
            &mut self.inputs
        } else {
            &mut self.bound
        };
        let Some(port) = ports.iter_mut().find(|port| port.name == name) else {
            return self.unknown(name, inside);
        };
        match key {
            "path" if is_input => Verdict::Text(port.path.clone()),
            "path" => wrong(
                format!("`$({inside})`: nothing makes that folder today"),
                "name a folder of the task's own, below /workspace",
            ),
            "type" => Verdict::Text(port.kind.as_str().to_owned()),
            _ => {
                port.uses(key);
                Verdict::Variable(format!("params.{name}.{key}"))
            }
        }
    }

    fn unknown(&self, name: &str, inside: &str) -> Verdict {
        if self.within == Within::Declaration {
            // The declaration's own reader knows better what it could have been.
            return Verdict::Keep;
        }
        if self.made.iter().any(|made| made == name) {
            let message = format!("`$({inside})`: '{name}' is created when the steps are done");
            return wrong(message, "use it in another task, or in a template");
        }
        let known = self.inputs.iter().chain(&self.bound);
        let message = format!("`$({inside})`: the Task declares no resource '{name}'");
        let help = suggestion(name, known.map(|port| port.name.as_str()));
        Verdict::Wrong { message, help }
    }
}

fn wrong(message: String, help: &str) -> Verdict {
    let help = Some(help.to_owned());
    Verdict::Wrong { message, help }
}
