//! Failures, and the messages that users see: `kubectl apply` reports an invalid object immediately, and
//! `kubectl describe taskrun` shows the reason for a later failure.

use gleaner_tests::cluster::Namespace;
use gleaner_tests::cluster::suite::Case;
use gleaner_tests::on_cluster;
use serde_json::Value;

use crate::{BUILD, CHECK, checking, holds, let_go};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        a_sidecar_that_stays_down_is_reported,
        a_taken_static_name_is_reported,
        the_run_that_owns_an_object_with_the_same_static_name_is_reported,
        a_kind_that_the_cluster_does_not_serve_is_reported,
        a_kind_that_the_run_may_not_create_is_reported,
        a_missing_output_is_reported,
        an_invalid_declaration_is_refused_when_the_task_is_applied,
        an_invalid_declaration_is_refused_when_the_pipeline_is_applied,
        the_pod_of_a_task_that_was_applied_without_injection_is_refused,
    ]
}

/// Asserts that the output of `kubectl describe taskrun` contains all these words. That output includes the run's condition, and
/// the step's reason and message.
#[track_caller]
fn described(namespace: &Namespace, run: &str, words: &[&str]) {
    holds(&namespace.describe(&format!("taskrun/{run}")), words);
}

fn a_taken_static_name_is_reported(namespace: &Namespace) {
    namespace.apply(
        "
apiVersion: tekton.dev/v1alpha1
kind: PipelineResource
metadata: {name: taken}
spec: {type: image, params: [{name: url, value: mine}]}
",
    );
    namespace.apply(&BUILD.replace(
        "- name: img\n",
        "- name: img\n          metadata: {name: taken}\n",
    ));
    let run = namespace.run("build").failed("StepFailed");
    assert!(
        run.message().contains("\"step-build\" exited with code 73"),
        "{run}"
    );
    described(
        namespace,
        run.name(),
        &[
            "NotCreated",
            "PipelineResource",
            "taken",
            "already exists",
            "written by kubectl-client-side-apply",
        ],
    );
    namespace.no_resource();
    let mine = namespace.get("pipelineresource/taken");
    assert_eq!(mine["spec"]["params"][0]["value"], "mine");
}

fn the_run_that_owns_an_object_with_the_same_static_name_is_reported(namespace: &Namespace) {
    let named = "- name: img\n          metadata: {name: fixed}\n";
    namespace.apply(&BUILD.replace("- name: img\n", named));
    namespace.run("build").succeeded();
    let first = namespace.only_resource();
    assert_eq!(first["metadata"]["name"], "fixed");
    namespace.start("build", "second");
    namespace.ended("taskrun/second").failed("StepFailed");
    described(
        namespace,
        "second",
        &["NotCreated", "fixed", "TaskRun", "build-run"],
    );
    assert_eq!(namespace.only_resource(), first);
}

fn a_kind_that_the_cluster_does_not_serve_is_reported(namespace: &Namespace) {
    namespace.apply(
        r#"
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: deploy
  annotations:
    gleaner.dev/outputs: |
      steps: {build: [{name: digest}]}
      resources:
        - name: img
          spec: {type: image, params: [{name: digest, value: $(steps.build.digest)}]}
      objects:
        - name: route
          resourceTemplate:
            apiVersion: serving.example/v1
            kind: Route
            metadata: {name: route}
            spec: {digest: $(steps.build.digest)}
spec:
  steps:
    - name: build
      image: localhost/gleaner-test/busybox:1
      script: |
        echo the step itself has run
        echo sha256:54ed > "$GLEANER_OUTPUTS/digest"
"#,
    );
    let run = namespace.run("deploy").failed("StepFailed");
    described(
        namespace,
        run.name(),
        &["NotCreated", "serving.example/v1", "Route"],
    );
    // The other resource is not created either. However, the step itself has run, as the proposal requires.
    namespace.no_resource();
    holds(
        &namespace.logs(run.pod(), "step-build"),
        &["the step itself has run"],
    );
}

fn a_kind_that_the_run_may_not_create_is_reported(namespace: &Namespace) {
    namespace
        .kubectl(&["delete", "rolebinding", "gleaner-outputs"])
        .succeed();
    namespace.apply(BUILD);
    let run = namespace.run("build").failed("StepFailed");
    described(
        namespace,
        run.name(),
        &["NotCreated", "forbidden", "pipelineresources"],
    );
    namespace.no_resource();
}

fn a_missing_output_is_reported(namespace: &Namespace) {
    namespace.apply(&BUILD.replace("$GLEANER_OUTPUTS/digest", "/tmp/elsewhere"));
    let run = namespace.run("build").failed("StepFailed");
    assert!(
        run.message().contains("\"step-build\" exited with code 65"),
        "{run}"
    );
    described(namespace, run.name(), &["OutputMissing", "digest"]);
    namespace.no_resource();
}

