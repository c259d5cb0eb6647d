//! Tests the permissions of the run's ServiceAccount. Most cases need the real server, because the local server has no users.

use gleaner_tests::rig::{Options, User};
use gleaner_tests::run::Run;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use serde_json::{Value, json};
use std::path::PathBuf;

use crate::{PROGRAMS, only, resources};

const ONE: &str = "
steps: {build: [{name: digest}]}
resources:
  - name: img
    spec: {type: image, params: [{name: digest, value: $(steps.build.digest)}]}
";

pub(crate) fn cases() -> Vec<Case> {
    let enforcing = Options {
        owner_references_permission_enforcement: true,
    };
    vec![
        Case::new(
            "the_message_of_a_forbidden_create_names_the_permission_to_grant",
            the_message_of_a_forbidden_create_names_the_permission_to_grant,
        )
        .real_only(),
        Case::new(
            "a_strict_preflight_stops_the_first_step",
            a_strict_preflight_stops_the_first_step,
        )
        .real_only(),
        Case::new(
            "the_owner_reference_is_set_without_permission_to_block_the_deletion_of_the_owner",
            the_owner_reference_is_set_without_permission_to_block_the_deletion_of_the_owner,
        )
        .real_only()
        .rig(enforcing),
        Case::new(
            "a_strict_preflight_names_the_missing_kind",
            a_strict_preflight_names_the_missing_kind,
        ),
    ]
}

/// Creates a user who may access only PipelineResources, and only with the given `verbs`. Returns the user and the path of a
/// kubeconfig.
async fn user(server: &Server, verbs: &[&str]) -> (User, PathBuf) {
    let rules =
        json!([{"apiGroups": ["tekton.dev"], "resources": ["pipelineresources"], "verbs": verbs}]);
    let user = server.restricted_user(rules).await;
    let rig = server.rig().expect("a real server");
    let file = rig.kubeconfig(&user, server.namespace());
    (user, file.expect("a kubeconfig"))
}

async fn the_message_of_a_forbidden_create_names_the_permission_to_grant(server: &Server) {
    let (user, file) = user(server, &["get", "delete"]).await;
    let mut run = Run::new(PROGRAMS, server, ONE).kubeconfig(&file);
    run.start().await;
    // The missing permission is reported before any step runs, but does not stop the step.
    let noted = |status: &Value| {
        status["notes"]
            .to_string()
            .contains("is not allowed to create")
    };
    let status = run
        .status("the preflight has found the missing permission", noted)
        .await;
    assert_eq!(status["phase"], "Collecting");
    let step = run.step("build").writes("digest", "d").first();
    let cannot = format!("User \\\"{}\\\" cannot create resource", user.name).replace('\\', "");
    step.run().await.expect(73).says(&[
        &cannot,
        "\"pipelineresources\"",
        "grant `create` on `pipelineresources.tekton.dev`",
    ]);
    assert!(run.has_run("build"));
    assert_eq!(resources(&run).await, [json!(null); 0]);
}

async fn a_strict_preflight_stops_the_first_step(server: &Server) {
    let (_, file) = user(server, &["get", "delete"]).await;
    let strict = format!("{ONE}preflight: Strict\n");
    let mut run = Run::new(PROGRAMS, server, &strict).kubeconfig(&file);
    run.start().await;
    let step = run.step("build").writes("digest", "d").first();
    step.run().await.expect(73).says(&[
        "is not allowed to create",
        "grant `create`",
        "no step runs",
    ]);
    assert!(!run.has_run("build"));
}

async fn a_strict_preflight_names_the_missing_kind(server: &Server) {
    let strict = "
preflight: Strict
steps: {build: [{name: digest}]}
objects:
  - name: cake
    resourceTemplate:
      apiVersion: bakery.example/v1
      kind: Cake
      metadata: {generateName: cake-}
      spec: {of: $(steps.build.digest)}
";
    let mut run = Run::new(PROGRAMS, server, strict);
    run.start().await;
    let step = run.step("build").writes("digest", "d").first();
    step.run()
        .await
        .expect(73)
        .says(&["kind Cake of bakery.example/v1", "install its CRD"]);
    assert!(!run.has_run("build"));
}

async fn the_owner_reference_is_set_without_permission_to_block_the_deletion_of_the_owner(
    server: &Server,
) {
    let (_, file) = user(server, &["create", "get", "delete"]).await;
    let mut run = Run::new(PROGRAMS, server, ONE).kubeconfig(&file);
    run.start().await;
    let step = run.step("build").writes("digest", "d").last();
    step.run()
        .await
        .expect(0)
        .says(&["note:", "blockOwnerDeletion", "finalizers"]);
    let created = only(resources(&run).await);
    let owner = &created["metadata"]["ownerReferences"][0];
    assert_eq!(owner["blockOwnerDeletion"], false);
    assert_eq!(
        (&owner["uid"], &owner["controller"]),
        (&json!(run.uid()), &json!(true))
    );
}
