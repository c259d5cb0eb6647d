//! Objects of any kind: objects that are applied, have an owner, are in another namespace, are cluster-scoped or contain a secret
//! output.

use gleaner_tests::cases;
use gleaner_tests::run::{Ended, Run};
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use serde_json::{Value, json};

use crate::{PROGRAMS, config_maps, only};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        an_apply_creates_and_updates_an_object,
        an_apply_that_conflicts_with_another_field_manager_names_it,
        only_owned_objects_have_an_owner,
        an_owned_object_in_another_namespace_is_refused,
        an_object_in_another_namespace_is_created_there,
        a_cluster_scoped_object_is_created_without_a_namespace,
        an_owned_cluster_scoped_object_is_refused,
        a_secret_output_appears_only_in_its_secret,
        a_misspelled_field_is_refused,
    ]
}

/// Returns a declaration that contains one object with this template and these additional fields, such as `policy`.
fn declaration(fields: &Value, template: &Value) -> String {
    let mut object = json!({"name": "settings", "resourceTemplate": template});
    for (key, value) in fields.as_object().into_iter().flatten() {
        object[key] = value.clone();
    }
    json!({"steps": {"build": [{"name": "digest"}]}, "objects": [object]}).to_string()
}

fn settings(metadata: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"digest": "$(steps.build.digest)"},
    })
}

async fn play(run: &mut Run<'_>, digest: &str) -> Ended {
    run.start().await;
    let step = run.step("build").writes("digest", digest);
    step.last().run().await
}

async fn an_apply_creates_and_updates_an_object(server: &Server) {
    let text = declaration(
        &json!({"policy": "Apply"}),
        &settings(&json!({"name": "settings"})),
    );
    let path = format!("{}/settings", server.path("v1", "configmaps"));
    let mut uid = None;
    for digest in ["sha256:1", "sha256:2"] {
        let mut run = Run::new(PROGRAMS, server, &text);
        play(&mut run, digest)
            .await
            .expect(0)
            .says(&["settings (settings): applied"]);
        let object = server.get(&path).await.expect_status(200).json;
        assert_eq!(object["data"]["digest"], digest);
        let manager = &object["metadata"]["managedFields"][0];
        assert_eq!(
            (&manager["manager"], &manager["operation"]),
            (&json!("gleaner"), &json!("Apply"))
        );
        // If the run created the object, the annotation contains the run's UID. A later run that applies the object removes the
        // annotation.
        let made_by = object["metadata"]["annotations"].get("gleaner.dev/made-by");
        assert_eq!(made_by, uid.is_none().then(|| json!(run.uid())).as_ref());
        let uid = uid.get_or_insert_with(|| object["metadata"]["uid"].clone());
        assert_eq!(object["metadata"]["uid"], *uid);
    }
}

async fn an_apply_that_conflicts_with_another_field_manager_names_it(server: &Server) {
    let path = format!("{}/settings", server.path("v1", "configmaps"));
    let theirs = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"digest": "theirs"},
    });
    let applied = server
        .apply(&format!("{path}?fieldManager=helm"), &theirs)
        .await;
    applied.expect_status(201);
    let text = declaration(
        &json!({"policy": "Apply"}),
        &settings(&json!({"name": "settings"})),
    );
    let mut run = Run::new(PROGRAMS, server, &text);
    play(&mut run, "ours")
        .await
        .expect(73)
        .says(&["helm", ".data.digest"]);
    let object = server.get(&path).await.expect_status(200).json;
    assert_eq!(object["data"]["digest"], "theirs");
    assert_eq!(object["metadata"].get("labels"), None);
}

async fn only_owned_objects_have_an_owner(server: &Server) {
    for (owned, policy) in [
        (true, "Create"),
        (false, "Create"),
        (true, "Apply"),
        (false, "Apply"),
    ] {
        let name = format!("settings-{owned}-{}", policy.to_lowercase());
        let fields = json!({"owned": owned, "policy": policy});
        let text = declaration(&fields, &settings(&json!({"name": name})));
        let mut run = Run::new(PROGRAMS, server, &text);
        play(&mut run, "d").await.expect(0);
        let object = only(config_maps(&run).await);
        let owner = json!([{
            "apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": run.name(), "uid": run.uid(),
            "controller": true, "blockOwnerDeletion": true,
        }]);
        let expected = owned.then_some(&owner);
        assert_eq!(
            object["metadata"].get("ownerReferences"),
            expected,
            "{name}"
        );
    }
}

