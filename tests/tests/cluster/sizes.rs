//! Large outputs, and many concurrent runs.

use std::fmt::Write as _;

use gleaner_tests::cluster::Namespace;
use gleaner_tests::cluster::suite::Case;
use gleaner_tests::on_cluster;

use crate::{BUILD, allow, holds, param};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![
        twenty_concurrent_runs_do_not_interfere,
        an_output_of_forty_kibibytes_is_stored_in_an_object,
        part_of_an_output_of_four_mebibytes_is_stored_in_an_object,
        an_object_that_is_too_large_for_the_cluster_is_reported,
    ]
}

fn twenty_concurrent_runs_do_not_interfere(namespace: &Namespace) {
    let task = BUILD.replace("echo sha256:54ed", "echo \"digest of $(params.url)\"");
    namespace.apply(&task);
    let mut runs = String::new();
    for number in 0..20 {
        write!(
            runs,
            "---
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {{name: run-{number}}}
spec: {{taskRef: {{name: build}}, params: [{{name: url, value: registry.example/{number}}}]}}
"
        )
        .expect("text");
    }
    namespace.apply(&runs);
    for number in 0..20 {
        namespace
            .ended(&format!("taskrun/run-{number}"))
            .succeeded();
    }
    let resources = namespace.generated();
    assert_eq!(resources.len(), 20);
    for number in 0..20 {
        let run = namespace.get(&format!("taskrun/run-{number}"));
        let uid = &run["metadata"]["uid"];
        let own = |resource: &&serde_json::Value| {
            resource["metadata"]["ownerReferences"][0]["uid"] == *uid
        };
        let resource = resources.iter().find(own).expect("a resource of each run");
        assert_eq!(param(resource, "url"), format!("registry.example/{number}"));
        assert_eq!(
            param(resource, "digest"),
            format!("digest of registry.example/{number}")
        );
        assert_eq!(
            run["status"]["results"][0]["value"]["name"],
            resource["metadata"]["name"]
        );
    }
}

/// Returns a Task that writes a report with the shell command `script`, and creates a ConfigMap with the value of `variable`.
/// `output` is the report's entry in the declaration.
fn report(output: &str, script: &str, variable: &str) -> String {
    format!(
        r#"
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: report
  annotations:
    gleaner.dev/outputs: |
      steps: {{test: [{output}]}}
      objects:
        - name: report
          resourceTemplate:
            apiVersion: v1
            kind: ConfigMap
            metadata: {{name: report}}
            data: {{report: $({variable})}}
spec:
  steps:
    - name: test
      image: localhost/gleaner-test/busybox:1
      script: |
        {script}
"#
    )
}

fn an_output_of_forty_kibibytes_is_stored_in_an_object(namespace: &Namespace) {
    allow(namespace, "configmaps");
    let script = "yes 0123456789abcde | head -c 40960 >\"$GLEANER_OUTPUTS/report\"";
    namespace.apply(&report(
        "{name: report, trim: None}",
        script,
        "steps.test.report",
    ));
    let run = namespace.run("report").succeeded();
    let object = namespace.get("configmap/report");
    assert_eq!(object["data"]["report"], "0123456789abcde\n".repeat(2560));
    // The report itself exceeds 4 KiB, the maximum size of a Tekton result.
    assert_eq!(run.result("report").expect("a result")["name"], "report");
}

fn part_of_an_output_of_four_mebibytes_is_stored_in_an_object(namespace: &Namespace) {
    allow(namespace, "configmaps");
    let script = "( printf '{\"passed\":\"all\",\"log\":\"'; yes x | tr -d '\\n' | head -c 4194304; printf '\"}' ) \
                  >\"$GLEANER_OUTPUTS/report\"";
    namespace.apply(&report(
        "{name: report, type: object}",
        script,
        "steps.test.report.passed",
    ));
    namespace.run("report").succeeded();
    assert_eq!(namespace.get("configmap/report")["data"]["report"], "all");
}

/// The API server accepts objects of up to 3 MiB. Gleaner does not render a larger object.
fn an_object_that_is_too_large_for_the_cluster_is_reported(namespace: &Namespace) {
    allow(namespace, "configmaps");
    let script = "yes 0123456789abcde | head -c 4194304 >\"$GLEANER_OUTPUTS/report\"";
    namespace.apply(&report("{name: report}", script, "steps.test.report"));
    let run = namespace.run("report").failed("StepFailed");
    holds(
        &namespace.describe("taskrun/report-run"),
        &["TooLarge", "the object of 'report' would be 4457553 bytes"],
    );
    holds(
        &namespace.logs(run.pod(), "step-test"),
        &[
            "nothing was created",
            "largest values: $(steps.test.report)",
        ],
    );
}
