//! Tests the flags from which the redirector and the sidecar calculate the space in their termination messages, and the warnings
//! about results that will not fit into this space.

use gleaner_core::check;
use gleaner_core::document::Live;
use gleaner_core::inject::task::{self, Operation, Placement};
use gleaner_core::inject::{Outcome, ResultsFrom, Skip, pod};
use serde_json::{Value, json};

use crate::pod::{DECLARATION, args, tekton_pod};
use crate::support::{changed, injected_pod, settings, yaml};

/// Returns a pod whose steps have these additional flags for Tekton's entrypoint.
fn pod_with(flags: &[&str]) -> Value {
    let mut pod = tekton_pod(DECLARATION, "u", &[]);
    for container in pod["spec"]["containers"].as_array_mut().unwrap() {
        if container["name"].as_str().unwrap().starts_with("step-") {
            let args = container["args"].as_array_mut().unwrap();
            let flags = flags.iter().map(|flag| Value::from(*flag));
            args.splice(0..0, flags);
        }
    }
    pod
}

/// Returns those arguments of a container that depend on the pod's results.
fn of_results(pod: &Value, container: &str) -> Vec<String> {
    let starts = [
        "--termination-share",
        "--results",
        "--step-results",
        "--step-metadata-dir",
    ];
    let args = args(pod, container).into_iter();
    args.filter(|arg| starts.iter().any(|start| arg.starts_with(start)))
        .collect()
}

#[test]
fn redirector_and_sidecar_get_the_number_of_containers_that_share_the_space() {
    let flags = [
        "-results",
        "img,own",
        "-step_results",
        "part",
        "-step_metadata_dir",
        "/tekton/run/0/status",
    ];
    let pod = injected_pod(&pod_with(&flags));
    let all = pod["spec"]["containers"].as_array().unwrap().len()
        + pod["spec"]["initContainers"].as_array().unwrap().len();
    assert_eq!(
        all, 8,
        "all containers of the pod count, including the sidecar"
    );
    assert_eq!(
        of_results(&pod, "step-build"),
        [
            "--termination-share=7+1",
            "--results=img,own",
            "--step-results=part",
            "--step-metadata-dir=/tekton/run/0/status"
        ]
    );
    assert_eq!(
        of_results(&pod, "sidecar-gleaner"),
        ["--termination-share=7+1"]
    );
}

#[test]
fn redirector_and_sidecar_know_that_messages_are_compressed() {
    let pod = injected_pod(&pod_with(&[
        "-compress_termination_message=true",
        "-results",
        "img",
    ]));
    for container in ["step-build", "sidecar-gleaner"] {
        assert_eq!(
            of_results(&pod, container)[0],
            "--termination-share=7+1,compressed"
        );
    }
}

#[test]
fn results_from_sidecar_logs_use_no_space_in_termination_messages() {
    let pod = injected_pod(&pod_with(&[
        "-result_from",
        "sidecar-logs",
        "-results",
        "img",
    ]));
    assert_eq!(
        of_results(&pod, "step-build"),
        ["--termination-share=7+1"],
        "a failure message must still fit into the step's termination message"
    );
    assert_eq!(of_results(&pod, "sidecar-gleaner"), [""; 0]);
}

#[test]
fn containers_that_other_injectors_add_later_are_counted() {
    let flags = ["-compress_termination_message=true", "-results", "img"];
    let mut before = pod_with(&flags);
    let build = &mut before["spec"]["containers"][0];
    let args = build["args"].as_array_mut().unwrap();
    let at = args
        .iter()
        .position(|argument| argument == "-entrypoint")
        .unwrap();
    args.drain(at..at + 2);
    let commands = r#"{"linux/amd64":["/ep"],"linux/arm64":["/ep"]}"#;
    let variable = json!({"name": "TEKTON_PLATFORM_COMMANDS", "value": commands});
    build["env"].as_array_mut().unwrap().push(variable);
    let once = injected_pod(&before);
    assert_eq!(
        pod::inject(&once, &settings()),
        Ok(Outcome::Skipped(Skip::Done))
    );

    let mut meshed = once;
    let containers = meshed["spec"]["containers"].as_array_mut().unwrap();
    containers.push(json!({"name": "mesh", "image": "m", "args": ["--termination-share=7+1"]}));
    let again = injected_pod(&meshed);
    let texts = again.to_string();
    assert_eq!(
        texts.matches("--termination-share=8+1,compressed").count(),
        5,
        "{texts}"
    );
    let of_the_mesh = texts.matches("--termination-share=7+1").count();
    assert_eq!(of_the_mesh, 1, "{texts}");
    assert_eq!(
        pod::inject(&again, &settings()),
        Ok(Outcome::Skipped(Skip::Done))
    );
}

