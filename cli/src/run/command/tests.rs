//! Unit tests of `command`.

use gleaner_core::document::{Cursor, yaml};
use serde_json::json;

use super::*;
use gleaner_core::task::TaskSpec;

fn prepare(step: &str, commands: &[(&str, &str)]) -> Result<Command, String> {
    let spec = format!(
        "stepTemplate: {{env: [{{name: A, value: a}}, {{name: B, value: $(A)b}}]}}\nsteps: [{step}]"
    );
    let spec = TaskSpec::read(&Cursor::root(&yaml::parse(&spec).unwrap())).unwrap();
    let directory = RunDirectory::new(false).unwrap();
    let mut paths = Paths::default();
    paths.map("/workspace", std::path::Path::new("/w"));
    let params = serde_json::from_value(json!({"list": ["1", "2"], "mode": "continue"})).unwrap();
    let substitution = Substitution {
        params,
        ..Substitution::default()
    };
    let commands = commands
        .iter()
        .map(|(step, line)| ((*step).to_owned(), (*line).to_owned()))
        .collect();
    let surroundings = Surroundings {
        directory: &directory,
        paths: &paths,
        substitution: &substitution,
        commands: &commands,
        declaration: &Declaration::default(),
        mounts: &Mounts::default(),
    };
    Command::prepare(&spec.steps[0], &surroundings)
}

#[test]
fn a_command_gets_its_arguments_and_variables() {
    let command = prepare(
        "{command: [cp], args: ['$(params.list)', /workspace/x, $(B)], env: [{name: A, value: c}]}",
        &[],
    );
    let command = command.unwrap();
    // The step's variable A overrides the stepTemplate's A.
    assert_eq!(
        command.environment,
        [("A".into(), "c".into()), ("B".into(), "cb".into())]
    );
    assert_eq!(command.arguments, ["cp", "1", "2", "/w/x", "cb"]);
    // As in Kubernetes, a variable can refer only to preceding variables. NEW precedes the stepTemplate's variables, so `$(A)`
    // remains.
    let command = prepare(
        "{command: [x], env: [{name: B, value: z}, {name: NEW, value: $(A)2}]}",
        &[],
    );
    let expected = [("NEW", "$(A)2"), ("A", "a"), ("B", "z")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(command.unwrap().environment, expected);
}

#[test]
fn a_script_without_an_interpreter_runs_in_sh() {
    let command = prepare("{script: 'cat /workspace/x', args: [z]}", &[]).unwrap();
    assert_eq!(
        command.script.as_deref(),
        Some("#!/bin/sh\nset -e\ncat /w/x")
    );
    assert_eq!(command.arguments[1..], ["z"]);
    let command = prepare("{script: \"#!/usr/bin/env python3\\nprint()\"}", &[]).unwrap();
    assert_eq!(
        command.script.as_deref(),
        Some("#!/usr/bin/env python3\nprint()")
    );
}

#[test]
fn a_step_command_replaces_command_script_and_args() {
    let command = prepare(
        "{name: s, image: i, args: [x]}",
        &[("s", "echo /workspace")],
    )
    .unwrap();
    assert_eq!(command.arguments, ["sh", "-c", "echo /w"]);
    assert!(
        prepare("{name: s, image: i}", &[])
            .unwrap_err()
            .contains("--step-command s='...'")
    );
    assert!(
        prepare("{name: s, ref: {name: clone}}", &[])
            .unwrap_err()
            .contains("StepAction 'clone'")
    );
}

#[test]
fn on_error_timeout_and_when_are_parsed() {
    let when = "when: [{input: $(params.mode), operator: notin, values: [continue]}]";
    let step =
        format!("{{command: [x], onError: $(params.mode), timeout: 1m, workingDir: sub, {when}}}");
    let command = prepare(&step, &[]).unwrap();
    assert!(command.continue_on_error && command.skipped);
    assert_eq!(command.timeout, Some(Duration::from_secs(60)));
    assert_eq!(command.working_dir, std::path::Path::new("/w/sub"));
    assert!(prepare("{command: [x], onError: ignore}", &[]).is_err());
    assert!(prepare("{command: [x], timeout: soon}", &[]).is_err());
}
