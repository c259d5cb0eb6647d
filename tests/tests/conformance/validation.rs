//! What is no valid object, and how the server says so.

use gleaner_tests::cases;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use serde_json::{Value, json};

use crate::{config_map, config_maps, resource, resources};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        unknown_fields_are_refused_when_strict,
        unknown_fields_are_dropped_with_a_warning_otherwise,
        duplicate_fields_are_refused_when_strict,
        a_schema_is_enforced,
        names_are_checked,
        labels_are_checked,
        owner_references_are_checked,
        wrong_types_in_metadata_are_refused,
        wrong_types_in_a_config_map_are_refused,
        wrong_types_deep_in_a_deployment_are_refused,
        workloads_need_a_selector_that_matches,
        containers_need_names_and_images,
        jobs_need_a_restart_policy,
        kinds_have_their_required_fields,
        quantities_may_be_numbers,
    ]
}

async fn refused(server: &Server, path: &str, object: &Value, status: u16) -> String {
    server
        .post(path, object)
        .await
        .expect_status(status)
        .refusal()
}

async fn unknown_fields_are_refused_when_strict(server: &Server) {
    let mut object = resource("a");
    object["spec"]["typo"] = json!(1);
    object["spec"]["params"][0]["valeu"] = json!("x");
    object["metadata"]["lables"] = json!({});
    object["extra"] = json!(true);
    let path = format!("{}?fieldValidation=Strict", resources(server));
    assert_eq!(
        refused(server, &path, &object, 400).await,
        "BadRequest: PipelineResource in version \"v1alpha1\" cannot be handled as a PipelineResource: strict \
         decoding error: unknown field \"metadata.lables\", unknown field \"extra\", \
         unknown field \"spec.params[0].valeu\", unknown field \"spec.typo\""
    );
    let mut object = config_map("a", &json!({}));
    object["dat"] = json!({});
    let path = format!("{}?fieldValidation=Strict&dryRun=All", config_maps(server));
    assert_eq!(
        refused(server, &path, &object, 400).await,
        "BadRequest: ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: \
         unknown field \"dat\""
    );
}

async fn unknown_fields_are_dropped_with_a_warning_otherwise(server: &Server) {
    let mut object = resource("a");
    object["spec"]["typo"] = json!(1);
    let answer = server
        .post(&resources(server), &object)
        .await
        .expect_status(201);
    assert_eq!(answer.json["spec"], resource("a")["spec"]);
    assert_eq!(answer.warnings(), [r#""unknown field \"spec.typo\"""#]);
    let path = format!("{}?fieldValidation=Ignore", resources(server));
    object["metadata"]["name"] = json!("b");
    let answer = server.post(&path, &object).await.expect_status(201);
    assert!(answer.warnings().is_empty());
}

async fn duplicate_fields_are_refused_when_strict(server: &Server) {
    let text = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "1", "a": "2"}}"#;
    let path = format!("{}?fieldValidation=Strict", config_maps(server));
    assert_eq!(
        refused(server, &path, &json!(text), 400).await,
        "BadRequest: ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: \
         duplicate field \"data.a\""
    );
}

async fn a_schema_is_enforced(server: &Server) {
    let mut object = resource("a");
    object["spec"] = json!({"params": [{"name": "a", "value": 5}, {"name": "b"}]});
    let path = format!("{}?dryRun=All", resources(server));
    let answer = server.post(&path, &object).await.expect_status(422);
    assert_eq!(
        answer.refusal(),
        "Invalid: PipelineResource.tekton.dev \"a\" is invalid: [spec.params[0].value: Invalid value: \"integer\": \
         spec.params[0].value in body must be of type string: \"integer\", spec.params[1].value: Required value, \
         spec.type: Required value, <nil>: Invalid value: null: some validation rules were not checked because the \
         object was invalid; correct the existing errors to complete validation]"
    );
    assert_eq!(
        answer.json["details"],
        json!({
            "name": "a", "group": "tekton.dev", "kind": "PipelineResource",
            "causes": [
                {"reason": "FieldValueTypeInvalid", "field": "spec.params[0].value",
                 "message": "Invalid value: \"integer\": spec.params[0].value in body must be of type string: \"integer\""},
                {"reason": "FieldValueRequired", "field": "spec.params[1].value", "message": "Required value"},
                {"reason": "FieldValueRequired", "field": "spec.type", "message": "Required value"},
                {"reason": "FieldValueInvalid", "field": "<nil>", "message": "Invalid value: null: some validation \
                 rules were not checked because the object was invalid; correct the existing errors to complete \
                 validation"},
            ],
        })
    );
    object["spec"] = json!({"type": ""});
    assert_eq!(
        refused(server, &path, &object, 422).await,
        "Invalid: PipelineResource.tekton.dev \"a\" is invalid: [spec.type: Unsupported value: \"\": supported values: \
         \"git\", \"image\", \"cluster\", \"storage\", \"pullRequest\", \"cloudEvent\", <nil>: Invalid value: null: some \
         validation rules were not checked because the object was invalid; correct the existing errors to complete \
         validation]"
    );
    object["spec"] = json!({"type": "image", "params": [{"name": "", "value": ""}]});
    assert_eq!(
        refused(server, &path, &object, 422).await,
        "Invalid: PipelineResource.tekton.dev \"a\" is invalid: spec.params[0].name: Invalid value: \"\": \
         spec.params[0].name in body should be at least 1 chars long"
    );
    object["spec"] = json!("text");
    assert_eq!(
        refused(server, &path, &object, 422).await,
        "Invalid: PipelineResource.tekton.dev \"a\" is invalid: [spec: Invalid value: \"string\": spec in body must be \
         of type object: \"string\", <nil>: Invalid value: null: some validation rules were not checked because the \
         object was invalid; correct the existing errors to complete validation]"
    );
}

