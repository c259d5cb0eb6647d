//! Tests that the sidecar can read the arguments that the injector writes.

use clap::Parser as _;
use gleaner_core::inject::settings::{Resources, Sidecars};
use gleaner_core::inject::task::{self, Operation, Placement};
use gleaner_core::inject::{Outcome, ResultsFrom, Settings, pod};
use gleaner_core::run::Ownership;
use serde_json::{Value, json};

use super::*;
use crate::config::Config;

fn settings() -> Settings {
    Settings {
        image: "registry.example/gleaner:1".into(),
        image_pull_policy: None,
        resources: Resources::default(),
        run_as_user: None,
        sidecars: Sidecars::Native,
        log_level: Some("debug".into()),
        traces_endpoint: None,
        kinds: Default::default(),
    }
}

/// Returns a Task with one parameter of each type.
fn task() -> Value {
    let outputs = "steps: {build: [{name: digest}]}\nresources: [{name: img, spec: {type: image, params: [\
        {name: url, value: $(params.url)}, {name: digest, value: $(steps.build.digest)}, \
        {name: tags, value: '$(params.tags[0])'}, {name: host, value: $(params.registry.host)}]}}]\n";
    json!({
        "apiVersion": "tekton.dev/v1",
        "kind": "Task",
        "metadata": {"name": "build", "annotations": {"gleaner.dev/outputs": outputs}},
        "spec": {
            "params": [
                {"name": "url"},
                {"name": "tags", "type": "array"},
                {"name": "registry", "type": "object", "properties": {"host": {"type": "string"}}},
            ],
            "steps": [{"name": "build", "image": "i", "command": ["true"]}],
        },
    })
}

fn changed(outcome: Result<Outcome, gleaner_core::inject::Refusal>) -> Value {
    match outcome {
        Ok(Outcome::Changed(after)) => after.object,
        other => panic!("{other:?}"),
    }
}

/// Returns the sidecar's arguments in the injected `task`, after Tekton has replaced the variables.
fn substituted(task: &Value) -> Vec<String> {
    let args = task.pointer("/spec/sidecars/0/args").unwrap();
    let args = args
        .as_array()
        .unwrap()
        .iter()
        .map(|arg| arg.as_str().unwrap());
    let values = [
        ("$(params.url)", "https://registry/i?a=b"),
        ("$(params.registry.host)", "--host"),
        ("$(context.taskRun.uid)", "uid-1"),
        ("$(context.taskRun.name)", "run-1"),
        ("$(context.taskRun.namespace)", "ci"),
        ("$(context.task.name)", "build"),
    ];
    let replaced = args.flat_map(|arg| match arg {
        "$(params.tags[*])" => vec!["v1".to_owned(), "--".to_owned()],
        arg => vec![
            values
                .iter()
                .fold(arg.to_owned(), |arg, (from, to)| arg.replace(from, to)),
        ],
    });
    replaced.collect()
}

fn read(args: &[String]) -> Input {
    let line = std::iter::once("gleaner-sidecar").chain(args.iter().map(String::as_str));
    Config::try_parse_from(line)
        .unwrap_or_else(|error| panic!("{error}"))
        .input
}

#[track_caller]
fn assert_read(input: &Input) {
    let (declaration, _) = input.declaration().unwrap();
    assert!(declaration.output("build", "digest").is_some());
    let (values, run) = input.values_and_run().unwrap();
    let params: Value = serde_json::to_value(values.params).unwrap();
    assert_eq!(
        params,
        json!({"url": "https://registry/i?a=b", "tags": ["v1", "--"], "registry": {"host": "--host"}})
    );
    assert_eq!(run.context["taskRun.uid"], "uid-1");
    assert_eq!(run.context["taskRun.namespace"], "ci");
    let steps: Vec<String> = input.steps().map(|step| step.to_string()).collect();
    assert_eq!(steps, ["build"]);
}

#[test]
fn arguments_of_a_task_injected_ahead_of_time_are_parsed() {
    let injected = task::inject_for(
        &task(),
        Operation::Create,
        &settings(),
        Placement::AheadOfTime(ResultsFrom::default()),
    );
    assert_read(&read(&substituted(&changed(injected))));
}

