//! Reads the TaskRun and its pod.

use gleaner_proto::kubernetes::{RUN_API_VERSION, SIDECAR, SIDECAR_CONTAINER, annotation};
use gleaner_runtime::api_server::{ApiServer, RequestError};
use gleaner_runtime::error_chain;
use serde_json::Value;

use crate::failure::Failure;

/// A TaskRun that uses Gleaner.
pub(super) struct TaskRun {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) uid: String,
    /// The TaskRun object.
    pub(super) object: Value,
    /// The TaskRun's pod. The error is the reason why it could not be read.
    pub(super) pod: Result<Option<Value>, String>,
}

impl TaskRun {
    /// Reads the TaskRun and its pod.
    ///
    /// # Errors
    /// Fails if the TaskRun does not exist, if it does not use Gleaner, or if the cluster rejects the request.
    pub(super) async fn read(
        api: &ApiServer,
        namespace: &str,
        name: &str,
    ) -> Result<Self, Failure> {
        let unreadable = |error: &RequestError| {
            let reason = error_chain(error);
            Failure::unreachable(format_args!("cannot read the TaskRun '{name}': {reason}"))
        };
        let get = async |plural: &str| {
            let object = api.object(RUN_API_VERSION, plural, namespace, name).await;
            object.map_err(|error| unreadable(&error))
        };
        let Some(object) = get("taskruns").await? else {
            // The PipelineRun only improves the message, so an error in reading it is ignored.
            let pipeline = get("pipelineruns").await.ok().flatten();
            return Err(missing(namespace, name, pipeline.as_ref()));
        };
        let pod = match object["status"]["podName"].as_str() {
            Some(pod) => api.object("v1", "pods", namespace, pod).await,
            None => Ok(None),
        };
        let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
        let run = Self {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            uid: text("uid").to_owned(),
            pod: pod.map_err(|error| error_chain(&error)),
            object,
        };
        if run.uses_gleaner() {
            return Ok(run);
        }
        Err(Failure::not_found(format_args!(
            "the TaskRun '{name}' in namespace {namespace} does not use Gleaner: the TaskRun and its pod have no annotation {} and no \
             sidecar; declare outputs in its Task",
            annotation::OUTPUTS
        )))
    }

    fn uses_gleaner(&self) -> bool {
        let declares =
            |object: &Value| object["metadata"]["annotations"][annotation::OUTPUTS].is_string();
        let sidecars = &self.object["status"]["taskSpec"]["sidecars"];
        let has_sidecar = named(sidecars, SIDECAR).is_some();
        declares(&self.object)
            || has_sidecar
            || self
                .pod()
                .is_some_and(|pod| declares(pod) || self.container().is_some())
    }

    /// Returns the pod, if it exists and can be read.
    pub(super) fn pod(&self) -> Option<&Value> {
        self.pod.as_ref().ok()?.as_ref()
    }

    /// Returns the sidecar's container.
    pub(super) fn container(&self) -> Option<&Value> {
        let spec = &self.pod()?["spec"];
        let lists = ["initContainers", "containers"];
        lists
            .iter()
            .find_map(|list| named(&spec[*list], SIDECAR_CONTAINER))
    }

    /// Returns the state of the sidecar's container: `waiting`, `running` or `terminated`.
    pub(super) fn container_state(&self) -> Option<&Value> {
        let status = &self.pod()?["status"];
        let lists = ["initContainerStatuses", "containerStatuses"];
        let found = lists
            .iter()
            .find_map(|list| named(&status[*list], SIDECAR_CONTAINER));
        Some(&found?["state"])
    }

    /// Returns the text of the declaration.
    pub(super) fn declaration(&self) -> Option<&str> {
        let objects = [Some(&self.object), self.pod()];
        let mut objects = objects.into_iter().flatten();
        objects.find_map(|object| object["metadata"]["annotations"][annotation::OUTPUTS].as_str())
    }

    /// Returns the `Succeeded` condition, or null before Tekton sets it.
    pub(super) fn condition(&self) -> &Value {
        let conditions = self.object["status"]["conditions"].as_array();
        let mut conditions = conditions.into_iter().flatten();
        let found = conditions.find(|condition| condition["type"] == "Succeeded");
        found.unwrap_or(&Value::Null)
    }

    pub(super) fn is_finished(&self) -> bool {
        matches!(self.condition()["status"].as_str(), Some("True" | "False"))
    }
}

fn named<'a>(list: &'a Value, name: &str) -> Option<&'a Value> {
    let mut items = list.as_array()?.iter();
    items.find(|item| item["name"] == name)
}

fn missing(namespace: &str, name: &str, pipeline: Option<&Value>) -> Failure {
    let Some(pipeline) = pipeline else {
        return Failure::not_found(format_args!(
            "the TaskRun '{name}' does not exist in namespace {namespace}; `kubectl -n {namespace} get taskruns` lists the existing ones"
        ));
    };
    let children = pipeline["status"]["childReferences"].as_array();
    let children = children.into_iter().flatten();
    let runs: Vec<&str> = children
        .filter(|child| child["kind"] == "TaskRun")
        .filter_map(|child| child["name"].as_str())
        .collect();
    let runs = match runs.as_slice() {
        [] => "none yet".to_owned(),
        runs => runs.join(", "),
    };
    Failure::not_found(format_args!(
        "'{name}' is a PipelineRun; specify one of its TaskRuns: {runs}"
    ))
}
