//! The declaration: from the proposal's places in the spec into the annotation, checked on the way.

use std::collections::BTreeMap;

use gleaner_core::document::writer;
use gleaner_core::document::yaml::{Content, Node};
use gleaner_core::task::{DeclarationSite, Declared};
use gleaner_proto::kubernetes::annotation;
use serde_json::Value;

use crate::desk::Desk;
use crate::edit::{self, Edit, text};

/// Checks every declaration in `document`, puts it into the annotation of what it stands beside, and returns it by the place
/// of its TaskSpec.
pub(crate) fn settle(document: &mut Node, desk: &mut Desk<'_>) -> BTreeMap<String, Declared> {
    let mut declared = BTreeMap::new();
    for carrier in DeclarationSite::all(document) {
        match (carrier.declaration(desk.source), carrier.task_spec()) {
            (Ok(Some(found)), Some(place)) => {
                declared.insert(place.to_string(), found);
            }
            (Ok(_), _) => {}
            (Err(found), _) => found
                .into_iter()
                .for_each(|diagnostic| desk.note(diagnostic)),
        }
    }
    for (place, found) in &declared {
        let spec = descend(document, place);
        if take_proposal(spec) {
            let at = spec.at;
            let yaml = text(at, writer::to_yaml([&found.document]));
            // Within a Pipeline the TaskSpec has metadata of its own; a Task's and a TaskRun's are the document's.
            let carrier = if place == "spec" || place == "spec.taskSpec" {
                &mut *document
            } else {
                descend(document, place)
            };
            if carrier.get("metadata").is_none() {
                carrier.put_first("metadata", edit::map(at, []));
            }
            let metadata = carrier.map_mut("metadata");
            metadata
                .map_mut("annotations")
                .put(annotation::OUTPUTS, yaml);
        }
    }
    declared
}

/// Takes the proposal's fields out of a TaskSpec; whether there were any.
fn take_proposal(spec: &mut Node) -> bool {
    let mut found = spec.take("outputs").is_some();
    for step in spec.field_mut("steps").map_or(&mut [][..], Node::items_mut) {
        found |= step.take("outputs").is_some();
    }
    found
}

/// The node at a place such as `spec.tasks[0].taskSpec`.
pub(crate) fn descend<'a>(document: &'a mut Node, place: &str) -> &'a mut Node {
    let mut node = document;
    for part in place.split('.') {
        let (key, index) = match part.strip_suffix(']').and_then(|part| part.split_once('[')) {
            Some((key, index)) => (key, index.parse::<usize>().ok()),
            None => (part, None),
        };
        let field = node.field_mut(key);
        node = field.expect("invariant: places come from the document itself");
        if let Some(index) = index {
            node = match &mut node.content {
                Content::Sequence(items) => &mut items[index],
                _ => unreachable!("invariant: places come from the document itself"),
            };
        }
    }
    node
}

/// The document as it is printed: what names it first.
pub(crate) fn ordered(document: &Node) -> Value {
    const FIRST: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];
    let Value::Object(mut fields) = document.to_json() else {
        return document.to_json();
    };
    let first = FIRST
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), fields.shift_remove(*key)?)))
        .collect::<Vec<_>>();
    first.into_iter().chain(fields).collect()
}

/// The annotation with the declaration, where `object` has one.
pub(crate) fn annotation_mut(object: &mut Node) -> Option<&mut Node> {
    let metadata = object.field_mut("metadata")?;
    metadata
        .field_mut("annotations")?
        .field_mut(annotation::OUTPUTS)
}
