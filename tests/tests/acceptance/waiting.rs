//! Tests `waitFor` and `results`, which wait until a created object reaches a state or has a field.

use std::time::Duration;

use gleaner_tests::cases;
use gleaner_tests::run::Run;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use gleaner_tests::wait;
use serde_json::{Value, json};

use crate::{PROGRAMS, config_maps, only};

const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) fn cases() -> Vec<Case> {
    cases![
        the_run_waits_for_a_condition,
        the_run_waits_for_the_value_of_a_field,
        the_objects_are_rolled_back_if_a_wait_times_out,
        a_result_that_appears_later_is_passed,
    ]
}

/// Returns a declaration of a Deployment with these additional fields, such as `waitFor`, and of a ConfigMap.
fn declaration(fields: &Value) -> String {
    let mut app = json!({"name": "app", "resourceTemplate": {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generateName": "app-"},
        "spec": {
            "selector": {"matchLabels": {"app": "a"}},
            "template": {
                "metadata": {"labels": {"app": "a"}},
                "spec": {"containers": [{"name": "app", "image": "$(steps.build.digest)"}]},
            },
        },
    }});
    for (key, value) in fields.as_object().into_iter().flatten() {
        app[key] = value.clone();
    }
    let note = json!({"name": "note", "resourceTemplate": {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "note-"}, "data": {"app": "$(resources.app.name)"},
    }});
    json!({"steps": {"build": [{"name": "digest"}]}, "objects": [app, note]}).to_string()
}

/// Waits until the Deployment exists, and returns its name.
async fn deployment(run: &Run<'_>) -> String {
    wait::until("the Deployment exists", DEADLINE, async || {
        let deployments = run.objects("apps/v1", "deployments").await;
        let name = deployments.first()?["metadata"]["name"].as_str()?;
        Some(name.to_owned())
    })
    .await
}

/// Sets the Deployment's status, as the Deployment controller would.
async fn report(server: &Server, name: &str, status: &Value) {
    server
        .set_status("apps/v1", "deployments", name, status)
        .await;
}

fn condition(status: &str) -> Value {
    json!({"observedGeneration": 1, "conditions": [{
        "type": "Available", "status": status, "reason": "Told", "message": "by the test",
        "lastTransitionTime": "2026-11-23T00:00:00Z", "lastUpdateTime": "2026-11-23T00:00:00Z",
    }]})
}

async fn the_run_waits_for_a_condition(server: &Server) {
    let fields = json!({"waitFor": {"condition": "Available", "timeout": "1m"}});
    let mut run = Run::new(PROGRAMS, server, &declaration(&fields));
    run.start().await;
    let step = run.step("build").writes("digest", "d").last().begin();
    let name = deployment(&run).await;
    report(server, &name, &condition("False")).await;
    assert!(!step.has_ended());
    report(server, &name, &condition("True")).await;
    step.ended().await.expect(0);
    only(config_maps(&run).await);
}

async fn the_run_waits_for_the_value_of_a_field(server: &Server) {
    let wait_for = json!({"jsonPath": ".status.availableReplicas", "value": "1", "timeout": "1m"});
    let results = json!({"available": ".status.availableReplicas"});
    let fields = json!({"waitFor": wait_for, "results": results});
    let mut run = Run::new(PROGRAMS, server, &declaration(&fields));
    run.start().await;
    let step = run.step("build").writes("digest", "d").last().begin();
    let name = deployment(&run).await;
    assert!(!step.has_ended());
    let status =
        json!({"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "availableReplicas": 1});
    report(server, &name, &status).await;
    step.ended().await.expect(0);
    assert_eq!(run.results()[0].1["available"], "1");
}

async fn the_objects_are_rolled_back_if_a_wait_times_out(server: &Server) {
    let fields = json!({"waitFor": {"condition": "Available", "timeout": "3s"}});
    let mut run = Run::new(PROGRAMS, server, &declaration(&fields));
    run.start().await;
    let step = run.step("build").writes("digest", "d").begin();
    let name = deployment(&run).await;
    report(server, &name, &condition("False")).await;
    let ended = step.ended().await.expect(73);
    ended.says(&[
        "condition Available did not become True within 3 s",
        "by the test",
        "rolled back",
    ]);
    assert_eq!(config_maps(&run).await, [json!(null); 0]);
    assert_eq!(
        run.objects("apps/v1", "deployments").await,
        [json!(null); 0]
    );
}

async fn a_result_that_appears_later_is_passed(server: &Server) {
    let fields = json!({"results": {"generation": ".status.observedGeneration"}});
    let mut run = Run::new(PROGRAMS, server, &declaration(&fields));
    run.start().await;
    let step = run.step("build").writes("digest", "d").last().begin();
    let name = deployment(&run).await;
    report(server, &name, &condition("True")).await;
    step.ended().await.expect(0);
    assert_eq!(run.results()[0].1["generation"], "1");
}
