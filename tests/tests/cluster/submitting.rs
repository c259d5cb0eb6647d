//! Tests when objects are created, and what happens to the objects after the run.

use gleaner_tests::cluster::Namespace;
use gleaner_tests::cluster::suite::Case;
use gleaner_tests::on_cluster;
use serde_json::json;

use crate::{BUILD, allow, holds, param};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        a_run_applies_an_existing_deployment_and_waits_for_it,
        a_deployment_that_does_not_become_available_fails_the_run,
        a_step_can_send_the_submit_request,
        nothing_is_created_without_a_submit_request,
        nothing_is_created_if_a_later_step_fails,
        objects_outlive_their_run_unless_they_are_owned,
        a_generated_resource_cannot_be_edited,
    ]
}

/// Returns [`BUILD`] with the additional `line` in its declaration, and the additional `steps`.
fn with(line: &str, steps: &str) -> String {
    BUILD.replace("spec:\n  params", &format!("      {line}\nspec:\n  params")) + steps
}

const SUBMITS: &str = r#"
    - name: submit
      image: localhost/gleaner-test/busybox:1
      script: |
        wget -q -O - --header "Authorization: Bearer $(cat /gleaner/run/me/token)" --post-data '' \
          http://127.0.0.1:8440/v1/submit
"#;

fn a_step_can_send_the_submit_request(namespace: &Namespace) {
    namespace.apply(&with("submit: Manual", SUBMITS));
    let run = namespace.run("build").succeeded();
    let resource = namespace.only_resource();
    let name = resource["metadata"]["name"].as_str().expect("a name");
    holds(
        &namespace.logs(run.pod(), "step-submit"),
        &["Committed", name],
    );
    assert_eq!(run.result("img").expect("a result")["name"], name);
}

fn nothing_is_created_without_a_submit_request(namespace: &Namespace) {
    namespace.apply(&with("submit: Manual", ""));
    let run = namespace.run("build").succeeded();
    holds(&namespace.logs(run.pod(), "step-build"), &["submit"]);
    namespace.no_resource();
}

fn nothing_is_created_if_a_later_step_fails(namespace: &Namespace) {
    let fails =
        "    - name: test\n      image: localhost/gleaner-test/busybox:1\n      script: exit 1\n";
    namespace.apply(&with("submit: Completed", fails));
    let run = namespace.run("build").failed("StepFailed");
    holds(run.message(), &["\"step-test\" exited with code 1"]);
    namespace.no_resource();
    // If this step succeeds, the resource is created.
    namespace.apply(&with(
        "submit: Completed",
        &fails.replace("exit 1", "exit 0"),
    ));
    namespace.start("build", "second");
    namespace.ended("taskrun/second").succeeded();
    namespace.only_resource();
}

/// Returns a Task that applies a Deployment with the image from the Task's parameter, and that waits at most `timeout` until the
/// Deployment is available.
fn deploys(timeout: &str) -> String {
    format!(
        r#"
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: deploy
  annotations:
    gleaner.dev/outputs: |
      steps: {{build: [{{name: image}}]}}
      objects:
        - name: app
          policy: Apply
          waitFor: {{condition: Available, timeout: {timeout}}}
          results: {{available: .status.availableReplicas}}
          resourceTemplate:
            apiVersion: apps/v1
            kind: Deployment
            metadata: {{name: app}}
            spec:
              selector: {{matchLabels: {{app: app}}}}
              template:
                metadata: {{labels: {{app: app}}}}
                spec:
                  terminationGracePeriodSeconds: 0
                  containers:
                    - name: app
                      image: $(steps.build.image)
                      command: [sleep, "3600"]
                      readinessProbe: {{exec: {{command: ["true"]}}, periodSeconds: 1}}
spec:
  params: [{{name: image, default: "localhost/gleaner-test/busybox:1"}}]
  steps:
    - name: build
      image: localhost/gleaner-test/busybox:1
      script: echo "$(params.image)" >"$GLEANER_OUTPUTS/image"
"#
    )
}

/// A Deployment that another field manager applies before the run. The fields that this manager owns must not change.
const DEPLOYMENT: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, labels: {owner: somebody}}
spec:
  replicas: 1
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: other, image: "localhost/gleaner-test/busybox:1", command: [sleep, "3600"]}]
"#;

