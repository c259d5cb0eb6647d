//! Cases that change the whole cluster: they stop or replace the injectors, or change the settings of Tekton or Gleaner. They run
//! one after another, and each restores the cluster.

use gleaner_tests::cluster::start::repository;
use gleaner_tests::cluster::suite::Case;
use gleaner_tests::cluster::{Namespace, Output};
use gleaner_tests::on_cluster;

use crate::{BUILD, holds, param};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        an_injector_responds_at_all_times_while_injectors_are_replaced,
        without_the_injector_only_objects_that_request_gleaner_are_refused,
        gleaners_sidecar_exits_with_the_run_if_tekton_uses_native_sidecars,
        a_run_succeeds_in_a_namespace_that_enforces_restricted_pods,
        without_native_sidecars_gleaner_uses_a_tekton_sidecar,
        tekton_artifacts_reach_the_script_of_a_step_with_outputs,
    ]
}

/// Runs `body`, and then restores the cluster with `back`, even if `body` panics.
#[track_caller]
pub(crate) fn meanwhile(body: impl FnOnce(), back: impl FnOnce()) {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
    back();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// Runs kubectl in the namespace of Gleaner's injector.
#[track_caller]
pub(crate) fn kubectl(namespace: &Namespace, arguments: &[&str]) -> String {
    Output::of(namespace.cluster().kubectl("gleaner").args(arguments), "").succeed()
}

/// Waits until exactly `count` injectors exist, and if `count` is not 0, until one responds.
#[track_caller]
pub(crate) fn injectors(namespace: &Namespace, count: usize) {
    let rollout = [
        "rollout",
        "status",
        "deployment/gleaner-injector",
        "--timeout=90s",
    ];
    kubectl(namespace, &rollout);
    // A terminating injector still serves its open connections, so wait until the old injectors are gone.
    let pods = [
        "get",
        "pods",
        "--selector=app.kubernetes.io/component=injector",
        "--output=name",
    ];
    namespace.until("the old injectors are gone", || {
        (kubectl(namespace, &pods).lines().count() == count).then_some(())
    });
    if count > 0 {
        // The injectors are ready some time before the API server can reach them.
        namespace.until("the injectors respond", || {
            asks(namespace).status.success().then_some(())
        });
    }
}

/// Creates, as a dry run, a Task that requests Gleaner, so that the API server calls an injector.
pub(crate) fn asks(namespace: &Namespace) -> Output {
    let create = ["create", "--dry-run=server", "--filename=-"];
    let other = BUILD.replace("name: build\n  annotations", "name: other\n  annotations");
    namespace.kubectl_with(&create, &other)
}

/// Restarts the injectors, as an upgrade of Gleaner does. At least one injector must respond at all times.
fn an_injector_responds_at_all_times_while_injectors_are_replaced(namespace: &Namespace) {
    kubectl(
        namespace,
        &["rollout", "restart", "deployment/gleaner-injector"],
    );
    let rollout = [
        "rollout",
        "status",
        "deployment/gleaner-injector",
        "--watch=false",
    ];
    let mut asked = 0;
    namespace.until("all injectors are replaced", || {
        asks(namespace).succeed();
        asked += 1;
        kubectl(namespace, &rollout)
            .contains("successfully rolled out")
            .then_some(())
    });
    // Keep checking while the previous injectors terminate.
    for _ in 0..10 {
        asks(namespace).succeed();
    }
    assert!(asked > 2, "{asked}");
    injectors(namespace, 2);
}

#[track_caller]
fn scale(namespace: &Namespace, replicas: usize) {
    let flag = format!("--replicas={replicas}");
    kubectl(namespace, &["scale", "deployment/gleaner-injector", &flag]);
    injectors(namespace, replicas);
}

/// Upgrades the Helm release with these flags, and retains all other values.
#[track_caller]
pub(crate) fn upgrade(namespace: &Namespace, values: &[&str]) {
    let mut helm = namespace.cluster().helm("gleaner");
    let chart = repository("charts/gleaner");
    helm.args(["upgrade", "gleaner", "--reuse-values"])
        .arg(chart)
        .args(values);
    Output::of(&mut helm, "").succeed();
}

fn without_the_injector_only_objects_that_request_gleaner_are_refused(namespace: &Namespace) {
    namespace.apply(BUILD);
    meanwhile(
        || {
            scale(namespace, 0);
            namespace.apply(
                r#"
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: bare}
spec:
  taskSpec:
    steps: [{name: only, image: "localhost/gleaner-test/busybox:1", command: ["/bin/true"]}]
"#,
            );
            namespace.ended("taskrun/bare").succeeded();
            // A Task that requests Gleaner is refused with a message that contains the names of the webhook and its Service.
            let refusal = namespace
                .refuse(&BUILD.replace("name: build\n  annotations", "name: other\n  annotations"));
            holds(&refusal, &["gleaner.dev", "gleaner-injector"]);
            // The pod of a Task that was injected earlier is refused too. The run reports the cause in its status and Events.
            let run = namespace.run("build").failed("PodCreationFailed");
            holds(
                run.message(),
                &[
                    "but the injector did not respond",
                    "kubectl -n gleaner get pods",
                ],
            );
            holds(
                &namespace.describe("taskrun/build-run"),
                &["but the injector did not respond"],
            );
            namespace.no_resource();
        },
        || scale(namespace, 2),
    );
    namespace.start("build", "second");
    namespace.ended("taskrun/second").succeeded();
    namespace.only_resource();
}

pub(crate) fn tekton_flag(namespace: &Namespace, flag: &str) {
    namespace.cluster().script("tekton-flag", &[flag]).succeed();
}

