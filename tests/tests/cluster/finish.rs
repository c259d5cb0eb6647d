//! Steps that are skipped or whose failure is ignored: a run never succeeds without its resources.

use gleaner_tests::cluster::Namespace;
use gleaner_tests::cluster::suite::Case;
use gleaner_tests::on_cluster;

use crate::{BUILD, holds, param};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        a_step_that_may_fail_does_not_hide_what_could_not_be_created,
        a_step_that_may_fail_but_succeeds_creates_its_resource,
        a_step_that_is_skipped_takes_its_defaults,
        a_step_that_is_skipped_and_has_no_default_fails_the_run,
        the_last_step_reports_a_skipped_earlier_step,
    ]
}

fn that_may_fail() -> String {
    BUILD.replace(
        "- name: build\n",
        "- name: build\n      onError: continue\n",
    )
}

fn a_step_that_may_fail_does_not_hide_what_could_not_be_created(namespace: &Namespace) {
    namespace
        .kubectl(&["delete", "rolebinding", "gleaner-outputs"])
        .succeed();
    namespace.apply(&that_may_fail());
    let run = namespace.run("build").failed("StepFailed");
    assert_eq!(run.step("build")["terminationReason"], "NotCreated");
    assert!(
        run.message()
            .contains("\"step-gleaner\" exited with code 73"),
        "{run}"
    );
    let described = namespace.describe("taskrun/build-run");
    holds(&described, &["NotCreated", "forbidden"]);
    namespace.no_resource();
}

fn a_step_that_may_fail_but_succeeds_creates_its_resource(namespace: &Namespace) {
    namespace.apply(&that_may_fail());
    let run = namespace.run("build").succeeded();
    let resource = namespace.only_resource();
    assert_eq!(
        run.result("img").expect("a result")["name"],
        resource["metadata"]["name"]
    );
}

/// Returns BUILD with a step that is skipped unless a parameter is set, and with this declaration of the step's output.
fn skipped(output: &str) -> String {
    let when =
        "- name: build\n      when: [{input: $(params.wanted), operator: in, values: [\"yes\"]}]\n";
    BUILD
        .replace("- name: build\n", when)
        .replace("params: [", "params: [{name: wanted, default: \"no\"}, ")
        .replace("{name: digest}]", output)
}

fn a_step_that_is_skipped_takes_its_defaults(namespace: &Namespace) {
    namespace.apply(&skipped("{name: digest, default: none}]"));
    let run = namespace.run("build").succeeded();
    assert_eq!(run.step("build")["terminationReason"], "Skipped");
    let resource = namespace.only_resource();
    assert_eq!(param(&resource, "digest"), "none");
    assert_eq!(run.result("img").expect("a result")["digest"], "none");
}

fn a_step_that_is_skipped_and_has_no_default_fails_the_run(namespace: &Namespace) {
    namespace.apply(&skipped("{name: digest}]"));
    let run = namespace.run("build").failed("StepFailed");
    assert!(
        run.message().contains("\"step-gleaner\" exited with code"),
        "{run}"
    );
    let described = namespace.describe("taskrun/build-run");
    holds(&described, &["digest", "build"]);
    holds(
        &namespace.logs(run.pod(), "step-gleaner"),
        &["steps.build.digest"],
    );
    namespace.no_resource();
}

/// The last step always runs, so Gleaner adds no step.
fn the_last_step_reports_a_skipped_earlier_step(namespace: &Namespace) {
    let last = "    - name: last\n      image: localhost/gleaner-test/busybox:1\n      command: [/bin/echo, last]\n";
    namespace.apply(&format!("{}{last}", skipped("{name: digest}]")));
    let run = namespace.run("build").failed("StepFailed");
    assert!(
        run.message().contains("\"step-last\" exited with code"),
        "{run}"
    );
    holds(
        &namespace.logs(run.pod(), "step-last"),
        &["last\n", "steps.build.digest"],
    );
    namespace.no_resource();
}
