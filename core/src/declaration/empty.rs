//! Warnings about fields that have no value or no effect, which is probably a mistake.

use super::read::OUTPUT;
use super::read_template::{OBJECT, RESOURCE};
use super::read_wait::WAIT_FOR;
use crate::document::diagnostic::{Diagnostic, Part};
use crate::document::{Content, Cursor, Diagnostics, Node};

/// Adds a warning for each empty field in an output, resource, object or `waitFor`, for a `generateName` next to a `name`,
/// and for an empty declaration.
pub(super) fn find(node: &Node, warnings: &mut Diagnostics) {
    let root = Cursor::root(node);
    let mut ignored = Diagnostics::default();
    let is_empty = |cursor: &Cursor<'_>| match &cursor.node.content {
        Content::Mapping(entries) => entries.is_empty(),
        Content::Sequence(items) => items.is_empty(),
        _ => false,
    };
    let mut lists = ["steps", "resources", "objects"].into_iter();
    if lists.all(|key| root.field(key).is_none_or(|list| is_empty(&list))) {
        let message = "the declaration is empty: it has no outputs and creates nothing";
        let help = "declare outputs under steps and the objects to create under objects, or remove the annotation";
        warnings.push(root.diagnostic(message).help(help));
    }
    for (_, outputs) in root.entries_at("steps", &mut ignored) {
        for output in outputs.items(&mut ignored) {
            unfilled(&output, &OUTPUT, warnings);
        }
    }
    for resource in root.list_of("resources") {
        unfilled(&resource, &RESOURCE, warnings);
        both_names(&resource, warnings);
    }
    for object in root.list_of("objects") {
        unfilled(&object, &OBJECT, warnings);
        if let Some(wait) = object.field("waitFor") {
            unfilled(&wait, &WAIT_FOR, warnings);
        }
        if let Some(template) = object.field("resourceTemplate") {
            both_names(&template, warnings);
        }
    }
}

/// Adds a warning for each field in the list `known` that is present but null.
fn unfilled(map: &Cursor<'_>, known: &[&str], warnings: &mut Diagnostics) {
    for (key, node) in map.node.mapping().into_iter().flatten() {
        let name = key.name.as_str();
        if node.content == Content::Null && known.contains(&name) {
            let help = match name {
                "default" => "write the value (\"\" for an empty text), or remove the field",
                _ => "write the value, or remove the field",
            };
            let message = format!("'{name}' has no value, so it has no effect");
            let warning = Diagnostic::new(map.place.key(name), Some(key.at), message);
            warnings.push(warning.help(help).about(Part::Key));
        }
    }
}

fn both_names(object: &Cursor<'_>, warnings: &mut Diagnostics) {
    let field = |key| object.descend(&["metadata", key]);
    if let (Some(_), Some(prefix)) = (field("name"), field("generateName")) {
        let message = "generateName has no effect if name is set";
        warnings.push(prefix.diagnostic(message).help("remove one of them"));
    }
}
