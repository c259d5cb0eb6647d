//! Tests the state that survives a crash, and the errors that are reported if a journal is damaged or belongs to a different run.

use std::fs;
use std::time::Duration;

use gleaner_proto::message::problem_type;
use gleaner_testkit::fault::Fault;
use http::Method;
use serde_json::json;

use crate::support::{DIGEST, MANUAL, Setup, VERDICT, api_server, request, resolved, until};

#[test]
fn a_restarted_sidecar_resumes() {
    let setup = Setup::new(MANUAL);
    let sidecar = setup.start();
    let answer = sidecar.step("build").outputs("build", DIGEST).ok();
    sidecar.kill();

    let sidecar = setup.start();
    assert!(
        sidecar.log().contains(r#""records":1"#),
        "{}",
        sidecar.log()
    );
    assert_eq!(sidecar.step("build").outputs("build", DIGEST).ok(), answer);
    let other = sidecar
        .step("build")
        .outputs("build", r#"{"outputs": {"digest": "b"}}"#);
    other.ok();
    // A restarted sidecar also restores the second message of a step that ran again.
    sidecar.kill();
    let sidecar = setup.start();
    let status = sidecar.loopback().get("/v1/status").ok();
    assert_eq!(
        status["variables"][1],
        json!({"name": "steps.build.digest", "state": "Resolved", "value": "b"})
    );
    // Sockets and tokens work after the restart.
    let token = sidecar.token("scan");
    sidecar
        .loopback()
        .post_with(&token, "/v1/steps/scan/outputs", VERDICT)
        .ok();
}

#[test]
fn a_commit_survives_a_restart_and_is_not_repeated() {
    let cluster = api_server();
    let setup = Setup::new(&resolved()).with(&cluster);
    let sidecar = setup.start();
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    let outcome = sidecar.step("build").outputs("build", DIGEST).ok();
    let finished = sidecar.step("scan").post("/v1/finish", "").ok();
    sidecar.kill();

    let asked = cluster.count(&Method::POST, "configmaps");
    let sidecar = setup.start();
    assert_eq!(sidecar.step("build").outputs("build", DIGEST).ok(), outcome);
    assert_eq!(sidecar.step("scan").post("/v1/finish", "").ok(), finished);
    assert_eq!(sidecar.step("scan").post("/v1/submit", "").ok(), outcome);
    assert_eq!(cluster.count(&Method::POST, "configmaps"), asked);
}

#[test]
fn a_failure_survives_a_restart() {
    let setup = Setup::new(&resolved());
    let sidecar = setup.start();
    let problem = sidecar
        .step("scan")
        .post("/v1/finish", "")
        .problem(409, problem_type::PENDING);
    sidecar.kill();
    let sidecar = setup.start();
    let again = sidecar.step("scan").post("/v1/finish", "");
    assert_eq!(again.problem(409, problem_type::PENDING), problem);
    let late = sidecar.step("build").outputs("build", DIGEST);
    late.problem(409, problem_type::ALREADY_WRITTEN);
}

#[test]
fn repeated_finish_requests_write_nothing() {
    let setup = Setup::new(MANUAL);
    let sidecar = setup.start();
    let place = sidecar.step("build");
    place.post("/v1/finish", "").ok();
    let length = || fs::metadata(setup.path("state/journal")).unwrap().len();
    let once = length();
    for _ in 0..10 {
        place.post("/v1/finish", "").ok();
    }
    assert_eq!(length(), once);
}

#[test]
fn a_damaged_journal_is_refused_with_the_position() {
    let setup = Setup::new(MANUAL);
    let sidecar = setup.start();
    sidecar.step("build").outputs("build", DIGEST).ok();
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    sidecar.kill();
    let file = setup.path("state/journal");
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes
        .windows(10)
        .position(|part| part == b"sha256:abc")
        .unwrap();
    bytes[at] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let (code, said) = setup.run();
    assert_eq!(code, Some(1));
    assert!(
        said.contains("is damaged at byte 80; delete the pod"),
        "{said}"
    );
    assert!(!said.contains("sha256:abc"), "{said}");
    // The damaged file is not changed, so that it can be inspected.
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn the_deepest_accepted_message_can_be_replayed_after_a_kill() {
    let setup = Setup::new(MANUAL);
    let sidecar = setup.start();
    // At most 64 levels are accepted. The message itself has two, and `report`, which must be an object, is the third.
    let lists = 64 - 3;
    let (open, close) = ("[".repeat(lists), "]".repeat(lists));
    let body = format!(r#"{{"outputs": {{"digest": "d", "report": {{"a": {open}{close}}}}}}}"#);
    let answer = sidecar.step("build").outputs("build", &body).ok();
    let deeper = body.replacen('[', "[[", 1).replacen(']', "]]", 1);
    sidecar
        .step("build")
        .outputs("build", &deeper)
        .problem(413, problem_type::TOO_LARGE);
    sidecar.kill();
    assert_eq!(
        setup.start().step("build").outputs("build", &body).ok(),
        answer
    );
}

#[test]
fn the_journal_of_another_run_or_declaration_is_refused() {
    let setup = Setup::new(MANUAL);
    setup.start().kill();
    let other_run = setup
        .clone()
        .without("--context=taskRun.uid")
        .flag("--context=taskRun.uid=u-2");
    let other_declaration = setup.path("other.yaml");
    fs::write(&other_declaration, resolved()).unwrap();
    let flag = format!("--declaration-file={}", other_declaration.display());
    for setup in [other_run, setup.clone().flag(flag)] {
        let (code, said) = setup.run();
        assert_eq!(code, Some(1));
        assert!(
            said.contains("a different run or declaration")
                && said.contains("use a separate state directory for each run"),
            "{said}"
        );
    }
    setup.start();
}

#[test]
fn messages_are_refused_if_the_disk_is_full() {
    let setup = Setup::new(MANUAL).file_size(64);
    let sidecar = setup.start();
    let place = sidecar.step("build");
    let large = format!(
        r#"{{"outputs": {{"digest": "{}"}}}}"#,
        "x".repeat(100 << 10)
    );
    for _ in 0..2 {
        let problem = place
            .outputs("build", &large)
            .problem(500, problem_type::INTERNAL);
        assert!(problem.detail.contains("--state-dir"), "{problem:?}");
    }
    assert_eq!(place.get("/v1/status").ok()["steps"][0]["state"], "Waiting");
    // A message for which the journal has space is accepted, and appended after the previous records.
    let answer = place.outputs("build", DIGEST).ok();
    sidecar.kill();
    let sidecar = setup.start();
    assert_eq!(sidecar.step("build").outputs("build", DIGEST).ok(), answer);
}

#[test]
fn submit_and_finish_fail_before_anything_is_created_if_the_disk_is_full() {
    let cluster = api_server();
    let setup = Setup::new(MANUAL).with(&cluster).file_size(64);
    let sidecar = setup.start();
    // The largest message for which a journal of 64 KiB still has space. The journal already contains 80 bytes for the format and
    // the identity, and 48 bytes for the other step's message. The new frame has a head of 16 bytes, 7 bytes for the step, and 1
    // byte at the end.
    let rest = (64 << 10) - 80 - 48 - 16 - 7 - 1 - r#"{"outputs":{"digest":""}}"#.len();
    let body = format!(r#"{{"outputs":{{"digest":"{}"}}}}"#, "x".repeat(rest));
    sidecar
        .step("scan")
        .outputs("scan", r#"{"outputs":{}}"#)
        .ok();
    assert_eq!(
        sidecar.step("build").outputs("build", &body).ok()["phase"],
        "Resolved"
    );
    for path in ["/v1/submit", "/v1/finish"] {
        sidecar
            .step("scan")
            .post(path, "")
            .problem(500, problem_type::INTERNAL);
    }
    assert_eq!(
        sidecar.loopback().get("/v1/status").ok()["phase"],
        "Resolved"
    );
    assert!(cluster.paths().is_empty());
}

/// Returns a message that fills the journal up to 64 KiB. The space that is reserved for the outcome is already part of the file.
fn filler(setup: &Setup) -> String {
    let length = fs::metadata(setup.path("state/journal")).unwrap().len();
    let free = (64 << 10) - usize::try_from(length).unwrap();
    let body = |text: usize| format!(r#"{{"outputs":{{"verdict":"{}"}}}}"#, "x".repeat(text));
    // The message's frame has a head of 16 bytes, 6 bytes for the step, and at least 1 byte at the end.
    body(free - 16 - 6 - 1 - body(0).len())
}

/// A declaration with two steps. An object is created from the first step's output, and the second step's message fills the disk.
const TWO_STEPS: &str = "\
steps: {build: [{name: digest}], scan: [{name: verdict, default: unknown}]}
objects:
  - name: note
    resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: note}, data: {digest: $(steps.build.digest)}}
";

#[test]
fn a_disk_that_fills_up_during_a_commit_does_not_change_the_outcome() {
    for refused in [false, true] {
        let cluster = api_server();
        // The response to the dry run is delayed, so that the disk fills up before the create request. If `refused` is true, the
        // API server refuses that request.
        let slow = Fault::SlowReply(Duration::from_secs(2));
        cluster.on(Method::POST, "configmaps").first(1).fail(slow);
        if refused {
            let fault = Fault::refuse(403, "Forbidden", "no");
            cluster.on(Method::POST, "configmaps").from(2).fail(fault);
        }
        let full = Setup::new(TWO_STEPS).with(&cluster).file_size(64);
        let sidecar = full.start();
        let mut waits = sidecar.step("build").connect();
        let path = "/v1/steps/build/outputs";
        waits
            .send(&request("POST", path, &[], DIGEST.as_bytes()))
            .unwrap();
        until("the API server receives the request", || {
            cluster.count(&Method::POST, "configmaps") > 0
        });
        sidecar.step("scan").outputs("scan", &filler(&full)).ok();
        let length = fs::metadata(full.path("state/journal")).unwrap().len();
        assert_eq!(length, 64 << 10);
        let answer = waits.answer().unwrap();
        assert_eq!(answer.status, if refused { 424 } else { 200 });
        let exists = cluster.paths();
        assert_eq!(exists.len(), usize::from(!refused));
        let asked = cluster.count(&Method::POST, "configmaps");
        sidecar.kill();
        // When disk space is available again, the restarted sidecar reports the same outcome, and sends no further create
        // request.
        let setup = full.without_file_size();
        let sidecar = setup.start();
        let again = sidecar.step("build").outputs("build", DIGEST);
        assert_eq!((again.status, again.text()), (answer.status, answer.text()));
        assert_eq!(cluster.paths(), exists);
        assert_eq!(cluster.count(&Method::POST, "configmaps"), asked);
        assert_eq!(cluster.count(&Method::DELETE, "configmaps"), 0);
    }
}

#[test]
fn nothing_is_created_if_the_disk_has_no_space_for_the_outcome() {
    let cluster = api_server();
    let setup = Setup::new(TWO_STEPS).with(&cluster).file_size(64);
    let sidecar = setup.start();
    let some = format!(r#"{{"outputs":{{"verdict":"{}"}}}}"#, "x".repeat(55 << 10));
    sidecar.step("scan").outputs("scan", &some).ok();
    let answer = sidecar.step("build").outputs("build", DIGEST);
    let problem = answer.problem(424, problem_type::NOT_CREATED);
    assert!(
        problem.detail.contains("nothing was created"),
        "{problem:?}"
    );
    assert!(problem.detail.contains("--state-dir"), "{problem:?}");
    assert!(cluster.requests_to(&Method::POST, "configmaps").is_empty());
    sidecar.kill();
    // The outcome that the step received is final, even though the disk has space again.
    let sidecar = setup.without_file_size().start();
    let again = sidecar.step("build").outputs("build", DIGEST);
    assert_eq!(again.problem(424, problem_type::NOT_CREATED), problem);
    assert!(cluster.paths().is_empty());
}

#[test]
fn no_outcome_is_reported_before_it_is_recorded() {
    let cluster = api_server();
    // Only the response to the create is delayed, and not the response to the dry run.
    let slow = Fault::SlowReply(Duration::from_secs(1));
    cluster.on(Method::POST, "configmaps").from(2).fail(slow);
    let setup = Setup::new(TWO_STEPS).with(&cluster).file_size(1 << 20);
    let sidecar = setup.start();
    let mut waits = sidecar.step("build").connect();
    let path = "/v1/steps/build/outputs";
    waits
        .send(&request("POST", path, &[], DIGEST.as_bytes()))
        .unwrap();
    until("the API server receives the request", || {
        cluster.count(&Method::POST, "configmaps") > 1
    });
    // From here on, no write succeeds, even into reserved space.
    sidecar.limit_file_size("1:");
    let problem = waits.answer().unwrap().problem(503, problem_type::BUSY);
    assert!(problem.detail.contains("--state-dir"), "{problem:?}");
    let asked = sidecar.step("build").outputs("build", DIGEST);
    asked.problem(503, problem_type::BUSY);
    let status = sidecar.loopback().get("/v1/status").ok();
    assert_eq!(status["phase"], "Submitting");
    // The sidecar retries the write without another request.
    sidecar.limit_file_size("1073741824:");
    until("the outcome is recorded", || {
        sidecar.loopback().get("/v1/status").ok()["phase"] == "Committed"
    });
    let outcome = sidecar.step("build").outputs("build", DIGEST).ok();
    let creates = cluster.count(&Method::POST, "configmaps");
    sidecar.kill();
    let sidecar = setup.start();
    assert_eq!(sidecar.step("build").outputs("build", DIGEST).ok(), outcome);
    assert_eq!(cluster.count(&Method::POST, "configmaps"), creates);
}
