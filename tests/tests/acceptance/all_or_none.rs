//! A run creates either all of its objects or none.

use futures::future::join_all;
use gleaner_tests::cases;
use gleaner_tests::fault_proxy::{Fault, FaultProxy};
use gleaner_tests::run::Run;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use http::Method;
use serde_json::Value;

use crate::{PROGRAMS, config_maps, only, resources};

/// A declaration that creates three objects. The data of the third object is missing.
const THREE: &str = "
steps: {build: [{name: digest}, {name: count, type: number}]}
resources:
  - name: img
    spec: {type: image, params: [{name: digest, value: $(steps.build.digest)}]}
objects:
  - name: note
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {generateName: note-}
      data: {digest: $(steps.build.digest)}
  - name: figures
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {generateName: figures-}
";

/// Returns a declaration that creates three objects, all of which the API server accepts.
fn three() -> String {
    format!("{THREE}      data: {{count: \"it is $(steps.build.count)\"}}\n")
}

/// Returns the declaration of [`three`], but with a value of the wrong type in a field of the third object.
fn third_invalid() -> String {
    format!("{THREE}      immutable: $(steps.build.count)\n")
}

/// Matches create requests, but not dry runs.
const CREATES: &str = r"/(pipelineresources|configmaps)\?fieldManager";

pub(crate) fn cases() -> Vec<Case> {
    cases![
        three_objects_are_created,
        no_object_is_created_if_validation_refuses_one,
        all_objects_are_rolled_back_if_one_is_refused_after_its_dry_run,
        the_rollback_is_complete_despite_a_fault,
        existing_objects_survive_the_rollback,
    ]
}

async fn nothing_exists(run: &Run<'_>) {
    let none: [Value; 0] = [];
    assert_eq!(resources(run).await, none);
    assert_eq!(config_maps(run).await, none);
}

async fn three_objects_are_created(server: &Server) {
    let mut run = Run::new(PROGRAMS, server, &three());
    run.start().await;
    let step = run.step("build").writes("digest", "d").writes("count", "3");
    step.last().run().await.expect(0);
    only(resources(&run).await);
    let created = config_maps(&run).await;
    assert_eq!(created.len(), 2);
    let names: Vec<String> = run.results().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["figures", "img", "note"]);
}

async fn no_object_is_created_if_validation_refuses_one(server: &Server) {
    let proxy = FaultProxy::start(server.client()).await;
    let mut run = Run::new(PROGRAMS, server, &third_invalid()).through(&proxy);
    run.start().await;
    let step = run.step("build").writes("digest", "d").writes("count", "3");
    step.run()
        .await
        .expect(73)
        .says(&["figures", "correct the template"]);
    nothing_exists(&run).await;
    // The dry run detected the error, so no create was sent.
    assert_eq!(proxy.requests_to(&Method::POST, CREATES).len(), 0);
    run.finish().await.expect(73);
}

async fn all_objects_are_rolled_back_if_one_is_refused_after_its_dry_run(server: &Server) {
    for status in [403, 422] {
        let proxy = FaultProxy::start(server.client()).await;
        proxy
            .on(Method::POST, CREATES)
            .nth(3)
            .fail(Fault::status(status));
        let mut run = Run::new(PROGRAMS, server, &three()).through(&proxy);
        run.start().await;
        let step = run.step("build").writes("digest", "d").writes("count", "3");
        step.run()
            .await
            .expect(73)
            .says(&["figures", "rolled back"]);
        nothing_exists(&run).await;
        assert_eq!(proxy.requests_to(&Method::POST, CREATES).len(), 3);
        run.finish().await.expect(73);
    }
}

async fn the_rollback_is_complete_despite_a_fault(server: &Server) {
    let faults = [
        Fault::DropReply,
        Fault::Reset,
        Fault::Hang,
        Fault::too_many_requests(1),
        Fault::status(500),
        Fault::status(503),
    ];
    for nth in [1, 2] {
        join_all(
            faults
                .each_ref()
                .map(|fault| fault_while_rolling_back(server, nth, fault)),
        )
        .await;
    }
}

/// Starts a run whose third create is refused, and applies `fault` to the nth delete request of the rollback.
async fn fault_while_rolling_back(server: &Server, nth: usize, fault: &Fault) {
    let proxy = FaultProxy::start(server.client()).await;
    let third = proxy.on(Method::POST, CREATES).nth(3);
    third.fail(Fault::status(403));
    proxy.on(Method::DELETE, "").nth(nth).fail(fault.clone());
    let mut run = Run::new(PROGRAMS, server, &three())
        .through(&proxy)
        .flag("--request-timeout=1s");
    run.start().await;
    let step = run.step("build").writes("digest", "d").writes("count", "3");
    let ended = step.run().await.expect(73);
    assert!(!ended.stderr.contains("by hand"), "{}", ended.stderr);
    nothing_exists(&run).await;
    let deletes = proxy.requests_to(&Method::DELETE, "").len();
    assert!(deletes >= 3, "{fault:?} was not applied: {deletes} deletes");
}

async fn existing_objects_survive_the_rollback(server: &Server) {
    let declaration = "
steps: {build: [{name: digest}]}
objects:
  - name: settings
    policy: Apply
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: settings}
      data: {digest: $(steps.build.digest)}
  - name: note
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {generateName: note-}
      data: {digest: $(steps.build.digest)}
";
    let path = server.path("v1", "configmaps");
    let settings = serde_json::json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"theirs": "kept"},
    });
    let before = server.post(&path, &settings).await.expect_status(201).json;
    let proxy = FaultProxy::start(server.client()).await;
    proxy.on(Method::POST, CREATES).fail(Fault::status(403));
    let mut run = Run::new(PROGRAMS, server, declaration).through(&proxy);
    run.start().await;
    let step = run.step("build").writes("digest", "d");
    step.run()
        .await
        .expect(73)
        .says(&["still have the applied fields", "settings"]);
    let after = server
        .get(&format!("{path}/settings"))
        .await
        .expect_status(200)
        .json;
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(after["data"]["theirs"], "kept");
    assert_eq!(config_maps(&run).await.len(), 1);
}
