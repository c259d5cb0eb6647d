//! Tekton objects inside other documents, such as the objects that a TriggerTemplate or an EventListener creates, or the items of
//! a List.

use gleaner_core::document::{Content, Cursor, Node, Place};
use serde_json::Value;

/// Returns true if the API version is in the group `tekton.dev`.
pub(crate) fn is_tekton(version: &str) -> bool {
    version.starts_with("tekton.dev/")
}

/// Returns the Tekton objects in a document, or nothing if the document itself is a Tekton object. Does not return references to
/// objects, such as a `taskRef` or an owner reference, because they have no spec.
pub(crate) fn objects(document: &Node) -> Vec<Cursor<'_>> {
    let mut found = Vec::new();
    if !names_tekton(document) {
        below(&Cursor::root(document), &mut found);
    }
    found
}

/// Replaces the object at `place` with the translated `object`, or removes it from its list if `object` is `None`.
pub(crate) fn replace(document: &mut Option<Value>, place: &Place, object: Option<Value>) {
    let Some(document) = document else {
        return;
    };
    let pointer = place.pointer();
    if let Some(object) = object {
        if let Some(old) = document.pointer_mut(&pointer) {
            *old = object;
        }
    } else if let Some((list, index)) = pointer.rsplit_once('/')
        && let Some(Value::Array(items)) = document.pointer_mut(list)
        && let Ok(index) = index.parse::<usize>()
    {
        items.remove(index);
    }
}

fn below<'a>(cursor: &Cursor<'a>, found: &mut Vec<Cursor<'a>>) {
    match &cursor.node.content {
        Content::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                below(&Cursor::new(item, cursor.place.index(index)), found);
            }
        }
        Content::Mapping(_) if is_object(cursor.node) => found.push(cursor.clone()),
        Content::Mapping(entries) => {
            for (key, value) in entries {
                below(&Cursor::new(value, cursor.place.key(&key.name)), found);
            }
        }
        _ => {}
    }
}

fn is_object(node: &Node) -> bool {
    let spec = any_case(node, "spec");
    names_tekton(node)
        && any_case(node, "kind").is_some_and(|kind| kind.as_str().is_some())
        && spec.is_some_and(|spec| spec.mapping().is_some())
}

fn names_tekton(node: &Node) -> bool {
    let version = any_case(node, "apiVersion").and_then(Node::as_str);
    version.is_some_and(is_tekton)
}

/// Returns the field `key`, ignoring case, because [`crate::field_names`] corrects the case only later.
fn any_case<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let mut entries = node.mapping()?.iter();
    let (_, value) = entries.find(|(own, _)| own.name.eq_ignore_ascii_case(key))?;
    Some(value)
}
