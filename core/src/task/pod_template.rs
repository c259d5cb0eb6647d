//! The pod templates in a document: those in a Job, CronJob or JobSet, and in any other object that creates pods.

use crate::document::{Content, Cursor, Node, Place};
use crate::kinds::group_of;

/// The maximum depth, below `spec`, at which pod templates are found. In a JobSet, the template is seven levels deep.
const DEPTH_MAX: usize = 12;

/// Returns the pod templates in the document: all maps that have a list at `spec.containers`, under `template` or any other key.
pub(super) fn all<'a>(document: &Cursor<'a>) -> Vec<Cursor<'a>> {
    let mut found = Vec::new();
    if let Some(spec) = document.field("spec") {
        gather(&spec, DEPTH_MAX, &mut found);
    }
    found
}

/// Returns the API group and the kind of the innermost object that contains the pod template at `template`. This object is not
/// necessarily the document, because objects can be nested.
pub(crate) fn owner<'a>(document: &'a Node, template: &Place) -> Option<(&'a str, &'a str)> {
    let mut around = std::iter::successors(template.parent(), Place::parent);
    around.find_map(|place| {
        let object = document.find(&place)?;
        Some((
            group_of(object.text_of("apiVersion")?),
            object.text_of("kind")?,
        ))
    })
}

fn gather<'a>(cursor: &Cursor<'a>, depth: usize, found: &mut Vec<Cursor<'a>>) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    match &cursor.node.content {
        Content::Mapping(entries) => {
            let containers = cursor.node.descend(&["spec", "containers"]);
            if containers.is_some_and(|containers| containers.sequence().is_some()) {
                found.push(cursor.clone());
                return;
            }
            for (key, node) in entries {
                if is_structure(&node.content) {
                    gather(
                        &Cursor::new(node, cursor.place.key(&key.name)),
                        depth,
                        found,
                    );
                }
            }
        }
        Content::Sequence(items) => {
            for (index, node) in items.iter().enumerate() {
                if is_structure(&node.content) {
                    gather(&Cursor::new(node, cursor.place.index(index)), depth, found);
                }
            }
        }
        _ => {}
    }
}

const fn is_structure(content: &Content) -> bool {
    matches!(content, Content::Mapping(_) | Content::Sequence(_))
}