async fn an_owned_object_in_another_namespace_is_refused(server: &Server) {
    let other = format!("{}-other", server.namespace());
    server.create_namespace(&other).await;
    let metadata = json!({"name": "settings", "namespace": other});
    let text = declaration(&json!({"owned": true}), &settings(&metadata));
    let mut run = Run::new(PROGRAMS, server, &text);
    play(&mut run, "d")
        .await
        .expect(73)
        .says(&["garbage collector", "set owned: false"]);
    let path = format!("/api/v1/namespaces/{other}/configmaps/settings");
    server.get(&path).await.expect_status(404);
}

async fn an_object_in_another_namespace_is_created_there(server: &Server) {
    let other = format!("{}-other", server.namespace());
    server.create_namespace(&other).await;
    let metadata = json!({"name": "settings", "namespace": other});
    let mut run = Run::new(
        PROGRAMS,
        server,
        &declaration(&json!({}), &settings(&metadata)),
    );
    let said = format!("ConfigMap {other}/settings (settings): created");
    play(&mut run, "d").await.expect(0).says(&[&said]);
    let path = format!("/api/v1/namespaces/{other}/configmaps/settings");
    server.get(&path).await.expect_status(200);
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"of": "$(steps.build.digest)"}}})
}

async fn a_cluster_scoped_object_is_created_without_a_namespace(server: &Server) {
    let name = format!("{}-made", server.namespace());
    let mut run = Run::new(
        PROGRAMS,
        server,
        &declaration(&json!({}), &namespace(&name)),
    );
    let said = format!("Namespace {name} (settings): created");
    play(&mut run, "d").await.expect(0).says(&[&said]);
    let made = server
        .get(&format!("/api/v1/namespaces/{name}"))
        .await
        .expect_status(200)
        .json;
    assert_eq!(made["metadata"]["labels"]["of"], "d");
    assert_eq!(made["metadata"].get("namespace"), None);
}

async fn an_owned_cluster_scoped_object_is_refused(server: &Server) {
    let name = format!("{}-made", server.namespace());
    let text = declaration(&json!({"owned": true}), &namespace(&name));
    let mut run = Run::new(PROGRAMS, server, &text);
    play(&mut run, "d")
        .await
        .expect(73)
        .says(&["is cluster-scoped", "set owned: false"]);
    server
        .get(&format!("/api/v1/namespaces/{name}"))
        .await
        .expect_status(404);
}

async fn a_secret_output_appears_only_in_its_secret(server: &Server) {
    const TOKEN: &str = "correct-horse-battery";
    let example = include_str!("../../../examples/secret-output.yaml");
    let text = crate::declaration(example, "issue-token");
    let mut run = Run::new(PROGRAMS, server, &text).flag("--log-level=trace");
    run.start().await;
    let step = run
        .step("issue")
        .writes("token", TOKEN)
        .writes("expires", "2027-01-01");
    let ended = step.last().run().await.expect(0);

    let secret = only(run.objects("v1", "secrets").await);
    assert_eq!(secret["data"]["token"], "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5");
    let mut seen = vec![ended.stderr, ended.stdout, run.log(), run.termination()];
    for path in [
        "/v1/status",
        "/v1/resources",
        "/v1/resources/credentials",
        "/metrics",
    ] {
        seen.push(run.get(path).await.expect_status(200).text);
    }
    assert!(
        seen[5].contains("(secret)") && seen[5].contains("2027-01-01"),
        "{}",
        seen[5]
    );
    seen.push(format!("{:?}", run.results()));
    for text in seen {
        assert!(
            !text.contains(TOKEN) && !text.contains("Y29ycmVjdC1"),
            "{text}"
        );
    }
}

async fn a_misspelled_field_is_refused(server: &Server) {
    let mut template = settings(&json!({"name": "settings"}));
    template["datta"] = json!({"a": "b"});
    let mut run = Run::new(PROGRAMS, server, &declaration(&json!({}), &template));
    play(&mut run, "d")
        .await
        .expect(73)
        .says(&["unknown field \"datta\"", "correct the template"]);
    assert_eq!(config_maps(&run).await, [json!(null); 0]);
}
