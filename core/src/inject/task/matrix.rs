//! Object results out of a matrix. Tekton gathers the results of a matrix into an array only where they are strings
//! (TEP-0140); whoever refers to others gets nothing, and succeeds.

use std::collections::{HashMap, HashSet};

use crate::document::diagnostic::Part;
use crate::document::{Content, Cursor, Diagnostics, Live, Node};
use crate::task::site::{DeclarationSite, kind_of};

/// The results that are objects, by the name of a Task.
pub type ObjectResults = HashMap<String, HashSet<String>>;

/// Adds an error for each reference to an object result of a task with a `matrix` whose Task is embedded in `document`, or among
/// `tasks`.
pub(crate) fn find(document: &Node, tasks: &ObjectResults, found: &mut Diagnostics) {
    let root = Cursor::root(document);
    let pipeline = match kind_of(document) {
        "Pipeline" => root.field("spec"),
        "PipelineRun" => root.descend(&["spec", "pipelineSpec"]),
        _ => None,
    };
    let Some(pipeline) = pipeline else { return };
    let mut ignored = Diagnostics::default();
    let mut results: HashMap<&str, HashSet<String>> = HashMap::new();
    let mut sites = None;
    for item in pipeline.items_at("tasks", &mut ignored) {
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
                    "`$({variable})` is empty: the task '{task}' has a matrix, and '{name}' is an object result, of which Tekton gathers none"
                );
                let help = format!(
                    "let the next task read the objects, which have the label tekton.dev/pipelineTask={task}, or let a step of '{task}' write a string result"
                );
                cursor.diagnostic(message).help(help).about(Part::Offset(offset))
            });
        }
    }
}
