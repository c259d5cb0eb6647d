//! Tests the sidecar's environment variables for traces.

use gleaner_core::inject::task::{self, Operation, Placement};
use gleaner_core::inject::{Outcome, ResultsFrom, Settings, Skip, pod};
use serde_json::{Value, json};

use crate::pod::{DECLARATION, JOB, container, pod as of_review, tekton_pod};
use crate::support::{changed, injected_pod, settings, yaml};

const ENDPOINT: &str = "http://jaeger-collector.jaeger.svc.cluster.local:4318/v1/traces";

const TASK: &str = "
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: t, annotations: {gleaner.dev/outputs: 'steps: {one: [{name: a}]}'}}
spec: {steps: [{name: one, image: i, command: [a]}]}
";

fn traced() -> Settings {
    Settings {
        traces_endpoint: Some(ENDPOINT.into()),
        ..settings()
    }
}

fn sidecar_of(task: &str, settings: &Settings, placement: Placement) -> Value {
    let task = yaml(task);
    let outcome = task::inject_for(&task, Operation::Create, settings, placement);
    changed(outcome, &task)["spec"]["sidecars"][0].clone()
}

/// Returns the name and the value of each variable. If the value comes from a field of the pod, returns the field's path.
fn variables(container: &Value) -> Vec<(&str, &str)> {
    let env = container["env"].as_array().into_iter().flatten();
    let variables = env.map(|variable| {
        let of_pod = &variable["valueFrom"]["fieldRef"]["fieldPath"];
        let value = variable["value"].as_str().or(of_pod.as_str());
        (
            variable["name"].as_str().unwrap(),
            value.unwrap_or_default(),
        )
    });
    variables.collect()
}

/// The variables that every form of injection adds.
const ADDED: [(&str, &str); 3] = [
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ENDPOINT),
    (
        "GLEANER_SPAN_CONTEXT",
        "metadata.annotations['tekton.dev/taskrunSpanContext']",
    ),
    ("POD_NAME", "metadata.name"),
];

#[test]
fn only_the_sidecar_of_a_taskruns_pod_gets_the_variables() {
    let created = tekton_pod(DECLARATION, "https://example.com", &["a"]);
    let once = changed(pod::inject(&created, &traced()), &created);
    assert_eq!(variables(container(&once, "sidecar-gleaner")), ADDED);
    for step in ["step-build", "step-lint", "step-last"] {
        let names = variables(container(&once, step));
        assert!(
            !names.iter().any(|(name, _)| name.starts_with("OTEL")),
            "{names:?}"
        );
    }
    assert_eq!(
        pod::inject(&once, &traced()),
        Ok(Outcome::Skipped(Skip::Done))
    );
}

#[test]
fn a_task_gets_the_variables_only_if_it_is_injected_ahead_of_time() {
    let ahead = Placement::AheadOfTime(ResultsFrom::default());
    let sidecar = sidecar_of(TASK, &traced(), ahead);
    let found = variables(&sidecar);
    assert_eq!(found[found.len() - 3..], ADDED);
    // The webhook adds the variables only to the pod, so that a new endpoint takes effect even if the Task is not applied
    // again.
    let sidecar = sidecar_of(TASK, &traced(), Placement::Webhook);
    assert_eq!(variables(&sidecar).len(), 1);
}

#[test]
fn a_jobs_pod_gets_each_variable_once_and_removal_removes_them() {
    let job = of_review(JOB);
    let injected = changed(pod::inject(&job, &traced()), &job);
    let found = variables(container(&injected, "sidecar-gleaner"));
    for added in ADDED {
        let same = found.iter().filter(|(name, _)| *name == added.0);
        assert_eq!(same.collect::<Vec<_>>(), [&added], "{found:?}");
    }
    let removed = gleaner_core::inject::removal::remove(&injected).object;
    assert!(!removed.to_string().contains("OTEL"), "{removed}");
}

#[test]
fn no_variables_are_added_without_an_endpoint() {
    let pod = injected_pod(&tekton_pod(DECLARATION, "https://example.com", &["a"]));
    let sidecar = container(&pod, "sidecar-gleaner");
    assert_eq!(sidecar["env"], json!([]));
    let ahead = Placement::AheadOfTime(ResultsFrom::default());
    let sidecar = sidecar_of(TASK, &settings(), ahead);
    assert_eq!(variables(&sidecar).len(), 2);
    let job = injected_pod(&of_review(JOB));
    assert_eq!(variables(container(&job, "sidecar-gleaner")).len(), 3);
}
