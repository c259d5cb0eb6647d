//! Tests the space that is available for results. Tekton reads results from the containers' termination messages, whose size the
//! kubelet limits.

use gleaner_tests::cluster::Namespace;
use gleaner_tests::cluster::suite::Case;
use gleaner_tests::on_cluster;

use crate::{holds, param};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        results_of_many_resources_omit_fields_that_do_not_fit,
        a_run_whose_results_cannot_fit_fails_before_it_creates_resources,
        a_result_that_does_not_fit_next_to_gleaners_container_fails_the_step,
        the_reason_for_a_failure_fits_even_in_a_pod_with_many_steps,
    ]
}

/// Returns a Task with `steps` steps and `count` image resources. The first step runs `script`. `results` is a YAML list with the
/// Task's own results.
fn task(steps: usize, count: usize, results: &str, script: &str) -> String {
    let url = "registry.example/some/team/and/its/rather/long/application/name";
    let resource = |index: usize| {
        format!(
            "        - name: img-{index}
          spec: {{type: image, params: [{{name: url, value: {url}}}, {{name: digest, value: $(steps.s0.digest)}}]}}
"
        )
    };
    let step = |index: usize| {
        let script = match index {
            0 => script,
            _ => "true",
        };
        format!(
            "    - name: s{index}\n      image: localhost/gleaner-test/busybox:1\n      script: |\n        {script}\n"
        )
    };
    let resources: String = (0..count).map(resource).collect();
    let steps: String = (0..steps).map(step).collect();
    format!(
        "
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: many
  annotations:
    gleaner.dev/outputs: |
      steps: {{s0: [{{name: digest}}]}}
      resources:
{resources}spec:
  results: {results}
  steps:
{steps}"
    )
}

const DIGEST: &str = "echo sha256:4bc453b53cb3d914b45f4b250294236adba2c0e09ff6f03793949e7e39fd4cc1 >\"$GLEANER_OUTPUTS/digest\"";

fn results_of_many_resources_omit_fields_that_do_not_fit(namespace: &Namespace) {
    // The pod has 13 containers, so the kubelet keeps 945 bytes of each container's termination message.
    namespace.apply(&task(10, 4, "[]", DIGEST));
    let run = namespace.run("many").succeeded();
    let resources = namespace.generated();
    assert_eq!(resources.len(), 4);
    for index in 0..4 {
        let name = format!("img-{index}");
        let result = run
            .result(&name)
            .unwrap_or_else(|| panic!("no result {name}: {run}"));
        let named = |resource: &&serde_json::Value| resource["metadata"]["name"] == result["name"];
        let resource = resources
            .iter()
            .find(named)
            .expect("the resource of the result");
        assert_eq!(result["uid"], resource["metadata"]["uid"]);
        assert_eq!(result["digest"], "", "{result}");
        assert!(param(resource, "digest").starts_with("sha256:4bc4"));
    }
    let log = namespace.logs(run.pod(), "step-s9");
    holds(
        &log,
        &[
            "'digest' of 'img-0' is empty in the results",
            "13 containers of the pod",
        ],
    );
}

fn a_run_whose_results_cannot_fit_fails_before_it_creates_resources(namespace: &Namespace) {
    namespace.apply(&task(1, 40, "[]", DIGEST));
    let run = namespace.run("many").failed("StepFailed");
    holds(
        &namespace.describe(&format!("taskrun/{}", run.name())),
        &[
            "ResultsTooLarge",
            "nothing was created, because the results of 40 resources",
            "sidecar-logs",
        ],
    );
    namespace.no_resource();
}

/// As in Tekton's example `4808-regression`, the result is 3000 bytes long. It fits in a pod with three containers, each of which
/// has 4096 bytes for its termination message, but not in a pod with four containers and 3072 bytes each.
fn a_result_that_does_not_fit_next_to_gleaners_container_fails_the_step(namespace: &Namespace) {
    let script = format!("yes x | tr -d '\\n' | head -c 3000 >$(results.own.path); {DIGEST}");
    let own = task(1, 1, "[{name: own}]", &script);
    let printed = namespace.kubectl_with(&["apply", "--filename=-"], &own);
    holds(
        &printed.stderr,
        &[
            "Warning: ",
            "3072 bytes in total instead of 4096, because Gleaner adds a container",
        ],
    );
    printed.succeed();
    let run = namespace.run("many").failed("StepFailed");
    let described = namespace.describe(&format!("taskrun/{}", run.name()));
    holds(&described, &["ResultsTooLarge", "keeps only 3072"]);
    namespace.no_resource();
    // The TaskRun receives a smaller result, and also Gleaner's result.
    let less = own
        .replace("head -c 3000", "head -c 2000")
        .replace("name: many", "name: less");
    namespace.apply(&less);
    let run = namespace.run("less").succeeded();
    assert_eq!(
        *run.result("own").expect("the Task's own"),
        "x".repeat(2000)
    );
    assert_eq!(
        run.result("img-0").expect("Gleaner's")["uid"],
        namespace.only_resource()["metadata"]["uid"]
    );
}

fn the_reason_for_a_failure_fits_even_in_a_pod_with_many_steps(namespace: &Namespace) {
    // The label is about 2,000 characters long, which is too long. This is not detected before the run, because the label
    // contains variables.
    let long = "$(steps.s0.digest)".repeat(28);
    let task = task(12, 1, "[]", DIGEST).replace(
        "spec: {type: image, params: [",
        &format!(
            "metadata: {{labels: {{long: \"{long}\"}}}}\n          spec: {{type: image, params: ["
        ),
    );
    namespace.apply(&task);
    let run = namespace.run("many").failed("StepFailed");
    let step = run.step("s0");
    assert_eq!(step["terminationReason"], "NotCreated", "{run}");
    let message = step["terminated"]["message"].as_str().expect("a message");
    assert!(message.contains("could not be created"), "{message}");
}
