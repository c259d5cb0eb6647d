//! Tests `gleaner status`, which shows what a run collected and created.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::support::cluster::{Cluster, kubeconfig};
use crate::support::port_forward::{self, PortForward};
use crate::support::{Ran, command, gleaner};
use gleaner_local_apiserver::LocalApiServer;
use gleaner_testkit::api_server::ApiServer;
use gleaner_testkit::fault::Fault;
use http::Method;
use serde_json::{Value, json};

/// A declaration with a PipelineResource and two objects, one of which has the policy `Apply`.
const DECLARATION: &str = "
steps: {one: [{name: a}]}
resources: [{name: img, spec: {type: image, params: [{name: digest, value: $(steps.one.a)}]}}]
objects:
  - name: cm
    resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: cm}, data: {a: $(steps.one.a)}}
  - name: shared
    policy: Apply
    owned: false
    resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: shared}, data: {a: $(steps.one.a)}}
";

fn cluster() -> Cluster {
    Cluster::start(LocalApiServer::builder().namespace("builds"))
}

fn status(url: &str, arguments: &[&str]) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = kubeconfig(directory.path(), url, "own");
    gleaner(&[&["status", "--kubeconfig", &kubeconfig], arguments].concat())
}

/// Stores an object in the namespace `builds`, also sets its `status` if one is given, and returns its UID.
fn seed(cluster: &Cluster, mut object: Value, status: Option<Value>) -> String {
    object["metadata"]["namespace"] = "builds".into();
    let stored = cluster.server.seed(object.clone()).unwrap();
    if let Some(status) = status {
        set(cluster, &object, status);
    }
    stored["metadata"]["uid"].as_str().unwrap().to_owned()
}

fn set(cluster: &Cluster, object: &Value, status: Value) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (version, name) = (
        text(&object["apiVersion"]),
        text(&object["metadata"]["name"]),
    );
    let plural = text(&object["kind"]).to_lowercase() + "s";
    let server = &cluster.server;
    let changed = server.set_status(&version, &plural, "builds", &name, status);
    assert!(changed.is_some());
}

fn task_run(name: &str, annotations: &Value) -> Value {
    json!({
        "apiVersion": "tekton.dev/v1", "kind": "TaskRun",
        "metadata": {"name": name, "annotations": annotations}, "spec": {"taskRef": {"name": "t"}},
    })
}

fn declaring() -> Value {
    json!({"gleaner.dev/outputs": DECLARATION})
}

fn ended(succeeded: bool) -> Value {
    let (status, reason, message) = match succeeded {
        true => ("True", "Succeeded", "All Steps have completed executing"),
        false => ("False", "Failed", "\"step-one\" exited with code 73"),
    };
    let condition =
        json!({"type": "Succeeded", "status": status, "reason": reason, "message": message});
    json!({"podName": "run-pod", "conditions": [condition]})
}

/// Returns a ConfigMap with the annotations that name its template and its run. The annotation `key` contains the run's UID.
fn config_map(name: &str, key: &str, resource: &str, run: &str) -> Value {
    let annotations = json!({key: run, "gleaner.dev/resource": resource});
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "annotations": annotations}})
}

#[test]
fn a_finished_run_shows_its_objects_and_results() {
    let cluster = cluster();
    let mut done = ended(true);
    done["results"] = json!([{"name": "img", "type": "object", "value": {"name": "x"}}, {"name": "text", "type": "string", "value": "v"}]);
    let uid = seed(&cluster, task_run("run", &declaring()), Some(done));
    let mut owned = config_map("cm", "gleaner.dev/run-uid", "cm", &uid);
    owned["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": "run", "uid": uid}]);
    let cm = seed(&cluster, owned, None);
    seed(
        &cluster,
        config_map("shared", "gleaner.dev/made-by", "shared", &uid),
        None,
    );
    seed(
        &cluster,
        config_map("other", "gleaner.dev/run-uid", "cm", "of-another-run"),
        None,
    );
    let ran = status(&cluster.server.url(), &["run"]);
    ran.exits(0);
    assert_eq!(
        ran.stdout,
        "TaskRun builds/run: Succeeded (All Steps have completed executing)\n  \
         objects\n    cm: ConfigMap builds/cm, will be deleted with the run\n    shared: ConfigMap builds/shared\n  \
         results\n    img: {\"name\":\"x\"}\n    text: v\n  \
         missing\n    img: no object exists; it was not created, or was deleted later\n"
    );
    let ran = status(
        &cluster.server.url(),
        &["run", "-o", "json", "-n", "builds"],
    );
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    let keys: Vec<&str> = json
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let expected = [
        "taskRun",
        "namespace",
        "uid",
        "state",
        "reason",
        "message",
        "source",
        "sidecarMessage",
        "objects",
        "missing",
        "unread",
        "results",
        "problems",
    ];
    assert_eq!(keys, expected);
    let page = include_str!("../../../docs/check.md");
    assert!(
        keys.iter().all(|key| page.contains(&format!("`{key}`"))),
        "{keys:?}"
    );
    let first = json!({
        "resource": "cm", "apiVersion": "v1", "kind": "ConfigMap", "namespace": "builds", "name": "cm", "uid": cm, "owned": true,
    });
    assert_eq!(
        (&json["objects"][0], &json["missing"]),
        (&first, &json!(["img"]))
    );
    assert_eq!(
        (&json["state"], &json["reason"]),
        (&json!("Succeeded"), &json!("Succeeded"))
    );
    cluster.end();
}

