//! Checks the types of the fields that the translation reads or changes. They must be maps and lists as Kubernetes requires.

use gleaner_core::document::{Content, Cursor, Diagnostics, Node};

/// Reports each field that must be a map or a list but is not. Returns true if there are no such fields.
pub(crate) fn check(document: &Node, found: &mut Diagnostics) -> bool {
    let mut wrong = Diagnostics::default();
    let root = Cursor::root(document);
    check_metadata(&root, &mut wrong);
    if let Some(spec) = root.field("spec") {
        check_fields(&spec, &mut wrong);
    }
    let is_sound = wrong.is_empty();
    found.extend(wrong.into_vec());
    is_sound
}

fn check_fields(map: &Cursor<'_>, found: &mut Diagnostics) {
    for (key, field) in map.entries(found) {
        match key {
            _ if field.node.content == Content::Null => {}
            "params" | "steps" | "sidecars" | "tasks" | "finally" | "taskRunSpecs" => {
                for item in field.items(found) {
                    check_fields(&item, found);
                }
            }
            "runAfter" => drop(field.items(found)),
            "results" if map.field("steps").is_some() => drop(field.items(found)),
            "taskSpec" | "pipelineSpec" | "stepTemplate" | "containerTemplate" | "taskRef"
            | "pipelineRef" | "taskRunTemplate" | "timeouts" => check_fields(&field, found),
            _ => {}
        }
    }
    check_metadata(map, found);
}

fn check_metadata(object: &Cursor<'_>, found: &mut Diagnostics) {
    if let Some(metadata) = object.field("metadata") {
        metadata.entries(found);
        metadata.entries_at("annotations", found);
    }
}