async fn names_are_checked(server: &Server) {
    let path = resources(server);
    assert_eq!(
        refused(server, &path, &resource("Foo_Bar"), 422).await,
        "Invalid: PipelineResource.tekton.dev \"Foo_Bar\" is invalid: metadata.name: Invalid value: \"Foo_Bar\": a \
         lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start \
         and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
         '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    );
    assert_eq!(
        refused(server, &path, &resource(""), 422).await,
        "Invalid: PipelineResource.tekton.dev \"\" is invalid: [metadata.name: Required value: name or generateName is \
         required, <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; \
         correct the existing errors to complete validation]"
    );
    let long = "x".repeat(254);
    let text = refused(server, &path, &resource(&long), 422).await;
    assert!(
        text.contains("must be no more than 253 characters"),
        "{text}"
    );
    assert_eq!(
        refused(
            server,
            "/api/v1/namespaces",
            &json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a.b"}}),
            422
        )
        .await,
        "Invalid: Namespace \"a.b\" is invalid: metadata.name: Invalid value: \"a.b\": must not contain dots"
    );
}

async fn labels_are_checked(server: &Server) {
    let mut object = resource("a");
    object["metadata"]["labels"] = json!({"a b": "c d"});
    let text = refused(server, &resources(server), &object, 422).await;
    assert!(
        text.contains("metadata.labels: Invalid value: \"a b\": name part must consist of"),
        "{text}"
    );
    assert!(
        text.contains("metadata.labels: Invalid value: \"c d\": a valid label must be"),
        "{text}"
    );
    object["metadata"]["labels"] = json!({"a": "x".repeat(64)});
    let text = refused(server, &resources(server), &object, 422).await;
    assert!(text.contains("must be no more than 63 bytes"), "{text}");
}

async fn owner_references_are_checked(server: &Server) {
    let owner = |name: &str, uid: &str| json!({"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": name, "uid": uid, "controller": true});
    let mut object = resource("a");
    object["metadata"]["ownerReferences"] = json!([owner("x", "")]);
    assert_eq!(
        refused(server, &resources(server), &object, 422).await,
        "Invalid: PipelineResource.tekton.dev \"a\" is invalid: metadata.ownerReferences.uid: Invalid value: \"\": \
         must not be empty"
    );
    object["metadata"]["ownerReferences"] = json!([owner("x", "1"), owner("y", "2")]);
    let text = refused(server, &resources(server), &object, 422).await;
    let expected = "Only one reference can have Controller set to true. Found \"true\" in references for TaskRun/x and TaskRun/y";
    assert!(text.ends_with(expected), "{text}");
}

async fn wrong_types_in_metadata_are_refused(server: &Server) {
    let mut object = resource("a");
    object["metadata"]["labels"] = json!({"a": 1});
    let text = refused(server, &resources(server), &object, 400).await;
    let start = "BadRequest: PipelineResource in version \"v1alpha1\" cannot be handled as a PipelineResource: json: \
                 cannot unmarshal number into Go struct field ObjectMeta.labels";
    assert!(
        text.starts_with(start) && text.ends_with(" of type string"),
        "{text}"
    );
}

async fn wrong_types_in_a_config_map_are_refused(server: &Server) {
    let text = refused(
        server,
        &config_maps(server),
        &config_map("a", &json!({"a": 1})),
        400,
    )
    .await;
    let start = "BadRequest: ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal \
                 number into Go struct field ConfigMap.data";
    assert!(
        text.starts_with(start) && text.ends_with(" of type string"),
        "{text}"
    );
    assert_eq!(
        refused(
            server,
            &config_maps(server),
            &config_map("a", &json!({"a b": "c"})),
            422
        )
        .await,
        "Invalid: ConfigMap \"a\" is invalid: data[a b]: Invalid value: \"a b\": a valid config key must consist of \
         alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for \
         validation is '[-._a-zA-Z0-9]+')"
    );
}

fn deployment(labels: &Value, containers: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
        "spec": {
            "selector": {"matchLabels": {"app": "a"}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    })
}

async fn wrong_types_deep_in_a_deployment_are_refused(server: &Server) {
    let path = format!(
        "{}?fieldValidation=Strict",
        server.path("apps/v1", "deployments")
    );
    let mut object = deployment(&json!({"app": "a"}), &json!([{"name": "a", "image": "b"}]));
    object["spec"]["replicas"] = json!("2");
    let text = refused(server, &path, &object, 400).await;
    assert!(
        text.contains("json: cannot unmarshal string into Go struct field Deployment"),
        "{text}"
    );
    assert!(text.ends_with("spec.replicas of type int32"), "{text}");
    let mut object = deployment(&json!({"app": "a"}), &json!([{"name": "a", "imagee": "b"}]));
    object["spec"]["replica"] = json!(2);
    assert_eq!(
        refused(server, &path, &object, 400).await,
        "BadRequest: Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: unknown \
         field \"spec.template.spec.containers[0].imagee\", unknown field \"spec.replica\""
    );
}

async fn workloads_need_a_selector_that_matches(server: &Server) {
    let path = server.path("apps/v1", "deployments");
    let containers = json!([{"name": "a", "image": "b"}]);
    let mut object = deployment(&json!({"app": "a"}), &containers);
    object["spec"]
        .as_object_mut()
        .expect("a spec")
        .remove("selector");
    let text = refused(server, &path, &object, 422).await;
    let start = "Invalid: Deployment.apps \"a\" is invalid: [spec.selector: Required value, spec.template.metadata.labels: \
                 Invalid value: ";
    assert!(text.starts_with(start), "{text}");
    assert_eq!(
        refused(
            server,
            &path,
            &deployment(&json!({"app": "b"}), &containers),
            422
        )
        .await,
        "Invalid: Deployment.apps \"a\" is invalid: spec.template.metadata.labels: Invalid value: {\"app\":\"b\"}: \
         `selector` does not match template `labels`"
    );
}

async fn containers_need_names_and_images(server: &Server) {
    let path = server.path("apps/v1", "deployments");
    let text = refused(
        server,
        &path,
        &deployment(&json!({"app": "a"}), &json!([])),
        422,
    )
    .await;
    assert!(
        text.ends_with("spec.template.spec.containers: Required value"),
        "{text}"
    );
    let text = refused(
        server,
        &path,
        &deployment(&json!({"app": "a"}), &json!([{"name": "A"}])),
        422,
    )
    .await;
    assert!(text.contains("spec.template.spec.containers[0].name: Invalid value: \"A\": a lowercase RFC 1123 label"), "{text}");
    assert!(
        text.ends_with("spec.template.spec.containers[0].image: Required value]"),
        "{text}"
    );
}

async fn jobs_need_a_restart_policy(server: &Server) {
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"},
        "spec": {"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}},
    });
    assert_eq!(
        refused(server, &server.path("batch/v1", "jobs"), &job, 422).await,
        "Invalid: Job.batch \"a\" is invalid: spec.template.spec.restartPolicy: Required value: valid values: \
         \"OnFailure\", \"Never\""
    );
}

