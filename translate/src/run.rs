//! A PipelineRun or a TaskRun: the resources that it binds become values of parameters.

use gleaner_core::document::diagnostic::Diagnostic;
use gleaner_core::document::yaml::Node;
use gleaner_core::document::{Cursor, Diagnostics, Place};

use crate::binding;
use crate::catalogue::Catalogue;
use crate::interface::Interface;

/// Binds the resources in the spec of a run. `title` is what runs, with its interface where that is known.
pub(crate) fn translate(
    spec: &mut Node,
    (title, interface): (&str, Option<&Interface>),
    catalogue: &Catalogue,
    namespace: Option<&str>,
    found: &mut Diagnostics,
) {
    let place = Place::from(["spec"]);
    let items = binding::take(spec, &place, found);
    let bindings = binding::read_all(&items, found);
    if let Some(interface) = interface {
        let cursor = Cursor::new(spec, place);
        binding::check(&bindings, interface, title, &cursor, found);
    }
    for binding in &bindings {
        if let Some(from) = binding.from.first() {
            let place = binding.cursor.place.key("from");
            let message = "only a task of a Pipeline comes after others";
            found.push(Diagnostic::new(place, from.at(), message).help("remove it"));
        }
        let resource = interface.and_then(|interface| interface.resource(&binding.name));
        if let Some(value) = binding.resolve(catalogue, namespace, resource, found) {
            binding.bind(value, spec, found);
        }
    }
}
