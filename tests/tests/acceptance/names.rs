//! Tests names that are already taken, either by another client's object or by an object that an earlier attempt of the same
//! TaskRun created.

use gleaner_core::render::derived_suffix;
use gleaner_tests::cases;
use gleaner_tests::run::{Ended, Run};
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use serde_json::{Value, json};

use crate::{PROGRAMS, config_maps, only, resources};

const STATIC: &str = "
steps: {build: [{name: digest}]}
resources:
  - name: img
    metadata: {name: knative-route-demo-image-v1}
    spec: {type: image, params: [{name: digest, value: $(steps.build.digest)}]}
";

const DERIVED: &str = "
steps: {build: [{name: digest}]}
resources:
  - name: img
    spec: {type: image, params: [{name: digest, value: $(steps.build.digest)}]}
objects:
  - name: note
    owned: true
    resourceTemplate:
      apiVersion: v1
      kind: ConfigMap
      metadata: {generateName: note-}
      data: {image: $(resources.img.name)}
";

pub(crate) fn cases() -> Vec<Case> {
    cases![
        the_owner_of_an_object_with_a_taken_static_name_is_reported,
        objects_of_an_earlier_attempt_are_adopted,
        objects_of_an_earlier_attempt_with_different_content_are_replaced,
        if_a_derived_name_is_taken_the_next_one_is_used,
        two_runs_cannot_create_the_same_static_name,
    ]
}

/// Runs a complete attempt of a TaskRun with a single step.
async fn attempt(run: &mut Run<'_>, digest: &str) -> Ended {
    run.start().await;
    run.step("build")
        .writes("digest", digest)
        .last()
        .run()
        .await
}

fn foreign(name: &str) -> Value {
    json!({
        "apiVersion": "tekton.dev/v1alpha1",
        "kind": "PipelineResource",
        "metadata": {
            "name": name,
            "ownerReferences": [{
                "apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": "nightly", "uid": "u", "controller": true,
            }],
        },
        "spec": {"type": "image"},
    })
}

async fn the_owner_of_an_object_with_a_taken_static_name_is_reported(server: &Server) {
    let path = server.path("tekton.dev/v1alpha1", "pipelineresources");
    let taken = foreign("knative-route-demo-image-v1");
    let taken = server.post(&path, &taken).await.expect_status(201).json;
    let mut run = Run::new(PROGRAMS, server, STATIC);
    attempt(&mut run, "sha256:1").await.expect(73).says(&[
        "knative-route-demo-image-v1 already exists",
        "owned by PipelineRun nightly",
    ]);
    assert!(run.termination().contains("NotCreated"));
    let now = server
        .get(&format!("{path}/knative-route-demo-image-v1"))
        .await;
    assert_eq!(now.json, taken);
    assert_eq!(resources(&run).await, [json!(null); 0]);
}

async fn two_runs_cannot_create_the_same_static_name(server: &Server) {
    let mut first = Run::new(PROGRAMS, server, STATIC);
    attempt(&mut first, "sha256:1").await.expect(0);
    let mut second = Run::new(PROGRAMS, server, STATIC);
    let holder = format!("owned by TaskRun {}", first.name());
    attempt(&mut second, "sha256:1")
        .await
        .expect(73)
        .says(&[&holder]);
    only(resources(&first).await);
}

async fn objects_of_an_earlier_attempt_are_adopted(server: &Server) {
    for declaration in [STATIC, DERIVED] {
        let mut first = Run::new(PROGRAMS, server, declaration);
        attempt(&mut first, "sha256:1").await.expect(0);
        let before = only(resources(&first).await);
        let mut second = Run::new(PROGRAMS, server, declaration).again_as(&first);
        attempt(&mut second, "sha256:1")
            .await
            .expect(0)
            .says(&["already created by an earlier attempt"]);
        assert_eq!(resources(&second).await, [before]);
        assert_eq!(first.results(), second.results());
        remove(server, &first).await;
    }
}

async fn objects_of_an_earlier_attempt_with_different_content_are_replaced(server: &Server) {
    for declaration in [STATIC, DERIVED] {
        let mut first = Run::new(PROGRAMS, server, declaration);
        attempt(&mut first, "sha256:1").await.expect(0);
        let before = only(resources(&first).await);
        let mut second = Run::new(PROGRAMS, server, declaration).again_as(&first);
        attempt(&mut second, "sha256:2")
            .await
            .expect(0)
            .says(&["replaced the object of an earlier attempt"]);
        let after = only(resources(&second).await);
        assert_eq!(after["metadata"]["name"], before["metadata"]["name"]);
        assert_ne!(after["metadata"]["uid"], before["metadata"]["uid"]);
        assert_eq!(after["spec"]["params"][0]["value"], "sha256:2");
        remove(server, &first).await;
    }
}

async fn if_a_derived_name_is_taken_the_next_one_is_used(server: &Server) {
    let path = server.path("tekton.dev/v1alpha1", "pipelineresources");
    let mut run = Run::new(PROGRAMS, server, DERIVED);
    let name = |attempt: u32| format!("build-image-{}", derived_suffix(run.uid(), "img", attempt));
    let names = [name(0), name(1), name(2)];
    for name in &names[..2] {
        server.post(&path, &foreign(name)).await.expect_status(201);
    }
    attempt(&mut run, "sha256:1").await.expect(0);
    let created = only(resources(&run).await);
    assert_eq!(created["metadata"]["name"], names[2].as_str());
    // Variables in other templates that refer to the object's name are replaced with its final name.
    let note = only(config_maps(&run).await);
    assert_eq!(note["data"]["image"], names[2].as_str());
    assert_eq!(run.results()[0].1["name"], names[2].as_str());
}

/// Deletes the run's PipelineResource, so that the next iteration can create it again.
async fn remove(server: &Server, run: &Run<'_>) {
    for object in resources(run).await {
        let path = server.path("tekton.dev/v1alpha1", "pipelineresources");
        let name = object["metadata"]["name"].as_str().expect("a name");
        server
            .delete(&format!("{path}/{name}"), &Value::Null)
            .await
            .expect_status(200);
    }
}
