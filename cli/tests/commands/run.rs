//! Tests `gleaner run` with the real redirector, sidecar and local API server.

use crate::support::{self, ONE, Ran, file, gleaner, run, task};
use serde_json::json;

/// Runs an example with the command in the first line of its file.
fn example(name: &str) -> Ran {
    let path = support::repository().join("examples").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    let command = text
        .lines()
        .next()
        .unwrap()
        .strip_prefix("# gleaner ")
        .unwrap();
    gleaner(&command.split(' ').collect::<Vec<_>>())
}

#[test]
fn a_digest_becomes_a_pipeline_resource() {
    let ran = example("build-and-push.yaml");
    ran.exits(0)
        .says("steps.build.digest = sha256:")
        .says("build | pushed ")
        .says("PipelineResource default/");
    let object = ran.object();
    assert_eq!(object["kind"], "PipelineResource");
    assert_eq!(object["metadata"]["ownerReferences"][0]["kind"], "TaskRun");
    let digest = object["spec"]["params"][1]["value"].as_str().unwrap();
    assert!(
        digest.starts_with("sha256:") && digest.len() == 71,
        "{digest}"
    );
    assert!(ran.result("img").unwrap().contains(digest));
}

#[test]
fn the_proposals_task_runs_with_a_replacement_for_kaniko() {
    let step = "kaniko=printf sha256:54ed > /workspace/digest";
    let ran = gleaner(&[
        "run",
        "-f",
        "examples/build-and-test.yaml",
        "-p",
        "imageUrl=docker.io/x",
        "--step-command",
        step,
    ]);
    ran.exits(0)
        .says("/workspace/src is an empty directory; to use an existing directory, set --workspace src=DIR");
    let params = json!([{"name": "url", "value": "docker.io/x"}, {"name": "digest", "value": "sha256:54ed"}]);
    assert_eq!(
        ran.object()["spec"],
        json!({"type": "image", "params": params})
    );
    let name = ran.object()["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(name.starts_with("build-and-push-image-"), "{name}");
}

#[test]
fn a_missing_tool_fails_with_a_hint() {
    let ran = gleaner(&[
        "run",
        "-f",
        "examples/build-and-test.yaml",
        "-p",
        "imageUrl=x",
    ]);
    ran.exits(127)
        .says("--step-command kaniko='...'")
        .says("nothing was created");
    assert_eq!(ran.stdout, "");
}

#[test]
fn the_deployment_example_creates_both_objects_or_none() {
    let ran = example("build-and-deploy.yaml");
    let kinds: Vec<_> = ran
        .exits(0)
        .objects()
        .iter()
        .map(|object| object["kind"].clone())
        .collect();
    assert_eq!(kinds, ["PipelineResource", "Service"]);
    let ran = gleaner(&["run", "-f", "examples/build-and-deploy.yaml"]);
    ran.exits(73)
        .says("kind Service of serving.knative.dev/v1 is not served")
        .says("--crd FILE");
    assert_eq!(ran.stdout, "");
}

#[test]
fn typed_outputs_keep_their_types_in_a_run() {
    let ran = example("typed-outputs.yaml");
    let objects = ran.exits(0).objects();
    assert_eq!(
        objects[0]["data"]["notes"],
        "two lines,\nand \"quotes\" # no comment\n"
    );
    assert_eq!(objects[0]["data"]["count"], "2");
    assert_eq!(
        objects[0]["data"]["labels.json"],
        r#"{"app":"measured","tier":"web"}"#
    );
    assert_eq!(objects[1]["spec"]["replicas"], 2);
    assert_eq!(
        ran.result("app")
            .unwrap()
            .matches("\"replicas\":\"2\"")
            .count(),
        1
    );
}

#[test]
fn a_secret_is_never_printed() {
    let ran = example("secret-output.yaml");
    ran.exits(0).says("steps.issue.token = (secret)");
    assert_eq!(ran.object()["stringData"]["token"], "(secret)");
}

#[test]
fn a_line_of_a_step_that_imitates_gleaner_keeps_its_prefix() {
    let spec = r#"steps: [{name: one, script: "echo \"gleaner: step 'one': no\"; printf x > $GLEANER_OUTPUTS/a"}]"#;
    let ran = run(&task(ONE, spec), &[]);
    ran.exits(0).says("one | gleaner: step 'one': no\n");
}

#[test]
fn a_strict_preflight_suggests_the_crd_flag() {
    let declaration = "
      steps: {one: [{name: a}]}
      objects:
        - {name: x, resourceTemplate: {apiVersion: example.dev/v1, kind: X, metadata: {name: x}, spec: {a: $(steps.one.a)}}}
      preflight: Strict
";
    let ran = run(
        &task(declaration, "steps: [{name: one, script: echo never}]"),
        &[],
    );
    ran.exits(73)
        .says("kind X of example.dev/v1 is not served")
        .says("--crd FILE");
    assert!(!ran.stderr.contains("one | never"), "{}", ran.stderr);
}

#[test]
fn a_failed_step_ends_the_task_with_its_exit_code() {
    let text = task(
        ONE,
        "steps:\n- {name: one, script: exit 7}\n- {name: two, script: echo never}",
    );
    let ran = run(&text, &[]);
    ran.exits(7)
        .says("one exited with code 7")
        .says("two was skipped: an earlier step failed");
    assert!(!ran.stderr.contains("never"));
}

#[test]
fn a_killed_step_exits_with_128_plus_the_signal() {
    let text = task(ONE, "steps: [{name: one, script: kill -9 $$}]");
    run(&text, &[])
        .exits(137)
        .says("one was terminated by signal 9");
    let text = task(ONE, "steps: [{name: one, script: kill -TERM $$}]");
    run(&text, &[]).exits(143);
}

#[test]
fn the_task_continues_with_on_error_continue() {
    let spec = "
params: [{name: mode, default: continue}]
steps:
- {name: zero, onError: $(params.mode), script: exit 3}
- {name: one, script: 'cat $(steps.step-zero.exitCode.path) > $GLEANER_OUTPUTS/a'}
";
    let ran = run(&task(ONE, spec), &[]);
    ran.exits(0)
        .says("zero exited with code 3, and the task continues");
    assert_eq!(ran.object()["data"]["a"], "3");
    run(&task(ONE, spec), &["-p", "mode=stopAndFail"]).exits(3);
}

#[test]
fn a_missing_output_is_reported_at_the_end_even_if_the_failure_of_its_step_is_ignored() {
    let text = task(
        ONE,
        "steps: [{name: one, onError: continue, script: 'exit 0'}]",
    );
    let ran = run(&text, &[]);
    ran.exits(73)
        .says("output 'a' is missing")
        .says("gleaner exited with code 73");
    assert_eq!(ran.stdout, "");
}

#[test]
fn the_run_finishes_even_if_the_last_step_is_skipped() {
    let spec = "
steps:
- {name: one, script: 'printf x > $GLEANER_OUTPUTS/a; printf no > $(step.results.go.path)', results: [{name: go}]}
- {name: two, script: echo never, when: [{input: $(steps.one.results.go), operator: in, values: ['yes']}]}
";
    let ran = run(&task(ONE, spec), &[]);
    ran.exits(0)
        .says("two was skipped: its when conditions")
        .says("gleaner");
    assert_eq!(ran.object()["data"]["a"], "x");
}

#[test]
fn a_step_that_times_out_is_stopped_even_with_on_error_continue() {
    let spec = "steps: [{name: one, timeout: 200ms, onError: continue, script: 'sleep 60'}, {name: two, script: 'echo never'}]";
    let began = std::time::Instant::now();
    run(&task(ONE, spec), &[])
        .exits(1)
        .says("exceeded its timeout of 200ms")
        .says("two was skipped: an earlier step failed");
    assert!(began.elapsed().as_secs() < 30);
    let ran = run(
        &task(ONE, "steps: [{name: one, script: 'sleep 60'}]"),
        &["--timeout", "200ms"],
    );
    ran.exits(1).says("(--timeout)");
}

#[test]
fn a_missing_output_fails_the_step() {
    run(&task(ONE, "steps: [{name: one, script: 'exit 0'}]"), &[])
        .exits(65)
        .says("output 'a' is missing");
}

#[test]
fn parameters_workspaces_and_variables_are_passed_as_in_tekton() {
    let declaration = ONE.replace("{name: a}", "{name: a, fromPath: /workspace/src/sub/out}");
    let spec = "
params:
- {name: list, type: array, default: [x, 'y z']}
- {name: o, type: object, properties: {k: {}}}
workspaces: [{name: src}, {name: maybe, optional: true}]
stepTemplate: {env: [{name: GREETING, value: hello}]}
steps:
- name: one
  workingDir: /workspace/src/sub
  env: [{name: TWICE, value: $(GREETING)-$(GREETING)}]
  args: ['$(params.list[*])', '$(params.list[1])', '$(params[\"o\"].k)', $(TWICE)]
  script: |
    #!/bin/sh
    printf '%s|' \"$@\" $(workspaces.maybe.bound) $(context.taskRun.name) \"$(basename \"$PWD\")\" > out
    cp out $(workspaces.src.path)/copy
";
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    let workspace = format!("src={}", folder.path().display());
    let ran = run(
        &task(&declaration, spec),
        &["--workspace", &workspace, "-p", "o=k:v"],
    );
    // An environment variable can refer only to variables that precede it. Variables that only the step sets precede those of
    // the step template, so `$(GREETING)` is not replaced.
    let expected = "x|y z|y z|v|$(GREETING)-$(GREETING)|false|try-run|sub|";
    assert_eq!(ran.exits(0).object()["data"]["a"], expected);
    assert_eq!(
        std::fs::read_to_string(folder.path().join("copy")).unwrap(),
        expected
    );
}

#[test]
fn parameters_come_from_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let params = file(
        folder.path(),
        "params.yaml",
        "text: from-file\nlist: [1, b]\n",
    );
    let spec = "
params: [{name: text}, {name: list, type: array}]
steps: [{name: one, command: [sh, -c, 'printf %s \"$*\" > $GLEANER_OUTPUTS/a', sh], args: [$(params.text), $(params.list)]}]
";
    let ran = run(
        &task(ONE, spec),
        &["--param-file", &params, "-p", "text=from-flag"],
    );
    assert_eq!(ran.exits(0).object()["data"]["a"], "from-flag 1 b");
}

