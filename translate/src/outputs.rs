//! Checks declarations, and moves them from the proposal's fields in the spec into the annotation.

use gleaner_core::declaration::Declaration;
use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::{Cursor, Diagnostics, Node, Place, Source, writer};
use gleaner_core::task::DeclarationSite;
use gleaner_proto::kubernetes::annotation;
use serde_json::json;

use crate::created;

/// Checks every declaration in `document`. Moves a declaration in the proposal's syntax into an annotation. Returns each
/// declaration with the place of its TaskSpec. `host` maps the place of a TaskSpec to the place of the object whose `metadata`
/// contains the annotation. Adds to `doubtful` the warnings about templates that create old Tekton objects.
pub(crate) fn move_to_annotations(
    document: &mut Node,
    host: impl Fn(&Place) -> Place,
    source: &Source,
    found: &mut Diagnostics,
    doubtful: &mut Vec<Diagnostic>,
) -> Vec<(Place, Declaration)> {
    let mut declared = Vec::new();
    for site in DeclarationSite::all(document) {
        match (site.declaration(source), site.task_spec()) {
            (Ok(Some(declaration)), Some(place)) => {
                doubtful.extend(created::warnings(&site, &declaration, source));
                declared.push((place.clone(), declaration));
            }
            (Ok(None), Some(place)) => {
                let spec = document.find(place);
                let spec = spec.map(|spec| Cursor::new(spec, place.clone()));
                if let Some(outputs) = spec.and_then(|spec| spec.field("outputs")) {
                    outputs.fields(&["resources", "objects"], found);
                }
            }
            (Ok(_), None) => {}
            (Err(diagnostics), _) => found.extend(diagnostics),
        }
    }
    for (place, declared) in &declared {
        if let Some(spec) = document.find_mut(place)
            && take_proposal(spec)
        {
            let yaml = Node::derived(spec.at, writer::to_yaml([&declared.document.to_json()]));
            annotate(document, &host(place), yaml);
        }
    }
    let declared = declared.into_iter();
    declared
        .map(|(place, declared)| (place, declared.declaration))
        .collect()
}

/// Removes the proposal's fields from a TaskSpec; returns true if it contained any.
fn take_proposal(spec: &mut Node) -> bool {
    let mut found = spec.take("outputs").is_some();
    for step in spec.items_at_mut("steps") {
        found |= step.take("outputs").is_some();
    }
    found
}

/// Adds the declaration to the object at `place` as an annotation.
fn annotate(document: &mut Node, place: &Place, yaml: Node) -> Option<()> {
    let object = document.find_mut(place)?;
    if object.get("metadata").is_none() {
        object.put_first("metadata", Node::derived(object.at, json!({})));
    }
    let metadata = object.map_at_mut("metadata")?;
    let annotations = metadata.map_at_mut("annotations")?;
    annotations.put(annotation::OUTPUTS, yaml);
    Some(())
}
