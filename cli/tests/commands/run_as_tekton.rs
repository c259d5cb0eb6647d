//! Tests that `gleaner run` determines values, names and the order of tasks as Tekton does.

use std::process::Stdio;

use crate::support::{self, Ran, command, gleaner, gleaner_with_input, run};

/// Returns a PipelineRun named `r` whose spec consists of the fields in `spec`.
fn pipeline_run(spec: &str) -> String {
    format!("apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {{name: r}}\nspec:\n{spec}\n")
}

/// Returns a TaskRun named `r` whose taskSpec consists of the fields in `spec`.
fn task_run(spec: &str) -> String {
    format!(
        "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{name: r}}\nspec:\n  taskSpec:\n    {}\n",
        spec.trim().replace('\n', "\n    ")
    )
}

/// Returns the lines that the steps printed.
fn printed(ran: &Ran) -> Vec<&str> {
    let lines = ran.stderr.lines();
    lines
        .filter_map(|line| line.split_once(" | ").map(|(_, text)| text))
        .collect()
}

#[test]
fn a_whole_result_can_be_a_parameter_of_the_next_task() {
    let takes = "{name: use, params: [{name: o, value: '$(tasks.make.results.o[*])'}, {name: l, value: '$(tasks.make.results.l[*])'}], taskSpec: {params: [{name: o, type: object, properties: {k: {}}}, {name: l, type: array, default: [zz]}], steps: [{name: s, image: i, command: [echo], args: ['$(params.o.k)', '$(params.l[1])', '$(params.l[*])']}]}}";
    let makes = |results: &str| {
        format!(
            "  pipelineSpec:\n    tasks:\n    - name: make\n      taskSpec:\n        results: {results}\n        steps:\n        - name: s\n          image: i\n          script: |\n            printf '{{\"k\":\"v\"}}' > $(results.o.path)\n            printf '[\"a\",\"b c\"]' > $(results.l.path)\n    - {takes}"
        )
    };
    let results = "[{name: o, type: object, properties: {k: {}}}, {name: l, type: array}]";
    let ran = run(&pipeline_run(&makes(results)), &[]);
    assert_eq!(printed(ran.exits(0)), ["v b c a b c"]);
    // A literal value is checked before the first step runs.
    let wrong = "  pipelineSpec:\n    tasks: [{name: a, params: [{name: mode, value: medium}], taskSpec: {params: [{name: mode, enum: [fast, slow]}], steps: [{name: s, image: i, script: echo never}]}}]";
    let ran = run(&pipeline_run(wrong), &[]);
    ran.says("'mode' cannot be 'medium'; use one of fast, slow");
    assert!(ran.code != 0 && !ran.stderr.contains("▶"), "{ran:?}");
}

#[test]
fn the_object_result_of_a_resource_can_be_a_parameter_of_the_next_task() {
    let run_of = pipeline_run(
        "  pipelineSpec:\n    tasks:\n    - {name: a, taskRef: {name: make}}\n    - {name: b, params: [{name: img, value: '$(tasks.a.results.img[*])'}], taskRef: {name: use}}",
    );
    let text = run_of
        + "---\napiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: make, annotations: {gleaner.dev/outputs: 'resources: [{name: img, spec: {type: image, params: [{name: url, value: u}]}}]'}}\nspec: {steps: [{name: s, image: i, script: 'true'}]}\n---\napiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: use}\nspec: {params: [{name: img, type: object, properties: {url: {}}}], steps: [{name: s, image: i, command: [echo], args: ['$(params.img.url)']}]}\n";
    let ran = gleaner_with_input(&["run", "-f", "-"], &text);
    assert_eq!(printed(ran.exits(0)), ["u"]);
}

