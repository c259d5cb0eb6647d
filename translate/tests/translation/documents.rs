//! Documents that stay unchanged, and PipelineResources that are not in the files.

use gleaner_core::document::{writer, yaml};
use gleaner_translate::{Fetched, Missing};
use serde_json::json;

use crate::{translate, translate_with, translated};

const RUN: &str = "\
apiVersion: tekton.dev/v1beta1
kind: TaskRun
metadata: {name: r, namespace: builds}
spec:
  taskRef: {name: t}
  resources: {inputs: [{name: src, resourceRef: {name: demo}}]}
";

#[test]
fn translated_documents_stay_unchanged() {
    let proposal = include_str!("../../../examples/build-and-test.yaml");
    let embedded = "apiVersion: tekton.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: p}\nspec:\n  tasks:\n  - name: t\n    taskSpec:\n      \
                    description: of $(resources.nothing.url)\n      steps: [{image: i, outputs: [{name: a}]}]\n      \
                    outputs: {resources: [{name: r, spec: {type: image, params: [{name: url, value: $(steps.unnamed-0.a)}]}}]}\n";
    for text in [proposal, embedded] {
        let once = translated(text);
        assert_eq!(translated(&once), once);
    }
}

#[test]
fn documents_of_other_kinds_stay_unchanged() {
    let text = "kind: ConfigMap\napiVersion: v1\ndata:\n  a: $(inputs.params.x)\n  b: \"no\"\nstatus: {x: 1}\n---\n\
                apiVersion: tekton.dev/v1\nkind: StepAction\nmetadata: {name: a}\nspec: {image: i}\n---\n\
                apiVersion: serving.knative.dev/v1\nkind: Task\nspec: {resources: {a: b}}\n";
    let documents = translate(text).unwrap();
    assert_eq!(
        documents,
        [
            json!({"kind": "ConfigMap", "apiVersion": "v1", "data": {"a": "$(inputs.params.x)", "b": "no"}, "status": {"x": 1}}),
            json!({"apiVersion": "tekton.dev/v1", "kind": "StepAction", "metadata": {"name": "a"}, "spec": {"image": "i"}}),
            json!({"apiVersion": "serving.knative.dev/v1", "kind": "Task", "spec": {"resources": {"a": "b"}}}),
        ]
    );
    assert!(writer::to_yaml(&documents).starts_with("kind: ConfigMap\napiVersion: v1\n"));
}

#[test]
fn a_resource_that_is_in_no_file_is_reported_as_missing() {
    let refusal = translate(RUN).unwrap_err();
    let missing = Missing {
        namespace: Some("builds".to_owned()),
        name: "demo".to_owned(),
    };
    assert_eq!(refusal.missing, [missing]);
    let text = "metadata: {name: demo}\nspec: {type: git, params: [{name: url, value: https://git.example/demo}]}\n";
    let resource = yaml::parse(text).unwrap();
    let mut fetched = Fetched {
        origin: "the cluster old".to_owned(),
        resources: vec![("builds".to_owned(), resource)],
    };
    let documents = translate_with(RUN, Some(&fetched)).unwrap();
    let value = json!({"name": "demo", "url": "https://git.example/demo", "revision": ""});
    assert_eq!(documents[0]["spec"]["params"][0]["value"], value);
    // A PipelineResource with the same name in another namespace does not match.
    fetched.resources[0].0 = "other".to_owned();
    let refusal = translate_with(RUN, Some(&fetched)).unwrap_err();
    let found = refusal.findings[0].to_string();
    assert!(
        found.contains("not found in the files or in the cluster old"),
        "{found}"
    );
}
