//! Tests that the redirector can parse the flags that injection writes.

use std::ffi::OsString;
use std::fs;

use gleaner_core::inject::settings::{Resources, Sidecars};
use gleaner_core::inject::task::{self, Operation, Placement};
use gleaner_core::inject::{Outcome, Refusal, ResultsFrom, Settings, pod};
use serde_json::{Value, json};

use crate::options::{self, Invocation};
use crate::script;

fn settings() -> Settings {
    Settings {
        image: "registry.example/gleaner:1".into(),
        image_pull_policy: None,
        resources: Resources::default(),
        run_as_user: None,
        sidecars: Sidecars::Native,
        log_level: None,
        traces_endpoint: None,
        kinds: Default::default(),
    }
}

fn task(step: &Value) -> Value {
    let outputs = "steps: {build: [{name: digest}, {name: report, type: object, fromPath: /r, when: Always, default: {}}]}\n\
        preflight: Strict\n";
    json!({
        "apiVersion": "tekton.dev/v1",
        "kind": "Task",
        "metadata": {"name": "build", "annotations": {"gleaner.dev/outputs": outputs}},
        "spec": {"steps": [step]},
    })
}

fn changed(outcome: Result<Outcome, Refusal>) -> Value {
    match outcome {
        Ok(Outcome::Changed(after)) => after.object,
        other => panic!("{other:?}"),
    }
}

fn texts(list: &Value) -> Vec<String> {
    serde_json::from_value(list.clone()).unwrap()
}

/// Asserts that the redirector, started with `arguments`, runs `command` as the declaration requires.
#[track_caller]
fn assert_wraps(arguments: impl Iterator<Item = OsString>, command: &[&str]) {
    // The user who starts a run can set environment variables. With `--injected`, these variables must have no effect.
    let hostile = |_: &str| Some(OsString::from("/hostile"));
    let Ok(Invocation::Wrap(wrap)) = options::parse(arguments, hostile) else {
        panic!("expected a command to run");
    };
    assert_eq!(wrap.common.step.as_str(), "build");
    let outputs: Vec<String> = wrap.outputs.iter().map(ToString::to_string).collect();
    assert_eq!(outputs, ["digest", "report,object,Always,optional=/r"]);
    assert!(wrap.preflight && wrap.finish);
    assert!(!format!("{wrap:?}").contains("hostile"), "{wrap:?}");
    let run = wrap
        .command
        .iter()
        .map(|argument| argument.to_str().unwrap());
    assert!(run.eq(command.iter().copied()), "{:?}", wrap.command);
}

fn ahead(step: &Value) -> Value {
    let task = task(step);
    let injected = task::inject_for(
        &task,
        Operation::Create,
        &settings(),
        Placement::AheadOfTime(ResultsFrom::default()),
    );
    changed(injected)["spec"]["steps"][0].clone()
}

#[test]
fn the_flags_of_a_pod_are_read() {
    let task = task(&json!({"name": "build", "image": "i", "command": ["make"]}));
    let injected = changed(task::inject(&task, Operation::Create, &settings()));
    let sidecar = &injected["spec"]["sidecars"][0]["args"];
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "labels": {"tekton.dev/taskRun": "run-1"}},
        "spec": {"containers": [
            {"name": "step-build", "image": "i", "command": ["/tekton/bin/entrypoint"], "args": ["-entrypoint", "make", "--", "all"]},
            {"name": "sidecar-gleaner", "image": "i", "args": sidecar},
        ]},
    });
    let pod = changed(pod::inject(&pod, &settings()));
    let args = texts(&pod["spec"]["containers"][0]["args"]);
    let own = args.iter().position(|argument| argument == "--").unwrap() + 1;
    let own = args[own..].iter().map(OsString::from);
    assert_wraps(own, &["make", "all"]);
}

#[test]
fn the_flags_of_a_command_injected_ahead_of_time_are_read() {
    let step = ahead(&json!({"name": "build", "image": "i", "command": ["make"], "args": ["all"]}));
    assert_wraps(
        texts(&step["args"]).into_iter().map(OsString::from),
        &["make", "all"],
    );
}

#[test]
fn a_script_injected_ahead_of_time_is_unpacked() {
    let step = ahead(&json!({"name": "build", "image": "i", "script": "echo hello\n"}));
    let script = step["script"].as_str().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("script");
    fs::write(&file, script).unwrap();
    let first = script.lines().next().unwrap();
    let flag = first.split_once(' ').unwrap().1;
    let arguments = [
        OsString::from(flag),
        file.into_os_string(),
        "argument".into(),
    ];
    let unpacked = script::unpack(arguments.into_iter()).unwrap();
    let place = unpacked
        .folder
        .as_ref()
        .unwrap()
        .path()
        .unwrap()
        .join("script");
    assert_eq!(
        fs::read_to_string(&place).unwrap(),
        "#!/bin/sh\nset -e\necho hello\n"
    );
    let place = place.to_str().unwrap().to_owned();
    assert_wraps(unpacked.arguments.into_iter(), &[&place, "argument"]);
}

#[test]
fn the_flags_of_a_finish_step_are_read() {
    let mut task = task(&json!({"name": "build", "image": "i", "command": ["make"]}));
    task["spec"]["steps"][0]["onError"] = "continue".into();
    let injected = changed(task::inject(&task, Operation::Create, &settings()));
    let args = texts(&injected["spec"]["steps"][1]["args"]);
    let hostile = |_: &str| Some(OsString::from("/hostile"));
    let finish = options::parse(args.into_iter().map(OsString::from), hostile);
    let Ok(Invocation::Finish(options)) = finish else {
        panic!("expected a finish: {finish:?}");
    };
    assert!(!format!("{options:?}").contains("hostile"), "{options:?}");
}
