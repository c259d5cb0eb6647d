//! What a Task or a Pipeline takes in and gives: all that those who bind it must know.

use gleaner_core::declaration::{Declaration, Origin};
use gleaner_core::document::Node;
use gleaner_core::results;
use indexmap::IndexMap;

use super::port::Port;

/// What a Task or a Pipeline takes in and gives.
#[derive(Debug, Clone, Default)]
pub(super) struct Interface {
    /// Resources that it takes in.
    pub(super) inputs: Vec<Port>,
    /// Outputs that a run binds to what exists already.
    pub(super) bound: Vec<Port>,
    /// What it creates, by its name in the declaration.
    pub(super) made: IndexMap<String, Made>,
}

/// Something that a Task creates.
#[derive(Debug, Clone)]
pub(super) enum Made {
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
    pub(super) fn port(&self, name: &str) -> Option<&Port> {
        self.ports().find(|port| port.name == name)
    }

    /// All resources that a run binds.
    pub(super) fn ports(&self) -> impl Iterator<Item = &Port> {
        self.inputs.iter().chain(&self.bound)
    }

    /// Adds what `declaration` creates.
    pub(super) fn makes(&mut self, declaration: &Declaration) {
        for template in &declaration.templates {
            let made = match &template.origin {
                Origin::Object => Made::Object,
                Origin::PipelineResource { kind, .. } => Made::Resource {
                    kind: kind.clone(),
                    keys: results::keys(template).into_iter().collect(),
                },
            };
            self.made.insert(template.name.as_str().to_owned(), made);
        }
    }
}

/// The Tasks and Pipelines of all files, by name.
#[derive(Debug, Default)]
pub(super) struct Interfaces {
    /// Of Tasks.
    pub(super) tasks: IndexMap<String, Interface>,
    /// Of Pipelines.
    pub(super) pipelines: IndexMap<String, Interface>,
}

impl Interfaces {
    /// The one that `reference` names, unless a resolver fetches it from elsewhere.
    pub(super) fn referred<'a>(
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
