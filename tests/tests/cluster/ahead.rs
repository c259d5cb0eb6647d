//! Namespaces for which the webhook is not called: `gleaner inject` injects into Tasks and Jobs before they are applied.

use gleaner_tests::cluster::suite::Case;
use gleaner_tests::cluster::{Namespace, Output};
use gleaner_tests::on_cluster;

use crate::{BUILD, gleaner, param, plain};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        an_injected_task_needs_no_webhook,
        the_webhook_accepts_a_task_that_gleaner_inject_has_injected,
        an_injected_job_needs_no_webhook,
    ]
}

/// Returns the output of `gleaner inject` for these documents.
fn injected(namespace: &Namespace, yaml: &str) -> String {
    let image = &namespace.cluster().image;
    let mut inject = gleaner();
    inject.args(["inject", "-f", "-", "--image", image]);
    Output::of(&mut inject, yaml).succeed()
}

/// Disables the webhook for the namespace, to simulate a cluster without an injector.
fn without_webhook(namespace: &Namespace) {
    let label = [
        "label",
        "namespace",
        namespace.name(),
        "gleaner.dev/injection=disabled",
    ];
    namespace.kubectl(&label).succeed();
}

/// A step with a command, to be added after the step in [`BUILD`].
const SECOND: &str = "    - name: second\n      image: localhost/gleaner-test/scratch:1\n      command: [/leave, verdict, good]\n";

fn two_steps() -> String {
    let output = "{build: [{name: digest}], second: [{name: verdict}]}";
    let params = "params:\n              - {name: verdict, value: $(steps.second.verdict)}";
    let task = BUILD
        .replace("{build: [{name: digest}]}", output)
        .replacen("params:", params, 1);
    task + SECOND
}

fn an_injected_task_needs_no_webhook(namespace: &Namespace) {
    without_webhook(namespace);
    let task = injected(namespace, &two_steps());
    namespace.apply(&task);
    namespace.apply(&task);
    let run = namespace.run("build").succeeded();
    let resource = namespace.only_resource();
    assert_eq!(param(&resource, "digest"), "sha256:54ed");
    assert_eq!(param(&resource, "verdict"), "good");
    assert_eq!(resource["metadata"]["ownerReferences"][0]["uid"], run.uid());
    assert_eq!(
        run.result("img").expect("a result")["name"],
        resource["metadata"]["name"]
    );
}

/// In this namespace, the webhook is enabled, so it receives a Task that is already injected.
fn the_webhook_accepts_a_task_that_gleaner_inject_has_injected(namespace: &Namespace) {
    namespace.apply(&injected(namespace, &two_steps()));
    namespace.run("build").succeeded();
    assert_eq!(param(&namespace.only_resource(), "verdict"), "good");
}

fn an_injected_job_needs_no_webhook(namespace: &Namespace) {
    without_webhook(namespace);
    namespace.apply(&injected(namespace, plain::JOB));
    namespace.wait("job/nightly", "condition=Complete");
    assert_eq!(param(&namespace.only_resource(), "digest"), "sha256:54ed");
}
