//! Object results of a matrix. Tekton collects the results of a matrix into an array only if they are strings
//! (TEP-0140); a reference to others is empty, and the run succeeds.

use std::collections::{HashMap, HashSet};

use crate::document::diagnostic::Part;
use crate::document::{Content, Cursor, Diagnostics, Live, Node};
use crate::task::site::{DeclarationSite, kind_of};

/// The names of object results, by Task name.
pub type ObjectResults = HashMap<String, HashSet<String>>;

/// Adds an error for each reference to an object result of a task with a `matrix` whose Task is embedded in `document`
/// or listed in `tasks`.
pub(crate) fn find(document: &Node, tasks: &ObjectResults, found: &mut Diagnostics) {
    let root = Cursor::root(document);
    let pipeline = match kind_of(document) {
        "Pipeline" => root.field("spec"),
        "PipelineRun" => root.descend(&["spec", "pipelineSpec"]),
        _ => None,
    };
    let Some(pipeline) = pipeline else { return };
    let mut results: HashMap<&str, HashSet<String>> = HashMap::new();
    let mut sites = None;
    for item in pipeline.list_of("tasks") {
        let (Some(name), Some(_)) = (item.node.text_of("name"), item.field("matrix")) else {
            continue;
        };
        let own = match (
            item.field("taskSpec"),
            item.node.descend(&["taskRef", "name"]),
        ) {
            (Some(spec), _) => {
                let sites = sites.get_or_insert_with(|| DeclarationSite::all(document));
                let site = sites
                    .iter()
                    .find(|site| site.task_spec() == Some(&spec.place));
                site.map(of_site)
            }
            (None, Some(task)) => task.as_str().and_then(|task| tasks.get(task).cloned()),
            (None, None) => None,
        };
        results.extend(own.filter(|own| !own.is_empty()).map(|own| (name, own)));
    }
    if !results.is_empty() {
        walk(&pipeline, &results, found);
    }
}

/// The names of the object results of a declaration.
pub(crate) fn of_site(site: &DeclarationSite<'_>) -> HashSet<String> {
    let declared = site.declaration(&Live).ok().flatten();
    let templates = declared.into_iter().flat_map(|declared| {
        let templates: Vec<_> = declared.declaration.templates.into();
        templates
    });
    templates
        .map(|template| template.name.to_string())
        .collect()
}

fn walk(cursor: &Cursor<'_>, results: &HashMap<&str, HashSet<String>>, found: &mut Diagnostics) {
    match &cursor.node.content {
        Content::String(text) => check(text, cursor, results, found),
        Content::Sequence(items) => {
            for (index, node) in items.iter().enumerate() {
                walk(
                    &Cursor::new(node, cursor.place.index(index)),
                    results,
                    found,
                );
            }
        }
        Content::Mapping(entries) => {
            for (key, node) in entries {
                if !["description", "displayName", "metadata"].contains(&key.name.as_str()) {
                    walk(
                        &Cursor::new(node, cursor.place.key(&key.name)),
                        results,
                        found,
                    );
                }
            }
        }
        _ => {}
    }
}

fn check(
    text: &str,
    cursor: &Cursor<'_>,
    results: &HashMap<&str, HashSet<String>>,
    found: &mut Diagnostics,
) {
    for (offset, _) in text.match_indices("$(tasks.") {
        let Some((variable, _)) = text[offset + 2..].split_once(')') else {
            return;
        };
        let mut words = variable.split(['.', '[']);
        let (_, Some(task), Some("results"), Some(name)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        if results.get(task).is_some_and(|own| own.contains(name)) {
            found.push_with(|_| {
                let message = format!(
                    "`$({variable})` is empty: the task '{task}' has a matrix, from which Tekton does not collect object results such as '{name}'"
                );
                let help = format!(
                    "read the objects in the next task, by the label tekton.dev/pipelineTask={task}, or write a string result in a step of '{task}'"
                );
                cursor.diagnostic(message).help(help).about(Part::Offset(offset))
            });
        }
    }
}
