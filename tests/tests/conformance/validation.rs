//! Invalid objects, and how the server refuses them.

use gleaner_tests::cases;
use gleaner_tests::server::{Answer, Server};
use gleaner_tests::suite::Case;
use serde_json::{Value, json};

use crate::{config_map, config_maps, resource, resources};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        unknown_fields_are_refused_when_strict,
        a_schema_is_enforced,
        names_are_checked,
        labels_are_checked,
        owner_references_are_checked,
        wrong_types_in_metadata_are_refused,
        wrong_types_in_a_config_map_are_refused,
        wrong_types_deep_in_a_deployment_are_refused,
        containers_need_names,
        required_fields_are_checked,
        the_data_of_a_secret_must_be_base64,
        null_values_are_treated_as_missing,
        quantities_may_be_numbers,
    ]
}

async fn refused(server: &Server, path: &str, object: &Value, status: u16) -> Answer {
    server.post(path, object).await.expect_status(status)
}

/// Asserts that the object is refused as invalid because of these fields.
async fn invalid(server: &Server, path: &str, object: &Value, fields: &[&str]) {
    let answer = refused(server, path, object, 422).await;
    assert_eq!(answer.reason(), "Invalid");
    assert_eq!(answer.fields(), fields, "{}", answer.text);
}

/// Asserts that the server refuses the object because it cannot decode these fields, and that the message names the fields.
async fn undecodable(server: &Server, path: &str, object: &Value, fields: &[&str]) {
    let answer = refused(server, path, object, 400).await;
    assert_eq!(answer.reason(), "BadRequest");
    for field in fields {
        assert!(answer.refusal().contains(field), "{}", answer.text);
    }
}

async fn unknown_fields_are_refused_when_strict(server: &Server) {
    let mut object = resource("a");
    object["spec"]["typo"] = json!(1);
    object["spec"]["params"][0]["valeu"] = json!("x");
    object["metadata"]["lables"] = json!({});
    object["extra"] = json!(true);
    let path = format!("{}?fieldValidation=Strict", resources(server));
    let unknown = [
        "unknown field \"spec.typo\"",
        "unknown field \"spec.params[0].valeu\"",
        "unknown field \"metadata.lables\"",
        "unknown field \"extra\"",
    ];
    undecodable(server, &path, &object, &unknown).await;
    let mut object = config_map("a", &json!({}));
    object["dat"] = json!({});
    let path = format!("{}?fieldValidation=Strict&dryRun=All", config_maps(server));
    undecodable(server, &path, &object, &["unknown field \"dat\""]).await;
    let mut object = deployment(&json!([{"name": "a", "imagee": "b"}]));
    object["spec"]["replica"] = json!(2);
    let path = format!("{}?fieldValidation=Strict", deployments(server));
    let unknown = [
        "unknown field \"spec.template.spec.containers[0].imagee\"",
        "unknown field \"spec.replica\"",
    ];
    undecodable(server, &path, &object, &unknown).await;
}

async fn a_schema_is_enforced(server: &Server) {
    let path = format!("{}?dryRun=All", resources(server));
    let mut object = resource("a");
    object["spec"] = json!({"params": [{"name": "a", "value": 5}, {"name": "b"}]});
    let answer = refused(server, &path, &object, 422).await;
    let details = &answer.json["details"];
    assert_eq!(
        (&details["name"], &details["group"], &details["kind"]),
        (
            &json!("a"),
            &json!("tekton.dev"),
            &json!("PipelineResource")
        )
    );
    let causes = details["causes"].as_array().expect("causes");
    for (reason, field) in [
        ("FieldValueTypeInvalid", "spec.params[0].value"),
        ("FieldValueRequired", "spec.params[1].value"),
        ("FieldValueRequired", "spec.type"),
    ] {
        let is_it = |cause: &&Value| cause["reason"] == reason && cause["field"] == field;
        assert!(causes.iter().any(|cause| is_it(&cause)), "{}", answer.text);
    }
    for (spec, field) in [
        (json!({"type": ""}), "spec.type"),
        (
            json!({"type": "image", "params": [{"name": "", "value": ""}]}),
            "spec.params[0].name",
        ),
        (json!("text"), "spec"),
    ] {
        object["spec"] = spec;
        invalid(server, &path, &object, &[field]).await;
    }
}

async fn names_are_checked(server: &Server) {
    let path = resources(server);
    for name in ["Foo_Bar", "", &"x".repeat(254)] {
        invalid(server, &path, &resource(name), &["metadata.name"]).await;
    }
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a.b"}});
    invalid(server, "/api/v1/namespaces", &namespace, &["metadata.name"]).await;
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "system:Any Thing"},
    });
    let roles = server.path("rbac.authorization.k8s.io/v1", "roles");
    server.post(&roles, &role).await.expect_status(201);
    server
        .get(&format!("{roles}/system%3AAny%20Thing"))
        .await
        .expect_status(200);
}