#[test]
fn a_value_of_the_run_overrides_the_default_of_an_embedded_task() {
    let tasks = "
    tasks:
    - {name: a, taskSpec: {params: [{name: who, default: inner}], steps: [{name: s, image: i, script: 'echo $(params.who)'}]}}
    - {name: b, params: [{name: who, value: middle}], taskSpec: {params: [{name: who, default: inner}], steps: [{name: s, image: i, script: 'echo $(params.who)'}]}}
    - {name: c, taskSpec: {steps: [{name: s, image: i, args: ['$(params.l[*])'], script: 'echo $(params.who) $2'}]}}
    - {name: d, params: [{name: p, value: of $(params.who)}], taskSpec: {params: [{name: p}], steps: [{name: s, image: i, script: 'echo $(params.p)'}]}}";
    let params = "  params: [{name: who, value: outer}, {name: l, value: [x, z]}]\n  pipelineSpec:";
    let ran = run(&pipeline_run(&format!("{params}{tasks}")), &[]);
    assert_eq!(
        printed(ran.exits(0)),
        ["outer", "middle", "outer z", "of outer"]
    );
    assert!(!ran.stderr.contains("Tekton ignores"), "{}", ran.stderr);
    // The Pipeline's default also takes precedence over the default of the embedded task.
    let declared = "  params: [{name: l, value: [x, z]}]\n  pipelineSpec:\n    params: [{name: who, default: of-pipeline}]";
    let ran = run(&pipeline_run(&format!("{declared}{tasks}")), &[]);
    assert_eq!(printed(ran.exits(0))[0], "of-pipeline");
}

#[test]
fn context_variables_in_values_of_parameters_are_replaced() {
    let ran = run(
        &pipeline_run(
            "
  params: [{name: given, value: $(context.pipelineRun.name)}, {name: of-task, value: $(context.taskRun.name)}]
  pipelineSpec:
    params: [{name: given}, {name: of-task}, {name: default, default: $(context.pipelineRun.name)-x}]
    tasks:
    - {name: a, params: [{name: q, value: $(params.given) $(params.default) $(params.of-task) $(context.taskRun.name)}], taskSpec: {params: [{name: q}], steps: [{name: s, image: i, script: echo '$(params.q)'}]}}",
        ),
        &[],
    );
    assert_eq!(printed(ran.exits(0)), ["r r-x r-a r-a"]);
    // Tekton replaces the TaskRun's context variables in parameters, but not in `when`.
    let ran = run(
        &pipeline_run(
            "
  pipelineSpec:
    tasks:
    - {name: a, when: [{input: $(context.taskRun.name), operator: in, values: [r-a]}], taskSpec: {steps: [{name: s, image: i, script: 'true'}]}}",
        ),
        &[],
    );
    ran.exits(78)
        .says("when[0].input: unknown variable `$(context.taskRun.name)`");
    let ran = run(
        &task_run(
            "params: [{name: a, default: '[$(context.taskRun.name)]'}, {name: l, type: array, default: ['$(context.taskRun.name)']}]\nsteps: [{name: s, image: i, script: 'echo $(params.a) $(params.l[0])'}]",
        ),
        &[],
    );
    assert_eq!(printed(ran.exits(0)), ["[r] r"]);
}

#[test]
fn context_variables_of_an_embedded_spec_contain_the_name_of_its_run() {
    let script = "echo $(context.task.name) $(context.taskRun.name)";
    let ran = run(
        &task_run(&format!(
            "steps: [{{name: s, image: i, script: '{script}'}}]"
        )),
        &[],
    );
    assert_eq!(printed(ran.exits(0)), ["r r"]);
    let spec = format!(
        "  pipelineSpec: {{tasks: [{{name: a, params: [{{name: p, value: $(context.pipeline.name)}}], taskSpec: {{params: [{{name: p}}], steps: [{{name: s, image: i, script: '{script} $(context.pipeline.name) $(params.p)'}}]}}}}]}}"
    );
    let ran = run(&pipeline_run(&spec), &[]);
    assert_eq!(printed(ran.exits(0)), ["r-a r-a r r"]);
    // A TaskRun that belongs to no PipelineRun cannot use a pipeline's variables.
    for variable in ["context.pipelineRun.name", "tasks.a.results.b"] {
        let spec = format!("steps: [{{name: s, image: i, script: 'echo $({variable})'}}]");
        run(&task_run(&spec), &[])
            .exits(78)
            .says("error: spec.taskSpec.steps[0].script: ")
            .says(variable);
    }
}

