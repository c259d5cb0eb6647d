//! Steps that run as other users, with read-only filesystems, or in images without a shell. (The case for a namespace that
//! enforces Pod Security is in `alone`, because it changes Tekton's settings.)

use gleaner_tests::cluster::Namespace;
use gleaner_tests::cluster::start::repository;
use gleaner_tests::cluster::suite::Case;
use gleaner_tests::on_cluster;

use crate::{BUILD, holds, param, pod_of};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        steps_run_as_another_user_with_a_read_only_root,
        a_step_can_use_an_image_with_a_single_program,
        in_a_pod_without_a_token_only_the_sidecar_gets_one,
        environment_variables_of_a_run_do_not_change_the_redirectors_settings,
        the_documented_role_is_sufficient_for_a_run,
    ]
}

/// A `securityContext` with a user other than root and a read-only root filesystem.
const TIGHT: &str = "{runAsUser: 1001, runAsGroup: 1001, runAsNonRoot: true, readOnlyRootFilesystem: true, \
                     allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}";

fn steps_run_as_another_user_with_a_read_only_root(namespace: &Namespace) {
    let step = format!("- name: build\n      securityContext: {TIGHT}\n");
    let script =
        "script: |\n        [ \"$(id -u)\" = 1001 ] && ! touch /written || exit 9\n        echo";
    namespace.apply(
        &BUILD
            .replace("- name: build\n", &step)
            .replace("script: echo", script),
    );
    namespace.run("build").succeeded();
    assert_eq!(param(&namespace.only_resource(), "digest"), "sha256:54ed");
}

fn a_step_can_use_an_image_with_a_single_program(namespace: &Namespace) {
    let script = "script: echo sha256:54ed > \"$GLEANER_OUTPUTS/digest\"";
    let command = "command: [/leave, digest, 'sha256:54ed']";
    let task = BUILD
        .replace("busybox:1", "scratch:1")
        .replace(script, command);
    namespace.apply(&task);
    namespace.run("build").succeeded();
    assert_eq!(param(&namespace.only_resource(), "digest"), "sha256:54ed");
}

fn in_a_pod_without_a_token_only_the_sidecar_gets_one(namespace: &Namespace) {
    let folder = "/var/run/secrets/kubernetes.io/serviceaccount";
    let script = format!("script: |\n        [ ! -e {folder} ] || exit 9\n        echo");
    namespace.apply(&BUILD.replace("script: echo", &script));
    namespace.apply(
        "
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: tokenless}
spec:
  taskRef: {name: build}
  podTemplate: {automountServiceAccountToken: false}
",
    );
    namespace.ended("taskrun/tokenless").succeeded();
    namespace.only_resource();
    // No step can mount the volume with the sidecar's token.
    let mounts = "volumeMounts: [{name: gleaner-token, mountPath: /t}]\n      script: echo";
    let message = namespace.refuse(&BUILD.replace("script: echo", mounts));
    holds(&message, &["which only Gleaner's containers may mount"]);
}

fn the_documented_role_is_sufficient_for_a_run(namespace: &Namespace) {
    let page = std::fs::read_to_string(repository("docs/install.md")).expect("the page");
    let blocks = page.split("```yaml\n").skip(1);
    let mut blocks = blocks.filter_map(|block| block.split("```").next());
    let example = blocks.find(|block| block.contains("automountServiceAccountToken: false"));
    let example = example
        .expect("the example")
        .replace(
            "namespace: demo",
            &format!("namespace: {}", namespace.name()),
        )
        .replace(
            "docker.io/library/busybox:1.37",
            "localhost/gleaner-test/busybox:1",
        );
    namespace.apply(&example);
    namespace.ended("taskrun/release").succeeded();
    let made = namespace.list("configmaps");
    let made = made
        .iter()
        .find(|object| object["data"]["version"] == "1.2.3");
    let owner = &made.expect("the ConfigMap")["metadata"]["ownerReferences"][0];
    assert_eq!(owner["name"], "release", "{owner}");
    // The role also allows the run to create Events, so the output contains an Event with the object's name.
    let described = namespace.describe("taskrun/release");
    assert!(described.contains("release-"), "{described}");
}

/// Tekton adds the variables in `podTemplate.env` to each step, after the Task's variables, but not to sidecars.
fn environment_variables_of_a_run_do_not_change_the_redirectors_settings(namespace: &Namespace) {
    let second = "    - {name: second, image: 'localhost/gleaner-test/scratch:1', command: [/leave, file, text]}\n";
    namespace.apply(&format!("{BUILD}{second}"));
    namespace.apply(
        "
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: steered}
spec:
  taskRef: {name: build}
  podTemplate:
    env:
      - {name: GLEANER_FINISH, value: '1'}
      - {name: GLEANER_PREFLIGHT, value: '1'}
      - {name: GLEANER_OUTPUT, value: digest=/etc/hostname}
      - {name: GLEANER_OUTPUTS, value: /nowhere}
      - {name: GLEANER_RESULTS_DIR, value: /nowhere}
      - {name: GLEANER_REPORT_FILE, value: /nowhere/report}
      - {name: GLEANER_TOKEN_FILE, value: /nowhere/token}
      - {name: GLEANER_SIDECAR, value: 'http://127.0.0.1:1'}
      - {name: GLEANER_MAX_OUTPUT_SIZE, value: '1'}
      - {name: GLEANER_DEADLINE, value: 1ms}
      - {name: TMPDIR, value: /nowhere}
",
    );
    let run = namespace.ended("taskrun/steered");
    run.succeeded();
    assert_eq!(param(&namespace.only_resource(), "digest"), "sha256:54ed");
    let pod = pod_of(namespace, "steered");
    let pod = namespace.get(&format!("pod/{pod}"));
    let sidecars = pod["spec"]["initContainers"].as_array().expect("a sidecar");
    let sidecar = sidecars
        .iter()
        .find(|container| container["name"] == "sidecar-gleaner");
    let sidecar = sidecar.expect("a sidecar").to_string();
    assert!(!sidecar.contains("GLEANER_FINISH"), "{sidecar}");
}
