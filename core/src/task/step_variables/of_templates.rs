//! Template variables in the TaskSpec itself, where neither Gleaner nor Tekton replaces them.

use crate::declaration::Declaration;
use crate::document::diagnostic::{Diagnostic, Part};
use crate::document::{Content, Cursor, Diagnostics};

use crate::task::consistency::dotted;
use crate::variable::occurrence::occurrences;

/// Fields in which Tekton does not replace variables: those with a declaration or old input resources, and descriptive text.
pub(crate) const SKIPPED: [&str; 5] = [
    "metadata",
    "outputs",
    "description",
    "displayName",
    "inputs",
];
/// The fields of `$(steps.STEP.FIELD)` that Tekton itself provides (`docs/variables.md`).
pub(crate) const OF_TEKTON: [&str; 4] = ["results", "exitCode", "artifacts", "inputs"];

/// Adds an error for each variable in the TaskSpec `spec` that is available only in templates.
pub fn find(declaration: &Declaration, spec: &Cursor<'_>, found: &mut Diagnostics) {
    match &spec.node.content {
        Content::String(text) if text.contains("$(") => {
            for one in occurrences(text) {
                // Variables after `$$(` are also checked, because Tekton replaces them: it does not treat `$$(` as an escape.
                if let Some((message, help)) = refused(declaration, one.inner) {
                    found.push_with(|_| {
                        let diagnostic = Diagnostic::new(&spec.place, spec.at(), message);
                        diagnostic.help(help).about(Part::Offset(one.offset))
                    });
                }
            }
        }
        Content::Sequence(items) => {
            for (index, node) in items.iter().enumerate() {
                find(
                    declaration,
                    &Cursor::new(node, spec.place.index(index)),
                    found,
                );
            }
        }
        Content::Mapping(entries) => {
            for (key, node) in entries {
                if !SKIPPED.contains(&key.name.as_str()) {
                    find(
                        declaration,
                        &Cursor::new(node, spec.place.key(&key.name)),
                        found,
                    );
                }
            }
        }
        _ => {}
    }
}

fn refused(declaration: &Declaration, variable: &str) -> Option<(String, String)> {
    if !variable.starts_with("steps") && !variable.starts_with("resources") {
        return None;
    }
    let dotted = dotted(variable);
    let words: Vec<&str> = dotted.split('.').collect();
    match words.as_slice() {
        ["steps", step, rest @ ..] if declaration.steps.contains_key(*step) => {
            let output = match rest {
                // `outputs.NAME` may also be a Tekton artifact of the step, so only declared outputs are reported.
                ["outputs", output, ..] => {
                    declaration.output(step, output)?;
                    output
                }
                ["outputs"] => return None,
                [word, ..] if OF_TEKTON.contains(word) => return None,
                [output, ..] => output,
                [] => return None,
            };
            let message = format!(
                "`$({variable})`: outputs of the step '{step}' are only available in templates"
            );
            let path = declaration.output(step, output);
            let path = path.and_then(|output| output.spec.path.as_deref());
            let help = match path {
                Some(path) => format!("read the file that the step wrote: {path}"),
                None => format!(
                    "have '{step}' write the value to a file in a workspace or /workspace, set fromPath to this file, and read it here"
                ),
            };
            Some((message, help))
        }
        ["resources", name, _, ..] if declaration.template(name).is_some() => {
            let message = format!(
                "`$({variable})`: steps cannot refer to the resource '{name}', because it is created from their outputs"
            );
            let help = format!("the next task can use its name: $(tasks.TASK.results.{name}.name)");
            Some((message, help))
        }
        _ => None,
    }
}
