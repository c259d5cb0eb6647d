//! The chart's CRD for the kind PipelineResource.

use gleaner_tests::cases;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use serde_json::{Value, json};

use crate::helm::{find, render};

/// The file with the CRD that the chart installs. The local API server contains a copy of this file.
pub(crate) const CRD: &str = include_str!("../../../charts/gleaner/files/pipelineresources.yaml");

pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = cases![
        specs_from_the_time_of_the_proposal_are_accepted,
        specs_that_tekton_refused_are_refused,
        a_list_shows_the_task_and_the_run_of_each_resource,
        pipeline_resources_are_listed_in_their_categories,
        the_chart_renders_the_crd_in_the_file,
    ]
    .into_iter()
    .map(Case::real_only)
    .collect();
    let copy = Case::new(
        "the_local_api_server_has_the_same_crd",
        the_local_api_server_has_the_same_crd,
    );
    cases.push(copy.local_only());
    cases
}

/// Returns a PipelineResource with this name and spec.
pub(crate) fn resource(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "tekton.dev/v1alpha1", "kind": "PipelineResource", "metadata": {"name": name}, "spec": spec,
    })
}

pub(crate) fn path(server: &Server) -> String {
    server.path("tekton.dev/v1alpha1", "pipelineresources")
}

fn params(pairs: &[(&str, &str)]) -> Value {
    pairs
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect()
}

async fn specs_from_the_time_of_the_proposal_are_accepted(server: &Server) {
    let cluster = [
        ("Name", "prod"),
        ("url", "https://10.0.0.1:6443"),
        ("username", "admin"),
    ];
    let shapes = [
        json!({"type": "git", "params": params(&[("revision", "master"), ("url", "https://example.com/a")])}),
        json!({"type": "image", "params": params(&[("url", "example.com/a"), ("digest", "sha256:54ed")])}),
        json!({"type": "image", "description": "for people", "optional": true}),
        json!({
            "type": "cluster", "params": params(&cluster),
            "secrets": [{"fieldName": "CAData", "secretKey": "ca", "secretName": "prod"}],
        }),
        json!({"type": "storage", "params": params(&[("TYPE", "gcs"), ("location", "gs://a/b")])}),
        json!({
            "type": "pullRequest", "params": params(&[("url", "https://example.com/a/pull/1")]),
            "secrets": [{"fieldName": "authToken", "secretKey": "token", "secretName": "github"}],
        }),
        json!({"type": "cloudEvent", "params": params(&[("targetURI", "https://example.com")])}),
    ];
    for (number, spec) in shapes.into_iter().enumerate() {
        let object = resource(&format!("shape-{number}"), &spec);
        let strict = format!("{}?fieldValidation=Strict", path(server));
        let created = server.post(&strict, &object).await.expect_status(201);
        assert_eq!(created.json["spec"], object["spec"]);
    }
}

async fn specs_that_tekton_refused_are_refused(server: &Server) {
    let cluster = |url: &str| {
        let known = [
            ("name", "prod"),
            ("username", "admin"),
            ("cadata", "AAAA"),
            ("url", url),
        ];
        json!({"type": "cluster", "params": params(&known)})
    };
    for (spec, complaint) in [
        (
            json!({"type": "report"}),
            "spec.type: Unsupported value: \"report\"",
        ),
        (json!({"params": []}), "spec.type: Required value"),
        (
            json!({"type": "cluster"}),
            "a cluster resource needs name, url, username and cadata",
        ),
        (
            cluster(""),
            "a cluster resource needs name, url, username and cadata",
        ),
        (
            cluster("10.0.0.1"),
            "a cluster resource needs a url with a scheme",
        ),
        (
            json!({"type": "storage", "params": params(&[("location", "gs://a")])}),
            "a storage resource needs the param type",
        ),
        (
            json!({"type": "storage", "params": params(&[("type", "s3"), ("location", "s3://a")])}),
            "a storage resource needs the param type with the value gcs or build-gcs",
        ),
        (
            json!({"type": "storage", "params": params(&[("type", "gcs")])}),
            "a storage resource needs the param location",
        ),
        (
            json!({"type": "image", "params": [{"name": "url", "value": 1}]}),
            "must be of type string",
        ),
        (
            json!({"type": "image", "secrets": [{"fieldName": "a"}]}),
            "secretKey: Required value",
        ),
    ] {
        let refused = server.post(&path(server), &resource("a", &spec)).await;
        assert_eq!(refused.status.as_u16(), 422, "{spec}: {}", refused.text);
        assert!(
            refused.refusal().contains(complaint),
            "{spec}: {}",
            refused.refusal()
        );
    }
    let mut unknown = resource("a", &json!({"type": "image"}));
    unknown["spec"]["parms"] = json!([]);
    let strict = format!("{}?fieldValidation=Strict", path(server));
    let refused = server.post(&strict, &unknown).await.expect_status(400);
    assert!(
        refused.refusal().contains("unknown field \"spec.parms\""),
        "{}",
        refused.text
    );
}

