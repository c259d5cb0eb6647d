//! Reads a PipelineRun and the names of its TaskRuns from the cluster.

use gleaner_proto::kubernetes::RUN_API_VERSION;
use gleaner_runtime::api_server::ApiServer;
use gleaner_runtime::error_chain;
use serde_json::Value;

use crate::failure::Failure;

/// A PipelineRun that the API server returned.
pub(super) struct PipelineRun {
    pub(super) object: Value,
}

impl PipelineRun {
    /// Reads the PipelineRun. Returns `None` if it does not exist.
    ///
    /// # Errors
    /// Fails if the API server does not respond, or rejects the request.
    pub(super) async fn find(
        api: &ApiServer,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Self>, Failure> {
        let object = api.object(RUN_API_VERSION, "pipelineruns", namespace, name);
        let object = object.await.map_err(|error| {
            let reason = error_chain(&error);
            Failure::unreachable(format_args!(
                "the TaskRun '{name}' does not exist, and Gleaner cannot read the PipelineRun '{name}': {reason}"
            ))
        })?;
        Ok(object.map(|object| Self { object }))
    }

    /// Returns the names of the TaskRuns that Tekton has created so far, in the order of `childReferences`.
    pub(super) fn task_runs(&self) -> Vec<&str> {
        let children = self.object["status"]["childReferences"].as_array();
        let children = children.into_iter().flatten();
        children
            .filter(|child| child["kind"] == "TaskRun")
            .filter_map(|child| child["name"].as_str())
            .collect()
    }
}
