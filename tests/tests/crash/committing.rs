//! Runs that succeed although the sidecar is killed.

use gleaner_tests::cases;
use gleaner_tests::run::Run;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use serde_json::Value;

use crate::{PROGRAMS, objects, uids};

const TWO: &str = "
steps: {build: [{name: digest}]}
resources:
  - name: img
    spec: {type: image, params: [{name: digest, value: $(steps.build.digest)}]}
objects:
  - name: note
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {generateName: note-}
      data: {image: $(resources.img.name), digest: $(steps.build.digest)}
";

/// A third object, which contains the output of a second step.
const VERDICT: &str = "
  - name: verdict
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {generateName: verdict-}
      data: {verdict: $(steps.test.verdict)}
";

/// The crash points, in the order in which the sidecar reaches them, each with the number of objects that exist at that point.
const POINTS: &[(&str, &str, usize)] = &[
    ("killed_when_outputs_are_accepted", "accepted", 0),
    ("killed_when_outputs_are_journaled", "journaled", 0),
    ("killed_when_all_is_resolved", "resolved", 0),
    ("killed_when_all_is_rendered", "rendered", 0),
    ("killed_after_the_dry_run", "dry-run", 0),
    ("killed_before_the_first_create", "creating-0", 0),
    ("killed_after_the_first_create", "created-0", 1),
    ("killed_before_the_second_create", "creating-1", 1),
    ("killed_after_the_second_create", "created-1", 2),
    ("killed_when_all_is_committed", "committed", 2),
    (
        "killed_when_the_outcome_is_journaled",
        "outcome-journaled",
        2,
    ),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = cases![
        a_sidecar_killed_at_every_point_in_turn_creates_one_of_each_object,
        a_sidecar_killed_while_it_replaces_objects_leaves_one_of_each,
        a_sidecar_killed_after_it_created_a_namespace_creates_the_object_in_it,
        a_sidecar_killed_while_the_run_finishes_passes_the_results,
        a_sidecar_killed_after_a_submit_request_completes_the_submission,
        a_sidecar_killed_between_two_steps_retains_the_outputs_of_the_first,
        a_sidecar_killed_after_the_run_finished_gives_the_same_response,
    ];
    cases.extend(POINTS.iter().map(|&(name, point, existing)| {
        Case::new(name, async move |server: &Server| {
            killed_at(server, point, existing).await;
        })
    }));
    cases
}

async fn killed_at(server: &Server, point: &str, existing: usize) {
    let mut run = Run::new(PROGRAMS, server, TWO);
    run.crash_at(point);
    run.start().await;
    let step = run.step("build").writes("digest", "sha256:1").begin();
    run.crash(&step).await;
    let before = objects(&run).await;
    assert_eq!(before.len(), existing, "{before:#?}");
    run.start().await;
    step.ended().await.expect(0);
    one_of_each(&run, &before).await;
}

/// Asserts that the run finished with one object of each kind, and that the objects in `before` were not replaced.
async fn one_of_each(run: &Run<'_>, before: &[Value]) {
    run.finish().await.expect(0);
    let after = objects(run).await;
    let [image, note] = after.as_slice() else {
        panic!("expected one object of each kind, got {after:#?}");
    };
    assert_eq!(uids(before), uids(&after)[..before.len()]);
    assert_eq!(note["data"]["image"], image["metadata"]["name"]);
    assert_eq!(note["data"]["digest"], image["spec"]["params"][0]["value"]);
    let results: Vec<Value> = run
        .results()
        .into_iter()
        .map(|(_, result)| result["uid"].clone())
        .collect();
    assert_eq!(results, uids(&after));
}

async fn a_sidecar_killed_at_every_point_in_turn_creates_one_of_each_object(server: &Server) {
    let mut run = Run::new(PROGRAMS, server, TWO);
    run.crash_at(POINTS[0].1);
    run.start().await;
    let step = run.step("build").writes("digest", "sha256:1").begin();
    let mut before = Vec::new();
    for (i, &(_, _, existing)) in POINTS.iter().enumerate() {
        run.crash(&step).await;
        before = objects(&run).await;
        assert_eq!(before.len(), existing);
        if let Some((_, next, _)) = POINTS.get(i + 1) {
            run.crash_at(next);
        }
        run.start().await;
    }
    step.ended().await.expect(0);
    one_of_each(&run, &before).await;
}

