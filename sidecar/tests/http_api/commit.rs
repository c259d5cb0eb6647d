//! Tests of the commit, from the last output to the created objects.

use gleaner_proto::exit_code;
use gleaner_proto::failure::FailureCode;
use gleaner_proto::message::problem_type;
use http::Method;
use serde_json::json;

use crate::support::{DIGEST, MANUAL, Setup, VERDICT, api_server, resolved};
use gleaner_testkit::fault::Fault;

const CONFIG_MAP: &str = "/api/v1/namespaces/ci/configmaps/note";

#[test]
fn the_last_message_and_its_repetition_get_their_response_after_the_commit() {
    let cluster = api_server();
    let sidecar = Setup::new(&resolved()).with(&cluster).start();
    let first = sidecar.step("scan").outputs("scan", VERDICT).ok();
    assert_eq!(first["phase"], "Collecting");
    let outcome = sidecar.step("build").outputs("build", DIGEST).ok();
    assert_eq!(outcome["phase"], "Committed");
    let image = &outcome["resources"][0];
    assert_eq!(
        (&image["resource"], &image["action"]),
        (&json!("img"), &json!("Created"))
    );
    let name = image["name"].as_str().unwrap();
    assert!(name.starts_with("build-and-push-image-"), "{name}");
    assert_eq!(outcome["results"]["img"]["digest"], "sha256:abc");
    assert_eq!(cluster.get(CONFIG_MAP).unwrap()["data"]["verdict"], "clean");
    assert_eq!(
        cluster
            .writes()
            .iter()
            .filter(|seen| !seen.path.contains("accessreviews"))
            .count(),
        2
    );

    assert_eq!(sidecar.step("build").outputs("build", DIGEST).ok(), outcome);
    assert_eq!(sidecar.step("build").post("/v1/submit", "").ok(), outcome);
    assert_eq!(sidecar.step("scan").post("/v1/finish", "").ok(), outcome);
    assert_eq!(cluster.paths().len(), 2);

    let status = sidecar.loopback().get("/v1/status").ok();
    assert_eq!(status["phase"], "Committed");
    assert_eq!(status["resources"][0]["name"], name);
    assert_eq!(status["resources"][0]["uid"], image["uid"]);
}

#[test]
fn a_failed_commit_fails_only_the_waiting_step() {
    let cluster = api_server();
    cluster.on(Method::POST, "configmaps").fail(Fault::refuse(
        403,
        "Forbidden",
        "configmaps is forbidden: no, you don't",
    ));
    let sidecar = Setup::new(&resolved()).with(&cluster).start();
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    let answer = sidecar.step("build").outputs("build", DIGEST);
    let problem = answer.problem(424, problem_type::NOT_CREATED);
    assert_eq!(problem.exit_code, exit_code::NOT_CREATED);
    assert!(problem.detail.contains("no, you don't"), "{problem:?}");
    let [failure] = problem.failures.as_slice() else {
        panic!("{problem:?}");
    };
    assert_eq!(failure.resource.as_deref(), Some("note"));
    assert_eq!(failure.code, FailureCode::Denied);
    assert!(problem.left.is_empty() && problem.kept.is_empty());
    assert!(cluster.paths().is_empty());

    assert_eq!(
        sidecar.step("scan").outputs("scan", VERDICT).ok()["phase"],
        "Failed"
    );
    for answer in [
        sidecar.step("build").outputs("build", DIGEST),
        sidecar.step("build").post("/v1/submit", ""),
        sidecar.step("scan").post("/v1/finish", ""),
    ] {
        assert_eq!(answer.problem(424, problem_type::NOT_CREATED), problem);
    }
    let status = sidecar.loopback().get("/v1/status").ok();
    let denied = json!({
        "code": "Denied",
        "message": "configmaps is forbidden: no, you don't",
        "remedy": "change the template or the policy, webhook or quota that rejects it",
    });
    assert_eq!(status["resources"][1]["error"], denied);
    assert_eq!(status["resources"][0]["error"], json!(null));
}

