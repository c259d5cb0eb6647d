//! Reads the TaskRun and its pod.

use gleaner_proto::kubernetes::{RUN_API_VERSION, SIDECAR, SIDECAR_CONTAINER, annotation};
use gleaner_proto::redirector::MESSAGE_KEY;
use gleaner_runtime::api_server::ApiServer;
use gleaner_runtime::error_chain;
use serde_json::Value;

use crate::failure::Failure;

/// A TaskRun and its pod.
pub(super) struct TaskRun {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) uid: String,
    /// The TaskRun, as returned by the API server.
    pub(super) object: Value,
    /// The TaskRun's pod, or `None` if it does not exist. An error is the reason why the pod could not be read.
    pub(super) pod: Result<Option<Value>, String>,
}

impl TaskRun {
    /// Reads the TaskRun and its pod. Returns `None` if the TaskRun does not exist.
    ///
    /// # Errors
    /// Fails if the cluster rejects the request.
    pub(super) async fn find(
        api: &ApiServer,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Self>, Failure> {
        let object = api
            .object(RUN_API_VERSION, "taskruns", namespace, name)
            .await;
        let object = object.map_err(|error| {
            let reason = error_chain(&error);
            Failure::unreachable(format_args!("cannot read the TaskRun '{name}': {reason}"))
        })?;
        let Some(object) = object else {
            return Ok(None);
        };
        let pod = match object["status"]["podName"].as_str() {
            Some(pod) => api.object("v1", "pods", namespace, pod).await,
            None => Ok(None),
        };
        let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
        Ok(Some(Self {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            uid: text("uid").to_owned(),
            pod: pod.map_err(|error| error_chain(&error)),
            object,
        }))
    }

    /// Returns true if the TaskRun or its pod declares outputs or contains the sidecar.
    pub(super) fn uses_gleaner(&self) -> bool {
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

    /// Returns true if the TaskRun uses Gleaner, or may turn out to use it: Tekton copies the Task's annotations to the TaskRun
    /// only when it creates the pod.
    pub(super) fn may_use_gleaner(&self) -> bool {
        let has_no_pod = matches!(self.pod, Ok(None));
        self.uses_gleaner() || has_no_pod && !self.is_finished()
    }

    /// Returns the pod, if it exists and can be read.
    pub(super) fn pod(&self) -> Option<&Value> {
        self.pod.as_ref().ok()?.as_ref()
    }

    /// Returns the sidecar's container in the pod's spec.
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

    /// Returns the declaration, which is an annotation on the TaskRun or the pod.
    pub(super) fn declaration(&self) -> Option<&str> {
        let objects = [Some(&self.object), self.pod()];
        let mut objects = objects.into_iter().flatten();
        objects.find_map(|object| object["metadata"]["annotations"][annotation::OUTPUTS].as_str())
    }

    /// Returns the `Succeeded` condition, or null before Tekton sets it.
    pub(super) fn condition(&self) -> &Value {
        succeeded(&self.object)
    }

    /// Returns the messages that the redirector wrote to the termination messages of failed steps.
    pub(super) fn messages(&self) -> Vec<StepMessage> {
        let steps = self.object["status"]["steps"].as_array();
        let steps = steps.into_iter().flatten();
        let messages = steps.filter_map(|step| {
            let text = step["terminated"]["message"].as_str()?;
            let entries: Vec<Value> = serde_json::from_str(text).ok()?;
            let entry = entries.iter().find(|entry| entry["key"] == MESSAGE_KEY)?;
            Some(StepMessage {
                step: step["name"].as_str()?.to_owned(),
                message: entry["value"].as_str()?.to_owned(),
            })
        });
        messages.collect()
    }

    pub(super) fn is_finished(&self) -> bool {
        is_final(self.condition())
    }
}

fn named<'a>(list: &'a Value, name: &str) -> Option<&'a Value> {
    let mut items = list.as_array()?.iter();
    items.find(|item| item["name"] == name)
}

/// The message that the redirector wrote when it made a step fail.
pub(super) struct StepMessage {
    pub(super) step: String,
    pub(super) message: String,
}

/// Returns the `Succeeded` condition of a TaskRun or PipelineRun, or null before Tekton sets it.
pub(super) fn succeeded(run: &Value) -> &Value {
    let conditions = run["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    let found = conditions.find(|condition| condition["type"] == "Succeeded");
    found.unwrap_or(&Value::Null)
}

/// Returns true if a run with this `Succeeded` condition has finished.
pub(super) fn is_final(condition: &Value) -> bool {
    matches!(condition["status"].as_str(), Some("True" | "False"))
}
