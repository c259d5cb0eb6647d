//! The inputs and outputs of a Task or a Pipeline, which are needed to translate documents that refer to the Task or Pipeline.

use gleaner_core::declaration::{Declaration, Origin};
use gleaner_core::document::Node;
use gleaner_core::results;
use indexmap::IndexMap;

use crate::input_resource::InputResource;

/// The inputs and outputs of a Task or a Pipeline.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interface {
    /// The declared resources, which a run or a pipeline task binds.
    pub(crate) resources: Vec<InputResource>,
    /// The names of the declared resources for which errors have already been reported.
    pub(crate) refused: Vec<String>,
    /// The objects that the Task or Pipeline creates, by their names in the declaration.
    pub(crate) created: IndexMap<String, Created>,
}

/// An object that a Task creates.
#[derive(Debug, Clone)]
pub(crate) enum Created {
    Resource {
        kind: String,
        /// The keys of the result that is written for the resource.
        keys: Vec<String>,
    },
    /// An object from the list `objects`. Such an object cannot be bound as a resource.
    Object,
}

/// The Tasks and Pipelines in all files, by name.
#[derive(Debug, Default)]
pub(crate) struct Interfaces {
    pub(crate) tasks: IndexMap<String, Interface>,
    pub(crate) pipelines: IndexMap<String, Interface>,
}

impl Interfaces {
    /// Returns true if a Task in the files creates a PipelineResource of type `kind` with the key `key`.
    pub(crate) fn creates(&self, kind: &str, key: &str) -> bool {
        let mut created = self.tasks.values().flat_map(|task| task.created.values());
        created.any(|created| match created {
            Created::Resource { kind: own, keys } => {
                own == kind && keys.iter().any(|own| own == key)
            }
            Created::Object => false,
        })
    }
}

impl Interface {
    pub(crate) fn resource(&self, name: &str) -> Option<&InputResource> {
        self.resources.iter().find(|resource| resource.name == name)
    }

    /// Adds the objects that `declaration` creates.
    pub(crate) fn creates(&mut self, declaration: &Declaration) {
        for template in &declaration.templates {
            let created = match &template.origin {
                Origin::Object => Created::Object,
                Origin::PipelineResource { kind, .. } => Created::Resource {
                    kind: kind.clone(),
                    keys: results::keys(template).into_iter().collect(),
                },
            };
            let name = template.name.as_str().to_owned();
            self.created.insert(name, created);
        }
    }
}

/// Returns the interface of the Task or Pipeline to which `reference` refers. Returns `None` if the files do not contain that
/// Task or Pipeline, for example because a resolver fetches it.
pub(crate) fn referred<'a>(
    known: &'a IndexMap<String, Interface>,
    reference: Option<&Node>,
) -> Option<&'a Interface> {
    let reference = reference?;
    let remote = ["resolver", "bundle"];
    if remote.iter().any(|key| reference.get(key).is_some()) {
        return None;
    }
    known.get(reference.text_of("name")?)
}
