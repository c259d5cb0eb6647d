//! The working directory and the variable HOME that Tekton versions before v0.24 set by default in each step (see the feature
//! flags `disable-working-directory-overwrite` and `disable-home-env-overwrite`).

use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Cursor, Node, Place};
use serde_json::json;

const DIRECTORY: &str = "/workspace";
const HOME: &str = "/tekton/home";

/// Sets the old default working directory and HOME in the steps of a v1alpha1 Task. The Task may rely on these defaults, because
/// only old versions of Tekton can run v1alpha1 Tasks.
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

/// Returns a warning for each step of the TaskSpec at `place` that may rely on the old default working directory.
pub(crate) fn warnings(spec: &Node, place: &Place) -> Vec<Diagnostic> {
    if spec.present("stepTemplate").is_some_and(has_directory) {
        return Vec::new();
    }
    let steps = spec.list_of("steps").iter().enumerate();
    let relying = steps.filter(|(_, step)| !has_directory(step));
    let warning = |(index, step)| {
        let cursor = Cursor::new(step, place.key("steps").index(index));
        let message = format!(
            "the step has no workingDir: Tekton before v0.24 ran it in {DIRECTORY}, with HOME={HOME}, but later versions use the image's settings"
        );
        let help = format!("add workingDir: {DIRECTORY} if the step uses relative paths");
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