/// When a Task is injected ahead of time, the pod does not exist yet, but the Task determines which containers the pod will have.
#[test]
fn injection_ahead_of_time_predicts_the_containers_of_the_pod() {
    let task = yaml(
        r#"
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: t
  annotations:
    gleaner.dev/outputs: |
      steps: {a: [{name: digest}]}
      resources:
      - name: img
        spec: {type: image, params: [{name: digest, value: $(steps.a.digest)}]}
spec:
  results: [{name: own}, {name: of-step, value: $(steps.a.results.part)}]
  sidecars: [{name: registry, image: r}]
  steps:
  - {name: a, image: i, script: "echo", workingDir: src, results: [{name: part}]}
  - {name: b, image: i, command: [b], onError: continue}
"#,
    );
    let ahead = |results_from| {
        let placement = Placement::AheadOfTime(results_from);
        changed(
            task::inject_for(&task, Operation::Create, &settings(), placement),
            &task,
        )
    };
    let plain = ahead(ResultsFrom::default());
    let steps = &plain["spec"]["steps"];
    // In `6+2`, the 6 counts two steps, a sidecar and Tekton's three init containers (`prepare`, and those for scripts and
    // working directories), and the 2 counts Gleaner's step and sidecar.
    let flags = r#""--termination-share=6+2","--results=img,own","--step-results=part","--step-metadata-dir=/tekton/run/0/status""#;
    assert!(
        steps[0]["script"].as_str().unwrap().contains(flags),
        "{steps}"
    );
    assert_eq!(
        steps[2]["args"],
        json!([
            "finish",
            "--injected",
            "--termination-share=6+2",
            "--results=img,own",
            "--step-metadata-dir=/tekton/run/2/status"
        ])
    );
    let sidecar = plain["spec"]["sidecars"][1]["args"].to_string();
    assert!(sidecar.contains("--termination-share=6+2\""), "{sidecar}");

    let logs = ahead(ResultsFrom::SidecarLogs);
    assert_eq!(
        logs["spec"]["steps"][2]["args"],
        json!(["finish", "--injected", "--termination-share=6+2"])
    );
    assert!(
        !logs["spec"]["sidecars"][1]["args"]
            .to_string()
            .contains("--termination-share")
    );
}

/// Returns the warnings for a Task with this many steps and objects, and with the given `results`.
fn warned(steps: usize, objects: usize, results: &str) -> Vec<String> {
    let step = |index| format!("  - {{name: s{index}, image: i, command: [b]}}\n");
    let object = |index| {
        format!(
            "      - name: note-{index}\n        resourceTemplate: {{apiVersion: v1, kind: ConfigMap, metadata: {{name: note-{index}}}}}\n        results: {{link: .data.link}}\n"
        )
    };
    let steps: String = (0..steps).map(step).collect();
    let objects: String = (0..objects).map(object).collect();
    let text = format!(
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n  name: t\n  annotations:\n    gleaner.dev/outputs: |\n      steps: {{s0: [{{name: digest}}]}}\n      objects:\n{objects}spec:\n  results: {results}\n  steps:\n{steps}"
    );
    warnings_of(&text)
}

/// Returns the warnings about a Task, except those about unused outputs.
fn warnings_of(text: &str) -> Vec<String> {
    let document = gleaner_core::document::yaml::parse(text).unwrap();
    let tasks = Default::default();
    let report = check::document(&document, &Live, &settings(), Placement::Webhook, &tasks);
    let found = report.warnings.iter().map(ToString::to_string);
    found
        .filter(|found| !found.contains("no template uses"))
        .collect()
}

#[test]
fn a_task_whose_results_get_less_space_causes_a_warning() {
    assert_eq!(warned(1, 1, "[]"), [""; 0]);
    assert_eq!(
        warned(1, 1, "[{name: own}]"),
        [""; 0],
        "with three containers, each one may use 4096 bytes"
    );
    assert_eq!(
        warned(2, 1, "[{name: note-0, type: object}]"),
        [""; 0],
        "a result that holds a resource is not one of the Task's own results"
    );
    let found = warned(2, 1, "[{name: own}]");
    assert!(
        found[0].contains(
            "are limited to 3072 bytes in total instead of 4096, because Gleaner adds a container"
        ),
        "{found:?}"
    );
    assert!(
        found[0].contains("sidecar-logs") && found.len() == 1,
        "{found:?}"
    );
}

#[test]
fn results_that_will_not_fit_cause_a_warning() {
    let found = warned(10, 10, "[]");
    assert!(
        found[0].contains("the results of 10 resources take at least 1"),
        "{found:?}"
    );
    assert!(
        found[0].contains("only 1024 fit: runs would fail with exit code 73"),
        "{found:?}"
    );
    let found = warned(10, 6, "[]");
    assert!(
        found[0].contains("result fields will probably be left empty"),
        "{found:?}"
    );
    assert_eq!(warned(10, 3, "[]"), [""; 0]);
}

/// The size is calculated without rendering the object, because rendering could exhaust the memory. In this test, the object
/// would need 0.5 GiB.
#[test]
fn an_object_that_will_be_too_large_causes_a_warning_without_rendering() {
    let resource = |number: usize| {
        let value = match number {
            0 => "x".to_owned(),
            _ => format!("$(resources.r{0}.u)$(resources.r{0}.u)", number - 1),
        };
        format!(
            "      - {{name: r{number}, spec: {{type: git, params: [{{name: u, value: {value}}}]}}}}\n"
        )
    };
    let resources: String = (0..30).map(resource).collect();
    let text = format!(
        "apiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n  name: t\n  annotations:\n    gleaner.dev/outputs: |\n      resources:\n{resources}spec:\n  steps: [{{name: a, image: i, command: [b]}}]\n"
    );
    let started = std::time::Instant::now();
    let found = warnings_of(&text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("the object of 'r20' would be ")
            && found[0].contains("the API server accepts at most 3145728"),
        "{found:?}"
    );
    // Rendering the object would take minutes in an unoptimized build, and would exceed even this generous limit.
    assert!(started.elapsed() < std::time::Duration::from_secs(10));
}