/// If Tekton itself uses native sidecars, a run finishes only when all init containers have exited, so Gleaner's sidecar must
/// exit as soon as the last step has finished.
fn gleaners_sidecar_exits_with_the_run_if_tekton_uses_native_sidecars(namespace: &Namespace) {
    namespace.apply(BUILD);
    meanwhile(
        || {
            tekton_flag(namespace, "enable-kubernetes-sidecar=true");
            let run = namespace.run("build").succeeded();
            assert_eq!(param(&namespace.only_resource(), "digest"), "sha256:54ed");
            let pod = namespace.get(&format!("pod/{}", run.pod()));
            let all = pod["status"]["initContainerStatuses"]
                .as_array()
                .expect("a list");
            let sidecar = all
                .iter()
                .find(|container| container["name"] == "sidecar-gleaner");
            let state = &sidecar.expect("a native sidecar")["state"]["terminated"];
            assert_eq!(state["exitCode"], 0, "{state}");
        },
        || tekton_flag(namespace, "enable-kubernetes-sidecar=false"),
    );
}

/// Tekton's flag `set-security-context` restricts the containers that Tekton adds; the Task restricts its steps.
fn a_run_succeeds_in_a_namespace_that_enforces_restricted_pods(namespace: &Namespace) {
    let enforce = [
        "label",
        "namespace",
        namespace.name(),
        "pod-security.kubernetes.io/enforce=restricted",
    ];
    namespace.kubectl(&enforce).succeed();
    let tight = "{allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, runAsNonRoot: true, runAsUser: 65532, \
                 seccompProfile: {type: RuntimeDefault}}";
    // With `onError: continue`, Gleaner adds a step, which must be restricted in the same way.
    let step = format!("- name: build\n      onError: continue\n      securityContext: {tight}\n");
    namespace.apply(&BUILD.replace("- name: build\n", &step));
    meanwhile(
        || {
            tekton_flag(namespace, "set-security-context=true");
            // The images of the containers that Tekton adds may specify root as the user, so set a different user.
            namespace.apply(
                r"
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: restricted}
spec:
  taskRef: {name: build}
  podTemplate: {securityContext: {runAsNonRoot: true, runAsUser: 1001, runAsGroup: 1001}}
",
            );
            namespace.ended("taskrun/restricted").succeeded();
            assert_eq!(param(&namespace.only_resource(), "digest"), "sha256:54ed");
        },
        || tekton_flag(namespace, "set-security-context=false"),
    );
}

/// Uses the settings for Kubernetes versions before 1.29, and a single injector.
fn without_native_sidecars_gleaner_uses_a_tekton_sidecar(namespace: &Namespace) {
    meanwhile(
        || {
            upgrade(
                namespace,
                &["--set=sidecar.mode=tekton", "--set=injector.replicas=1"],
            );
            injectors(namespace, 1);
            namespace.apply(BUILD);
            let run = namespace.run("build").succeeded();
            let resource = namespace.only_resource();
            assert_eq!(
                run.result("img").expect("a result")["name"],
                resource["metadata"]["name"]
            );
            let pod = namespace.get(&format!("pod/{}", run.pod()));
            let containers = pod["spec"]["containers"].as_array().expect("a list");
            assert!(
                containers
                    .iter()
                    .any(|container| container["name"] == "sidecar-gleaner"),
                "{pod}"
            );
        },
        || {
            upgrade(
                namespace,
                &["--set=sidecar.mode=auto", "--set=injector.replicas=2"],
            );
            injectors(namespace, 2);
        },
    );
}

/// Tekton replaces `$(steps.X.outputs.Y)` in a script only when the step starts, which is after Gleaner has changed the script.
fn tekton_artifacts_reach_the_script_of_a_step_with_outputs(namespace: &Namespace) {
    meanwhile(
        || {
            tekton_flag(namespace, "enable-artifacts=true");
            namespace.apply(ARTIFACTS);
            namespace.run("artifacts").succeeded();
            let resource = namespace.only_resource();
            let image = r#"[{"digest":{"sha256":"df85"},"uri":"pkg:x/y"}]"#;
            assert_eq!(param(&resource, "lone"), image);
            assert_eq!(param(&resource, "command"), image);
        },
        || tekton_flag(namespace, "enable-artifacts=false"),
    );
}

const ARTIFACTS: &str = r#"
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: artifacts
  annotations:
    gleaner.dev/outputs: |
      steps:
        produce: [{name: path}]
        lone: [{name: image}]
        command: [{name: image}]
      resources:
        - name: img
          spec:
            type: image
            params:
              - {name: path, value: $(steps.produce.path)}
              - {name: lone, value: $(steps.lone.image)}
              - {name: command, value: $(steps.command.image)}
spec:
  steps:
    - name: produce
      image: localhost/gleaner-test/busybox:1
      script: |
        echo '{"outputs": [{"name": "image", "values": [{"uri": "pkg:x/y", "digest": {"sha256": "df85"}}]}]}' > $(step.artifacts.path)
        echo $(step.artifacts.path) > "$GLEANER_OUTPUTS/path"
    - name: lone
      image: localhost/gleaner-test/busybox:1
      script: |
        echo '$(steps.produce.outputs.image)' > "$GLEANER_OUTPUTS/image"
    - name: command
      image: localhost/gleaner-test/busybox:1
      command: [/bin/sh, -c, 'printf %s "$1" > "$GLEANER_OUTPUTS/image"', sh]
      args: ["$(steps.produce.outputs.image)"]
"#;