#[test]
fn the_reason_is_reported_if_a_run_has_no_status() {
    let cluster = cluster();
    let url = cluster.server.url();
    status(&url, &["nothing"]).exits(1).says(
        "error: neither a TaskRun nor a PipelineRun 'nothing' exists in namespace builds; `kubectl -n builds get taskruns,pipelineruns` lists the existing ones\n",
    );
    seed(&cluster, task_run("plain", &json!({})), Some(ended(true)));
    status(&url, &["plain"])
        .exits(1)
        .says("error: the TaskRun 'plain' in namespace builds does not use Gleaner");
    status(&url, &["run", "-n", "../x"])
        .exits(64)
        .says("is not a valid namespace name");
    cluster.end();
    status(&url, &["run"])
        .exits(69)
        .says("error: cannot read the TaskRun 'run': ");
}

/// Returns a PipelineRun without its status, and the status, which refers to these TaskRuns and a CustomRun.
fn pipeline_run(task_runs: &[&str], succeeded: &str) -> (Value, Value) {
    let children = task_runs
        .iter()
        .map(|name| json!({"kind": "TaskRun", "name": name}))
        .chain([json!({"kind": "CustomRun", "name": "c"})]);
    let condition = json!({"type": "Succeeded", "status": succeeded, "reason": "Completed", "message": "Tasks Completed: 3"});
    let status = json!({"childReferences": children.collect::<Value>(), "conditions": [condition]});
    let run = json!({
        "apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "metadata": {"name": "p"}, "spec": {"pipelineRef": {"name": "p"}},
    });
    (run, status)
}

#[test]
fn a_run_without_a_pod_is_not_reported_as_a_run_without_gleaner() {
    let cluster = cluster();
    seed(&cluster, task_run("run", &json!({})), None);
    let ran = status(&cluster.server.url(), &["run"]);
    ran.exits(0);
    let expected =
        "TaskRun builds/run: Running\n  the sidecar did not respond: the pod does not exist yet\n";
    assert_eq!(ran.stdout, expected);
    cluster.end();
}

#[test]
fn a_failed_run_shows_the_message_of_its_step() {
    let cluster = cluster();
    let cause = "img: create denied; grant `create` on `pipelineresources` to the ServiceAccount of the run";
    let entries = json!([{"key": "Reason", "value": "NotCreated", "type": 3}, {"key": "Gleaner", "value": cause}]);
    let mut failed = ended(false);
    failed["steps"] = json!([
        {"name": "zero", "terminated": {"exitCode": 0, "message": "not JSON"}},
        {"name": "one", "terminated": {"exitCode": 73, "message": entries.to_string()}},
    ]);
    seed(&cluster, task_run("run", &declaring()), Some(failed));
    // The form in which kubectl prints names.
    let ran = status(&cluster.server.url(), &["taskrun.tekton.dev/run"]);
    ran.exits(0);
    let expected = format!("  problems\n    one: {cause}\n  missing\n    img: no object exists\n");
    assert!(ran.stdout.contains(&expected), "{}", ran.stdout);
    let json = status(&cluster.server.url(), &["run", "-o", "json"]).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["problems"], json!([{"step": "one", "message": cause}]));
    cluster.end();
}