#[test]
fn arguments_of_an_injected_pod_are_parsed_and_those_of_an_uninjected_pod_are_refused() {
    let injected = changed(task::inject(&task(), Operation::Create, &settings()));
    let args = substituted(&injected);
    assert!(matches!(
        read(&args).declaration(),
        Err(InputError::Unwrapped)
    ));
    let entrypoint = ["-entrypoint", "true", "--"];
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "labels": {"tekton.dev/taskRun": "run-1"}},
        "spec": {"containers": [
            {"name": "step-build", "image": "i", "command": ["/tekton/bin/entrypoint"], "args": entrypoint},
            {"name": "sidecar-gleaner", "image": "i", "args": args},
        ]},
    });
    let pod = changed(pod::inject(&pod, &settings()));
    let args = pod.pointer("/spec/initContainers/0/args").unwrap().clone();
    assert_read(&read(&serde_json::from_value::<Vec<String>>(args).unwrap()));
}

/// Returns the kinds that the sidecar may create after a pod is injected with the operator's `list`. The pod's existing arguments
/// allow a different kind.
fn kinds_of_a_pod(list: &[&str]) -> Vec<String> {
    let mut args = substituted(&changed(task::inject(
        &task(),
        Operation::Create,
        &settings(),
    )));
    args.insert(0, "--allow-kind=core/Node".to_owned());
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "labels": {"tekton.dev/taskRun": "run-1"}},
        "spec": {"containers": [
            {"name": "step-build", "image": "i", "command": ["/tekton/bin/entrypoint"], "args": ["-entrypoint", "true", "--"]},
            {"name": "sidecar-gleaner", "image": "i", "args": args},
        ]},
    });
    let kinds = list.iter().map(|text| text.parse().unwrap());
    let settings = Settings {
        kinds: kinds.collect(),
        ..settings()
    };
    let pod = changed(pod::inject(&pod, &settings));
    let args = pod.pointer("/spec/initContainers/0/args").unwrap().clone();
    let input = read(&serde_json::from_value::<Vec<String>>(args).unwrap());
    assert!(input.declaration().is_ok());
    input.kinds
}

#[test]
fn the_operators_allowed_kinds_replace_those_of_a_task() {
    assert_eq!(kinds_of_a_pod(&["*"]), ["*/*"]);
    let list = ["tekton.dev/PipelineResource", "apps/*"];
    assert_eq!(kinds_of_a_pod(&list), list);
}

#[test]
fn a_declaration_with_a_kind_that_is_not_allowed_is_refused() {
    let text = "steps: {a: [{name: o}]}\nobjects: [{name: it, resourceTemplate: {apiVersion: v1, kind: ConfigMap}}]";
    let declared = |kinds: &[&str]| {
        let kinds = kinds.iter().map(|kind| format!("--allow-kind={kind}"));
        let declaration = format!("--declaration={}", STANDARD.encode(text));
        read(&kinds.chain([declaration]).collect::<Vec<_>>()).declaration()
    };
    for allowing in [&[][..], &["*/*"], &["apps/*", "core/ConfigMap"]] {
        assert!(declared(allowing).is_ok(), "{allowing:?}");
    }
    for refusing in [&["apps/*"][..], &[""]] {
        let refused = declared(refusing);
        assert!(
            matches!(refused, Err(InputError::NotAllowed(_))),
            "{refusing:?}"
        );
    }
    let wrong = declared(&["ConfigMap"]);
    assert!(matches!(wrong, Err(InputError::AllowKind(_))), "{wrong:?}");
}

#[test]
fn arguments_of_an_injected_plain_pod_are_parsed() {
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "annotations": {
            "gleaner.dev/outputs": "steps: {build: [{name: digest}]}",
        }, "ownerReferences": [
            {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "job-1", "controller": true},
        ]},
        "spec": {"restartPolicy": "Never", "hostNetwork": true, "containers": [{"name": "build", "image": "i", "command": ["true"]}]},
    });
    let pod = changed(pod::inject(&pod, &settings()));
    let args = pod.pointer("/spec/initContainers/0/args").unwrap().clone();
    let input = read(&serde_json::from_value::<Vec<String>>(args).unwrap());
    assert!(input.declaration().is_ok());
    assert_eq!(input.kinds, ["*/*"]);
    let (_, run) = input.values_and_run().unwrap();
    let Ownership::Other(owner) = run.ownership else {
        panic!("expected the Job as the owner");
    };
    assert_eq!((owner.kind.as_str(), owner.uid.as_str()), ("Job", "job-1"));
}

#[test]
fn a_duplicate_key_in_a_json_parameter_is_refused() {
    let json = |text: &str| json_pair(&format!("report={text}"));
    assert_eq!(json(r#"{"a": [1]}"#).unwrap().1, json!({"a": [1]}));
    let error = json(r#"{"a": {"k": 1, "\u006b": 2}}"#).unwrap_err();
    assert!(error.contains("duplicate key"), "{error}");
}
