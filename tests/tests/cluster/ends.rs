//! Tests runs that do not simply succeed: timeouts, canceled runs, retries, and steps whose command fails.

use gleaner_tests::cluster::Namespace;
use gleaner_tests::cluster::suite::Case;
use gleaner_tests::on_cluster;
use serde_json::Value;

use crate::{BUILD, CHECK, checking, holds, param, pod_of};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        a_retry_creates_one_object,
        a_step_that_exceeds_its_timeout_fails_as_without_gleaner,
        a_canceled_run_finishes_immediately_and_creates_nothing,
        a_step_fails_with_its_own_exit_code,
        the_output_of_a_failed_step_is_used_if_it_has_when_always,
    ]
}

/// The first attempt creates the resource and then fails, so the resource exists when the second attempt starts.
fn a_retry_creates_one_object(namespace: &Namespace) {
    namespace.apply(&format!(
        "{BUILD}    - name: second
      image: localhost/gleaner-test/busybox:1
      # A pod's name is its host's.
      script: hostname | grep retry1
---
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {{name: again}}
spec: {{taskRef: {{name: build}}, retries: 1}}
"
    ));
    let run = namespace.ended("taskrun/again").succeeded();
    assert_eq!(run.retries(), 1);
    assert!(run.pod().ends_with("-retry1"), "{}", run.pod());
    let resource = namespace.only_resource();
    assert_eq!(
        run.result("img").expect("a result")["uid"],
        resource["metadata"]["uid"]
    );
}

/// Returns a Task whose only step is [`CHECK`], which waits forever. `fields` is added to the step.
fn waits(fields: &str) -> String {
    let check = CHECK.replace("- name: check\n", &format!("- name: check\n{fields}"));
    format!(
        r#"
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: waits
  annotations:
    gleaner.dev/outputs: |
      steps: {{check: [{{name: verdict}}]}}
      resources:
        - name: img
          spec: {{type: image, params: [{{name: digest, value: $(steps.check.verdict)}}]}}
spec:
  steps:{check}"#
    )
}

fn a_step_that_exceeds_its_timeout_fails_as_without_gleaner(namespace: &Namespace) {
    namespace.apply(&waits("      timeout: 2s\n"));
    let run = namespace.run("waits").failed("StepFailed");
    holds(
        run.message(),
        &["\"step-check\" exited because the step exceeded the specified timeout limit"],
    );
    assert_eq!(run.step("check")["terminationReason"], "TimeoutExceeded");
    // When the time limit expires, Tekton kills the redirector and the command, so the container terminates immediately.
    let state = &run.step("check")["terminated"];
    let seconds = |key: &str| {
        let time = state[key].as_str().expect("a time");
        let text = time
            .trim_end_matches('Z')
            .rsplit_once('T')
            .expect("a time")
            .1;
        text.split(':').fold(0, |sum, part| {
            sum * 60 + part.parse::<i32>().expect("a number")
        })
    };
    let took = (seconds("finishedAt") - seconds("startedAt")).rem_euclid(86_400);
    assert!(took <= 6, "{state}");
    namespace.no_resource();
}

fn a_canceled_run_finishes_immediately_and_creates_nothing(namespace: &Namespace) {
    namespace.apply(&waits(""));
    namespace.start("waits", "cancelled");
    let pod = checking(namespace, "cancelled");
    let patch = [
        "patch",
        "taskrun",
        "cancelled",
        "--type=merge",
        "--patch={\"spec\":{\"status\":\"TaskRunCancelled\"}}",
    ];
    namespace.kubectl(&patch).succeed();
    namespace
        .ended("taskrun/cancelled")
        .failed("TaskRunCancelled");
    namespace.wait(&format!("pod/{pod}"), "delete");
    namespace.no_resource();
}

fn a_step_fails_with_its_own_exit_code(namespace: &Namespace) {
    namespace.apply(&BUILD.replace("script: echo", "script: exit 7; echo"));
    let run = namespace.run("build").failed("StepFailed");
    holds(run.message(), &["\"step-build\" exited with code 7"]);
    assert_eq!(run.step("build")["terminated"]["exitCode"], 7);
    let pod = pod_of(namespace, "build-run");
    let pod = namespace.get(&format!("pod/{pod}"));
    let ended = pod["status"]["initContainerStatuses"]
        .as_array()
        .expect("a list")
        .iter();
    for container in ended {
        assert_ne!(
            container["state"]["terminated"]["reason"], "Error",
            "{container}"
        );
    }
    namespace.no_resource();
}

/// The step has `onError: continue`, and its output has `when: Always`.
fn the_output_of_a_failed_step_is_used_if_it_has_when_always(namespace: &Namespace) {
    let task = BUILD
        .replace("{name: digest}]", "{name: digest, when: Always}]")
        .replace(
            "- name: build\n",
            "- name: build\n      onError: continue\n",
        )
        .replace(
            "GLEANER_OUTPUTS/digest\"",
            "GLEANER_OUTPUTS/digest\"; exit 3",
        );
    namespace.apply(&task);
    let run = namespace.run("build").succeeded();
    let step = run.step("build");
    assert_eq!(step["terminationReason"], "Continued");
    assert_eq!(step["terminated"]["exitCode"], 3, "{step}");
    assert_eq!(param(&namespace.only_resource(), "digest"), "sha256:54ed");
    assert_ne!(run.result("img"), None::<&Value>);
}
