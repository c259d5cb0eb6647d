//! The default working directory and home of a step, which Tekton set before v0.24 (`disable-working-directory-overwrite` and
//! `disable-home-env-overwrite` in its feature flags).

use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Cursor, Node, Place};
use serde_json::json;

const DIRECTORY: &str = "/workspace";
const HOME: &str = "/tekton/home";

/// Sets the working directory and HOME in the steps of a v1alpha1 Task. Later versions of Tekton cannot run v1alpha1 Tasks, so
/// the Task relies on the old defaults.
pub(crate) fn set(spec: &mut Node) {
    let template = spec.present("stepTemplate");
    let (directory, home) = (
        template.is_some_and(has_directory),
        template.is_some_and(has_home),
    );
    for step in spec.items_at_mut("steps") {
        let at = step.at;
        if !directory && !has_directory(step) {
            step.put("workingDir", Node::derived(at, DIRECTORY));
        }
        if !home && !has_home(step) {
            step.push_at(
                "env",
                Node::derived(at, json!({"name": "HOME", "value": HOME})),
            );
        }
    }
}

/// Returns a warning for each step of the TaskSpec at `place` that may rely on the old default directory.
pub(crate) fn warnings(spec: &Node, place: &Place) -> Vec<Diagnostic> {
    if spec.present("stepTemplate").is_some_and(has_directory) {
        return Vec::new();
    }
    let steps = spec.list_of("steps").iter().enumerate();
    let relying = steps.filter(|(_, step)| !has_directory(step));
    let warning = |(index, step)| {
        let cursor = Cursor::new(step, place.key("steps").index(index));
        let message = format!(
            "the step has no workingDir: Tekton before v0.24 ran it in {DIRECTORY}, with HOME={HOME}; later versions use the image's settings"
        );
        let help = format!("add workingDir: {DIRECTORY} if it uses relative paths");
        cursor.diagnostic(message).help(help)
    };
    relying.map(warning).collect()
}

fn has_directory(container: &Node) -> bool {
    container
        .text_of("workingDir")
        .is_some_and(|own| !own.is_empty())
}

fn has_home(container: &Node) -> bool {
    let mut env = container.list_of("env").iter();
    env.any(|variable| variable.text_of("name") == Some("HOME"))
}
