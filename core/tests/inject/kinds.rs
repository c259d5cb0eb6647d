//! Tests that the operator's list of allowed kinds is enforced for every object that has a declaration.

use gleaner_core::declaration::AllowedKinds;
use gleaner_core::inject::task::{self, Operation, Placement};
use gleaner_core::inject::{Outcome, ResultsFrom, Settings, pod};
use serde_json::{Value, json};

use crate::support::settings;

const BINDING: &str = "steps: {a: [{name: o}]}
objects: [{name: mine, resourceTemplate: {apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding,
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}}}]";

fn unlimited() -> Settings {
    Settings {
        kinds: AllowedKinds::unlimited(),
        ..settings()
    }
}

fn task() -> Value {
    json!({
        "apiVersion": "tekton.dev/v1", "kind": "Task",
        "metadata": {"name": "build", "annotations": {"gleaner.dev/outputs": BINDING}},
        "spec": {"steps": [{"name": "a", "image": "i", "command": ["c"]}]},
    })
}

fn changed<E: std::fmt::Debug>(outcome: Result<Outcome, E>) -> Value {
    match outcome.unwrap() {
        Outcome::Changed(changed) => changed.object,
        Outcome::Skipped(skip) => panic!("{skip:?}"),
    }
}

#[track_caller]
fn refused<E: std::fmt::Display>(outcome: Result<Outcome, E>) {
    let message = outcome.expect_err("refused").to_string();
    assert!(
        message.contains(
            "'mine': the kind RoleBinding of the group rbac.authorization.k8s.io is not allowed"
        ) && message.contains("outputs.allowedKinds"),
        "{message}"
    );
}

#[test]
fn a_task_that_creates_a_kind_that_is_not_allowed_is_rejected() {
    refused(task::inject(&task(), Operation::Create, &settings()));
    changed(task::inject(&task(), Operation::Create, &unlimited()));
}

/// Tests pods of a Task that was injected with a different list of allowed kinds, by the webhook or ahead of time, and a pod that
/// has its own declaration.
#[test]
fn a_pod_that_creates_a_kind_that_is_not_allowed_is_rejected() {
    for placement in [
        Placement::Webhook,
        Placement::AheadOfTime(ResultsFrom::default()),
    ] {
        let task = task::inject_for(&task(), Operation::Create, &unlimited(), placement);
        let task = changed(task);
        let mut sidecar = task["spec"]["sidecars"][0].clone();
        sidecar["name"] = "sidecar-gleaner".into();
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
            "spec": {"containers": [{"name": "step-a", "image": "i", "command": ["c"]}, sidecar]},
        });
        refused(pod::inject(&pod, &settings()));
    }
    let plain = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "p", "annotations": {"gleaner.dev/outputs": BINDING}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "i", "command": ["c"]}]},
    });
    refused(pod::inject(&plain, &settings()));
    changed(pod::inject(&plain, &unlimited()));
}
