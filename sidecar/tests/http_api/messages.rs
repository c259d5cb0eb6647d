//! Tests of the messages that steps post, including repeated messages.

use gleaner_proto::exit_code;
use gleaner_proto::failure::FailureCode;
use gleaner_proto::message::problem_type;
use serde_json::json;

use crate::support::{DIGEST, MANUAL, Setup, VERDICT, resolved};

#[test]
fn a_repeated_message_gets_the_same_response_and_a_different_one_is_accepted_until_submission() {
    let sidecar = Setup::new(MANUAL).start();
    let place = sidecar.step("build");
    let first = place.outputs("build", DIGEST);
    assert_eq!(
        first.ok(),
        json!({"phase": "Collecting", "pending": ["steps.scan.verdict"]})
    );
    assert_eq!(place.outputs("build", DIGEST).ok(), first.ok());
    let spaced = "{ \"exitCode\":0,\n\"outputs\": {\"digest\":\"sha256:abc\"} }";
    assert_eq!(place.outputs("build", spaced).ok(), first.ok());

    for other in [
        r#"{"outputs": {"digest": "sha256:abd"}}"#,
        r#"{"outputs": {"digest": "sha256:abc", "report": {}}}"#,
        r#"{"outputs": {}, "exitCode": 1}"#,
    ] {
        place.outputs("build", other).ok();
    }
    // The step has run again, so only its latest message is used.
    let status = place.get("/v1/status").ok();
    assert_eq!(status["variables"][1]["state"], "Pending");
    let note = "step 'build' ran again; its latest outputs are used";
    assert_eq!(status["notes"], json!([note]));
    place.outputs("build", DIGEST).ok();
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    sidecar.step("scan").post("/v1/finish", "").ok();
    let late = place.outputs("build", r#"{"outputs": {"digest": "sha256:abd"}}"#);
    let problem = late.problem(409, problem_type::ALREADY_WRITTEN);
    assert_eq!(problem.exit_code, exit_code::OUTPUT);
    assert_eq!(problem.failures[0].code, FailureCode::StepRepeated);
    let status = place.get("/v1/status").ok();
    assert_eq!(status["variables"][1]["value"], "sha256:abc");
}

#[test]
fn a_step_that_is_not_declared_is_not_found() {
    let sidecar = Setup::new(MANUAL).flag("--step=lint").start();
    for unknown in ["biuld", "a%2Fb", "..%2f..%2fetc", "%00", "BUILD"] {
        let answer = sidecar.step("build").outputs(unknown, DIGEST);
        answer.problem(404, problem_type::NOT_FOUND);
    }
    let problem = sidecar
        .step("build")
        .outputs("biuld", DIGEST)
        .problem(404, problem_type::NOT_FOUND);
    assert!(
        problem.detail.contains("did you mean 'build'"),
        "{problem:?}"
    );
    // A step without declared outputs may post a message without outputs.
    sidecar
        .step("lint")
        .outputs("lint", r#"{"outputs": {}}"#)
        .ok();
}

#[test]
fn outputs_that_do_not_match_the_declaration_are_refused_with_all_errors() {
    let sidecar = Setup::new(MANUAL).start();
    let place = sidecar.step("build");
    let detail = |body: &str| {
        let problem = place
            .outputs("build", body)
            .problem(422, problem_type::OUTPUT);
        assert_eq!(problem.exit_code, exit_code::OUTPUT);
        problem.detail
    };
    let all = detail(r#"{"outputs": {"digset": "x", "report": [1]}}"#);
    for part in [
        "did you mean 'digest'",
        "'report' of step 'build' is not of the declared type object",
        "'digest' of step 'build' is missing",
    ] {
        assert!(all.contains(part), "{all}");
    }
    assert!(detail(r#"{"outputs": {"digest": 1}}"#).contains("is not of the declared type string"));
    assert!(
        detail(r#"{"outputs": {"digest": null}}"#).contains("is not of the declared type string")
    );
    let failed = detail(r#"{"outputs": {"digest": "x"}, "exitCode": 1}"#);
    assert!(failed.contains("when: Always"), "{failed}");
    let rounded =
        detail(r#"{"outputs": {"digest": "x", "report": {"size": 18446744073709551616}}}"#);
    assert!(
        rounded.contains("output 'report' contains a number that cannot be stored exactly"),
        "{rounded}"
    );
    // None of the messages above was accepted, so this is the step's first accepted message.
    place.outputs("build", DIGEST).ok();
}

#[test]
fn a_failed_step_posts_only_outputs_with_when_always() {
    let sidecar = Setup::new(MANUAL).start();
    let place = sidecar.step("build");
    let body = r#"{"outputs": {"report": {"lines": 3}}, "exitCode": 137}"#;
    assert_eq!(
        place.outputs("build", body).ok()["pending"],
        json!(["steps.build.digest", "steps.scan.verdict"])
    );
    let mut status = place.get("/v1/status").ok();
    let finished = status["steps"][0]
        .as_object_mut()
        .unwrap()
        .remove("finished");
    assert!(finished.is_some());
    assert_eq!(
        status["steps"][0],
        json!({"name": "build", "state": "Failed", "exitCode": 137, "outputs": ["digest", "report"]})
    );
    assert_eq!(status["steps"][1]["state"], "Waiting");
}

#[test]
fn an_invalid_message_is_refused_without_quoting_it() {
    let sidecar = Setup::new(MANUAL).start();
    let place = sidecar.step("build");
    let deep = format!(
        r#"{{"outputs": {{"report": {}1{}}}}}"#,
        r#"{"a":"#.repeat(10_000),
        "}".repeat(10_000)
    );
    for body in [
        "",
        "canary",
        "[]",
        r#""canary""#,
        r#"{"outputs": "canary"}"#,
        r#"{"outputs": {"digest": "canary"}, "canary": 1}"#,
        r#"{"outputs": {"digest": "canary"}, "exitCode": "canary"}"#,
        r#"{"outputs": {"digest": "canary"}, "exitCode": 4294967296}"#,
        r#"{"outputs": {"digest": "canary"#,
        r#"{"outputs": {"digest": "canary"}} canary"#,
        "{\"outputs\": {\"digest\": \"canary\u{1}\"}}",
        r#"{"outputs": {"digest": "canary\ud800"}}"#,
        r#"{"exitCode": 0}"#,
    ] {
        let problem = place
            .outputs("build", body)
            .problem(400, problem_type::MALFORMED);
        assert!(problem.detail.contains(r#"send {"outputs""#), "{problem:?}");
        assert!(!problem.detail.contains("canary"), "{problem:?}");
    }
    let too_deep = place
        .outputs("build", &deep)
        .problem(413, problem_type::TOO_LARGE);
    assert!(too_deep.detail.contains("--max-depth"), "{too_deep:?}");
    let not_utf8 = place.ask(
        "POST",
        "/v1/steps/build/outputs",
        &[],
        b"{\"outputs\": {\"digest\": \"\xff\"}}",
    );
    not_utf8.problem(400, problem_type::MALFORMED);
    place.outputs("build", DIGEST).ok();
}

#[test]
fn a_message_with_an_interrupted_body_is_not_accepted() {
    let sidecar = Setup::new(MANUAL).start();
    let place = sidecar.step("build");
    let mut connection = place.connect();
    let head = "POST /v1/steps/build/outputs HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
    connection
        .send(&[head.as_bytes(), DIGEST.as_bytes()].concat())
        .unwrap();
    drop(connection);
    assert_eq!(place.get("/v1/status").ok()["steps"][0]["state"], "Waiting");
    place
        .outputs("build", r#"{"outputs": {"digest": "another"}}"#)
        .ok();
}

#[test]
fn submit_reports_pending_steps() {
    let sidecar = Setup::new(MANUAL).start();
    let place = sidecar.step("build");
    place.outputs("build", DIGEST).ok();
    let problem = place
        .post("/v1/submit", "")
        .problem(409, problem_type::PENDING);
    assert_eq!(problem.pending, ["steps.scan.verdict"]);
    assert!(
        problem
            .detail
            .contains("no outputs arrived from step 'scan'"),
        "{problem:?}"
    );
}

#[test]
fn finish_uses_defaults_and_repeatedly_reports_missing_outputs() {
    let sidecar = Setup::new(&resolved()).start();
    let place = sidecar.step("scan");
    place.outputs("scan", VERDICT).ok();
    let problem = place
        .post("/v1/finish", "")
        .problem(409, problem_type::PENDING);
    assert_eq!(problem.pending, ["steps.build.digest"]);
    assert_eq!(problem.exit_code, exit_code::NOT_CREATED);
    assert!(
        problem
            .detail
            .contains("no outputs arrived from step 'build'"),
        "{problem:?}"
    );
    assert_eq!(
        place
            .post("/v1/finish", "")
            .problem(409, problem_type::PENDING),
        problem
    );

    let status = place.get("/v1/status").ok();
    assert_eq!(status["phase"], "Failed");
    assert_eq!(status["steps"][0]["state"], "Skipped");
    assert_eq!(status["problem"]["detail"], problem.detail);
    let report = status["variables"].as_array().unwrap().iter();
    let report = report
        .clone()
        .find(|variable| variable["name"] == "steps.build.report")
        .unwrap();
    assert_eq!(report["state"], "Defaulted");

    let late = sidecar.step("build").outputs("build", DIGEST);
    let problem = late.problem(409, problem_type::ALREADY_WRITTEN);
    assert!(
        problem.detail.contains("after the run had finished"),
        "{problem:?}"
    );
    // A repetition of an accepted message is never too late, and gets the same response as before.
    place.outputs("scan", VERDICT).ok();
}

#[test]
fn finishing_a_manual_run_without_a_submit_request_is_reported() {
    let sidecar = Setup::new(MANUAL).start();
    let outcome = sidecar.step("build").post("/v1/finish", "").ok();
    assert_eq!(outcome["phase"], "Collecting");
    let note = outcome["notes"][0].as_str().unwrap();
    assert!(
        note.contains("no submit request arrived") && note.contains("steps.build.digest"),
        "{note}"
    );
}
