//! Steps that run as other users, with read-only filesystems, or in images without a shell. (Namespaces that enforce Pod
//! Security are in `alone`, because Tekton itself must be configured for them.)

use gleaner_tests::cluster::Namespace;
use gleaner_tests::cluster::start::repository;
use gleaner_tests::cluster::suite::Case;
use gleaner_tests::on_cluster;

use crate::{BUILD, param, pod_of};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        steps_run_as_another_user_with_a_read_only_root,
        an_image_with_only_one_program_can_be_a_step,
        in_a_pod_without_a_token_only_the_sidecar_gets_one,
        variables_of_a_run_do_not_steer_the_task,
        the_documented_role_is_all_that_a_run_needs,
    ]
}

/// A `securityContext` that makes everything except mounts read-only.
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

fn an_image_with_only_one_program_can_be_a_step(namespace: &Namespace) {
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
}

fn the_documented_role_is_all_that_a_run_needs(namespace: &Namespace) {
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
    // The role also allows creating Events.
    let described = namespace.describe("taskrun/release");
    assert!(described.contains("release-"), "{described}");
}

/// Tekton adds the variables of `podTemplate.env` to every step, after the Task's own variables, and to no sidecar.
fn variables_of_a_run_do_not_steer_the_task(namespace: &Namespace) {
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