#[test]
fn a_pipeline_run_shows_each_of_its_task_runs() {
    let cluster = cluster();
    let url = cluster.server.url();
    let (run, status_of_run) = pipeline_run(&["p-build", "p-test", "p-old"], "True");
    let uid = seed(&cluster, run, Some(status_of_run));
    let build = seed(
        &cluster,
        task_run("p-build", &declaring()),
        Some(ended(true)),
    );
    let object = config_map("cm", "gleaner.dev/run-uid", "cm", &build);
    seed(&cluster, object, None);
    seed(&cluster, task_run("p-test", &json!({})), Some(ended(true)));
    let ran = status(&url, &["p", "--watch"]);
    ran.exits(0);
    assert_eq!(
        ran.stdout,
        "PipelineRun builds/p: Succeeded (Tasks Completed: 3)\n  \
         TaskRuns without outputs\n    p-test: Succeeded (All Steps have completed executing)\n  deleted TaskRuns\n    p-old\n\
         TaskRun builds/p-build: Succeeded (All Steps have completed executing)\n  \
         objects\n    cm: ConfigMap builds/cm\n  \
         missing\n    img: no object exists; it was not created, or was deleted later\n    \
         shared: no object exists; it was not created, or was deleted later\n"
    );
    let json: Value = serde_json::from_str(&status(&url, &["p", "-o", "json"]).stdout).unwrap();
    let page = include_str!("../../../docs/check.md");
    for key in json.as_object().unwrap().keys() {
        assert!(page.contains(&format!("`{key}`")), "{key}");
    }
    assert_eq!(
        (&json["pipelineRun"], &json["uid"], &json["state"]),
        (&json!("p"), &json!(uid), &json!("Succeeded"))
    );
    assert_eq!(json["taskRuns"][0]["taskRun"], "p-build");
    assert_eq!(json["taskRuns"][0]["objects"][0]["name"], "cm");
    assert_eq!(json["taskRuns"].as_array().unwrap().len(), 1);
    assert_eq!(
        (
            &json["withoutOutputs"][0]["taskRun"],
            &json["withoutOutputs"][0]["state"],
            &json["deleted"]
        ),
        (&json!("p-test"), &json!("Succeeded"), &json!(["p-old"]))
    );
    cluster.end();
}

#[test]
fn a_pipeline_run_that_cannot_be_read_is_not_reported_as_missing() {
    let server = ApiServer::start();
    let absent = Fault::refuse(404, "NotFound", "not found");
    server.on(Method::GET, "/taskruns/").fail(absent);
    let forbidden = Fault::refuse(403, "Forbidden", "cannot get pipelineruns");
    server.on(Method::GET, "/pipelineruns/").fail(forbidden);
    status(&server.url(), &["p"]).exits(69).says(
        "error: the TaskRun 'p' does not exist, and Gleaner cannot read the PipelineRun 'p': ",
    );
}

/// Returns a pod whose sidecar has these arguments and is in this state.
fn pod(state: &Value, arguments: &Value) -> Value {
    let sidecar = json!({"name": "sidecar-gleaner", "image": "i", "args": arguments});
    let status = json!({"initContainerStatuses": [{"name": "sidecar-gleaner", "state": state}]});
    json!({
        "metadata": {"name": "run-pod"},
        "spec": {"initContainers": [sidecar], "containers": []}, "status": status,
    })
}

const RUN: &str = "^/apis/tekton\\.dev/v1/namespaces/builds/taskruns/run$";
const POD: &str = "^/api/v1/namespaces/builds/pods/run-pod$";

/// Returns an API server that contains a running TaskRun and, if `pod` is set, the TaskRun's pod.
fn running(pod: Option<Value>) -> ApiServer {
    let server = ApiServer::start();
    let mut run = task_run("run", &declaring());
    run["metadata"]["uid"] = "u".into();
    run["status"] = json!({"podName": "run-pod", "conditions": [{"type": "Succeeded", "status": "Unknown", "message": "Not all Steps have completed"}]});
    server
        .on(Method::GET, RUN)
        .fail(Fault::answer(200, &[], run));
    let empty = json!({"metadata": {}, "items": []});
    let list = server.on(Method::GET, "/pipelineresources\\?");
    list.fail(Fault::answer(200, &[], empty));
    if let Some(pod) = pod {
        server
            .on(Method::GET, POD)
            .fail(Fault::answer(200, &[], pod));
    }
    server
}

#[test]
fn status_reports_why_the_sidecar_did_not_respond() {
    let up = json!({"running": {}});
    for (pod, reason) in [
        (None, "the pod does not exist yet"),
        (Some(json!({"spec": {}})), "the pod has no Gleaner sidecar"),
        (
            Some(pod(
                &json!({"waiting": {"reason": "ImagePullBackOff"}}),
                &json!([]),
            )),
            "the sidecar is not running yet (ImagePullBackOff)",
        ),
        (
            Some(pod(&json!({"terminated": {"exitCode": 78}}), &json!([]))),
            "the sidecar has terminated with exit code 78",
        ),
        (
            Some(pod(&up, &json!(["--listen=127.0.0.1:0"]))),
            "the pod uses the host network, so the sidecar's port is known only from the `ready` line in the sidecar's log",
        ),
        // This fake API server does not support port forwarding, so it responds with 404.
        (
            Some(pod(&up, &json!([]))),
            "the API server refused the connection to the pod: 404 not found",
        ),
    ] {
        let server = running(pod);
        let ran = status(&server.url(), &["run"]);
        ran.exits(0);
        let line = format!("  the sidecar did not respond: {reason}");
        assert!(ran.stdout.contains(&line), "{line}\n{}", ran.stdout);
        assert!(
            ran.stdout.contains("    img: not created yet\n"),
            "{}",
            ran.stdout
        );
    }
    let server = running(Some(pod(&up, &json!([]))));
    let forbidden = Fault::refuse(403, "Forbidden", "no");
    server.on(Method::GET, "/portforward").fail(forbidden);
    let ran = status(&server.url(), &["run"]);
    assert!(
        ran.stdout.contains("you are not allowed to forward ports"),
        "{}",
        ran.stdout
    );
}

