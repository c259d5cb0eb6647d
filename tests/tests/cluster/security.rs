//! Steps as other users, with read-only file systems, of images without a shell. (Namespaces with enforced Pod Security are
//! in `alone`: Tekton itself has to be told of them.)

use gleaner_tests::cluster::Namespace;
use gleaner_tests::cluster::suite::Case;
use gleaner_tests::on_cluster;

use crate::{BUILD, param};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        steps_run_as_another_user_with_a_read_only_root,
        an_image_with_nothing_but_a_program_plays_a_step,
        a_pod_without_a_token_gives_one_to_the_sidecar_alone,
    ]
}

/// A container's `securityContext` under which nothing is writable but what is mounted.
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

fn an_image_with_nothing_but_a_program_plays_a_step(namespace: &Namespace) {
    let script = "script: echo sha256:54ed > \"$GLEANER_OUTPUTS/digest\"";
    let command = "command: [/leave, digest, 'sha256:54ed']";
    let task = BUILD
        .replace("busybox:1", "scratch:1")
        .replace(script, command);
    namespace.apply(&task);
    namespace.run("build").succeeded();
    assert_eq!(param(&namespace.only_resource(), "digest"), "sha256:54ed");
}

fn a_pod_without_a_token_gives_one_to_the_sidecar_alone(namespace: &Namespace) {
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
