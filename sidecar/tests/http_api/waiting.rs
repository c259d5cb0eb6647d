//! Tests of long polls and event streams.

use std::time::{Duration, Instant};

use gleaner_proto::message::{Phase, Status, problem_type};

use crate::support::{Connection, DIGEST, MANUAL, PATIENCE, Setup, Sidecar, VERDICT, request};

#[test]
fn a_long_poll_gets_its_response_as_soon_as_all_variables_are_resolved() {
    let sidecar = Setup::new(MANUAL).start();
    let begin = Instant::now();
    let mut polls = ["/v1/resources?wait=1m", "/v1/resources/img?wait=1m"].map(|path| {
        let mut connection = sidecar.loopback().connect();
        connection.send(&request("GET", path, &[], b"")).unwrap();
        connection
    });
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    sidecar.step("build").outputs("build", DIGEST).ok();
    for poll in &mut polls {
        let answer = poll.answer().unwrap();
        assert_eq!(answer.status, 200);
        assert!(answer.text().contains("sha256:abc"));
    }
    // If the variables are already resolved, the server responds immediately.
    assert_eq!(sidecar.loopback().get("/v1/resources?wait=1m").status, 200);
    assert!(begin.elapsed() < PATIENCE);
}

#[test]
fn a_long_poll_reports_pending_variables_at_its_timeout_or_after_the_maximum_wait() {
    let sidecar = Setup::new(MANUAL).flag("--max-wait=300ms").start();
    for (wait, at_least) in [("100ms", 100), ("1h", 300)] {
        let begin = Instant::now();
        let answer = sidecar
            .step("build")
            .get(&format!("/v1/resources?wait={wait}"));
        let problem = answer.problem(409, problem_type::PENDING);
        assert_eq!(problem.pending.len(), 3);
        let took = begin.elapsed();
        assert!(
            took >= Duration::from_millis(at_least) && took < PATIENCE,
            "{wait}: {took:?}"
        );
    }
    // A partial view can be requested together with a wait.
    let answer = sidecar
        .step("build")
        .get("/v1/resources?wait=10ms&partial=true");
    assert_eq!(answer.status, 200);
}

#[test]
fn events_report_each_change_of_the_status() {
    let sidecar = Setup::new(MANUAL).start();
    let mut events = follow(&sidecar);
    assert_eq!(next(&mut events).phase, Phase::Collecting);
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    sidecar.step("build").outputs("build", DIGEST).ok();
    let begin = Instant::now();
    while next(&mut events).phase != Phase::Resolved {
        assert!(begin.elapsed() < PATIENCE);
    }
    // A client that connects later receives the current state.
    assert_eq!(next(&mut follow(&sidecar)).phase, Phase::Resolved);
}

/// Connects to the event stream.
pub(crate) fn follow(sidecar: &Sidecar) -> Connection {
    let mut connection = sidecar.loopback().connect();
    connection
        .send(&request("GET", "/v1/events", &[], b""))
        .unwrap();
    let head = connection.head().unwrap();
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    assert_eq!(head.header("cache-control"), Some("no-cache"));
    connection
}

/// Returns the status in the next event.
pub(crate) fn next(events: &mut Connection) -> Status {
    let mut named = false;
    loop {
        let line = events.line().unwrap().expect("an event");
        named |= line == "event: status";
        if let Some(data) = line.strip_prefix("data: ") {
            assert!(named, "the event must have the name `status`");
            return serde_json::from_str(data).unwrap();
        }
    }
}
