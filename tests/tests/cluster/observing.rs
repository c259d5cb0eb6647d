//! Tests `gleaner status` and `gleaner check`, the commands that read the state of a cluster.

use gleaner_tests::cluster::suite::Case;
use gleaner_tests::cluster::{Namespace, Output};
use gleaner_tests::on_cluster;
use serde_json::{Value, json};

use crate::{BUILD, CHECK, checking, gleaner, holds, let_go, param};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        status_shows_a_running_and_a_finished_run,
        check_reports_only_a_missing_permission,
    ]
}

/// Runs `gleaner` with these arguments and `--namespace`.
fn run(namespace: &Namespace, arguments: &[&str], input: &str) -> Output {
    let mut command = gleaner();
    command.env("KUBECONFIG", namespace.cluster().kubeconfig());
    command
        .args(arguments)
        .args(["--namespace", namespace.name()]);
    Output::of(&mut command, input)
}

fn status(namespace: &Namespace) -> Value {
    let text = run(namespace, &["status", "build-run", "-o", "json"], "").succeed();
    serde_json::from_str(&text).expect("JSON")
}

fn status_shows_a_running_and_a_finished_run(namespace: &Namespace) {
    let outputs = "{build: [{name: digest}], check: [{name: verdict}]}";
    namespace.apply(&(BUILD.replace("{build: [{name: digest}]}", outputs) + CHECK));
    namespace.start("build", "build-run");
    let pod = checking(namespace, "build-run");
    let running = status(namespace);
    assert_eq!(running["source"], "sidecar", "{running}");
    assert_eq!(running["state"], "Running");
    let variables = running["sidecar"]["variables"]
        .as_array()
        .expect("variables");
    let digest = variables
        .iter()
        .find(|variable| variable["name"] == "steps.build.digest");
    assert_eq!(digest.expect("the digest")["value"], "sha256:54ed");
    let text = run(namespace, &["status", "build-run"], "").succeed();
    holds(&text, &["Running", "steps.build.digest", "sha256:54ed"]);
    let_go(namespace, &pod);

    // With `--watch`, the command exits when the run has finished.
    let watched = run(namespace, &["status", "build-run", "--watch"], "").succeed();
    holds(&watched, &["Succeeded"]);
    let finished = status(namespace);
    assert_eq!(finished["source"], "objects", "{finished}");
    assert_eq!(finished["state"], "Succeeded");
    assert_eq!(finished["missing"], json!([]));
    let resource = namespace.only_resource();
    assert_eq!(param(&resource, "digest"), "sha256:54ed");
    let objects = finished["objects"].as_array().expect("objects");
    assert_eq!(objects.len(), 1, "{finished}");
    assert_eq!(objects[0]["kind"], "PipelineResource");
    assert_eq!(objects[0]["name"], resource["metadata"]["name"]);
    assert_eq!(objects[0]["uid"], resource["metadata"]["uid"]);
}

fn check_reports_only_a_missing_permission(namespace: &Namespace) {
    let check = ["check", "--service-account", "default", "-f", "-"];
    let good = run(namespace, &check, BUILD).succeed();
    holds(&good, &["Tekton", "injector"]);
    // Add an object of a kind that the ServiceAccount is not allowed to create.
    let secret = "objects:\n        - name: secret\n          resourceTemplate: {apiVersion: v1, kind: Secret, metadata: {name: mine}}\n      resources:";
    let bad = run(namespace, &check, &BUILD.replace("resources:", secret));
    assert_eq!(bad.status.code(), Some(1), "{bad:?}");
    holds(&bad.stdout, &["secrets", "default"]);
}
