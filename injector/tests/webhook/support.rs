//! Helpers for the tests.

mod api_server;
mod authority;
mod client;
mod process;

use std::time::Duration;

use gleaner_testkit::wait;
use serde_json::Value;

pub(crate) use api_server::{ApiServer, CONFIGURATION, SECRET};
pub(crate) use authority::Authority;
pub(crate) use client::{Client, get};
pub(crate) use process::{Injector, NAME, Setup};

/// The time limit for each wait. It is long enough for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A recorded review of a Job's pod with a declaration.
pub(crate) const JOB_POD: &str =
    include_str!("../../../core/tests/inject/fixtures/pod-from-plain-job.json");
/// A recorded review of the pod of a TaskRun whose Task was not injected.
pub(crate) const UNINJECTED_POD: &str =
    include_str!("../../../core/tests/inject/fixtures/pod-from-taskrun-rich.json");

/// Parses a review as JSON, so that a test can change it.
pub(crate) fn review(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Returns a review of a request that creates `object`.
pub(crate) fn creation(group: &str, kind: &str, object: &Value) -> Value {
    serde_json::json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "u-1", "operation": "CREATE", "namespace": "ci", "name": object["metadata"]["name"],
            "kind": {"group": group, "version": "v1", "kind": kind}, "object": object, "oldObject": null,
        },
    })
}

/// Returns a Task with a valid declaration.
pub(crate) fn task() -> Value {
    serde_json::json!({
        "apiVersion": "tekton.dev/v1", "kind": "Task",
        "metadata": {
            "name": "build", "namespace": "ci",
            "annotations": {"gleaner.dev/outputs": "
steps: {make: [{name: digest}]}
resources: [{name: img, spec: {type: image, params: [{name: digest, value: $(steps.make.digest)}]}}]
"},
        },
        "spec": {"steps": [{"name": "make", "image": "img", "command": ["make"]}]},
    })
}

/// Calls `condition` repeatedly until it returns a value.
pub(crate) async fn until<T>(what: &str, condition: impl AsyncFnMut() -> Option<T>) -> T {
    wait::until(what, PATIENCE, condition).await
}
