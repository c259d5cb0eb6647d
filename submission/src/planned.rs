//! The objects that a submission will create, in a form that outlives the process.
//!
//! A process that is killed midway has created some of these objects. With this list, the next process finds them even if it can
//! neither render nor discover, and reports those that it cannot read.

use std::io;

use futures::future::BoxFuture;
use gleaner_core::render::Attempts;
use gleaner_proto::name::ResourceName;
use serde::{Deserialize, Serialize};

/// The objects of one attempt of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// The suffix of each derived name.
    pub attempts: Attempts,
    /// All objects of the run, in the order of the declaration.
    pub objects: Vec<PlannedObject>,
}

/// One planned object: the data to find it, and to check that it belongs to the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedObject {
    /// The name of its template in the declaration.
    pub resource: ResourceName,
    /// `apiVersion` of the object.
    pub api_version: String,
    /// `kind` of the object.
    pub kind: String,
    /// The kind's path segment, such as `configmaps`.
    pub plural: String,
    /// The namespace; absent for a cluster-scoped kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// True if the object is applied, so that it may have existed before the run.
    #[serde(default)]
    pub applied: bool,
    /// The secret output that the object contains, by step and name. If set, no text about the object is forwarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<(String, String)>,
    /// The UIDs of its owners.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
}

/// Stores the plan of a submission, so that a later process can continue it.
pub trait Memory: Send + Sync {
    /// Returns the plans that were stored before this process started, in order.
    fn earlier(&self) -> &[Planned];

    /// Stores `planned` durably: the first create follows as soon as the future completes.
    ///
    /// # Errors
    /// Fails if the plan could not be stored; then nothing is created.
    fn keep(&self, planned: Planned) -> BoxFuture<'_, io::Result<()>>;
}
