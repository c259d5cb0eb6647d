//! Tests the page in each state of a run. The tests send the same requests as the steps of a real run.

use std::thread;

use gleaner_testkit::api_server::ApiServer;
use gleaner_testkit::client::request;
use gleaner_testkit::fault::Fault;
use gleaner_testkit::wait;
use http::Method;
use serde_json::json;

use crate::checks::Page;
use crate::support::{MANUAL, PATIENCE, Setup, Sidecar};

/// A realistic declaration: an image, a Deployment with `waitFor`, and a ConfigMap.
const RELEASE: &str = "\
steps:
  build:
    - {name: digest}
  scan:
    - {name: verdict}
    - {name: findings, type: number, default: 0}
resources:
  - name: image
    spec:
      type: image
      params:
        - {name: url, value: '$(params.imageUrl):$(context.taskRun.name)'}
        - {name: digest, value: $(steps.build.digest)}
objects:
  - name: app
    resourceTemplate:
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: app}
      spec:
        replicas: 1
        selector: {matchLabels: {app: app}}
        template:
          metadata: {labels: {app: app}}
          spec:
            containers:
              - {name: app, image: '$(params.imageUrl)@$(steps.build.digest)'}
    waitFor: {condition: Available, timeout: 5m}
    results: {replicas: .status.availableReplicas}
  - name: report
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: report}
      data: {verdict: $(steps.scan.verdict), findings: $(steps.scan.findings), image: $(resources.image.name)}
submit: Resolved
";

const DIGEST: &str = r#"{"outputs": {"digest": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}}"#;
const VERDICT: &str = r#"{"outputs": {"verdict": "clean", "findings": 0}}"#;
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/ci/deployments/app";

/// Starts a sidecar for [`RELEASE`], with the steps in the order of the Task. The step `fetch` declares no outputs.
fn start(cluster: &ApiServer) -> Sidecar {
    ["fetch", "build", "scan", "gleaner"]
        .iter()
        .fold(Setup::new(RELEASE).with(cluster), |setup, step| {
            setup.flag(format!("--step={step}"))
        })
        .flag("--context=pipelineRun.name=release-42")
        .flag("--context=pipelineRun.uid=p-1")
        .start()
}

fn begin(sidecar: &Sidecar, step: &str) {
    let path = format!("/v1/steps/{step}/start");
    sidecar.step(step).post(&path, "").ok();
}

fn post(sidecar: &Sidecar, step: &str, outputs: &str) {
    begin(sidecar, step);
    sidecar.step(step).outputs(step, outputs).ok();
}

/// Posts the last outputs in another thread, because the response arrives only after the submission.
fn post_last(sidecar: &Sidecar) -> thread::JoinHandle<u16> {
    begin(sidecar, "scan");
    let scan = sidecar.step("scan");
    thread::spawn(move || scan.outputs("scan", VERDICT).status)
}

/// Marks the Deployment as available, as its controller would.
fn make_available(cluster: &ApiServer) {
    let exists = || cluster.get(DEPLOYMENT).is_some();
    wait::until_true("the Deployment exists", PATIENCE, exists);
    cluster.change(DEPLOYMENT, |deployment| {
        deployment["status"] = json!({
            "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1,
            "conditions": [{"type": "Available", "status": "True"}],
        });
    });
}