#[test]
fn a_finally_task_can_use_status_and_reason_only_in_its_parameters() {
    let finally = "finally: [{name: f, params: [{name: p, value: '$(tasks.a.status) $(tasks.a.reason) [$(tasks.b.reason)] $(tasks.status)'}], taskSpec: {params: [{name: p}], steps: [{name: s, image: i, script: 'echo $(params.p)'}]}}]";
    for (first, more, expected) in [
        ("'true'", "", "Succeeded Succeeded [] Completed"),
        ("exit 3", "", "Failed StepFailed [] Failed"),
        (
            "exit 3",
            "onError: continue, ",
            "Failed FailureIgnored [] Failed",
        ),
        (
            "sleep 100",
            "timeout: 1s, ",
            "Failed TaskRunTimeout [] Failed",
        ),
    ] {
        let spec = format!(
            "  pipelineSpec:\n    tasks:\n    - {{name: a, {more}taskSpec: {{steps: [{{name: s, image: i, script: {first}}}]}}}}\n    - {{name: b, runAfter: [a], when: [{{input: x, operator: in, values: [z]}}], taskSpec: {{steps: [{{name: s, image: i, script: x}}]}}}}\n    {finally}"
        );
        let ran = run(&pipeline_run(&spec), &[]);
        assert_eq!(printed(&ran), [expected], "{}", ran.stderr);
    }
    for variable in ["tasks.a.status", "tasks.a.reason", "tasks.status"] {
        let spec = format!(
            "  pipelineSpec:\n    tasks: [{{name: a, taskSpec: {{steps: [{{name: s, image: i, script: x}}]}}}}]\n    finally: [{{name: f, taskSpec: {{steps: [{{name: s, image: i, script: 'echo $({variable})'}}]}}}}]"
        );
        run(&pipeline_run(&spec), &[]).exits(78).says(&format!(
            "finally[0].taskSpec.steps[0].script: Tekton does not replace `$({variable})` in an embedded spec; pass it to the task as a parameter"
        ));
    }
}

#[test]
fn a_task_reference_may_contain_a_parameter() {
    let text = pipeline_run(
        "  params: [{name: which, value: {first: tt}}]\n  pipelineSpec: {tasks: [{name: a, taskRef: {name: '$(params.which.first)'}}]}",
    ) + "---\napiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: tt}\nspec: {steps: [{name: s, image: i, script: echo here}]}\n";
    let ran = run(&text, &[]);
    assert_eq!(printed(ran.exits(0)), ["here"]);
    run(&text.replace("first: tt", "first: uu"), &[])
        .exits(78)
        .says("taskRef.name: no file contains the Task 'uu'");
}

#[test]
fn an_embedded_task_has_the_workspaces_bound_by_its_pipeline() {
    let text = pipeline_run(
        "
  workspaces: [{name: shared, emptyDir: {}}]
  pipelineSpec:
    workspaces: [{name: shared}]
    tasks:
    - {name: a, workspaces: [{name: v, workspace: shared}], taskSpec: {steps: [{name: s, image: i, script: 'cd $(workspaces.v.path) && echo in $(workspaces.v.bound)'}]}}",
    );
    let ran = run(&text, &[]);
    assert_eq!(printed(ran.exits(0)), ["in true"]);
    // Unlike an embedded task, a referenced Task must declare its workspaces.
    let referred = text.replace("taskSpec: {steps", "taskRef: {name: t}, ignored: {steps");
    let referred = referred.split(", ignored").next().unwrap().to_owned()
        + "}\n---\napiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\nspec: {workspaces: [{name: w, optional: true}], steps: [{name: s, image: i, script: x}]}\n";
    run(&referred, &[])
        .exits(78)
        .says("tasks[0].workspaces[0]: the Task has no workspace 'v'; expected one of: w\n");
}

