//! What a Task or a Pipeline takes in and gives: all that those who bind it must know.

use gleaner_core::declaration::{Declaration, Origin};
use gleaner_core::document::yaml::Node;
use indexmap::IndexMap;

use crate::input_resource::InputResource;

/// What a Task or a Pipeline takes in and gives.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interface {
    /// Resources that it takes in.
    pub(crate) inputs: Vec<InputResource>,
    /// Outputs that a run binds to what exists already.
    pub(crate) bound: Vec<InputResource>,
    /// What it creates, by its name in the declaration.
    pub(crate) made: IndexMap<String, Made>,
}

/// Something that a Task creates.
#[derive(Debug, Clone)]
pub(crate) enum Made {
    /// A PipelineResource, with the keys of its result.
    Resource {
        /// `image` and so on.
        kind: String,
        /// `name`, `uid`, `type` and its params.
        keys: Vec<String>,
    },
    /// An object of another kind, which nothing takes in.
    Object,
}

impl Interface {
    /// The resource called `name`, on either side.
    pub(crate) fn port(&self, name: &str) -> Option<&InputResource> {
        self.ports().find(|port| port.name == name)
    }

    /// All resources that a run binds.
    pub(crate) fn ports(&self) -> impl Iterator<Item = &InputResource> {
        self.inputs.iter().chain(&self.bound)
    }

    /// Adds what `declaration` creates.
    pub(crate) fn makes(&mut self, declaration: &Declaration) {
        for template in &declaration.templates {
            let made = match &template.origin {
                Origin::Object => Made::Object,
                Origin::PipelineResource { kind, params } => {
                    let own = ["name", "uid", "type"].map(str::to_owned);
                    let keys = own.into_iter().chain(params.iter().cloned()).collect();
                    let kind = kind.clone();
                    Made::Resource { kind, keys }
                }
            };
            self.made.insert(template.name.as_str().to_owned(), made);
        }
    }
}

/// The Tasks and Pipelines of all files, by name.
#[derive(Debug, Default)]
pub(crate) struct Interfaces {
    /// Of Tasks.
    pub(crate) tasks: IndexMap<String, Interface>,
    /// Of Pipelines.
    pub(crate) pipelines: IndexMap<String, Interface>,
}

impl Interfaces {
    /// The one that `reference` names, unless a resolver fetches it from elsewhere.
    pub(crate) fn referred<'a>(
        known: &'a IndexMap<String, Interface>,
        reference: Option<&Node>,
    ) -> Option<&'a Interface> {
        let reference = reference?;
        if ["resolver", "bundle"]
            .iter()
            .any(|key| reference.get(key).is_some())
        {
            return None;
        }
        known.get(reference.get("name")?.as_str()?)
    }
}
