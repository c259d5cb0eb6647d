//! Creates a Task with a declaration as a dry run: the API server calls the webhook, but stores nothing.

use gleaner_proto::kubernetes::{RUN_API_VERSION, SIDECAR, annotation};
use gleaner_runtime::api_server::path;
use gleaner_runtime::error_chain;
use http::Method;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::report::Check;
use super::tekton::Tekton;

const ID: &str = "dry-run";

/// Creates the Task as a dry run, and checks that the returned Task contains the sidecar.
pub(super) async fn check(cluster: &Cluster<'_>, tekton: &Tekton) -> Check {
    if !tekton.is_served {
        return Check::skipped(ID, "the cluster does not serve Tekton's kinds");
    }
    match cluster.may("create", "tekton.dev", "tasks").await {
        Ok(true) => {}
        Ok(false) => {
            let message = format!(
                "you are not allowed to create Tasks in {}, which the dry run requires",
                cluster.namespace
            );
            return Check::skipped(ID, message);
        }
        Err(unread) => return unread.check(ID),
    }
    let collection = path::collection(RUN_API_VERSION, "tasks", Some(cluster.namespace));
    let path = format!("{collection}?dryRun=All");
    let task = task();
    let api = cluster.api;
    let created = api.call(Method::POST, &path, "application/json", Some(&task));
    match created.await {
        Ok(task) if has_sidecar(&task) => Check::ok(
            ID,
            "the webhook injected Gleaner into a Task that declares outputs (dry run)",
        ),
        Ok(_) => Check::failed(
            ID,
            "the API server accepted a Task that declares outputs, but did not call the webhook",
            "see the checks above for the cause; if the webhook is new, retry after a few seconds, because the API server may not call it yet",
        ),
        Err(error) => Check::failed(
            ID,
            format!(
                "the API server rejected a Task that declares outputs: {}",
                error_chain(&error)
            ),
            "look up the message in https://github.com/gleaner-dev/gleaner/blob/main/docs/troubleshooting.md",
        ),
    }
}

fn has_sidecar(task: &Value) -> bool {
    let mut sidecars = task["spec"]["sidecars"].as_array().into_iter().flatten();
    sidecars.any(|sidecar| sidecar["name"] == SIDECAR)
}

fn task() -> Value {
    json!({
        "apiVersion": RUN_API_VERSION,
        "kind": "Task",
        "metadata": {
            "name": "gleaner-check",
            "annotations": {annotation::OUTPUTS: "steps: {check: [{name: value}]}"},
        },
        "spec": {"steps": [{"name": "check", "image": "gleaner-check", "command": ["true"]}]},
    })
}