#[test]
fn results_are_printed_as_yaml_and_as_json() {
    let spec = "
results: [{name: r}, {name: s, value: $(steps.one.results.own)}]
steps: [{name: one, results: [{name: own}], script: 'echo R > $(results.r.path); printf S > $(step.results.own.path); printf x > $GLEANER_OUTPUTS/a'}]
";
    let ran = run(&task(ONE, spec), &[]);
    assert_eq!((ran.result("r"), ran.result("s")), (Some("R"), Some("S")));
    assert!(ran.result("cm").unwrap().starts_with("{\"name\":\"cm\""));
    let ran = run(&task(ONE, spec), &["-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["resources"][0]["data"]["a"], "x");
    assert_eq!(report["results"]["r"], "R\n");
}

#[test]
fn results_are_printed_in_the_order_of_the_declaration() {
    let spec = "
results: [{name: z}, {name: b}]
steps: [{name: one, script: 'echo Z > $(results.z.path); echo B > $(results.b.path); printf x > $GLEANER_OUTPUTS/a'}]
";
    let ran = run(&task(ONE, spec), &[]);
    let lines = ran.stdout.lines();
    let results = lines.filter_map(|line| line.strip_prefix("# result ")?.split(':').next());
    assert_eq!(results.collect::<Vec<_>>(), ["z", "b", "cm"]);
    let ran = run(&task(ONE, spec), &["-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let results = report["results"].as_object().unwrap();
    assert_eq!(results.keys().collect::<Vec<_>>(), ["z", "b", "cm"]);
}

#[test]
fn the_output_of_a_step_is_copied_to_a_file_on_request() {
    let spec = "
steps:
- {name: zero, script: 'echo seen; echo aside >&2', stdoutConfig: {path: /workspace/log}}
- {name: one, script: 'cp /workspace/log $GLEANER_OUTPUTS/a'}
";
    let ran = run(&task(ONE, spec), &[]);
    assert_eq!(
        ran.exits(0)
            .says("zero | seen")
            .says("zero | aside")
            .object()["data"]["a"],
        "seen"
    );
}

#[test]
fn the_directory_is_removed_unless_keep_is_set() {
    let text = task(
        ONE,
        "steps: [{name: one, script: 'pwd; printf x > $GLEANER_OUTPUTS/a'}]",
    );
    let folder = |ran: &Ran| {
        let line = ran
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix("one | "))
            .unwrap();
        std::path::Path::new(line).parent().unwrap().to_owned()
    };
    let gone = run(&text, &[]);
    assert!(!folder(gone.exits(0)).exists());
    let kept = run(&text, &["--keep"]);
    let folder = folder(kept.exits(0).says("the directory of this run is "));
    assert!(folder.join("outputs/one/a").exists());
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn output_to_a_pipe_has_no_colors() {
    let ran = example("build-and-push.yaml");
    assert!(!ran.stderr.contains('\u{1b}') && !ran.stdout.contains('\u{1b}'));
}

#[test]
fn gleaners_variables_in_the_environment_are_ignored() {
    let text = task(
        ONE,
        "steps: [{name: one, script: 'printf x > $GLEANER_OUTPUTS/a'}]",
    );
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "task.yaml", &text);
    let mut command = support::command(&["run", "-f", &path]);
    command
        .env("GLEANER_OUTPUT", "other")
        .env("GLEANER_SIDECAR", "unix:/nowhere")
        .env("GLEANER_STEP", "other");
    support::ran(command.output().unwrap()).exits(0);
}

#[test]
fn a_workspace_path_with_a_blank_needs_no_quotes() {
    let folder = tempfile::tempdir().unwrap();
    let blank = folder.path().join("a b");
    std::fs::create_dir(&blank).unwrap();
    let spec = "
workspaces: [{name: src}]
steps: [{name: one, script: 'cd $(workspaces.src.path); printf x > /workspace/src/made; cp made $GLEANER_OUTPUTS/a'}]
";
    let workspace = format!("src={}", blank.display());
    let ran = run(&task(ONE, spec), &["-w", &workspace]);
    assert_eq!(ran.exits(0).object()["data"]["a"], "x");
    assert!(blank.join("made").exists());
}
