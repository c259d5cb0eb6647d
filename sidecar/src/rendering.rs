//! From the declaration and its values to the objects that are to be created.

use gleaner_proto::declaration::{FieldPath, Policy, WaitFor};
use gleaner_proto::name::ResourceName;
use serde_json::Value;

/// An object, ready to be created but for what only the API server knows (whether its kind has namespaces).
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The name of its template in the declaration.
    pub resource: ResourceName,
    /// Whether it may exist already.
    pub policy: Policy,
    /// Whether it is owned by the run.
    pub owned: bool,
    /// Whether its name is derived from the run's UID, so that it may take the next suffix where something
    /// foreign has it; a static name may not.
    pub derived_name: bool,
    /// What to wait for once it exists.
    pub wait_for: Option<WaitFor>,
    /// Fields of the created object that become results.
    pub results: Vec<(String, FieldPath)>,
    /// The whole object: `apiVersion`, `kind`, `metadata` with name, labels, annotations and owner reference.
    pub object: Value,
}
