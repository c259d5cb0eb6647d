//! Tests the parts of the API that show progress: step times, the submission's stage, and the preview.

use http::Method;
use serde_json::{Value, json};

use crate::support::{
    DIGEST, MANUAL, Setup, Sidecar, VERDICT, api_server, request, resolved, until,
};
use crate::waiting::{follow, next};
use gleaner_testkit::fault::Fault;

fn status(sidecar: &Sidecar) -> Value {
    sidecar.loopback().get("/v1/status").ok()
}

/// Returns true if the value is an RFC 3339 time in UTC without fractions of a second.
fn is_time(value: &Value) -> bool {
    let shape = |character: char| {
        if character.is_ascii_digit() {
            '0'
        } else {
            character
        }
    };
    value
        .as_str()
        .is_some_and(|text| text.chars().map(shape).eq("0000-00-00T00:00:00Z".chars()))
}

#[test]
fn a_step_that_reports_its_start_is_running_until_its_outputs_arrive() {
    let sidecar = Setup::new(MANUAL).with(&api_server()).start();
    let before = status(&sidecar);
    assert!(is_time(&before["since"]), "{before}");
    assert_eq!(before["steps"][0]["state"], "Waiting");
    assert_eq!(before["steps"][0]["started"], Value::Null);
    for _ in 0..2 {
        let started = sidecar.step("build").post("/v1/steps/build/start", "");
        assert_eq!(started.ok()["phase"], "Collecting");
    }
    until("the step is running", || {
        status(&sidecar)["steps"][0]["state"] == "Running"
    });
    let running = status(&sidecar)["steps"][0].clone();
    assert!(is_time(&running["started"]) && running["finished"].is_null());
    assert_eq!(status(&sidecar)["steps"][1]["state"], "Waiting");

    sidecar.step("build").outputs("build", DIGEST).ok();
    let done = status(&sidecar)["steps"][0].clone();
    assert_eq!(done["state"], "Received");
    assert_eq!(done["started"], running["started"]);
    assert!(is_time(&done["finished"]), "{done}");
}

#[test]
fn only_the_step_itself_can_report_its_start() {
    let sidecar = Setup::new(MANUAL).start();
    let path = "/v1/steps/build/start";
    assert_eq!(sidecar.loopback().post(path, "").status, 401);
    assert_eq!(sidecar.step("scan").post(path, "").status, 403);
    let unknown = sidecar.step("scan").post("/v1/steps/other/start", "");
    assert_eq!(unknown.status, 404);
    assert_eq!(status(&sidecar)["steps"][0]["state"], "Waiting");
    let token = sidecar.token("build");
    sidecar.loopback().post_with(&token, path, "").ok();
    until("the step is running", || {
        status(&sidecar)["steps"][0]["state"] == "Running"
    });
}

#[test]
fn a_step_that_reports_its_failure_has_failed_until_it_posts_outputs() {
    let sidecar = Setup::new(MANUAL).with(&api_server()).start();
    let path = "/v1/steps/build/failure";
    assert_eq!(sidecar.step("build").post(path, "").status, 400);
    let other = "/v1/steps/other/failure?exitCode=65";
    assert_eq!(sidecar.step("build").post(other, "").status, 404);
    let step = || status(&sidecar)["steps"][0].clone();
    sidecar.step("build").post("/v1/steps/build/start", "").ok();
    for _ in 0..2 {
        let path = format!("{path}?exitCode=65");
        let failed = sidecar.step("build").post(&path, "");
        assert_eq!(failed.ok()["phase"], "Collecting");
    }
    until("the step has failed", || step()["state"] == "Failed");
    let failed = step();
    assert_eq!(failed["exitCode"], 65);
    assert!(is_time(&failed["finished"]), "{failed}");

    // A step without outputs can still be repeated, for example by hand.
    sidecar.step("build").post("/v1/steps/build/start", "").ok();
    until("the step is running", || step()["state"] == "Running");
    sidecar.step("build").outputs("build", DIGEST).ok();
    assert_eq!(step()["state"], "Received");
    assert_eq!(step()["exitCode"], 0);
}

#[test]
fn the_status_names_the_run_and_the_api_server() {
    let cluster = api_server();
    let sidecar = Setup::new(MANUAL)
        .with(&cluster)
        .flag("--step=gleaner")
        .start();
    let status = status(&sidecar);
    assert_eq!(
        status["run"],
        json!({
            "kind": "TaskRun", "name": "run-1", "namespace": "ci", "uid": "u-1", "task": "build-and-push",
            "apiServer": cluster.url(),
        })
    );
    // The step that Gleaner adds is not listed.
    assert_eq!(status["steps"].as_array().unwrap().len(), 2);
}

