//! A PipelineRun or a TaskRun: the resources that it names become values of parameters.

use gleaner_core::document::yaml::Node;

use crate::binding;
use crate::catalogue::Catalogue;
use crate::desk::Desk;
use crate::interface::Interface;

/// Binds the resources in the spec of a run. `of` is what runs, with its interface where that is known.
pub(crate) fn translate(
    spec: &mut Node,
    of: (&str, Option<&Interface>),
    catalogue: &Catalogue,
    namespace: Option<&str>,
    desk: &mut Desk<'_>,
) {
    let (title, interface) = of;
    let bindings = binding::take(spec, "spec", desk);
    if let Some(interface) = interface {
        binding::check(&bindings, interface, title, spec, "spec", desk);
    }
    for binding in &bindings {
        if let Some(from) = binding.from.first() {
            let message = "only a task of a Pipeline comes after others".to_owned();
            desk.complain(
                &format!("{}.from", binding.place),
                from,
                message,
                "remove it",
            );
        }
        let port = interface.and_then(|interface| interface.port(&binding.name));
        if let Some(value) = binding.resolve(catalogue, namespace, port, desk) {
            binding.bind(value, spec, desk);
        }
    }
}
