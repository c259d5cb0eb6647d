//! The time at which resources are created (`submit`), and the last request of a run (finish).

use std::time::Duration;

use gleaner_tests::cases;
use gleaner_tests::run::Run;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use gleaner_tests::wait;
use serde_json::{Value, json};

use crate::{PROGRAMS, only, resources};

const TWO_STEPS: &str = "
steps:
  build: [{name: digest}]
  test: [{name: verdict, default: untested}]
resources:
  - name: img
    spec:
      type: image
      params:
        - {name: digest, value: $(steps.build.digest)}
        - {name: verdict, value: $(steps.test.verdict)}
";

pub(crate) fn cases() -> Vec<Case> {
    cases![
        the_step_with_the_last_missing_output_waits_for_the_commit,
        submit_completed_creates_nothing_if_a_later_step_fails,
        submit_completed_creates_the_resources_when_the_run_finishes,
        submit_manual_creates_the_resources_on_a_submit_request,
        submit_manual_reports_a_missing_submit_request,
        the_output_of_a_skipped_step_takes_its_default,
        a_skipped_step_without_a_default_is_reported_as_the_cause,
        a_redirector_waits_for_a_sidecar_that_has_not_started,
        a_repeated_finish_gets_the_same_response,
        the_yaml_of_resources_is_shown_before_they_are_created,
    ]
}

fn submitted(mode: &str) -> String {
    format!("{TWO_STEPS}submit: {mode}\n")
}

fn param(object: &Value, index: usize) -> &Value {
    &object["spec"]["params"][index]["value"]
}

async fn none_exist(run: &Run<'_>) {
    assert_eq!(resources(run).await, [json!(null); 0]);
}

async fn the_step_with_the_last_missing_output_waits_for_the_commit(server: &Server) {
    let mut run = Run::new(PROGRAMS, server, TWO_STEPS);
    run.start().await;
    run.passes("build", "digest", "d").await;
    none_exist(&run).await;
    run.passes("test", "verdict", "good").await;
    let created = only(resources(&run).await);
    assert_eq!(param(&created, 1), "good");
}

async fn submit_completed_creates_nothing_if_a_later_step_fails(server: &Server) {
    let mut run = Run::new(PROGRAMS, server, &submitted("Completed"));
    run.start().await;
    run.passes("build", "digest", "d").await;
    run.step("test")
        .writes("verdict", "bad")
        .exits(3)
        .run()
        .await
        .expect(3);
    let both = |status: &Value| status["steps"][1]["state"] == "Failed";
    run.status("the sidecar reports the failed step", both)
        .await;
    none_exist(&run).await;
}

async fn submit_completed_creates_the_resources_when_the_run_finishes(server: &Server) {
    let mut run = Run::new(PROGRAMS, server, &submitted("Completed"));
    run.start().await;
    run.passes("build", "digest", "d").await;
    run.passes("test", "verdict", "good").await;
    none_exist(&run).await;
    let said = run.finish().await.expect(0).stdout;
    let created = only(resources(&run).await);
    let name = created["metadata"]["name"].as_str().expect("a name");
    assert!(said.contains(name), "{said}");
    assert_eq!(run.results()[0].1["name"], name);
}

async fn submit_manual_creates_the_resources_on_a_submit_request(server: &Server) {
    let mut run = Run::new(PROGRAMS, server, &submitted("Manual"));
    run.start().await;
    let early = run.post("/v1/submit", "build").await.expect_status(409);
    assert_eq!(
        early.json["pending"],
        json!(["steps.build.digest", "steps.test.verdict"])
    );
    run.passes("build", "digest", "d").await;
    run.step("test").run().await.expect(0);
    none_exist(&run).await;
    let first = run.post("/v1/submit", "test").await.expect_status(200).json;
    let created = only(resources(&run).await);
    assert_eq!(first["resources"][0]["uid"], created["metadata"]["uid"]);
    let second = run.post("/v1/submit", "test").await.expect_status(200).json;
    assert_eq!(second, first);
    run.finish().await.expect(0);
    assert_eq!(run.results()[0].1["uid"], created["metadata"]["uid"]);
    only(resources(&run).await);
}

async fn submit_manual_reports_a_missing_submit_request(server: &Server) {
    let mut run = Run::new(PROGRAMS, server, &submitted("Manual"));
    run.start().await;
    run.passes("build", "digest", "d").await;
    run.step("test").run().await.expect(0);
    let said = run.finish().await.expect(0).stdout;
    assert!(said.contains("no submit request arrived"), "{said}");
    none_exist(&run).await;
}

async fn the_output_of_a_skipped_step_takes_its_default(server: &Server) {
    for mode in ["Resolved", "Completed"] {
        let mut run = Run::new(PROGRAMS, server, &submitted(mode));
        run.start().await;
        run.passes("build", "digest", "d").await;
        none_exist(&run).await;
        run.finish().await.expect(0);
        assert_eq!(param(&only(resources(&run).await), 1), "untested");
    }
}

async fn a_skipped_step_without_a_default_is_reported_as_the_cause(server: &Server) {
    for mode in ["Resolved", "Completed"] {
        let mut run = Run::new(PROGRAMS, server, &submitted(mode));
        run.start().await;
        run.passes("test", "verdict", "good").await;
        let ended = run.finish().await.expect(73);
        ended.says(&["steps.build.digest", "build"]);
        none_exist(&run).await;
    }
}

async fn a_redirector_waits_for_a_sidecar_that_has_not_started(server: &Server) {
    let mut run = Run::new(PROGRAMS, server, TWO_STEPS);
    let build = run.step("build").writes("digest", "d").begin();
    wait::until("the command has run", Duration::from_secs(20), async || {
        run.has_run("build").then_some(())
    })
    .await;
    assert!(!build.has_ended());
    run.start().await;
    build.ended().await.expect(0);
    run.step("test").last().run().await.expect(0);
    only(resources(&run).await);
}

async fn a_repeated_finish_gets_the_same_response(server: &Server) {
    let mut run = Run::new(PROGRAMS, server, TWO_STEPS);
    run.start().await;
    run.passes("build", "digest", "d").await;
    let first = run.finish().await.expect(0).stdout;
    // A restarted sidecar replays its journal, so it gives the same response.
    run.kill().await;
    run.start().await;
    assert_eq!(run.finish().await.expect(0).stdout, first);
    only(resources(&run).await);
}

async fn the_yaml_of_resources_is_shown_before_they_are_created(server: &Server) {
    let mut run = Run::new(PROGRAMS, server, &submitted("Manual"));
    run.start().await;
    let early = run.get("/v1/resources").await.expect_status(409);
    assert_eq!(
        early.json["pending"],
        json!(["steps.build.digest", "steps.test.verdict"])
    );
    run.passes("build", "digest", "d").await;
    run.step("test").run().await.expect(0);
    let shown = run.get("/v1/resources").await.expect_status(200).text;
    let shown: Value = serde_saphyr::from_str(&shown).expect("YAML");
    none_exist(&run).await;
    run.post("/v1/submit", "build").await.expect_status(200);
    let created = only(resources(&run).await);
    for field in ["apiVersion", "kind", "spec"] {
        assert_eq!(created[field], shown[field]);
    }
    for field in ["name", "labels", "annotations", "ownerReferences"] {
        assert_eq!(created["metadata"][field], shown["metadata"][field]);
    }
}
