//! Runs the translation of the proposal's documents on a cluster. The documents are unchanged except for the image and the
//! repository that the test environment does not provide.

use gleaner_tests::cluster::start::repository;
use gleaner_tests::cluster::suite::Case;
use gleaner_tests::cluster::{Namespace, Output};
use gleaner_tests::on_cluster;
use serde_json::json;

use crate::{gleaner, param};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        the_proposals_documents_create_the_resource_and_pass_it_to_the_next_task,
        a_translation_can_be_applied_again,
    ]
}

/// The image and the repository in the proposal's documents that the test environment does not provide, with their replacements.
const REPLACED: [(&str, &str); 2] = [
    (
        "image: gcr.io/kaniko-project/executor\n",
        "image: localhost/gleaner-test/kaniko:1\n",
    ),
    (
        "value: https://gh.neting.cc/chhsia0/knative-route-demo\n",
        "value: git://10.244.0.1/knative-route-demo\n",
    ),
];

/// Returns the translation of the proposal's documents, after the replacements.
fn translated() -> String {
    let file = repository("examples/build-and-test.yaml");
    let mut text = std::fs::read_to_string(file).expect("the example can be read");
    for (there, here) in REPLACED {
        assert_eq!(text.matches(there).count(), 1, "{there:?} in {text}");
        text = text.replace(there, here);
    }
    let mut gleaner = gleaner();
    gleaner.args(["translate", "-f", "-"]);
    gleaner.arg("--git-image=localhost/gleaner-test/git:1");
    Output::of(&mut gleaner, &text).succeed()
}

fn the_proposals_documents_create_the_resource_and_pass_it_to_the_next_task(namespace: &Namespace) {
    namespace.apply(&translated());
    let run = namespace
        .ended("pipelinerun/build-and-test-run")
        .succeeded();

    // The object is the same as in the proposal, except for the values that depend on the run, and for the owner's API version,
    // which is Tekton's current version.
    let resource = namespace.only_resource();
    let digest = namespace.cluster().pushed_digest();
    assert_eq!(resource["apiVersion"], "tekton.dev/v1alpha1");
    assert_eq!(resource["kind"], "PipelineResource");
    let name = resource["metadata"]["name"].as_str().expect("a name");
    let suffix = name.strip_prefix("build-and-push-image-");
    assert_eq!(suffix.map(str::len), Some(5), "{name}");
    let labels = &resource["metadata"]["labels"];
    assert_eq!(labels["tekton.dev/task"], "build-and-push");
    assert_eq!(
        labels["tekton.dev/taskrun"],
        "build-and-test-run-build-and-push"
    );
    let owner = json!([{
        "apiVersion": "tekton.dev/v1",
        "blockOwnerDeletion": true,
        "controller": true,
        "kind": "PipelineRun",
        "name": "build-and-test-run",
        "uid": run.uid(),
    }]);
    assert_eq!(resource["metadata"]["ownerReferences"], owner);
    let spec = json!({
        "type": "image",
        "params": [
            {"name": "url", "value": "docker.io/chhsiao/knative-route-demo"},
            {"name": "digest", "value": digest},
        ],
    });
    assert_eq!(resource["spec"], spec);

    // The second task ran the image with the digest that the first task output.
    let pod = namespace.get("pod/build-and-test-run-run-test-binary-pod");
    let image = format!("docker.io/chhsiao/knative-route-demo@{digest}");
    assert_eq!(pod["spec"]["containers"][0]["image"], image);
    let state = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(state["exitCode"], 0, "{state}");
    let said = namespace.logs("build-and-test-run-run-test-binary-pod", "step-run-test");
    assert!(said.contains("all routes answer"), "{said}");

    // The garbage collector deletes the resource together with the run.
    namespace
        .kubectl(&["delete", "pipelinerun", "build-and-test-run"])
        .succeed();
    namespace.wait(&format!("pipelineresource/{name}"), "delete");
}

fn a_translation_can_be_applied_again(namespace: &Namespace) {
    let documents = translated();
    namespace.apply(&documents);
    let run = namespace
        .ended("pipelinerun/build-and-test-run")
        .succeeded();
    let before = namespace.get("task/build-and-push");
    namespace.apply(&documents);
    let after = namespace.get("task/build-and-push");
    assert_eq!(before["spec"], after["spec"]);
    assert_eq!(
        namespace.get("pipelinerun/build-and-test-run")["metadata"]["uid"],
        run.uid()
    );
    assert_eq!(
        param(&namespace.only_resource(), "digest"),
        namespace.cluster().pushed_digest()
    );
}
