//! Pods that Tekton does not create: pods from a Job, which have the annotation, and pods without the annotation.

use gleaner_tests::cluster::Namespace;
use gleaner_tests::cluster::suite::Case;
use gleaner_tests::on_cluster;
use serde_json::{Value, json};

use crate::param;

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        a_job_creates_a_resource,
        a_job_whose_resource_cannot_be_created_fails,
        a_pod_that_does_not_request_gleaner_stays_unchanged,
    ]
}

/// A Job whose container outputs a digest, and which creates an image resource with this digest.
pub(crate) const JOB: &str = r#"
apiVersion: batch/v1
kind: Job
metadata: {name: nightly}
spec:
  backoffLimit: 0
  template:
    metadata:
      annotations:
        gleaner.dev/outputs: |
          steps: {build: [{name: digest}]}
          resources:
            - name: img
              spec: {type: image, params: [{name: digest, value: $(steps.build.digest)}]}
    spec:
      restartPolicy: Never
      containers:
        - name: build
          image: localhost/gleaner-test/busybox:1
          command: [/bin/sh, -c, 'echo sha256:54ed >"$GLEANER_OUTPUTS/digest"']
"#;

fn a_job_creates_a_resource(namespace: &Namespace) {
    namespace.apply(JOB);
    namespace.wait("job/nightly", "condition=Complete");
    let resource = namespace.only_resource();
    assert_eq!(param(&resource, "digest"), "sha256:54ed");
    let job = namespace.get("job/nightly");
    let owner = &resource["metadata"]["ownerReferences"][0];
    assert_eq!(owner["kind"], "Job");
    assert_eq!(owner["uid"], job["metadata"]["uid"]);
    let name = resource["metadata"]["name"].as_str().expect("a name");
    namespace.kubectl(&["delete", "job", "nightly"]).succeed();
    namespace.wait(&format!("pipelineresource/{name}"), "delete");
}

fn a_job_whose_resource_cannot_be_created_fails(namespace: &Namespace) {
    namespace
        .kubectl(&["delete", "rolebinding", "gleaner-outputs"])
        .succeed();
    namespace.apply(JOB);
    namespace.wait("job/nightly", "condition=Failed");
    let pods = namespace.list("pods");
    let state = &pods[0]["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(state["exitCode"], 73, "{state}");
    let message = state["message"].as_str().unwrap_or_default();
    assert!(message.contains("forbidden"), "{state}");
    namespace.no_resource();
}

const POD: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: bare, labels: {app: bare}, annotations: {note: none of Gleaner's business}}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
    - name: gleaner
      image: localhost/gleaner-test/busybox:1
      command: [/bin/sh, -c, 'echo $$HOME $(HOME) "$HOME"']
      env: [{name: HOME, value: /tmp}]
"#;

/// Creates the same pod twice, the second time after disabling injection for the namespace, and compares the two.
fn a_pod_that_does_not_request_gleaner_stays_unchanged(namespace: &Namespace) {
    let create = || {
        namespace.create_all(POD);
        let pod = namespace.get("pod/bare");
        namespace
            .kubectl(&["delete", "pod", "bare", "--force", "--grace-period=0"])
            .succeed();
        pod
    };
    let mut with = create();
    let label = [
        "label",
        "namespace",
        namespace.name(),
        "gleaner.dev/injection=disabled",
    ];
    namespace.kubectl(&label).succeed();
    let mut without = create();
    for pod in [&mut with, &mut without] {
        // Remove what differs between any two pods, such as the random name of the volume with the token.
        let volume = pod["spec"]["volumes"][0]["name"]
            .as_str()
            .expect("a volume")
            .to_owned();
        *pod = serde_json::from_str(&pod.to_string().replace(&volume, "VOLUME")).expect("JSON");
        pod["status"] = Value::Null;
        pod["spec"]["nodeName"] = Value::Null;
        for key in [
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "managedFields",
            "generation",
        ] {
            pod["metadata"][key] = json!(null);
        }
    }
    assert_eq!(with.to_string(), without.to_string());
}