#[test]
fn a_whole_array_or_object_can_be_a_parameter_of_a_step_action() {
    let text = task_run(
        "
params: [{name: lst, type: array, default: [u, 'v w']}, {name: obj, type: object, properties: {k: {}}, default: {k: kv}}]
steps:
- {name: a, image: i, results: [{name: r, type: array}], script: 'printf ''[\"p\",\"q\"]'' > $(step.results.r.path)'}
- {name: b, ref: {name: sa}, params: [{name: lst, value: '$(params.lst[*])'}, {name: o, value: '$(params.obj[*])'}, {name: of-step, value: '$(steps.a.results.r[*])'}]}",
    ) + "---\napiVersion: tekton.dev/v1beta1\nkind: StepAction\nmetadata: {name: sa}\nspec: {params: [{name: lst, type: array}, {name: o, type: object, properties: {k: {}}}, {name: of-step, type: array}], image: i, command: [printf, '%s|'], args: ['$(params.lst[*])', '$(params.o.k)', '$(params.lst[1])', '$(params.of-step[*])']}\n";
    let ran = run(&text, &[]);
    assert_eq!(printed(ran.exits(0)), ["u|v w|kv|v w|p|q|"]);
    run(&text.replace("'$(params.lst[*])'}", "text}"), &[])
        .exits(78)
        .says("spec.taskSpec.steps[1]: the parameter 'lst' is of type array, but its value is a string");
}

/// Returns a TaskRun named `r`. Its spec consists of the taskSpec `spec` and the fields in `more`.
fn in_run(spec: &str, more: &str) -> String {
    format!(
        "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{name: r}}\nspec:\n  taskSpec: {spec}\n  {more}\n"
    )
}

#[test]
fn a_step_can_mount_a_workspace_at_its_own_path() {
    let spec = "{workspaces: [{name: w}], steps: [{name: a, image: i, workspaces: [{name: w, mountPath: /of-step}], script: 'touch /of-step/f'}, {name: b, image: i, script: 'ls $(workspaces.w.path)'}]}";
    run(&in_run(spec, "workspaces: [{name: w, emptyDir: {}}]"), &[])
        .exits(0)
        .says("b | f");
    let failed = "{steps: [{name: a, image: i, script: exit 3}, {name: b, image: i, script: x}]}";
    run(&in_run(failed, ""), &[])
        .exits(3)
        .says("b was skipped: an earlier step failed");
}

#[test]
#[cfg(target_os = "linux")]
fn a_process_in_a_separate_session_is_killed_at_the_end_of_its_step() {
    let folder = tempfile::tempdir().unwrap();
    let id = folder.path().join("id");
    let script = format!(
        "setsid sh -c 'echo $$ > {0}; exec sleep 1000' & while ! [ -s {0} ]; do sleep 0.05; done",
        id.display()
    );
    // The next step fails if the process is still running.
    let next = format!(
        "read id < {}; ! grep -q '^State:.[RSD]' /proc/$id/status",
        id.display()
    );
    let spec = format!(
        "{{steps: [{{name: a, image: i, script: {script:?}}}, {{name: b, image: i, script: {next:?}}}]}}"
    );
    let path = support::file(folder.path(), "run.yaml", &in_run(&spec, ""));
    gleaner(&["run", "-f", &path]).exits(0);
    assert!(!lives(&id), "the process is still running");
    // If `gleaner run` is killed, its watcher process kills the step's process, even with `--keep`.
    for arguments in [&[][..], &["--keep"]] {
        std::fs::remove_file(&id).unwrap();
        let waits = std::fs::read_to_string(&path).unwrap();
        let waits = waits.replace("sleep 0.05; done", "sleep 0.05; done; sleep 1000");
        let path = support::file(folder.path(), "waits.yaml", &waits);
        let mut run = command(&[&["run", "-f", &path], arguments].concat())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until(|| std::fs::read_to_string(&id).is_ok_and(|id| id.ends_with('\n')));
        assert!(lives(&id));
        run.kill().unwrap();
        run.wait().unwrap();
        until(|| !lives(&id));
    }
}

/// Waits until a condition becomes true. Fails after a minute, because every process should have exited by that time.
#[cfg(target_os = "linux")]
fn until(holds: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(
            begun.elapsed().as_secs() < 60,
            "the condition is still false after a minute"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Returns true if the process whose ID is in the file `id` is running.
#[cfg(target_os = "linux")]
fn lives(id: &std::path::Path) -> bool {
    let id = std::fs::read_to_string(id).unwrap();
    let state = std::fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
    let state = state.rsplit_once(") ").map(|(_, rest)| rest);
    state.is_some_and(|state| !state.starts_with('Z'))
}