fn an_invalid_declaration_is_refused_when_the_task_is_applied(namespace: &Namespace) {
    let wrong = BUILD
        .replace("$(steps.build.digest)", "$(steps.build.digset)")
        .replace("$(params.url)", "$(params.ulr)");
    let refusal = namespace.refuse(&wrong);
    holds(
        &refusal,
        &[
            "2 errors",
            "resources[0].spec.params[0].value",
            "did you mean",
            "url",
            "resources[0].spec.params[1].value",
            "digset",
            "digest",
        ],
    );
    assert_eq!(namespace.list("tasks").len(), 0);
    // An update with this declaration, and a TaskRun with an embedded spec, are refused too.
    namespace.apply(BUILD);
    holds(&namespace.refuse(&wrong), &["digset"]);
    let task = namespace.get("task/build");
    assert!(!task.to_string().contains("digset"));
    let (head, spec) = wrong.split_once("\nspec:\n").expect("a spec");
    let spec: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    let run = format!("{head}\nspec:\n  taskSpec:\n{spec}").replace("kind: Task", "kind: TaskRun");
    holds(&namespace.refuse(&run), &["digset"]);
    assert_eq!(namespace.list("taskruns").len(), 0);
}

fn an_invalid_declaration_is_refused_when_the_pipeline_is_applied(namespace: &Namespace) {
    let refusal = namespace.refuse(
        r#"
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: wrong}
spec:
  tasks:
    - name: build
      taskSpec:
        metadata:
          annotations:
            gleaner.dev/outputs: |
              steps: {biuld: [{name: digest}]}
        steps:
          - name: build
            image: localhost/gleaner-test/busybox:1
            command: ["/bin/true"]
"#,
    );
    holds(&refusal, &["biuld", "did you mean", "build"]);
    assert_eq!(namespace.list("pipelines").len(), 0);
}

/// If the sidecar crashes repeatedly while a step runs, the step must fail instead of waiting forever.
fn a_sidecar_that_stays_down_is_reported(namespace: &Namespace) {
    namespace.apply(&format!(
        r#"
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: check
  annotations:
    gleaner.dev/outputs: |
      steps: {{check: [{{name: verdict}}]}}
      resources:
        - name: img
          spec: {{type: image, params: [{{name: digest, value: $(steps.check.verdict)}}]}}
spec:
  steps:{CHECK}"#
    ));
    namespace.start("check", "check-run");
    let pod = checking(namespace, "check-run");
    let waits = |state: &Value| {
        let message = state["waiting"]["message"].as_str()?;
        let (_, rest) = message.split_once("back-off ")?;
        // The message contains the back-off time, such as 40s or 1m20s. A time of at least one minute contains an `m`.
        Some(rest.split_once(' ')?.0.contains('m'))
    };
    // The kubelet doubles the back-off time after each crash. Wait until it exceeds one minute, because a redirector retries for
    // one minute.
    namespace.until("the back-off time exceeds one minute", || {
        let pod_now = namespace.get(&format!("pod/{pod}"));
        let all = pod_now["status"]["initContainerStatuses"].as_array()?;
        let sidecar = all
            .iter()
            .find(|container| container["name"] == "sidecar-gleaner")?;
        if sidecar["state"]["running"].is_object() {
            let arguments = ["-n", namespace.name(), &pod, "sidecar-gleaner"];
            // Ignore an error, because the container may have terminated since the request.
            let _killed = namespace
                .cluster()
                .script("kill-container", &arguments)
                .status;
        }
        waits(&sidecar["state"]).filter(|minutes| *minutes)
    });
    let_go(namespace, &pod);
    let run = namespace.ended("taskrun/check-run").failed("StepFailed");
    assert!(
        run.message().contains("\"step-check\" exited with code 69"),
        "{run}"
    );
    described(
        namespace,
        "check-run",
        &["SidecarUnreachable", "unreachable"],
    );
    namespace.no_resource();
}

/// The Task was applied while injection was disabled, so its pod would run without a sidecar and create no resource.
fn the_pod_of_a_task_that_was_applied_without_injection_is_refused(namespace: &Namespace) {
    let label = |value: &str| {
        let label = format!("gleaner.dev/injection{value}");
        namespace
            .kubectl(&["label", "namespace", namespace.name(), &label])
            .succeed();
    };
    label("=disabled");
    namespace.apply(BUILD);
    label("-");
    let run = namespace.run("build").failed("PodCreationFailed");
    holds(
        run.message(),
        &[
            "Gleaner's webhook did not inject its Task",
            "apply the Task again",
        ],
    );
    namespace.apply(&BUILD.replace(
        "name: build\n  annotations",
        "name: build\n  labels: {touched: again}\n  annotations",
    ));
    namespace.start("build", "second");
    namespace.ended("taskrun/second").succeeded();
    namespace.only_resource();
}