#[test]
fn a_manual_run_is_created_once_on_a_submit_request() {
    let cluster = api_server();
    let sidecar = Setup::new(MANUAL).with(&cluster).start();
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    assert_eq!(
        sidecar.step("build").outputs("build", DIGEST).ok()["phase"],
        "Resolved"
    );
    let status = sidecar.loopback().get("/v1/status").ok();
    assert_eq!(status["resources"][1]["name"], "note");
    assert!(cluster.paths().is_empty());

    let loopback = sidecar.loopback();
    let outcome = loopback
        .post_with(&sidecar.token("scan"), "/v1/submit", "")
        .ok();
    assert_eq!(outcome["phase"], "Committed");
    assert_eq!(
        loopback
            .post_with(&sidecar.token("scan"), "/v1/submit", "")
            .ok(),
        outcome
    );
    assert_eq!(cluster.paths().len(), 2);
}

#[test]
fn a_strict_preflight_fails_and_other_preflights_add_a_note() {
    let cluster = api_server();
    let missing = MANUAL.replace("kind: ConfigMap", "kind: ConfigMop");
    let sidecar = Setup::new(&missing).with(&cluster).start();
    let outcome = sidecar.step("build").get("/v1/preflight").ok();
    assert!(
        outcome["notes"][0].as_str().unwrap().contains("ConfigMop"),
        "{outcome}"
    );

    let strict = format!("{missing}preflight: Strict\n");
    let sidecar = Setup::new(&strict).with(&cluster).start();
    let answer = sidecar.step("build").get("/v1/preflight");
    let problem = answer.problem(424, problem_type::NOT_CREATED);
    assert_eq!(problem.exit_code, exit_code::NOT_CREATED);
    assert!(
        problem.detail.contains("ConfigMop") && problem.detail.contains("Strict"),
        "{problem:?}"
    );
    assert_eq!(problem.failures[0].code, FailureCode::KindNotServed);
    assert_eq!(problem.failures[0].resource.as_deref(), Some("note"));
}

#[test]
fn an_object_that_cannot_be_rolled_back_is_in_the_problem_details() {
    let cluster = api_server();
    let create = r"configmaps\?fieldManager";
    cluster
        .on(Method::POST, create)
        .fail(Fault::refuse(422, "Invalid", "no"));
    let words = "User \"u\" cannot delete resource \"pipelineresources\"";
    cluster
        .on(Method::DELETE, "pipelineresources")
        .fail(Fault::refuse(403, "Forbidden", words));
    let sidecar = Setup::new(&resolved()).with(&cluster).start();
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    let answer = sidecar.step("build").outputs("build", DIGEST);
    let problem = answer.problem(424, problem_type::NOT_CREATED);
    assert_eq!(problem.failures[0].code, FailureCode::Invalid);
    let [left] = problem.left.as_slice() else {
        panic!("{problem:?}");
    };
    let created = cluster.get(&cluster.paths()[0]).unwrap();
    assert_eq!(left.object.kind, "PipelineResource");
    assert_eq!(left.object.namespace.as_deref(), Some("ci"));
    assert_eq!(json!(left.object.name), created["metadata"]["name"]);
    assert_eq!(json!(left.object.uid), created["metadata"]["uid"]);
    assert!(left.why.contains(words), "{left:?}");
    assert!(problem.detail.contains(&left.to_string()), "{problem:?}");
}

#[test]
fn a_strict_preflight_waits_until_the_api_server_responds() {
    let cluster = api_server();
    let unauthorized = Fault::refuse(401, "Unauthorized", "Unauthorized");
    // A preflight requests two lists of kinds, and retries each request once. So the first preflight fails with four errors, and
    // the second preflight succeeds after two more errors.
    cluster.on(Method::GET, "^/api").first(6).fail(unauthorized);
    let strict = format!("{}preflight: Strict\n", resolved());
    let sidecar = Setup::new(&strict).with(&cluster).start();
    let outcome = sidecar.step("build").get("/v1/preflight").ok();
    assert_eq!(outcome["phase"], "Collecting");
}
