//! The inverse of injection: removes Gleaner from a Task, run or pod template.

use crate::document::{Node, Place};
use crate::task::{DeclarationSite, resource_templates};
use gleaner_proto::kubernetes::annotation;
use serde_json::Value;

use super::{pod, task};

/// The result of a removal.
#[derive(Debug, Clone, PartialEq)]
pub struct Removed {
    /// The object without the injected parts.
    pub object: Value,
    /// The places of the TaskSpecs and pods that were injected.
    pub injected: Vec<Place>,
    /// The places of the objects that declare outputs.
    pub declaring: Vec<Place>,
}

/// Removes Gleaner from every TaskSpec and pod in `object`. If the object was injected ahead of time, the remaining object differs
/// from the object before the injection in two details that make no difference to Tekton: a step's command line is split into
/// `command`, its first word, and `args`, the other words; and scripts lack the leading lines that Tekton itself adds
/// ([`SCRIPT_PREAMBLE`](crate::task::step::SCRIPT_PREAMBLE)).
#[must_use]
pub fn remove(object: &Value) -> Removed {
    let node = Node::from(object);
    let mut removed = remove_here(object, &node);
    for item in resource_templates::all(&node) {
        let Some(own) = removed.object.pointer_mut(&item.place.pointer()) else {
            continue;
        };
        let below = remove(own);
        *own = below.object;
        let join = |place: &Place| item.place.join(place);
        removed.injected.extend(below.injected.iter().map(join));
        removed.declaring.extend(below.declaring.iter().map(join));
    }
    removed
}

fn remove_here(object: &Value, node: &Node) -> Removed {
    let mut removed = Removed {
        object: object.clone(),
        injected: Vec::new(),
        declaring: annotated(object, &Place::root()).into_iter().collect(),
    };
    let sites = DeclarationSite::all(node);
    let specs = sites.iter().filter_map(DeclarationSite::task_spec);
    let mut specs: Vec<Place> = specs.cloned().collect();
    specs.dedup();
    for place in specs {
        removed.declaring.extend(annotated(object, &place));
        removed.take(place, task::remove);
    }
    for place in sites.iter().filter_map(DeclarationSite::pod) {
        if object.pointer(&place.pointer()).is_some_and(is_pod) {
            if !place.is_root() {
                removed.declaring.extend(annotated(object, place));
            }
            removed.take(place.clone(), pod::remove);
        }
    }
    removed
}

/// Removes the output declarations from the objects at `places`.
pub fn remove_declarations(object: &mut Value, places: &[Place]) {
    for place in places {
        let metadata = place.key("metadata").pointer();
        let Some(Value::Object(metadata)) = object.pointer_mut(&metadata) else {
            continue;
        };
        if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
            annotations.shift_remove(annotation::OUTPUTS);
            if annotations.is_empty() {
                metadata.shift_remove("annotations");
            }
        }
    }
}

impl Removed {
    fn take(&mut self, place: Place, remove: fn(&mut Value)) {
        if let Some(part) = self.object.pointer_mut(&place.pointer()) {
            let before = part.clone();
            remove(part);
            if *part != before {
                self.injected.push(place);
            }
        }
    }
}

fn annotated(object: &Value, place: &Place) -> Option<Place> {
    let part = object.pointer(&place.pointer())?;
    let annotations = part.get("metadata")?.get("annotations")?;
    annotations.get(annotation::OUTPUTS)?;
    Some(place.clone())
}

fn is_pod(part: &Value) -> bool {
    part.pointer("/spec/containers")
        .is_some_and(Value::is_array)
}
