//! Diagnostics for a failed case: the runs and pods, the conditions of the runs, the Events, and the logs of every container.

use super::namespace::Namespace;

/// The kubectl flag that limits the number of log lines for each container.
const LINES: &str = "--tail=40";

/// Returns diagnostics for all runs and pods in a namespace.
pub(super) fn of(namespace: &Namespace) -> String {
    let conditions = "--output=jsonpath={range .items[*]}{.kind} {.metadata.name}: {.status.conditions}{\"\\n\"}{range \
                      .status.steps[*]}  {.name}: {.terminationReason} {.terminated}{\"\\n\"}{end}{end}";
    let pods = "--output=jsonpath={range .items[*]}{.metadata.name} {.status.phase}{\"\\n\"}{range \
                .status.initContainerStatuses[*]}  {.name}: restarts {.restartCount}, {.state}, before {.lastState}{\"\\n\"}\
                {end}{range .status.containerStatuses[*]}  {.name}: {.state}{\"\\n\"}{end}{end}";
    let kinds =
        "taskruns.tekton.dev,pipelineruns.tekton.dev,pipelineresources.tekton.dev,pods,jobs";
    let asked: [&[&str]; 4] = [
        &["get", kinds, "--output=wide"],
        &[
            "get",
            "taskruns.tekton.dev,pipelineruns.tekton.dev",
            conditions,
        ],
        &["get", "pods", pods],
        &["events"],
    ];
    let mut report = format!("--- namespace {}\n", namespace.name());
    for arguments in asked {
        let output = namespace.kubectl(arguments);
        report.push_str(&format!(
            "--- kubectl {}\n",
            arguments[..2.min(arguments.len())].join(" ")
        ));
        report.push_str(&output.stdout);
        report.push_str(&output.stderr);
    }
    let names = namespace.kubectl(&["get", "pods", "--output=name"]);
    for pod in names.stdout.lines() {
        let output = namespace.kubectl(&[
            "logs",
            pod,
            "--all-containers",
            "--prefix",
            "--ignore-errors",
            LINES,
        ]);
        report.push_str(&format!(
            "--- logs of {pod}\n{}{}",
            output.stdout, output.stderr
        ));
    }
    report
}