async fn a_list_shows_the_task_and_the_run_of_each_resource(server: &Server) {
    let mut object = resource("build-and-push-image-pbtqf", &json!({"type": "image"}));
    object["metadata"]["labels"] = json!({
        "tekton.dev/task": "build-and-push", "tekton.dev/taskrun": "build-and-push-run",
    });
    server.post(&path(server), &object).await.expect_status(201);
    let table = as_table(server).await;
    let columns: Vec<&str> = table["columnDefinitions"]
        .as_array()
        .expect("columns")
        .iter()
        .filter_map(|column| column["name"].as_str())
        .collect();
    assert_eq!(columns, ["Name", "Type", "Task", "TaskRun", "Age"]);
    let cells = table["rows"][0]["cells"].as_array().expect("cells");
    assert_eq!(
        cells[..4],
        [
            "build-and-push-image-pbtqf",
            "image",
            "build-and-push",
            "build-and-push-run"
        ]
        .map(Value::from)
    );
}

/// Returns the list of PipelineResources as the table that kubectl requests.
async fn as_table(server: &Server) -> Value {
    let request = http::Request::get(path(server))
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
        .body(Vec::new())
        .expect("a request");
    server.client().request(request).await.expect("a table")
}

async fn pipeline_resources_are_listed_in_their_categories(server: &Server) {
    let kinds = server
        .get("/apis/tekton.dev/v1alpha1")
        .await
        .expect_status(200)
        .json;
    let kind = kinds["resources"]
        .as_array()
        .expect("resources")
        .iter()
        .find(|kind| kind["name"] == "pipelineresources")
        .expect("pipelineresources");
    assert_eq!(
        kind["categories"],
        json!(["all", "tekton", "tekton-pipelines"])
    );
    assert_eq!(kind["singularName"], "pipelineresource");
}

async fn the_chart_renders_the_crd_in_the_file(_: &Server) {
    let objects = render("gleaner", &[]);
    let rendered = find(
        &objects,
        "CustomResourceDefinition",
        "pipelineresources.tekton.dev",
    );
    let file: Value = serde_saphyr::from_str(CRD).expect("YAML");
    assert_eq!(rendered["spec"], file["spec"]);
    assert_eq!(
        rendered["metadata"]["annotations"]["helm.sh/resource-policy"],
        "keep"
    );
    let objects = render("gleaner", &["crds.keep=false"]);
    let rendered = find(
        &objects,
        "CustomResourceDefinition",
        "pipelineresources.tekton.dev",
    );
    assert_eq!(rendered["metadata"].get("annotations"), None);
}

async fn the_local_api_server_has_the_same_crd(_: &Server) {
    let file: Value = serde_saphyr::from_str(CRD).expect("YAML");
    let served: Vec<Value> =
        serde_saphyr::from_multiple(gleaner_local_apiserver::TEKTON_CRDS).expect("YAML");
    assert!(
        served.contains(&file),
        "copy charts/gleaner/files/pipelineresources.yaml to local-apiserver/crds"
    );
}
