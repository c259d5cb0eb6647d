//! Tests the removal of Gleaner from Tasks, pods and pod templates.

use gleaner_core::document::Place;
use gleaner_core::inject::task::{self, Operation, Placement};
use gleaner_core::inject::{ResultsFrom, pod, removal};
use serde_json::{Value, json};

use crate::pod::{JOB, pod as reviewed};
use crate::support::{changed, settings, yaml};

const OUTPUTS: &str = "steps: {a: [{name: v}]}\nobjects: [{name: o, resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: o}, data: {v: $(steps.a.v)}}}]";

/// TaskSpecs with various commands, scripts, volumes and sidecars.
const SPECS: [&str; 6] = [
    "steps: [{name: a, image: i, command: [c], args: [d, e]}]",
    "steps: [{name: a, image: i, script: echo}, {name: b, image: i, command: [c], args: [--, x], onError: continue}]",
    "steps: [{name: a, image: i, script: \"#!/usr/bin/env python3\\nprint(1)\\n\", env: [{name: A, value: b}]}]\nresults: [{name: r}]",
    "steps: [{name: a, image: i, command: [c], args: [$(params.p)], volumeMounts: [{name: v, mountPath: /v}]}]\nvolumes: [{name: v, emptyDir: {}}]\nparams: [{name: p}]",
    "steps: [{name: a, image: i, script: echo}]\nsidecars: [{name: gleaner-like, image: i, args: [--declaration]}, {name: s, image: i}]",
    "steps: [{name: a, image: i, command: [c], args: [d]}]\nstepTemplate: {env: [{name: A, value: b}]}\nworkspaces: [{name: w}]",
];

fn objects(spec: &Value) -> Vec<Value> {
    let metadata =
        json!({"name": "t", "annotations": {"gleaner.dev/outputs": OUTPUTS, "other": "x"}});
    let mut embedded = spec.clone();
    embedded["metadata"] = json!({"annotations": {"gleaner.dev/outputs": OUTPUTS}});
    let pipeline = json!({"tasks": [{"name": "t", "taskSpec": embedded}, {"name": "u", "taskRef": {"name": "u"}}]});
    let object = |kind: &str, metadata: &Value, spec: Value| json!({"apiVersion": "tekton.dev/v1", "kind": kind, "metadata": metadata, "spec": spec});
    vec![
        object("Task", &metadata, spec.clone()),
        object("TaskRun", &metadata, json!({"taskSpec": spec})),
        object("Pipeline", &json!({"name": "p"}), pipeline.clone()),
        object(
            "PipelineRun",
            &json!({"name": "p"}),
            json!({"pipelineSpec": pipeline}),
        ),
    ]
}

#[test]
fn injection_into_a_task_can_be_removed() {
    for spec in SPECS {
        for object in objects(&yaml(spec)) {
            for placement in [
                Placement::Webhook,
                Placement::AheadOfTime(ResultsFrom::default()),
            ] {
                let injected = task::inject_for(&object, Operation::Create, &settings(), placement);
                let injected = changed(injected, &object);
                assert_ne!(injected, object);
                let removed = removal::remove(&injected);
                assert_eq!(removed.object, object, "{placement:?}");
                assert_eq!((removed.injected.len(), removed.declaring.len()), (1, 1));
                assert_eq!(removal::remove(&object).injected, Vec::<Place>::new());
            }
        }
    }
}

#[test]
fn after_removal_the_command_contains_only_the_program() {
    let spec = yaml("steps: [{name: a, image: i, command: [sh, -c], args: [x]}]");
    let object = &objects(&spec)[0];
    let placement = Placement::AheadOfTime(ResultsFrom::default());
    let injected = task::inject_for(object, Operation::Create, &settings(), placement);
    let removed = removal::remove(&changed(injected, object)).object;
    let step = &removed["spec"]["steps"][0];
    assert_eq!(
        (&step["command"], &step["args"]),
        (&json!(["sh"]), &json!(["-c", "x"]))
    );
}

#[test]
fn injection_into_a_pod_can_be_removed() {
    let mut with_init = reviewed(JOB);
    with_init["spec"]["initContainers"] = json!([{"name": "x", "image": "i"}]);
    let mut without_token = reviewed(JOB);
    without_token["spec"]["containers"][0]
        .as_object_mut()
        .unwrap()
        .remove("volumeMounts");
    without_token["spec"]
        .as_object_mut()
        .unwrap()
        .remove("volumes");
    for object in [reviewed(JOB), with_init, without_token] {
        let injected = changed(pod::inject(&object, &settings()), &object);
        let removed = removal::remove(&injected);
        assert_eq!(removed.object, object);
        assert_eq!(removed.injected, [Place::root()]);
        for (place, within) in TEMPLATES {
            let removed = removal::remove(&within(&injected));
            assert_eq!(removed.object, within(&object));
            assert_eq!(removed.injected[0].to_string(), place);
            assert_eq!(removed.declaring, removed.injected);
        }
    }
}

/// A function that creates an object with the given pod template.
type Within = fn(&Value) -> Value;

/// Kinds with a pod template. Each entry contains the path of the template, and a function that creates an object of this kind.
const TEMPLATES: [(&str, Within); 3] = [
    (
        "spec.template",
        |pod| json!({"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": pod}}),
    ),
    ("spec.jobTemplate.spec.template", |pod| {
        let job = json!({"spec": {"template": pod}});
        json!({"apiVersion": "batch/v1", "kind": "CronJob", "spec": {"jobTemplate": job}})
    }),
    ("spec.replicatedJobs[0].template.spec.template", |pod| {
        let job = json!({"name": "a", "template": {"spec": {"template": pod}}});
        json!({"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "spec": {"replicatedJobs": [job]}})
    }),
];

#[test]
fn declarations_are_removed_on_request() {
    let spec = yaml(SPECS[0]);
    for object in objects(&spec) {
        let mut removed = removal::remove(&object);
        removal::remove_declarations(&mut removed.object, &removed.declaring);
        assert!(
            !removed.object.to_string().contains("gleaner.dev/outputs"),
            "{}",
            removed.object
        );
    }
    let mut removed = removal::remove(&objects(&spec)[0]);
    removal::remove_declarations(&mut removed.object, &removed.declaring);
    assert_eq!(
        removed.object["metadata"]["annotations"],
        json!({"other": "x"})
    );
}

#[test]
fn user_parts_with_gleaners_names_are_kept() {
    let object = json!({
        "apiVersion": "tekton.dev/v1", "kind": "Task", "metadata": {"name": "t"},
        "spec": {"sidecars": [{"name": "gleaner", "image": "i", "args": ["x"]}], "steps": [{"name": "gleaner", "image": "i"}]},
    });
    assert_eq!(removal::remove(&object).object, object);
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "spec": {"containers": [{"name": "sidecar-gleaner", "args": ["x"]}, {"name": "a", "command": ["x", "--", "y"]}]},
    });
    assert_eq!(removal::remove(&pod).object, pod);
}
