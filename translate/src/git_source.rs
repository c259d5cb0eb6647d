//! The step that clones a git resource, as Tekton itself once did.

use gleaner_core::document::yaml::Node;

use crate::edit::{self, Edit, list, text, text_of};
use crate::input_resource::InputResource;
use crate::resource_type::ResourceType;

/// Longest name of a step (a DNS label).
const LONGEST: usize = 63;

/// Clones `$1` at revision `$2` into `$3`. What comes from a parameter comes as an argument: spliced into the text, a branch
/// name could be a command. Nothing in it looks like `$(...)`, which Tekton and the kubelet would try to replace.
const SCRIPT: &str = include_str!("git_source.sh");

/// In front of it where a run may do without the resource.
const UNLESS_UNBOUND: &str = "[ -n \"$1\" ] || exit 0\n";

/// Notes what the step uses of the resource that it clones.
pub(crate) fn uses(port: &mut InputResource) {
    for key in ["url", "revision"] {
        port.uses(key);
    }
}

/// Puts a step in front of the others for each git resource among `ports`.
pub(crate) fn prepend(spec: &mut Node, ports: &[InputResource], image: &str) {
    let gits: Vec<&InputResource> = ports
        .iter()
        .filter(|port| port.kind == ResourceType::Git)
        .collect();
    if gits.is_empty() {
        return;
    }
    let steps = spec.list_mut("steps");
    // A step without a name is called by its number, which is about to change.
    for (index, step) in steps.iter_mut().enumerate() {
        if text_of(step, "name").unwrap_or_default().is_empty() {
            let at = step.at;
            step.take("name");
            step.put_first("name", text(at, format!("unnamed-{index}")));
        }
    }
    let mut names: Vec<String> = steps
        .iter()
        .filter_map(|step| text_of(step, "name").map(str::to_owned))
        .collect();
    let mut clones = Vec::new();
    for port in gits {
        let name = step_name(&port.name, &names);
        clones.push(step(port, &name, image));
        names.push(name);
    }
    steps.splice(0..0, clones);
}

fn step(port: &InputResource, name: &str, image: &str) -> Node {
    let at = port.at;
    let param = |key: &str| format!("$(params.{}.{key})", port.name);
    let guard = if port.optional { UNLESS_UNBOUND } else { "" };
    let args = [
        "-c".to_owned(),
        format!("{guard}{SCRIPT}"),
        name.to_owned(),
        param("url"),
        param("revision"),
        port.path.clone(),
    ];
    let args = args.into_iter().map(|argument| text(at, argument));
    // Credentials of the ServiceAccount are put into HOME, which must be a folder that any user can write to.
    let home = edit::map(
        at,
        [
            ("name", text(at, "HOME")),
            ("value", text(at, "/tekton/home")),
        ],
    );
    edit::map(
        at,
        [
            ("name", text(at, name)),
            ("image", text(at, image)),
            // A step template may say otherwise, and name a folder that this step is about to make.
            ("workingDir", text(at, "/")),
            ("env", list(at, vec![home])),
            ("command", list(at, vec![text(at, "/bin/sh")])),
            ("args", list(at, args.collect())),
        ],
    )
}

/// `git-source-<resource>`, made a DNS label that no other step has.
fn step_name(resource: &str, taken: &[String]) -> String {
    let lower = resource.to_ascii_lowercase().replace('_', "-");
    let wanted = format!("git-source-{lower}");
    let numbered = (2..).map(|number| format!("-{number}"));
    let mut suffixes = std::iter::once(String::new()).chain(numbered);
    let fitting = |suffix: String| {
        let room = LONGEST - suffix.len();
        let begin = wanted.get(..room).unwrap_or(&wanted);
        format!("{}{suffix}", begin.trim_end_matches('-'))
    };
    suffixes
        .by_ref()
        .map(fitting)
        .find(|name| !taken.contains(name))
        .expect("invariant: there are more numbers than steps")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steps_name_is_a_label_that_no_other_step_has() {
        assert_eq!(step_name("src", &[]), "git-source-src");
        assert_eq!(step_name("My_Src_", &[]), "git-source-my-src");
        let taken = ["git-source-src".to_owned(), "git-source-src-2".to_owned()];
        assert_eq!(step_name("src", &taken), "git-source-src-3");
        let long = step_name(&"x".repeat(80), &[]);
        assert_eq!(long.len(), LONGEST);
        assert_eq!(step_name(&"x".repeat(80), &[long]).len(), LONGEST);
    }

    #[test]
    fn the_script_holds_nothing_that_looks_like_a_variable() {
        for variable in ["$(", "$$", "`"] {
            assert!(!SCRIPT.contains(variable), "{variable}");
        }
    }
}
