//! Tests that `gleaner run` interprets defaults, results, paths and variables as Tekton does.

use crate::support::{self, ONE, run, task};

#[test]
fn from_path_may_contain_variables() {
    let declaration = ONE.replace(
        "{name: a}",
        "{name: a, fromPath: $(workspaces.w.path)/$(params.x)/$(context.taskRun.name)}",
    );
    let spec = "
params: [{name: x, default: sub}]
workspaces: [{name: w, mountPath: /data}]
steps: [{name: one, script: 'mkdir /data/sub; printf x > /data/sub/try-run'}]
";
    let ran = run(&task(&declaration, spec), &[]);
    assert_eq!(ran.exits(0).object()["data"]["a"], "x");
}

#[test]
fn results_that_tekton_would_refuse_are_reported() {
    let spec = "
results: [{name: l, type: array}, {name: m, type: array}, {name: o, type: object, properties: {k: {}}}, {name: p, type: object, properties: {x: {}, y: {}, z: {}}}, {name: q, type: object, properties: {x: {}}}, {name: big}]
steps:
- name: one
  script: |
    printf '[\"a\"]' > $(results.l.path)
    printf '[1]' > $(results.m.path)
    printf 'k=v' > $(results.o.path)
    printf '{\"x\":\"1\"}\\n' > $(results.p.path)
    printf ' {\"x\":\"1\"}' > $(results.q.path)
    head -c 5000 /dev/zero | tr '\\0' x > $(results.big.path)
    printf x > $GLEANER_OUTPUTS/a
";
    let ran = run(&task(ONE, spec), &[]);
    ran.exits(65)
        .says("error: the result 'm' is of type array")
        .says("error: the result 'o' is of type object")
        .says("error: the result 'p' lacks the keys y, z, which its properties declare")
        .says("error: the result 'q' is of type object")
        .says("error: the result 'big' is 5000 bytes long");
    assert!(!ran.stderr.contains("the result 'l'"), "{}", ran.stderr);
    ran.says("the created objects remain, although the task failed");
}

#[test]
fn a_long_task_name_gives_a_valid_run_name() {
    for length in [59, 60, 63] {
        let name = "x".repeat(length);
        let text = task(
            ONE,
            "steps: [{name: one, script: 'printf x > $GLEANER_OUTPUTS/a'}]",
        );
        let text = text.replace("name: try", &format!("name: {name}"));
        let ran = run(&text, &[]);
        assert_eq!(
            ran.exits(0).object()["metadata"]["labels"]["tekton.dev/task"],
            name.as_str()
        );
    }
}

#[test]
fn the_first_line_of_a_script_may_set_its_interpreter() {
    let declaration = &ONE.replace("{name: a}", "{name: a, fromPath: /workspace/out}");
    let interpreter = "#!/usr/bin/env -S sh -c 'printf interpreted > out'";
    let from_parameter = format!(
        "params: [{{name: body, default: {interpreter:?}}}]\nsteps: [{{name: one, script: $(params.body)}}]"
    );
    let ran = run(&task(declaration, &from_parameter), &[]);
    assert_eq!(ran.exits(0).object()["data"]["a"], "interpreted");
    let after_blanks = format!(
        "steps: [{{name: one, script: {:?}}}]",
        format!("\n  {interpreter}\n")
    );
    let ran = run(&task(declaration, &after_blanks), &[]);
    ran.exits(0)
        .says("warning: step 'one': the script has whitespace before '#!'");
    assert_eq!(ran.object()["data"]["a"], "interpreted");
    run(
        &task(ONE, "steps: [{name: one, script: '#!win powershell'}]"),
        &[],
    )
    .exits(64)
    .says("step 'one' is a Windows script");
}