#[test]
fn a_submission_reports_its_stage_and_objects_and_later_the_results() {
    let cluster = api_server();
    cluster
        .on(Method::POST, "configmaps")
        .from(2)
        .first(1)
        .fail(Fault::Hang);
    let sidecar = Setup::new(&resolved())
        .with(&cluster)
        .flag("--request-timeout=2s")
        .start();
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    let mut last = sidecar.step("build").connect();
    let outputs = request("POST", "/v1/steps/build/outputs", &[], DIGEST.as_bytes());
    last.send(&outputs).unwrap();
    until("the first object exists", || {
        !status(&sidecar)["resources"][0]["uid"].is_null()
    });
    let submitting = status(&sidecar);
    assert_eq!(submitting["phase"], "Submitting");
    assert_eq!(submitting["stage"], "Creating");
    assert_eq!(submitting["resources"][1]["uid"], Value::Null);
    assert_eq!(submitting["results"], Value::Null);
    assert_eq!(last.answer().unwrap().status, 200);
    let committed = status(&sidecar);
    assert_eq!(committed["stage"], Value::Null);
    assert_eq!(committed["results"]["img"]["digest"], "sha256:abc");
}

#[test]
fn a_rollback_lists_the_deleted_objects() {
    let cluster = api_server();
    let refusal = Fault::refuse(403, "Forbidden", "no more");
    cluster.on(Method::POST, "configmaps").from(2).fail(refusal);
    let setup = Setup::new(&resolved()).with(&cluster);
    let sidecar = setup.start();
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    assert_eq!(sidecar.step("build").outputs("build", DIGEST).status, 424);
    let removed = status(&sidecar)["problem"]["removed"].clone();
    let [one] = removed.as_array().unwrap().as_slice() else {
        panic!("{removed}");
    };
    let object = one.as_str().unwrap();
    assert!(object.starts_with("PipelineResource ci/build-and-push-image-"));
    // The list of deleted objects is in the journal, so a restarted sidecar restores it.
    sidecar.kill();
    assert_eq!(status(&setup.start())["problem"]["removed"], removed);
}

#[test]
fn the_preview_marks_the_values_of_variables() {
    let sidecar = Setup::new(MANUAL).start();
    let marked = |marks: &[&str]| {
        let preview = sidecar.loopback().get("/v1/preview").ok();
        let objects = preview["objects"].as_array().unwrap();
        let parts = objects
            .iter()
            .flat_map(|one| one["parts"].as_array().unwrap());
        let parts = parts.filter(|part| !part["mark"].is_null());
        let parts: Vec<_> = parts
            .map(|part| {
                ["mark", "text"]
                    .map(|key| part[key].as_str().unwrap())
                    .join(" ")
            })
            .collect();
        assert_eq!(parts, marks);
        // Together, the texts of the parts are the complete document.
        for (object, name) in objects.iter().zip(["img", "note"]) {
            let parts = object["parts"].as_array().unwrap().iter();
            let joined: String = parts.map(|part| part["text"].as_str().unwrap()).collect();
            let path = format!("/v1/resources/{name}?partial=true");
            assert_eq!(joined, sidecar.loopback().get(&path).text());
        }
    };
    marked(&[
        "Substituted registry.example/app",
        "Pending $(steps.build.digest)",
        "Pending $(steps.scan.verdict)",
        "Pending $(string(steps.build.report))",
    ]);
    sidecar.step("build").outputs("build", DIGEST).ok();
    marked(&[
        "Substituted registry.example/app",
        "Substituted sha256:abc",
        "Pending $(steps.scan.verdict)",
        "Substituted \"{}\"",
    ]);
}

#[test]
fn a_long_value_in_the_preview_is_truncated() {
    let sidecar = Setup::new(MANUAL).start();
    let digest = "é".repeat(500_000);
    let outputs = json!({"outputs": {"digest": digest}}).to_string();
    sidecar.step("build").outputs("build", &outputs).ok();
    let preview = sidecar.loopback().get("/v1/preview");
    assert!(preview.body.len() < 10_000, "{}", preview.body.len());
    let preview = preview.ok();
    let parts = preview["objects"][0]["parts"].as_array().unwrap();
    let value = parts.iter().find(|part| !part["bytes"].is_null()).unwrap();
    assert_eq!(value["bytes"], 1_000_000);
    assert_eq!(value["text"], "é".repeat(1024));
}

#[test]
fn the_last_event_of_a_stream_is_end() {
    let sidecar = Setup::new(MANUAL).start();
    let mut stream = follow(&sidecar);
    next(&mut stream);
    sidecar.terminate();
    let lines = std::iter::from_fn(|| stream.line().unwrap());
    let lines: Vec<String> = lines.filter(|line| line.contains(": ")).collect();
    assert_eq!(lines, ["event: end", "data: {}"]);
}
