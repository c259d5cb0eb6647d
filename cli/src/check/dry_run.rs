//! A dry run of a Task with a declaration: the API server calls the webhook, and stores nothing.

use gleaner_proto::kubernetes::{RUN_API_VERSION, SIDECAR, annotation};
use gleaner_runtime::api_server::path;
use gleaner_runtime::error_chain;
use http::Method;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::report::Check;
use super::tekton::Tekton;

const ID: &str = "dry-run";

/// Creates the Task as a dry run, and looks for the sidecar in it.
pub(super) async fn check(cluster: &Cluster<'_>, tekton: &Tekton) -> Check {
    if !tekton.is_served {
        return Check::skipped(ID, "Tekton's kinds are not served");
    }
    match cluster.may("create", "tekton.dev", "tasks").await {
        Ok(true) => {}
        Ok(false) => {
            let message = format!(
                "you may not create Tasks in {}, which a dry run needs",
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
        Ok(task) if has_sidecar(&task) => {
            Check::ok(ID, "a Task with outputs is injected (dry run)")
        }
        Ok(_) => Check::failed(
            ID,
            "the API server accepts a Task with outputs without calling the webhook",
            "look for the cause in the checks above; the API server needs some seconds to notice a new webhook",
        ),
        Err(error) => Check::failed(
            ID,
            format!("a Task with outputs is refused: {}", error_chain(&error)),
            "see \"Troubleshooting\" in docs/install.md for the message",
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