/// Starts a sidecar and posts all outputs. Returns after the commit.
pub(crate) fn committed(cluster: &ApiServer) -> Sidecar {
    let sidecar = start(cluster);
    post(&sidecar, "fetch", r#"{"outputs": {}}"#);
    post(&sidecar, "build", DIGEST);
    let last = post_last(&sidecar);
    make_available(cluster);
    assert_eq!(last.join().unwrap(), 200);
    sidecar
}

pub(crate) fn running_steps_are_listed_separately_from_waiting_ones() {
    let cluster = ApiServer::start();
    let sidecar = start(&cluster);
    post(&sidecar, "fetch", r#"{"outputs": {}}"#);
    begin(&sidecar, "build");
    let mut page = Page::of(&sidecar);
    page.phase("Collecting");
    page.has("[data-step=build]", "running");
    assert_eq!(page.steps("Finished"), ["fetch"]);
    assert_eq!(page.steps("Running"), ["build"]);
    // The page does not list the step `gleaner`, which is not part of the Task.
    assert_eq!(page.steps("Not started"), ["scan"]);
    // The elapsed time is updated without an event.
    let since = page.browser.text("[data-step=build] [data-since]");
    page.browser.until(&format!(
        "document.querySelector('[data-step=build] [data-since]').innerText !== '{since}'"
    ));
    let title = page.browser.eval("document.title");
    let title = title.as_str().unwrap();
    for part in [
        "run-1",
        "Task build-and-push",
        "namespace ci",
        cluster.url().as_str(),
    ] {
        assert!(title.contains(part), "{title}");
    }
    page.has("h1", "run-1");
    for fact in ["build-and-push", "ci", "release-42", cluster.url().as_str()] {
        page.has("#facts", fact);
    }
    page.has("#waits", "steps.build.digest");
    page.has("#waits", "Output of the step build, which is running");
    page.has("#waits", "Output of the step scan, which has not started");
    page.is_sound("collecting");
}

pub(crate) fn variables_and_yaml_fill_in_as_outputs_arrive() {
    let sidecar = start(&ApiServer::start());
    let mut page = Page::of(&sidecar);
    page.has("[data-variable='steps.build.digest']", "not known yet");
    page.has("[data-variable='params.imageUrl']", "registry.example/app");
    let marks = "[...document.querySelectorAll('[data-yaml=image] mark')].map((one) => [one.innerText, one.className])";
    assert_eq!(
        page.browser.eval(marks),
        json!([
            ["registry.example/app:run-1", ""],
            ["$(steps.build.digest)", "pending"]
        ])
    );
    post(&sidecar, "fetch", r#"{"outputs": {}}"#);
    post(&sidecar, "build", DIGEST);
    begin(&sidecar, "scan");
    page.has("[data-step=scan]", "running");
    page.has("[data-variable='steps.build.digest']", "sha256:9f86");
    page.has("[data-step=build]", "took");
    page.browser.until(
        "document.querySelectorAll('[data-yaml=image] mark')[1].innerText.startsWith('sha256:9f86')",
    );
    assert_eq!(
        page.browser
            .eval("document.querySelectorAll('[data-yaml=image] mark.pending').length"),
        0
    );
    // The step `scan` has not posted its outputs.
    page.has("[data-yaml=report] mark.pending", "$(steps.scan.verdict)");
    page.has("[data-yaml=app] mark", "registry.example/app@sha256:9f86");
    page.is_sound("partly-known");
}

pub(crate) fn a_failed_step_is_shown_with_its_exit_code() {
    let sidecar = start(&ApiServer::start());
    begin(&sidecar, "build");
    let failed = r#"{"outputs": {}, "exitCode": 3}"#;
    sidecar.step("build").outputs("build", failed).ok();
    let mut page = Page::of(&sidecar);
    page.has("[data-step=build]", "failed (exit code 3)");
    page.has("#summary", "failed step: build");
    assert_eq!(page.steps("Finished"), ["build"]);
    page.is_sound("failed-step");
}

pub(crate) fn a_submission_shows_its_stage() {
    let cluster = ApiServer::start();
    // After the dry run, the request that creates the ConfigMap hangs.
    cluster
        .on(Method::POST, "configmaps")
        .from(2)
        .fail(Fault::Hang);
    let sidecar = start(&cluster);
    post(&sidecar, "build", DIGEST);
    let mut page = Page::of(&sidecar);
    let mut last = sidecar.step("scan").connect();
    let outputs = request("POST", "/v1/steps/scan/outputs", &[], VERDICT.as_bytes());
    last.send(&outputs).unwrap();
    page.phase("Submitting");
    page.has("#summary", "Creating the objects (2 of 3 exist)");
    page.has("[data-resource=image]", "exists");
    page.has("[data-resource=report]", "not created yet");
    page.is_sound("submitting");
}

pub(crate) fn a_wait_for_readiness_is_shown() {
    let cluster = ApiServer::start();
    let sidecar = start(&cluster);
    post(&sidecar, "fetch", r#"{"outputs": {}}"#);
    post(&sidecar, "build", DIGEST);
    let mut page = Page::of(&sidecar);
    let last = post_last(&sidecar);
    page.has(
        "#waits",
        "readiness: condition Available did not become True yet",
    );
    page.has("#waits", "since");
    page.has("[data-resource=app]", "waiting");
    page.has("[data-resource=report]", "exists");
    page.has("#summary", "Waiting until the objects are ready");
    page.is_sound("waiting");
    cluster.change(DEPLOYMENT, |deployment| {
        deployment["status"] = json!({"observedGeneration": 1, "conditions": [{"type": "Available", "status": "True"}]});
    });
    page.has("#waits", "result: result replicas");
    make_available(&cluster);
    assert_eq!(last.join().unwrap(), 200);
    page.phase("Committed");
    assert!(page.is_hidden("#waits"));
}

pub(crate) fn a_wait_for_quota_is_shown() {
    let cluster = ApiServer::start();
    let words = "exceeded quota: small, requested: count/configmaps=1, used: count/configmaps=9, limited: count/configmaps=9";
    cluster
        .on(Method::POST, "configmaps")
        .fail(Fault::refuse(403, "Forbidden", words));
    let sidecar = start(&cluster);
    post(&sidecar, "build", DIGEST);
    let mut page = Page::of(&sidecar);
    let last = post_last(&sidecar);
    page.has("#waits", "quota: ");
    page.has("#waits", "count/configmaps: 1 requested, 9 of 9 used");
    page.is_sound("quota");
    cluster.heal();
    make_available(&cluster);
    assert_eq!(last.join().unwrap(), 200);
}

pub(crate) fn a_commit_shows_objects_and_results() {
    let cluster = ApiServer::start();
    let sidecar = committed(&cluster);
    let mut page = Page::of(&sidecar);
    page.phase("Committed");
    page.has("#summary", "3 resources created");
    page.has("[data-resource=app]", "exists");
    page.has("[data-resource=report]", "UID");
    page.has("[data-result=app]", "replicas");
    page.has("[data-result=image]", "sha256:9f86");
    assert!(page.is_hidden("#waits") && page.is_hidden("#problem") && page.is_hidden("#link"));
    let links = page
        .browser
        .eval("[...document.querySelectorAll('nav a')].map((one) => one.getAttribute('href'))");
    for link in links.as_array().unwrap() {
        let path = link.as_str().unwrap();
        assert_eq!(sidecar.loopback().get(path).status, 200, "{path}");
    }
    assert_eq!(
        links,
        json!(["/v1/status", "/v1/resources?partial=true", "/openapi.json"])
    );
    page.is_sound("committed");
}

pub(crate) fn a_rollback_lists_the_deleted_objects() {
    let cluster = ApiServer::start();
    let refusal = Fault::refuse(
        403,
        "Forbidden",
        "admission webhook \"policy\" denied the request",
    );
    cluster.on(Method::POST, "configmaps").from(2).fail(refusal);
    let sidecar = start(&cluster);
    post(&sidecar, "build", DIGEST);
    let mut page = Page::of(&sidecar);
    let last = post_last(&sidecar);
    assert_eq!(last.join().unwrap(), 424);
    page.phase("Failed");
    page.has("#problem", "The resources could not be created");
    page.has("#summary", "No object of this run exists.");
    page.has("#problem", "denied the request");
    page.has("#problem", "Rolled back");
    page.has("#problem", "Deployment ci/app");
    page.has("[data-resource=app]", "rolled back");
    page.has("[data-resource=image]", "rolled back");
    page.has("[data-resource=report]", "failed");
    page.is_sound("rolled-back");
}

pub(crate) fn a_manual_run_waits_for_a_submit_request() {
    let sidecar = Setup::new(MANUAL).with(&ApiServer::start()).start();
    post(&sidecar, "scan", r#"{"outputs": {"verdict": "clean"}}"#);
    post(&sidecar, "build", DIGEST);
    let mut page = Page::of(&sidecar);
    page.phase("Resolved");
    page.has("#waits", "POST /v1/submit");
    page.is_sound("resolved");
}
