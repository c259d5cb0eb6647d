//! A run never succeeds without its resources, even if a step is skipped or its failure is ignored.

use gleaner_tests::cluster::Namespace;
use gleaner_tests::cluster::suite::Case;
use gleaner_tests::on_cluster;

use crate::{BUILD, holds, param};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        the_run_fails_without_its_resource_even_if_the_step_has_on_error_continue,
        a_successful_step_with_on_error_continue_creates_its_resource,
        the_outputs_of_a_skipped_step_take_their_defaults,
        a_skipped_step_whose_output_has_no_default_fails_the_run,
        the_last_step_reports_a_skipped_earlier_step,
    ]
}

fn that_may_fail() -> String {
    BUILD.replace(
        "- name: build\n",
        "- name: build\n      onError: continue\n",
    )
}

fn the_run_fails_without_its_resource_even_if_the_step_has_on_error_continue(
    namespace: &Namespace,
) {
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

fn a_successful_step_with_on_error_continue_creates_its_resource(namespace: &Namespace) {
    namespace.apply(&that_may_fail());
    let run = namespace.run("build").succeeded();
    let resource = namespace.only_resource();
    assert_eq!(
        run.result("img").expect("a result")["name"],
        resource["metadata"]["name"]
    );
}

/// Returns [`BUILD`] with a `when` that skips the step, and with `output` as the declaration of the step's output.
fn skipped(output: &str) -> String {
    let when =
        "- name: build\n      when: [{input: $(params.wanted), operator: in, values: [\"yes\"]}]\n";
    BUILD
        .replace("- name: build\n", when)
        .replace("params: [", "params: [{name: wanted, default: \"no\"}, ")
        .replace("{name: digest}]", output)
}

fn the_outputs_of_a_skipped_step_take_their_defaults(namespace: &Namespace) {
    namespace.apply(&skipped("{name: digest, default: none}]"));
    let run = namespace.run("build").succeeded();
    assert_eq!(run.step("build")["terminationReason"], "Skipped");
    let resource = namespace.only_resource();
    assert_eq!(param(&resource, "digest"), "none");
    assert_eq!(run.result("img").expect("a result")["digest"], "none");
}

fn a_skipped_step_whose_output_has_no_default_fails_the_run(namespace: &Namespace) {
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

/// Gleaner adds no step, because the last step is never skipped.
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