async fn a_sidecar_killed_after_it_created_a_namespace_creates_the_object_in_it(server: &Server) {
    let name = format!("{}-pr", server.namespace());
    let declaration = format!(
        "
steps: {{build: [{{name: digest}}]}}
objects:
  - name: ns
    resourceTemplate: {{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}
  - name: note
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {{name: note, namespace: {name}}}
      data: {{digest: $(steps.build.digest)}}
"
    );
    let namespace = format!("/api/v1/namespaces/{name}");
    let mut run = Run::new(PROGRAMS, server, &declaration);
    run.crash_at("created-0");
    run.start().await;
    let step = run.step("build").writes("digest", "sha256:1").begin();
    run.crash(&step).await;
    let before = server.get(&namespace).await.expect_status(200).json;
    run.start().await;
    step.ended().await.expect(0);
    let after = server.get(&namespace).await.expect_status(200).json;
    assert_eq!(before["metadata"]["uid"], after["metadata"]["uid"]);
    let note = server.get(&format!("{namespace}/configmaps/note")).await;
    assert_eq!(note.expect_status(200).json["data"]["digest"], "sha256:1");
}

async fn a_sidecar_killed_while_it_replaces_objects_leaves_one_of_each(server: &Server) {
    for point in [
        "dry-run",
        "creating-0",
        "created-0",
        "creating-1",
        "created-1",
    ] {
        let mut first = Run::new(PROGRAMS, server, TWO);
        first.start().await;
        let step = first.step("build").writes("digest", "sha256:1");
        step.run().await.expect(0);
        let old = objects(&first).await;

        let mut second = Run::new(PROGRAMS, server, TWO).again_as(&first);
        second.crash_at(point);
        second.start().await;
        let step = second.step("build").writes("digest", "sha256:2").begin();
        second.crash(&step).await;
        second.start().await;
        step.ended().await.expect(0);
        one_of_each(&second, &[]).await;
        let new = objects(&second).await;
        assert_eq!(new[0]["spec"]["params"][0]["value"], "sha256:2");
        assert!(
            uids(&new).iter().all(|uid| !uids(&old).contains(uid)),
            "{point}"
        );
    }
}

async fn a_sidecar_killed_while_the_run_finishes_passes_the_results(server: &Server) {
    let completed = format!("{TWO}submit: Completed\n");
    for point in ["dry-run", "created-0", "committed", "outcome-journaled"] {
        let mut run = Run::new(PROGRAMS, server, &completed);
        run.crash_at(point);
        run.start().await;
        let step = run
            .step("build")
            .writes("digest", "sha256:1")
            .last()
            .begin();
        run.crash(&step).await;
        let before = objects(&run).await;
        run.start().await;
        step.ended().await.expect(0);
        assert_eq!(run.results().len(), 2, "{point}");
        one_of_each(&run, &before).await;
    }
}

async fn a_sidecar_killed_after_a_submit_request_completes_the_submission(server: &Server) {
    let manual = format!("{TWO}submit: Manual\n");
    let mut run = Run::new(PROGRAMS, server, &manual);
    run.crash_at("created-0");
    run.start().await;
    run.passes("build", "digest", "sha256:1").await;
    let submit = run.submit_unheard("build");
    run.crash(&submit).await;
    // The restarted sidecar replays the submit request from its journal, so no client has to repeat it.
    run.start().await;
    run.status("it is committed", |status| status["phase"] == "Committed")
        .await;
    one_of_each(&run, &[]).await;
}

async fn a_sidecar_killed_between_two_steps_retains_the_outputs_of_the_first(server: &Server) {
    let two_steps = TWO.replace(
        "[{name: digest}]}",
        "[{name: digest}], test: [{name: verdict}]}",
    ) + VERDICT;
    let mut run = Run::new(PROGRAMS, server, &two_steps);
    run.start().await;
    run.passes("build", "digest", "sha256:1").await;
    run.kill().await;
    run.start().await;
    run.passes("test", "verdict", "good").await;
    assert_eq!(objects(&run).await.len(), 3);
}

async fn a_sidecar_killed_after_the_run_finished_gives_the_same_response(server: &Server) {
    let mut run = Run::new(PROGRAMS, server, TWO);
    run.start().await;
    run.passes("build", "digest", "sha256:1").await;
    let before = objects(&run).await;
    let status = timeless(&run).await;
    run.kill().await;
    run.start().await;
    assert_eq!(timeless(&run).await, status);
    run.passes("build", "digest", "sha256:1").await;
    one_of_each(&run, &before).await;
}

/// Returns the status, except the times, because a restarted sidecar does not know them.
async fn timeless(run: &Run<'_>) -> Value {
    let mut status = run.get("/v1/status").await.expect_status(200).json;
    status["since"].take();
    for step in status["steps"].as_array_mut().expect("steps") {
        for time in ["started", "finished"] {
            step[time].take();
        }
    }
    status
}