async fn labels_are_checked(server: &Server) {
    let mut object = resource("a");
    for (labels, faults) in [
        (json!({"a b": "c d"}), 2),
        (json!({"a": "x".repeat(64)}), 1),
    ] {
        object["metadata"]["labels"] = labels;
        let fields = vec!["metadata.labels"; faults];
        invalid(server, &resources(server), &object, &fields).await;
    }
    object["metadata"] = json!({"name": "a", "annotations": {"a b": "c d"}});
    invalid(
        server,
        &resources(server),
        &object,
        &["metadata.annotations"],
    )
    .await;
}

async fn owner_references_are_checked(server: &Server) {
    let mut object = resource("a");
    object["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": "x"}]);
    let answer = refused(server, &resources(server), &object, 422).await;
    assert_eq!(answer.reason(), "Invalid");
    let field = answer.fields()[0];
    assert!(
        field.starts_with("metadata.ownerReferences") && field.ends_with(".uid"),
        "{field}"
    );
}

async fn wrong_types_in_metadata_are_refused(server: &Server) {
    let mut object = resource("a");
    object["metadata"]["labels"] = json!({"a": 1});
    undecodable(server, &resources(server), &object, &["labels"]).await;
    object["metadata"] = json!("a");
    undecodable(server, &resources(server), &object, &[]).await;
}

async fn wrong_types_in_a_config_map_are_refused(server: &Server) {
    let object = config_map("a", &json!({"a": 1}));
    undecodable(server, &config_maps(server), &object, &["data"]).await;
}

fn deployments(server: &Server) -> String {
    server.path("apps/v1", "deployments")
}

fn deployment(containers: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
        "spec": {
            "selector": {"matchLabels": {"app": "a"}},
            "template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": containers}},
        },
    })
}

async fn wrong_types_deep_in_a_deployment_are_refused(server: &Server) {
    let mut object = deployment(&json!([{"name": "a", "image": "b"}]));
    object["spec"]["replicas"] = json!("2");
    undecodable(server, &deployments(server), &object, &["spec.replicas"]).await;
}

async fn containers_need_names(server: &Server) {
    let object = deployment(&json!([{"image": "b"}]));
    let field = "spec.template.spec.containers[0].name";
    invalid(server, &deployments(server), &object, &[field]).await;
}

async fn required_fields_are_checked(server: &Server) {
    let rbac = "rbac.authorization.k8s.io/v1";
    for (api_version, kind, plural, fields, field) in [
        ("v1", "Pod", "pods", json!({"spec": {}}), "spec.containers"),
        (
            "apps/v1",
            "Deployment",
            "deployments",
            json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}}),
            "spec.selector",
        ),
        (
            "batch/v1",
            "CronJob",
            "cronjobs",
            json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": {
                "restartPolicy": "Never", "containers": [{"name": "a", "image": "b"}]}}}}}}),
            "spec.schedule",
        ),
        (
            rbac,
            "Role",
            "roles",
            json!({"rules": [{"apiGroups": [""], "resources": ["pods"]}]}),
            "rules[0].verbs",
        ),
        (rbac, "RoleBinding", "rolebindings", json!({}), "roleRef"),
    ] {
        let mut object =
            json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}});
        for (name, value) in fields.as_object().into_iter().flatten() {
            object[name] = value.clone();
        }
        let answer = refused(server, &server.path(api_version, plural), &object, 422).await;
        assert_eq!(answer.reason(), "Invalid");
        // One matching field is enough: if a map is missing, a real server reports the required fields in that map, and may
        // report additional errors.
        let found = answer.fields();
        assert!(
            found.iter().any(|found| found.starts_with(field)),
            "{found:?}"
        );
    }
}

async fn the_data_of_a_secret_must_be_base64(server: &Server) {
    let secret = |data: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"a": data}});
    let path = server.path("v1", "secrets");
    undecodable(server, &path, &secret("not base64"), &[]).await;
    server.post(&path, &secret("YQ==")).await.expect_status(201);
}

async fn null_values_are_treated_as_missing(server: &Server) {
    let mut object = resource("a");
    object["metadata"]["labels"] = json!(null);
    object["spec"]["params"] = json!(null);
    let made = server.post(&resources(server), &object).await;
    assert_eq!(made.expect_status(201).json["spec"].get("params"), None);
    let mut object = config_map("a", &json!(null));
    object["metadata"]["annotations"] = json!(null);
    let made = server.post(&config_maps(server), &object).await;
    assert_eq!(made.expect_status(201).json.get("data"), None);
}

async fn quantities_may_be_numbers(server: &Server) {
    let containers =
        json!([{"name": "a", "image": "b", "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}]);
    let object = deployment(&containers);
    let made = server
        .post(&deployments(server), &object)
        .await
        .expect_status(201)
        .json;
    let limits = &made["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"];
    assert_eq!(*limits, json!({"cpu": "1", "memory": "1Gi"}));
}