#[test]
fn defaults_without_quotes_are_read_as_in_tekton() {
    let spec = "
params:
- {name: num, type: string, default: 4}
- {name: bo, default: false}
- {name: fl, default: 1.10}
- {name: mixed, default: [1, x]}
- {name: none, default: null}
steps: [{name: one, script: 'printf %s \"$(params.num) $(params.bo) $(params.fl)\" > $GLEANER_OUTPUTS/a; echo ''$(params.mixed)'''}]
";
    run(&task(ONE, spec), &[])
        .exits(64)
        .says("'none' has no value");
    let ran = run(&task(ONE, spec), &["-p", "none=x"]);
    assert_eq!(
        ran.exits(0).says("one | [1,\"x\"]").object()["data"]["a"],
        "4 false 1.1"
    );
    // As in Tekton, a list is the default of an array parameter only if all its items are strings.
    let array = spec
        .replace(
            "{name: mixed, default",
            "{name: mixed, type: array, default",
        )
        .replace("$(params.mixed)", "$(params.mixed[0])");
    run(&task(ONE, &array), &["-p", "none=x"])
        .exits(78)
        .says("params[3].default: the default is a string, but the parameter is of type array");
    let declaration = ONE.replace("$(steps.one.a)", "$(params.num) $(params.bo) $(params.fl)");
    let folder = tempfile::tempdir().unwrap();
    let path = support::file(folder.path(), "task.yaml", &task(&declaration, spec));
    let rendered = support::gleaner(&["render", "-f", &path]);
    assert_eq!(rendered.exits(0).object()["data"]["a"], "4 false 1.1");
}

#[test]
fn step_results_have_types() {
    let spec = "
steps:
- name: zero
  results: [{name: l, type: array}, {name: o, type: object, properties: {k: {}}}, {name: s}]
  script: |
    printf '[\"a\",\"b c\"]' > $(step.results.l.path)
    printf '{\"k\":\"v\"}' > $(step.results.o.path)
    printf 5 > $(step.results.s.path)
- name: one
  command: [sh, -c, 'printf \"%s|\" \"$@\" $FROM_ENV > $GLEANER_OUTPUTS/a', sh]
  env: [{name: FROM_ENV, value: $(steps.zero.results.o.k)}]
  args: ['$(steps.zero.results.l[*])', '$(steps.zero.results.l[1])', $(steps.zero.results.s)]
  when: [{input: '$(steps.zero.results.o.k)', operator: in, values: [v]}]
";
    let ran = run(&task(ONE, spec), &[]);
    assert_eq!(ran.exits(0).object()["data"]["a"], "a|b c|b c|5|v|");
    let beyond = spec.replace("l[1]", "l[2]");
    run(&task(ONE, &beyond), &[])
        .exits(64)
        .says("`$(steps.zero.results.l[2])`: the value has no item 2, because its length is 2");
}