fn a_run_applies_an_existing_deployment_and_waits_for_it(namespace: &Namespace) {
    allow(namespace, "deployments.apps");
    namespace
        .kubectl_with(
            &[
                "apply",
                "--server-side",
                "--field-manager=somebody",
                "--filename=-",
            ],
            DEPLOYMENT,
        )
        .succeed();
    namespace.wait("deployment/app", "condition=Available");
    namespace.apply(&deploys("1m"));
    let run = namespace.run("deploy").succeeded();
    let app = namespace.get("deployment/app");
    assert_eq!(app["metadata"]["labels"]["owner"], "somebody");
    assert_eq!(app["spec"]["replicas"], 1);
    let containers = app["spec"]["template"]["spec"]["containers"]
        .as_array()
        .expect("a list");
    let names: Vec<_> = containers
        .iter()
        .map(|container| &container["name"])
        .collect();
    assert_eq!(names, ["other", "app"]);
    assert_eq!(
        app["status"]["observedGeneration"],
        app["metadata"]["generation"]
    );
    assert_eq!(run.result("app").expect("a result")["available"], "1");
}

fn a_deployment_that_does_not_become_available_fails_the_run(namespace: &Namespace) {
    allow(namespace, "deployments.apps");
    namespace.apply(&deploys("2s").replace(
        "\"localhost/gleaner-test/busybox:1\"",
        "\"localhost/not/there:1\"",
    ));
    namespace.run("deploy").failed("StepFailed");
    let described = namespace.describe("taskrun/deploy-run");
    holds(
        &described,
        &[
            "NotCreated",
            "condition Available did not become True within 2 s",
        ],
    );
    // The rollback deleted the Deployment, because the run had created it.
    assert_eq!(namespace.list("deployments").len(), 0);
}

fn objects_outlive_their_run_unless_they_are_owned(namespace: &Namespace) {
    allow(namespace, "configmaps");
    namespace.apply(
        r#"
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: notes
  annotations:
    gleaner.dev/outputs: |
      steps: {write: [{name: note}]}
      objects:
        - name: free
          resourceTemplate:
            {apiVersion: v1, kind: ConfigMap, metadata: {name: free}, data: {note: $(steps.write.note)}}
        - name: owned
          owned: true
          resourceTemplate:
            {apiVersion: v1, kind: ConfigMap, metadata: {name: owned}, data: {note: $(steps.write.note)}}
spec:
  steps:
    - name: write
      image: localhost/gleaner-test/busybox:1
      script: echo hello >"$GLEANER_OUTPUTS/note"
"#,
    );
    namespace.run("notes").succeeded();
    assert_eq!(
        namespace.get("configmap/owned")["metadata"]["ownerReferences"][0]["kind"],
        "TaskRun"
    );
    namespace
        .kubectl(&["delete", "taskrun", "notes-run"])
        .succeed();
    namespace.wait("configmap/owned", "delete");
    let free = namespace.get("configmap/free");
    assert_eq!(free["data"], json!({"note": "hello"}));
    assert_eq!(free["metadata"]["ownerReferences"], json!(null));
}

fn a_generated_resource_cannot_be_edited(namespace: &Namespace) {
    namespace.apply(BUILD);
    namespace.run("build").succeeded();
    let resource = namespace.only_resource();
    let name = resource["metadata"]["name"].as_str().expect("a name");
    let patch = |patch: &str| {
        let arguments = [
            "patch",
            "pipelineresource",
            name,
            "--type=merge",
            "--patch",
            patch,
        ];
        namespace.kubectl(&arguments)
    };
    let refusal = patch(r#"{"spec":{"type":"git"}}"#).fail();
    holds(&refusal, &["cannot be changed", "run the task again"]);
    let refusal = patch(r#"{"metadata":{"labels":{"app.kubernetes.io/managed-by":null}}}"#).fail();
    holds(&refusal, &["cannot be added, changed or removed"]);
    patch(r#"{"metadata":{"labels":{"mine":"yes"}}}"#).succeed();
    assert_eq!(param(&namespace.only_resource(), "digest"), "sha256:54ed");
}
