//! The objects that a submission will create, in a form that is stored on disk.
//!
//! If the process is killed during a submission, some of these objects may exist. The next process uses this list to find them,
//! even if it cannot render templates or discover kinds, and to report the objects that it cannot read.

use std::io;

use futures::future::BoxFuture;
use gleaner_core::render::Attempts;
use gleaner_proto::name::ResourceName;
use serde::{Deserialize, Serialize};

/// The planned objects of one attempt of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// For each derived name, the number of candidate names that were taken. This number determines the next candidate.
    pub attempts: Attempts,
    /// All objects of the run, in the order of the declaration.
    pub objects: Vec<PlannedObject>,
}

/// One planned object, with the data needed to find it and to check that it belongs to the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedObject {
    /// The name of the object's template in the declaration.
    pub resource: ResourceName,
    /// `apiVersion` of the object.
    pub api_version: String,
    /// `kind` of the object.
    pub kind: String,
    /// The kind's path segment, such as `configmaps`.
    pub plural: String,
    /// The namespace; omitted for a cluster-scoped kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name of the object.
    pub name: String,
    /// True if the object is created with server-side apply, so it may have existed before the run.
    #[serde(default)]
    pub applied: bool,
    /// A secret output that the object contains: the step's name and the output's name. If set, the API server's messages about
    /// the object are not forwarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<(String, String)>,
    /// The UIDs in the object's owner references.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
}

/// Storage for the plan of a submission, so that a later process can continue the submission.
pub trait Memory: Send + Sync {
    /// Returns the plans that were stored before this process started, in order.
    fn earlier(&self) -> &[Planned];

    /// Stores `planned` durably. The first create request follows as soon as the future completes.
    ///
    /// # Errors
    /// Fails if the plan could not be stored. In that case, the submission creates nothing.
    fn keep(&self, planned: Planned) -> BoxFuture<'_, io::Result<()>>;
}
