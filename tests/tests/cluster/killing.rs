//! If the sidecar is killed or the pod is deleted, the run still succeeds and creates only one object.

use gleaner_tests::cluster::Namespace;
use gleaner_tests::cluster::suite::Case;
use gleaner_tests::on_cluster;
use serde_json::Value;

use crate::{CHECK, checking, let_go, param};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        a_run_succeeds_although_its_sidecar_is_killed,
        a_run_whose_pod_is_deleted_creates_one_object,
        a_run_whose_pod_is_deleted_replaces_the_object_if_the_outputs_differ,
    ]
}

/// Returns a Task that has two steps and creates a resource with these `params`. The first step outputs what the shell command
/// `digest` prints. The second step is [`CHECK`], which waits until the test releases it.
fn two_steps(digest: &str, params: &str) -> String {
    format!(
        r#"
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: two
  annotations:
    gleaner.dev/outputs: |
      steps:
        build: [{{name: digest}}]
        check: [{{name: verdict}}]
      resources:
        - name: img
          spec: {{type: image, params: [{params}]}}
spec:
  steps:
    - name: build
      image: localhost/gleaner-test/busybox:1
      script: {digest} >"$GLEANER_OUTPUTS/digest"{CHECK}"#
    )
}

const DIGEST: &str = "{name: digest, value: $(steps.build.digest)}";

fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().expect("a UID")
}

/// The restarted sidecar replays the first step's output from its journal. The second step posts to the restarted sidecar, and if
/// necessary waits for it.
fn a_run_succeeds_although_its_sidecar_is_killed(namespace: &Namespace) {
    let verdict = "{name: verdict, value: $(steps.check.verdict)}";
    namespace.apply(&two_steps("echo kept", &format!("{DIGEST}, {verdict}")));
    namespace.start("two", "two-run");
    let pod = checking(namespace, "two-run");
    let arguments = ["-n", namespace.name(), &pod, "sidecar-gleaner"];
    namespace
        .cluster()
        .script("kill-container", &arguments)
        .succeed();
    let_go(namespace, &pod);
    let run = namespace.ended("taskrun/two-run").succeeded();
    let resource = namespace.only_resource();
    assert_eq!(param(&resource, "digest"), "kept");
    assert_eq!(param(&resource, "verdict"), "good");
    assert_eq!(run.result("img").expect("a result")["uid"], uid(&resource));
    let pod = namespace.get(&format!("pod/{pod}"));
    let all = pod["status"]["initContainerStatuses"]
        .as_array()
        .expect("a list");
    let sidecar = all
        .iter()
        .find(|container| container["name"] == "sidecar-gleaner");
    assert_eq!(sidecar.expect("the sidecar")["restartCount"], 1);
}

/// Deletes the pod of a run while its second step waits, lets the run succeed in the pod that Tekton creates instead, and returns
/// the resource that the first pod created.
#[track_caller]
fn delete_once(namespace: &Namespace, run: &str) -> Value {
    let pod = checking(namespace, run);
    let first = namespace.only_resource();
    let before = namespace.get(&format!("pod/{pod}"));
    // Delete the pod without waiting for its containers, as if its node were lost, so that Tekton does not see how the pod
    // terminated.
    namespace
        .kubectl(&["delete", "pod", &pod, "--force", "--grace-period=0"])
        .succeed();
    namespace.until("Tekton creates another pod", || {
        let now = namespace.kubectl(&["get", "pod", &pod, "--output=json"]);
        let now: Value = serde_json::from_str(&now.stdout).ok()?;
        (uid(&now) != uid(&before)).then_some(())
    });
    checking(namespace, run);
    let_go(namespace, &pod);
    namespace.ended(&format!("taskrun/{run}")).succeeded();
    first
}

fn a_run_whose_pod_is_deleted_creates_one_object(namespace: &Namespace) {
    namespace.apply(&two_steps("echo the same", DIGEST));
    namespace.start("two", "two-run");
    let first = delete_once(namespace, "two-run");
    assert_eq!(
        uid(&namespace.only_resource()),
        uid(&first),
        "the second pod must adopt the object that the first one created"
    );
}

fn a_run_whose_pod_is_deleted_replaces_the_object_if_the_outputs_differ(namespace: &Namespace) {
    namespace.apply(&two_steps("cat /proc/sys/kernel/random/uuid", DIGEST));
    namespace.start("two", "two-run");
    let first = delete_once(namespace, "two-run");
    let last = namespace.only_resource();
    assert_ne!(param(&last, "digest"), param(&first, "digest"));
    assert_eq!(last["metadata"]["name"], first["metadata"]["name"]);
}
