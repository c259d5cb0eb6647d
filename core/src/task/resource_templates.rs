//! The objects that Tekton Triggers creates: the `resourcetemplates` in a TriggerTemplate, and in the templates embedded in an
//! EventListener or a Trigger.

use crate::document::{Content, Cursor, Diagnostics, Node};

const KINDS: [&str; 3] = ["TriggerTemplate", "EventListener", "Trigger"];

/// Returns the objects in a Tekton Triggers document. For any other document, the result is empty.
pub fn all(document: &Node) -> Vec<Cursor<'_>> {
    let mut found = Vec::new();
    let version = document.text_of("apiVersion").unwrap_or_default();
    let kind = document.text_of("kind").unwrap_or_default();
    let is_triggers = version.is_empty() || version.starts_with("triggers.tekton.dev/");
    if let Some(spec) = Cursor::root(document).field("spec")
        && is_triggers
        && KINDS.contains(&kind)
    {
        gather(&spec, &mut found);
    }
    found
}

fn gather<'a>(cursor: &Cursor<'a>, found: &mut Vec<Cursor<'a>>) {
    match &cursor.node.content {
        Content::Mapping(entries) => {
            for (key, node) in entries {
                let below = Cursor::new(node, cursor.place.key(&key.name));
                match node.sequence() {
                    Some(_) if key.name == "resourcetemplates" => {
                        found.extend(below.items(&mut Diagnostics::default()));
                    }
                    _ => gather(&below, found),
                }
            }
        }
        Content::Sequence(items) => {
            for (index, node) in items.iter().enumerate() {
                gather(&Cursor::new(node, cursor.place.index(index)), found);
            }
        }
        _ => {}
    }
}