async fn kinds_have_their_required_fields(server: &Server) {
    let bare = |api_version: &str, kind: &str| json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}});
    let rbac = "rbac.authorization.k8s.io/v1";
    let mut role = bare(rbac, "Role");
    role["rules"] = json!([{"verbs": []}]);
    for (object, api_version, plural, faults) in [
        (
            bare("v1", "Pod"),
            "v1",
            "pods",
            "spec.containers: Required value",
        ),
        (
            bare("v1", "Service"),
            "v1",
            "services",
            "spec.ports: Required value",
        ),
        (
            bare("v1", "PersistentVolumeClaim"),
            "v1",
            "persistentvolumeclaims",
            "[spec.accessModes: Required value: at least 1 access mode is required, \
             spec.resources[storage]: Required value]",
        ),
        (
            bare("networking.k8s.io/v1", "Ingress"),
            "networking.k8s.io/v1",
            "ingresses",
            "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified",
        ),
        (
            bare(rbac, "RoleBinding"),
            rbac,
            "rolebindings",
            "[roleRef.kind: Unsupported value: \"\": supported values: \"Role\", \"ClusterRole\", \
             roleRef.name: Required value]",
        ),
        (
            role,
            rbac,
            "roles",
            "[rules[0].verbs: Required value: verbs must contain at least one value, \
             rules[0].apiGroups: Required value: resource rules must supply at least one api group, \
             rules[0].resources: Required value: resource rules must supply at least one resource]",
        ),
    ] {
        let text = refused(server, &server.path(api_version, plural), &object, 422).await;
        assert!(
            text.ends_with(&format!("\"a\" is invalid: {faults}")),
            "{text}"
        );
    }
}

async fn quantities_may_be_numbers(server: &Server) {
    let containers =
        json!([{"name": "a", "image": "b", "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}]);
    let object = deployment(&json!({"app": "a"}), &containers);
    let made = server
        .post(&server.path("apps/v1", "deployments"), &object)
        .await
        .expect_status(201)
        .json;
    let limits = &made["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"];
    assert_eq!(*limits, json!({"cpu": "1", "memory": "1Gi"}));
}
