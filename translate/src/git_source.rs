//! The step that clones a git resource. Old versions of Tekton added such a step themselves.

#[cfg(test)]
mod tests;

use gleaner_core::document::{Content, Node};
use serde_json::json;

use crate::input_resource::InputResource;
use crate::resource_type::ResourceType;

/// The maximum length of a step's name (a DNS label).
const LONGEST: usize = 63;

/// A script that clones the repository `$1` at the revision `$2` into the directory `$3`. The script receives parameter values
/// as arguments, because the shell could execute a value, such as a branch name, that is part of the script's text. The script
/// must not contain `$(...)`, which Tekton and the kubelet would try to replace.
const SCRIPT: &str = include_str!("git_source.sh");

/// The script's first line for an optional resource: if there is no URL, the step does nothing.
const UNLESS_UNBOUND: &str = "[ -n \"$1\" ] || exit 0\n";

/// Adds a step for each git resource in `resources` before the other steps of the TaskSpec `spec`.
pub(crate) fn prepend(spec: &mut Node, resources: &[InputResource], image: &str) {
    let is_git = |resource: &&InputResource| resource.kind == ResourceType::Git;
    let gits: Vec<&InputResource> = resources.iter().filter(is_git).collect();
    if gits.is_empty() {
        return;
    }
    let mut names = Vec::new();
    for (index, step) in spec.items_at_mut("steps").iter_mut().enumerate() {
        // Give each unnamed step the name that Tekton derives from its index, because the index will change.
        if step.text_of("name").unwrap_or_default().is_empty() {
            step.take("name");
            step.put_first("name", Node::derived(step.at, format!("unnamed-{index}")));
        }
        names.extend(step.text_of("name").map(str::to_owned));
    }
    let mut clones = Vec::new();
    for resource in gits {
        let name = step_name(&resource.name, &names);
        clones.push(step(resource, &name, image));
        names.push(name);
    }
    clones.extend_from_slice(spec.items_at_mut("steps"));
    let (at, content) = (spec.at, Content::Sequence(clones));
    spec.put("steps", Node { at, content });
}

fn step(resource: &InputResource, name: &str, image: &str) -> Node {
    let param = |key: &str| format!("$(params.{}.{key})", resource.name);
    let guard = if resource.optional {
        UNLESS_UNBOUND
    } else {
        ""
    };
    let step = json!({
        "name": name,
        "image": image,
        // Override the step template, because it may set a working directory that does not exist before this step.
        "workingDir": "/",
        // Any user can write to this directory, which is necessary because Tekton writes the ServiceAccount's credentials to
        // HOME.
        "env": [{"name": "HOME", "value": "/tekton/home"}],
        "command": ["/bin/sh"],
        "args": ["-c", format!("{guard}{SCRIPT}"), name, param("url"), param("revision"), resource.path],
    });
    Node::derived(resource.at, step)
}

/// Returns a step name that begins with `git-source-<resource>`, is a DNS label, and differs from all names in `taken`.
fn step_name(resource: &str, taken: &[String]) -> String {
    let lower = resource.to_ascii_lowercase().replace('_', "-");
    let wanted = format!("git-source-{lower}");
    let numbered = (2..).map(|number| format!("-{number}"));
    let mut names = std::iter::once(String::new())
        .chain(numbered)
        .map(|suffix| {
            let begin = wanted.get(..LONGEST - suffix.len()).unwrap_or(&wanted);
            format!("{}{suffix}", begin.trim_end_matches('-'))
        });
    names
        .find(|name| !taken.contains(name))
        .expect("invariant: there are more numbers than steps")
}
