//! What a run has generated stays as it is.

use std::time::Duration;

use gleaner_tests::cases;
use gleaner_tests::server::{Answer, Server};
use gleaner_tests::suite::Case;
use gleaner_tests::wait;
use serde_json::{Value, json};

use crate::helm::install_policy;
use crate::kind::{path, resource};

pub(crate) fn cases() -> Vec<Case> {
    cases![a_generated_resource_is_never_edited]
        .into_iter()
        .map(Case::real_only)
        .collect()
}

/// The change of an object's metadata.
fn metadata(change: &Value) -> Value {
    json!({"metadata": change})
}

async fn patch(server: &Server, name: &str, change: &Value) -> Answer {
    server
        .merge(&format!("{}/{name}", path(server)), change)
        .await
}

async fn a_generated_resource_is_never_edited(server: &Server) {
    let mut generated = resource("generated", &json!({"type": "image"}));
    generated["metadata"]["labels"] =
        json!({"app.kubernetes.io/managed-by": "gleaner", "tekton.dev/task": "build"});
    generated["metadata"]["annotations"] =
        json!({"gleaner.dev/run-uid": "1", "gleaner.dev/content": "2"});
    let own = resource("own", &json!({"type": "image"}));
    for object in [&generated, &own] {
        server.post(&path(server), object).await.expect_status(201);
    }
    let spec = json!({"spec": {"params": [{"name": "digest", "value": "sha256:0"}]}});
    install_policy(server, "pipelineresources.gleaner.dev").await;
    // The API server compiles policies in its own time.
    wait::until(
        "the policy is in force",
        Duration::from_secs(30),
        async || {
            let tried = server
                .merge(&format!("{}/generated?dryRun=All", path(server)), &spec)
                .await;
            (tried.status.as_u16() == 422).then_some(())
        },
    )
    .await;

    let refused = patch(server, "generated", &spec).await.expect_status(422);
    let remedy = "run the task again, or create one under another name without the label app.kubernetes.io/managed-by: gleaner";
    assert!(refused.refusal().contains(remedy), "{}", refused.text);

    for change in [
        json!({"labels": {"app.kubernetes.io/managed-by": null}}),
        json!({"labels": {"app.kubernetes.io/managed-by": "me"}}),
        json!({"labels": {"tekton.dev/task": "another"}}),
        json!({"labels": {"tekton.dev/taskRun": "added"}}),
        json!({"annotations": {"gleaner.dev/run-uid": null}}),
        json!({"annotations": {"gleaner.dev/content": "3"}}),
        json!({"labels": null, "annotations": null}),
    ] {
        let refused = patch(server, "generated", &metadata(&change))
            .await
            .expect_status(422);
        let reason = "the labels and annotations that say which run generated a PipelineResource";
        assert!(
            refused.refusal().contains(reason),
            "{change}: {}",
            refused.text
        );
    }
    // The way round it, in one step: no longer marked, and edited.
    let mut both = spec.clone();
    both["metadata"] = json!({"labels": null, "annotations": null});
    patch(server, "generated", &both).await.expect_status(422);

    // Others' business: the garbage collector's, and people's.
    let owner =
        json!({"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": "run", "uid": "1"});
    for change in [
        json!({"labels": {"team": "a"}, "annotations": {"note": "b"}}),
        json!({"finalizers": ["example.com/keep"]}),
        json!({"finalizers": null}),
        json!({"ownerReferences": [owner]}),
        json!({"ownerReferences": null}),
    ] {
        patch(server, "generated", &metadata(&change))
            .await
            .expect_status(200);
    }
    let status = format!("{}/generated/status", path(server));
    server
        .merge(&status, &json!({"status": {"seen": true}}))
        .await
        .expect_status(200);

    // What people made is theirs, but nobody passes it off as a run's.
    patch(server, "own", &spec).await.expect_status(200);
    patch(
        server,
        "own",
        &metadata(&json!({"labels": {"app.kubernetes.io/managed-by": "me"}})),
    )
    .await
    .expect_status(200);
    for change in [
        json!({"labels": {"app.kubernetes.io/managed-by": "gleaner"}}),
        json!({"annotations": {"gleaner.dev/run-uid": "1"}}),
    ] {
        patch(server, "own", &metadata(&change))
            .await
            .expect_status(422);
    }

    server
        .delete(&format!("{}/generated", path(server)), &Value::Null)
        .await
        .expect_status(200);
}
