//! Tests how the sidecar shuts down after a SIGTERM at different points in a run.

use std::time::Duration;

use gleaner_proto::message::problem_type;
use http::Method;

use crate::support::{
    DIGEST, MANUAL, PATIENCE, Setup, VERDICT, api_server, request, resolved, until,
};
use crate::waiting;
use gleaner_testkit::fault::Fault;

/// The maximum duration of a shutdown without pending work.
const PROMPT: Duration = Duration::from_secs(1);

#[test]
fn an_idle_sidecar_exits_at_once() {
    let setup = Setup::new(MANUAL);
    let sidecar = setup.start();
    sidecar.step("build").outputs("build", DIGEST).ok();
    sidecar.terminate();
    assert_eq!(sidecar.ended_within(PROMPT).code(), Some(0));
}

#[test]
fn idle_connections_do_not_delay_the_shutdown() {
    let sidecar = Setup::new(MANUAL).flag("--header-timeout=1m").start();
    let mut alive = sidecar.loopback().connect();
    alive
        .send(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    assert_eq!(alive.answer().unwrap().status, 200);
    let silent = sidecar.step("build").connect();
    sidecar.terminate();
    assert_eq!(sidecar.ended_within(PROMPT).code(), Some(0));
    drop((alive, silent));
}

#[test]
fn half_a_header_delays_the_shutdown_only_by_the_header_timeout() {
    let sidecar = Setup::new(MANUAL).flag("--header-timeout=300ms").start();
    let mut half = sidecar.step("scan").connect();
    half.send(b"GET /liv").unwrap();
    sidecar.terminate();
    assert_eq!(sidecar.ended_within(PROMPT).code(), Some(0));
}

#[test]
fn a_socket_without_free_connections_does_not_delay_the_shutdown() {
    let sidecar = Setup::new(MANUAL)
        .flag("--max-connections=1")
        .flag("--header-timeout=1m")
        .start();
    let mut alive = sidecar.step("build").connect();
    alive
        .send(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    assert_eq!(alive.answer().unwrap().status, 200);
    sidecar.terminate();
    assert_eq!(sidecar.ended_within(PROMPT).code(), Some(0));
}

#[test]
fn a_waiting_client_gets_its_response_at_shutdown() {
    let sidecar = Setup::new(MANUAL).start();
    let mut events = waiting::follow(&sidecar);
    waiting::next(&mut events);
    let mut poll = sidecar.loopback().connect();
    poll.send(&request("GET", "/v1/resources?wait=5m", &[], b""))
        .unwrap();
    // The server handles this request after the poll, so the poll is already in progress when this response arrives.
    sidecar.loopback().get("/livez");
    sidecar.terminate();
    poll.answer().unwrap().problem(409, problem_type::PENDING);
    while events.line().unwrap().is_some() {}
    assert_eq!(sidecar.ended_within(PROMPT).code(), Some(0));
}

#[test]
fn a_hanging_preflight_does_not_delay_the_shutdown() {
    let cluster = api_server();
    cluster.on(Method::GET, "/api").fail(Fault::Hang);
    let sidecar = Setup::new(MANUAL).with(&cluster).start();
    let mut preflight = sidecar.step("build").connect();
    preflight
        .send(&request("GET", "/v1/preflight", &[], b""))
        .unwrap();
    sidecar.step("build").get("/livez");
    sidecar.terminate();
    preflight.answer().unwrap().problem(503, problem_type::BUSY);
    assert_eq!(sidecar.ended_within(PROMPT).code(), Some(0));
}

#[test]
fn a_message_that_waits_for_the_commit_gets_its_response_before_the_shutdown() {
    let cluster = api_server();
    cluster
        .on(Method::POST, "configmaps")
        .first(1)
        .fail(Fault::Hang);
    let setup = Setup::new(&resolved())
        .with(&cluster)
        .flag("--request-timeout=1s");
    let sidecar = setup.start();
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    let mut waits = sidecar.step("build").connect();
    let path = "/v1/steps/build/outputs";
    waits
        .send(&request("POST", path, &[], DIGEST.as_bytes()))
        .unwrap();
    until("the API server receives the request", || {
        cluster.count(&Method::POST, "configmaps") > 0
    });
    sidecar.terminate();
    let outcome = waits.answer().unwrap().ok();
    assert_eq!(outcome["phase"], "Committed");
    assert_eq!(sidecar.ended_within(PATIENCE).code(), Some(0));
    assert_eq!(cluster.paths().len(), 2);
}

#[test]
fn the_grace_period_covers_requests_and_submission_together() {
    let cluster = api_server();
    cluster.on(Method::POST, "configmaps").fail(Fault::Hang);
    let grace = "--shutdown-grace=1500ms";
    let sidecar = Setup::new(&resolved()).with(&cluster).flag(grace).start();
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    let mut waits = sidecar.step("build").connect();
    let path = "/v1/steps/build/outputs";
    waits
        .send(&request("POST", path, &[], DIGEST.as_bytes()))
        .unwrap();
    until("the API server receives the request", || {
        cluster.count(&Method::POST, "configmaps") > 0
    });
    sidecar.terminate();
    assert_eq!(
        sidecar.ended_within(Duration::from_millis(2500)).code(),
        Some(0)
    );
    assert!(waits.answer().is_err());
}