#[test]
fn unknown_variables_are_errors_in_every_field_of_a_step() {
    let spec = |step: &str| {
        format!(
            "params: [{{name: x, default: y}}, {{name: l, type: array, default: []}}, {{name: o, type: object, properties: {{k: {{}}}}, default: {{k: v}}}}]\nresults: [{{name: r}}]\nworkspaces: [{{name: w, optional: true}}]\nsteps:\n- {{name: zero, results: [{{name: own}}], script: 'true'}}\n- {step}"
        )
    };
    for (step, place, message) in [
        (
            "{name: one, command: [echo], args: [$(results.typo.path)]}",
            "args[0]",
            "the Task has no result 'typo'",
        ),
        (
            "{name: one, command: [$(parms.x)]}",
            "command[0]",
            "did you mean 'params'?",
        ),
        (
            "{name: one, script: 'echo $(params.y)'}",
            "script",
            "the Task has no parameter 'y'",
        ),
        (
            "{name: one, script: x, env: [{name: A, value: $(workspaces.v.path)}]}",
            "env[0].value",
            "the Task has no workspace 'v'",
        ),
        (
            "{name: one, script: x, image: 'a:$(context.task.nme)'}",
            "image",
            "did you mean 'task.name'?",
        ),
        (
            "{name: one, script: x, workingDir: $(context.pipelineRun.name)}",
            "workingDir",
            "not available in a step of a Task",
        ),
        (
            "{name: one, script: x, onError: $(step.results.own.path)}",
            "onError",
            "'$(step.results.own.path)' is not a valid onError value",
        ),
        (
            "{name: one, script: x, timeout: $(tasks.a.results.b)}",
            "timeout",
            "through parameters of the Task",
        ),
        (
            "{name: one, script: x, stdoutConfig: {path: $(steps.zero.results.none)}}",
            "stdoutConfig.path",
            "step 'zero' has no result 'none'",
        ),
        (
            "{name: one, script: x, when: [{input: $(steps.two.results.a), operator: in, values: [b]}]}",
            "when[0].input",
            "the Task has no step 'two'",
        ),
        (
            "{name: one, script: 'echo $(steps.zero.results.own)'}",
            "script",
            "Tekton does not replace step results in 'script'",
        ),
        (
            "{name: one, script: 'echo $(step.artifacts.path)'}",
            "script",
            "artifacts are available only in a cluster",
        ),
        (
            "{name: one, script: 'echo $(steps.zero.digest)'}",
            "script",
            "step outputs are only available in templates",
        ),
        (
            "{name: one, script: 'echo $(params.l)'}",
            "script",
            "`$(params.l)` is an array",
        ),
        (
            "{name: one, script: 'echo $(params.o)'}",
            "script",
            "`$(params.o)` is an object",
        ),
        (
            "{name: one, script: 'echo $(params.o.j)'}",
            "script",
            "has no key 'j'",
        ),
        (
            "{name: one, script: 'cat $(steps.step-none.exitCode.path)'}",
            "script",
            "the Task has no step 'none'",
        ),
    ] {
        let ran = run(&task(ONE, &spec(step)), &[]);
        ran.exits(78)
            .says(message)
            .says(&format!("error: spec.steps[1].{place}: "));
        assert!(!ran.stderr.contains("▶"), "{}", ran.stderr);
    }
    // Command substitutions of the shell are not variables, so they stay unchanged.
    let shell = "{name: one, script: 'echo $(date) $(basename x.y) $(cat a.b c) > $GLEANER_OUTPUTS/a || true; printf x > $GLEANER_OUTPUTS/a'}";
    run(&task(ONE, &spec(shell)), &[]).exits(0);
}

#[test]
fn a_variable_in_a_block_is_reported_with_its_line_and_column() {
    let spec = "steps:\n- name: one\n  script: |\n    echo a\n    echo  $(params.none)";
    let text = task(ONE, spec);
    let line = text
        .lines()
        .position(|line| line.contains("params.none"))
        .unwrap()
        + 1;
    let column = text.lines().nth(line - 1).unwrap().find("$(").unwrap() + 1;
    run(&text, &[]).exits(78).says(&format!(
        "<stdin>:{line}:{column}: error: spec.steps[0].script: "
    ));
}

const WAITS: &str = "
steps: {one: [{name: a}]}
objects:
  - name: migrate
    waitFor: {condition: Complete, timeout: 4s}
    results: {done: .status.succeeded, name-again: .metadata.name}
    resourceTemplate:
      apiVersion: batch/v1
      kind: Job
      metadata: {name: migrate-$(steps.one.a)}
      spec: {template: {spec: {restartPolicy: Never, containers: [{name: m, image: busybox}]}}}
";

#[test]
fn a_wait_that_needs_a_controller_is_reported_and_can_be_skipped() {
    let text = task(
        WAITS,
        "steps: [{name: one, script: 'printf 1 > $GLEANER_OUTPUTS/a'}]",
    );
    run(&text, &[])
        .exits(73)
        .says("the local API server has no controllers")
        .says("so waiting for 'migrate' (condition Complete, at most 4s) may time out; use --no-wait to skip the waits");
    let ran = run(&text, &["--no-wait"]);
    ran.exits(0).says("Job default/migrate-1");
    assert!(!ran.stderr.contains("no controller"), "{}", ran.stderr);
    assert!(
        ran.result("migrate")
            .unwrap()
            .contains("\"name-again\":\"migrate-1\"")
    );
}
