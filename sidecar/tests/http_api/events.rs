//! Tests of the Events that report the result of a submission.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};

use crate::support::{PATIENCE, Setup, api_server, until};
use gleaner_testkit::api_server::ApiServer;
use gleaner_testkit::fault::Fault;

/// A declaration with one output and two objects. The objects are submitted when the output arrives.
const TWO: &str = "\
steps: {build: [{name: digest}]}
objects:
  - name: a
    resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {digest: $(steps.build.digest)}}
  - name: b
    resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}
";

const OUTPUTS: &str = r#"{"outputs": {"digest": "d"}}"#;
const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/ci/events$";

fn reasons(cluster: &ApiServer) -> Vec<String> {
    let reason = |event: &Value| event["reason"].as_str().unwrap().to_owned();
    let mut reasons: Vec<String> = cluster.events().iter().map(reason).collect();
    reasons.sort();
    reasons
}

/// Returns the note from the only Event with this reason.
fn note(cluster: &ApiServer, reason: &str) -> String {
    let mut events = cluster.events();
    events.retain(|event| event["reason"] == reason);
    assert_eq!(events.len(), 1, "{reason}: {events:?}");
    events[0]["note"].as_str().unwrap().to_owned()
}

#[test]
fn a_commit_is_reported_once_for_the_task_run() {
    let cluster = api_server();
    let setup = Setup::new(TWO).with(&cluster);
    let sidecar = setup.start();
    sidecar.step("build").outputs("build", OUTPUTS).ok();
    until("the Event exists", || !cluster.events().is_empty());
    sidecar.kill();
    let sidecar = setup.start();
    sidecar.step("build").outputs("build", OUTPUTS).ok();
    sidecar.terminate();
    assert_eq!(sidecar.ended_within(PATIENCE).code(), Some(0));
    assert_eq!(reasons(&cluster), ["GleanerCreated"]);
    let event = &cluster.events()[0];
    assert_eq!(
        event["regarding"],
        json!({"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "namespace": "ci", "name": "run-1", "uid": "u-1"})
    );
    assert_eq!(event["type"], "Normal");
    assert_eq!(event["reportingController"], "gleaner.dev/sidecar");
    let note = note(&cluster, "GleanerCreated");
    assert_eq!(
        note,
        "2 objects: ConfigMap ci/a (a): created; ConfigMap ci/b (b): created"
    );
}

#[test]
fn a_rollback_reports_deleted_and_remaining_objects() {
    let cluster = api_server();
    let refused = Fault::refuse(403, "Forbidden", "no more");
    cluster
        .on(Method::POST, "configmaps")
        .named("b")
        .from(2)
        .fail(refused);
    let sidecar = Setup::new(TWO).with(&cluster).start();
    assert_eq!(sidecar.step("build").outputs("build", OUTPUTS).status, 424);
    until("both Events exist", || cluster.events().len() == 2);
    assert_eq!(
        note(&cluster, "GleanerRolledBack"),
        "rolled back: ConfigMap ci/a"
    );
    assert!(note(&cluster, "GleanerFailed").contains("no more"));

    let cluster = api_server();
    let refused = || Fault::refuse(403, "Forbidden", "no more");
    cluster
        .on(Method::POST, "configmaps")
        .named("b")
        .from(2)
        .fail(refused());
    cluster.on(Method::DELETE, "configmaps").fail(refused());
    let sidecar = Setup::new(TWO).with(&cluster).start();
    assert_eq!(sidecar.step("build").outputs("build", OUTPUTS).status, 424);
    until("both Events exist", || cluster.events().len() == 2);
    assert_eq!(
        reasons(&cluster),
        ["GleanerFailed", "GleanerRollbackFailed"]
    );
    let left = note(&cluster, "GleanerRollbackFailed");
    assert_eq!(
        left,
        "may still exist (if so, delete by hand): ConfigMap ci/a"
    );
}

#[test]
fn objects_deleted_by_others_are_not_reported_as_rolled_back() {
    let cluster = api_server();
    let store = cluster.clone();
    let path = "/api/v1/namespaces/ci/configmaps/a";
    let gone = Fault::After(std::sync::Arc::new(move || {
        store.remove(path);
    }));
    cluster.on(Method::DELETE, "configmaps/a").fail(gone);
    let refused = Fault::refuse(403, "Forbidden", "no more");
    cluster
        .on(Method::POST, "configmaps")
        .named("b")
        .from(2)
        .fail(refused);
    let sidecar = Setup::new(TWO).with(&cluster).start();
    let answer = sidecar.step("build").outputs("build", OUTPUTS);
    assert_eq!(answer.status, 424);
    assert!(!answer.text().contains("rolled back"), "{}", answer.text());
    until("the Event exists", || !cluster.events().is_empty());
    sidecar.terminate();
    assert_eq!(sidecar.ended_within(PATIENCE).code(), Some(0));
    assert_eq!(reasons(&cluster), ["GleanerFailed"]);
}

#[test]
fn a_rollback_at_shutdown_is_reported_before_the_process_exits() {
    let cluster = api_server();
    cluster
        .on(Method::POST, "configmaps")
        .named("b")
        .from(2)
        .fail(Fault::Hang);
    cluster
        .on(Method::DELETE, "configmaps")
        .fail(Fault::refuse(403, "Forbidden", "no"));
    cluster
        .on(Method::POST, EVENTS)
        .fail(Fault::SlowReply(Duration::from_millis(300)));
    let sidecar = Setup::new(TWO)
        .with(&cluster)
        .flag("--submit-deadline=3s")
        .flag("--request-timeout=1s")
        .start();
    let mut waits = sidecar.step("build").connect();
    let request =
        crate::support::request("POST", "/v1/steps/build/outputs", &[], OUTPUTS.as_bytes());
    waits.send(&request).unwrap();
    until("the second object is requested", || {
        cluster.count(&Method::POST, "configmaps") > 3
    });
    sidecar.terminate();
    assert_eq!(sidecar.ended_within(PATIENCE).code(), Some(0));
    let left = note(&cluster, "GleanerRollbackFailed");
    assert!(left.contains("ConfigMap ci/a"), "{left}");
    let replied = cluster.requests_to(&Method::POST, EVENTS);
    assert!(
        replied
            .iter()
            .all(|event| matches!(event.outcome, gleaner_testkit::fault::Outcome::Answered(_))),
        "{replied:?}"
    );
}

#[test]
fn refused_or_unanswered_events_do_not_affect_the_run() {
    let faults = [
        Fault::refuse(403, "Forbidden", "events is forbidden"),
        Fault::status(500),
        Fault::Hang,
    ];
    for fault in faults {
        let cluster = api_server();
        cluster.on(Method::POST, EVENTS).fail(fault.clone());
        let sidecar = Setup::new(TWO).with(&cluster).start();
        let begin = Instant::now();
        sidecar.step("build").outputs("build", OUTPUTS).ok();
        // Posting the Events can take up to one second, but the step does not wait until they are posted.
        assert!(begin.elapsed() < Duration::from_secs(5), "{fault:?}");
        sidecar.terminate();
        // The limit of 6 s is between the limit for posting all Events (1 s) and the limit for a single request (10 s).
        let terminated = Instant::now();
        until("the sidecar exits", || {
            sidecar.log().contains(r#""message":"ended""#)
        });
        assert!(terminated.elapsed() < Duration::from_secs(6), "{fault:?}");
        let log = sidecar.log();
        let refused = matches!(fault, Fault::Answer { status, .. } if status == 403);
        assert_eq!(log.contains("events-refused"), refused, "{log}");
        assert!(!log.contains(r#""level":"ERROR""#), "{log}");
    }
}

#[test]
fn a_run_that_is_not_in_the_cluster_has_no_events() {
    let cluster = api_server();
    let sidecar = Setup::new(TWO).with(&cluster).flag("--no-owner").start();
    sidecar.step("build").outputs("build", OUTPUTS).ok();
    sidecar.terminate();
    assert_eq!(sidecar.ended_within(PATIENCE).code(), Some(0));
    assert_eq!(reasons(&cluster), [""; 0]);
}
