//! Tests objects that need another object from the same declaration, such as a Namespace, a CRD, a Role or a PriorityClass.

use gleaner_tests::cases;
use gleaner_tests::run::Run;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use serde_json::{Value, json};

use crate::PROGRAMS;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = cases![
        a_namespace_and_objects_in_it_are_created,
        a_namespace_is_rolled_back_when_an_object_in_it_is_refused,
        a_strict_preflight_accepts_a_kind_whose_crd_the_run_creates,
        a_crd_is_rolled_back_when_its_instance_is_refused,
    ];
    cases.push(
        Case::new(
            "objects_that_admission_and_rbac_need_are_created_first",
            objects_that_admission_and_rbac_need_are_created_first,
        )
        .real_only(),
    );
    cases
}

fn declared(objects: &[(&str, Value)]) -> String {
    let objects: Vec<Value> = objects
        .iter()
        .map(|(name, template)| json!({"name": name, "resourceTemplate": template}))
        .collect();
    json!({"preflight": "Strict", "steps": {"plan": [{"name": "pr"}]}, "objects": objects})
        .to_string()
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

fn config_map(namespace: &str, data: &Value) -> Value {
    let metadata = json!({"name": "settings", "namespace": namespace});
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
}

/// Returns a namespace name that no other case uses, in two forms: with a variable, and with the variable replaced.
fn variable_name(server: &Server) -> (String, String) {
    let prefix = format!("{}-pr-", server.namespace());
    (format!("{prefix}$(steps.plan.pr)"), format!("{prefix}42"))
}

async fn a_namespace_and_objects_in_it_are_created(server: &Server) {
    let (written, name) = variable_name(server);
    let settings = config_map(&written, &json!({"pr": "$(steps.plan.pr)"}));
    let declared = declared(&[("ns", namespace(&written)), ("settings", settings)]);
    let mut run = Run::new(PROGRAMS, server, &declared);
    run.start().await;
    let step = run.step("plan").writes("pr", "42").first().last();
    step.run().await.expect(0);
    let path = format!("/api/v1/namespaces/{name}/configmaps/settings");
    let created = server.get(&path).await.expect_status(200).json;
    assert_eq!(created["data"]["pr"], "42");
}

async fn a_namespace_is_rolled_back_when_an_object_in_it_is_refused(server: &Server) {
    let (written, name) = variable_name(server);
    let first = config_map(&written, &json!({"pr": "$(steps.plan.pr)"}));
    let mut second = config_map(&written, &json!({"not a key": "x"}));
    second["metadata"]["name"] = "Second".into();
    second["metadata"]["labels"] = json!({"is": "no label"});
    let objects = [
        ("ns", namespace(&written)),
        ("first", first),
        ("second", second),
    ];
    // The declaration's check does not detect the invalid `..`, because the name contains a variable. The object is
    // refused only after the Namespace has been created.
    let declared = declared(&objects).replace("Second", "a..$(steps.plan.pr)");
    let mut run = Run::new(PROGRAMS, server, &declared);
    run.start().await;
    let step = run.step("plan").writes("pr", "42").first();
    let words = format!("rolled back: Namespace {name}");
    step.run()
        .await
        .expect(73)
        .says(&["second (ConfigMap", "metadata.name", &words]);
    let answer = server.get(&format!("/api/v1/namespaces/{name}")).await;
    // On the real server, the namespace remains in the phase Terminating, because no controller is running to remove its
    // finalizer.
    let gone = answer.status.as_u16() == 404;
    assert!(
        gone || answer.json["metadata"]["deletionTimestamp"].is_string(),
        "{}",
        answer.text
    );
    let content = format!("/api/v1/namespaces/{name}/configmaps/first");
    server.get(&content).await.expect_status(404);
}

/// Returns a CRD for this case only, and an instance of the CRD's kind.
fn crd_and_instance(server: &Server, size: &Value) -> (String, [(&'static str, Value); 2]) {
    let group = format!("{}.example.com", server.namespace());
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("widgets.{group}")},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object",
                "properties": {"spec": {"type": "object", "properties": {
                    "size": {"type": "integer"}, "pr": {"type": "string"},
                }}},
            }}}],
        },
    });
    let instance = json!({
        "apiVersion": format!("{group}/v1"), "kind": "Widget", "metadata": {"name": "w"},
        "spec": {"pr": "$(steps.plan.pr)", "size": size},
    });
    (group, [("crd", crd), ("instance", instance)])
}

async fn a_strict_preflight_accepts_a_kind_whose_crd_the_run_creates(server: &Server) {
    let (group, objects) = crd_and_instance(server, &json!(3));
    let mut run = Run::new(PROGRAMS, server, &declared(&objects));
    run.start().await;
    let step = run.step("plan").writes("pr", "42").first().last();
    step.run().await.expect(0);
    let path = format!("{}/w", server.path(&format!("{group}/v1"), "widgets"));
    let created = server.get(&path).await.expect_status(200).json;
    assert_eq!(created["spec"], json!({"pr": "42", "size": 3}));
}

async fn a_crd_is_rolled_back_when_its_instance_is_refused(server: &Server) {
    let (group, objects) = crd_and_instance(server, &json!("large"));
    let mut run = Run::new(PROGRAMS, server, &declared(&objects));
    run.start().await;
    let step = run.step("plan").writes("pr", "42").first();
    let words = format!("rolled back: CustomResourceDefinition widgets.{group}");
    step.run().await.expect(73).says(&["spec.size", &words]);
    let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.{group}");
    let answer = server.get(&path).await;
    let gone = answer.status.as_u16() == 404;
    assert!(
        gone || answer.json["metadata"]["deletionTimestamp"].is_string(),
        "{}",
        answer.text
    );
}

async fn objects_that_admission_and_rbac_need_are_created_first(server: &Server) {
    let rbac = |kind: &str, fields: Value| {
        let mut object = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "reader"},
        });
        for (key, value) in fields.as_object().into_iter().flatten() {
            object[key] = value.clone();
        }
        object
    };
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]);
    let priority = format!("{}-high", server.namespace());
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"},
        "spec": {"priorityClassName": priority, "containers": [{"name": "app", "image": "app:$(steps.plan.pr)"}]},
    });
    let declared = declared(&[
        ("role", rbac("Role", json!({"rules": rules}))),
        (
            "binding",
            rbac(
                "RoleBinding",
                json!({
                    "subjects": [{"kind": "ServiceAccount", "name": "default"}],
                    "roleRef": {"kind": "Role", "name": "reader", "apiGroup": "rbac.authorization.k8s.io"},
                }),
            ),
        ),
        (
            "priority",
            json!({
                "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
                "metadata": {"name": priority}, "value": 7,
            }),
        ),
        ("pod", pod),
    ]);
    let mut run = Run::new(PROGRAMS, server, &declared);
    run.start().await;
    let step = run.step("plan").writes("pr", "42").first().last();
    step.run().await.expect(0);
    let path = format!("{}/app", server.path("v1", "pods"));
    let created = server.get(&path).await.expect_status(200).json;
    assert_eq!(created["spec"]["priority"], 7);
    let roles = server.path("rbac.authorization.k8s.io/v1", "rolebindings");
    server
        .get(&format!("{roles}/reader"))
        .await
        .expect_status(200);
}
