//! Tests how the sidecar handles the limited space for results in a step's termination message.

use gleaner_proto::exit_code;
use gleaner_proto::failure::FailureCode;
use gleaner_proto::message::problem_type;
use gleaner_testkit::api_server::ApiServer;
use serde_json::{Value, json};

use crate::support::{DIGEST, Setup, Sidecar, VERDICT, api_server, resolved};

/// Returns the declaration from [`resolved`] with `count` additional objects.
fn many(count: usize) -> String {
    let object = |index: usize| {
        format!(
            "  - name: more-{index}\n    resourceTemplate: {{apiVersion: v1, kind: ConfigMap, metadata: {{name: more-{index}}}}}\n"
        )
    };
    let objects: String = (0..count).map(object).collect();
    resolved().replace("submit:", &format!("{objects}submit:"))
}

/// Starts a sidecar with 3072 bytes for results in each termination message, and posts the outputs of the step `scan`.
fn scanned(cluster: &ApiServer) -> Sidecar {
    let sidecar = Setup::new(&resolved())
        .with(cluster)
        .flag("--termination-share=3+1")
        .start();
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    sidecar
}

#[test]
fn results_that_are_too_large_fail_the_run_before_anything_is_created() {
    let cluster = api_server();
    // The names and UIDs of 40 objects take up more than 3000 bytes, but with 5 containers, a termination message may be only
    // 2457 bytes long.
    let setup = Setup::new(&many(40)).with(&cluster);
    let sidecar = setup.flag("--termination-share=4+1").start();
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    let refused = sidecar.step("build").outputs("build", DIGEST);
    let problem = refused.problem(507, problem_type::RESULTS);
    assert_eq!(problem.exit_code, exit_code::NOT_CREATED);
    assert_eq!(problem.failures[0].code, FailureCode::ResultsTooLarge);
    let detail = &problem.detail;
    assert!(
        detail
            .starts_with("nothing was created, because the results of 42 resources take at least "),
        "{detail}"
    );
    assert!(detail.contains("sidecar-logs"), "{detail}");
    let finish = sidecar.step("scan").post("/v1/finish", "");
    finish.problem(507, problem_type::RESULTS);
    assert_eq!(cluster.paths(), [""; 0]);
}

#[test]
fn the_size_of_results_outside_termination_messages_does_not_matter() {
    let cluster = api_server();
    let sidecar = Setup::new(&many(40)).with(&cluster).start();
    sidecar.step("scan").outputs("scan", VERDICT).ok();
    let outcome = sidecar.step("build").outputs("build", DIGEST).ok();
    assert_eq!(outcome["resources"].as_array().unwrap().len(), 42);
}

#[test]
fn the_tasks_own_results_reduce_the_available_space() {
    let cluster = api_server();
    let sidecar = scanned(&cluster);
    let path = "/v1/steps/build/outputs?resultBytes=2900";
    let refused = sidecar.step("build").post(path, DIGEST);
    let problem = refused.problem(507, problem_type::RESULTS);
    let detail = &problem.detail;
    assert!(
        detail.contains("but only 172 bytes are free") && detail.contains("take 2900"),
        "{detail}"
    );
    assert_eq!(cluster.paths(), [""; 0]);
}

#[test]
fn result_fields_are_omitted_and_reported_until_the_results_fit() {
    let cluster = api_server();
    let sidecar = scanned(&cluster);
    let outcome = sidecar.step("build").outputs("build", DIGEST).ok();
    let full = &outcome["results"]["img"];
    assert_eq!(full["digest"], "sha256:abc");
    let bytes = |results: &Value| -> usize {
        let entries = results.as_object().unwrap().iter();
        let entry = |(name, fields): (&String, &Value)| {
            json!({"key": name, "value": fields.to_string(), "type": 1})
                .to_string()
                .len()
                + 1
        };
        2 + entries.map(entry).sum::<usize>()
    };
    let taken = 3072 - bytes(&outcome["results"]) + 1;
    let finish = |taken: usize| {
        sidecar
            .step("scan")
            .post(&format!("/v1/finish?resultBytes={taken}"), "")
    };
    assert_eq!(finish(taken - 1).ok()["results"], outcome["results"]);
    let fitted = finish(taken).ok();
    // The longest field is omitted first.
    assert_eq!(fitted["results"]["img"]["url"], "");
    assert_eq!(fitted["results"]["img"]["digest"], "sha256:abc");
    assert_eq!(fitted["results"]["img"]["uid"], full["uid"]);
    let note = fitted["notes"][0].as_str().unwrap();
    assert!(
        note.starts_with("'url' of 'img' is empty in the results"),
        "{note}"
    );
    assert_eq!(
        sidecar.loopback().get("/v1/status").ok()["notes"],
        json!([note])
    );
    // A repeated request does not add the note again.
    assert_eq!(finish(taken).ok(), fitted);
    assert_eq!(
        sidecar.loopback().get("/v1/status").ok()["notes"],
        json!([note])
    );

    // If the results of a later step take up all the space, the objects remain, and the step fails.
    let problem = finish(3000).problem(507, problem_type::RESULTS);
    let detail = &problem.detail;
    assert!(
        detail.starts_with("the resources exist, but the results of 2 resources"),
        "{detail}"
    );
    assert_eq!(
        sidecar.loopback().get("/v1/status").ok()["phase"],
        "Committed"
    );
}

#[test]
fn a_size_that_is_not_a_number_is_refused() {
    let sidecar = Setup::new(&resolved())
        .flag("--termination-share=3+1")
        .start();
    for query in ["resultBytes=x", "resultBytes=-1", "bytes=1"] {
        let refused = sidecar
            .step("scan")
            .post(&format!("/v1/finish?{query}"), "");
        refused.problem(400, problem_type::MALFORMED);
    }
    let refused = Setup::new(&resolved()).flag("--termination-share=x").run();
    assert_eq!(
        refused.0,
        Some(i32::from(exit_code::USAGE)),
        "{}",
        refused.1
    );
}