fn report(phase: &str) -> Value {
    json!({
        "phase": phase, "submit": "Resolved",
        "steps": [{"name": "one", "state": "Waiting", "outputs": ["a"]}, {"name": "two", "state": "Failed", "exitCode": 3, "outputs": []}],
        "variables": [
            {"name": "params.url", "state": "Resolved", "value": "registry.example"},
            {"name": "steps.one.a", "state": "Pending"},
            {"name": "steps.one.s", "state": "Secret"},
        ],
        "resources": [{"resource": "cm", "apiVersion": "v1", "kind": "ConfigMap", "name": "cm"}],
        "waits": [{"resource": "cm", "kind": "Quota", "message": "the quota is exhausted", "since": "2026-01-01T00:00:00Z"}],
        "notes": ["preflight: nothing"],
    })
}

/// Starts an API server that behaves like `server`, but also supports port forwarding to `sidecar`.
fn forwarding(server: &ApiServer, sidecar: &ApiServer) -> PortForward {
    let address = |server: &ApiServer| server.url().trim_start_matches("http://").parse().unwrap();
    port_forward::start(address(server), address(sidecar))
}

#[test]
fn the_status_of_a_running_sidecar_is_read_through_the_api_server() {
    let sidecar = ApiServer::start();
    let response = Fault::answer(200, &[], report("Collecting"));
    sidecar.on(Method::GET, "^/v1/status$").fail(response);
    let server = running(Some(pod(
        &json!({"running": {}}),
        &json!(["--listen=127.0.0.1:8441"]),
    )));
    let forward = forwarding(&server, &sidecar);
    let ran = status(&forward.url, &["run"]);
    ran.exits(0);
    assert_eq!(
        ran.stdout,
        "TaskRun builds/run: Running (Not all Steps have completed)\n  phase: Collecting (submit: Resolved)\n  \
         steps\n    one: Waiting; outputs: a\n    two: Failed with exit code 3\n  \
         variables\n    params.url: registry.example\n    steps.one.a: (Pending)\n    steps.one.s: (secret)\n  \
         resources\n    cm: ConfigMap cm\n  \
         waiting for\n    cm: the quota is exhausted (since 2026-01-01T00:00:00Z)\n  notes\n    preflight: nothing\n"
    );
    let ran = status(&forward.url, &["run", "-o", "json"]);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&json["source"], &json["sidecar"]),
        (&json!("sidecar"), &report("Collecting"))
    );
}

#[test]
fn watch_prints_each_change_until_the_run_finishes() {
    let cluster = cluster();
    let run = task_run("run", &declaring());
    seed(
        &cluster,
        run.clone(),
        Some(json!({"conditions": [{"type": "Succeeded", "status": "Unknown"}]})),
    );
    let kubeconfig = cluster.kubeconfig("own");
    let mut child = command(&[
        "status",
        "run",
        "--watch",
        "-o",
        "json",
        "--kubeconfig",
        &kubeconfig,
    ])
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["state"], "Running");
    set(&cluster, &run, ended(false));
    let last = next();
    assert_eq!(
        (&last["state"], &last["message"]),
        (&json!("Failed"), &json!("\"step-one\" exited with code 73"))
    );
    assert!(lines.next().is_none());
    assert!(child.wait().unwrap().success());
    cluster.end();
}

#[test]
fn objects_that_cannot_be_listed_are_reported_as_unknown_not_as_missing() {
    let server = running(None);
    let refusal = Fault::refuse(403, "Forbidden", "cannot list configmaps");
    server.on(Method::GET, "/configmaps\\?").fail(refusal);
    let ran = status(&server.url(), &["run", "-o", "json"]);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["missing"], json!(["img"]));
    let unread = json["unread"].as_array().unwrap();
    assert_eq!(unread.len(), 1, "{json}");
    let reason = unread[0].as_str().unwrap();
    let expected = "cannot list objects of kind ConfigMap (v1): ";
    assert!(reason.starts_with(expected), "{reason}");
}
