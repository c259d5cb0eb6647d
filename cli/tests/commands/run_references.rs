//! Tests how `gleaner run` resolves references to Tasks, Pipelines and StepActions, and to tasks, workspaces and volumes.

use crate::support::{ONE, run, task, with_run};

const WRITES: &str = "steps: [{name: one, script: printf x > $GLEANER_OUTPUTS/a}]";

/// Returns a PipelineRun and the Task `try`. The embedded Pipeline contains `tasks`; `more` is added to the run's spec.
fn pipeline(tasks: &str, more: &str) -> String {
    format!(
        "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {{name: r}}\nspec:\n  pipelineSpec:\n    tasks:\n    - {tasks}\n  {more}\n---\n{}",
        task(ONE, WRITES)
    )
}

#[test]
fn an_invalid_reference_to_a_pipeline_is_reported_with_its_position() {
    let missing = "spec.pipelineRef: 'name' is missing; write pipelineRef: {name: NAME}";
    for (reference, message) in [
        ("{}", missing),
        ("{resolver: ''}", missing),
        (
            "{name: empty}",
            "spec.pipelineRef.name: the Pipeline 'empty' at <stdin>:6:1 has no spec; write spec: {tasks: []}",
        ),
        ("{name: ''}", missing),
        (
            "{name: empty, kind: Wait, apiVersion: x.dev/v1}",
            "spec.pipelineRef: `gleaner run` supports only a Pipeline here, not 'Wait'; use a Pipeline in the files",
        ),
        (
            "{name: empty, apiVersion: x.dev/v1}",
            "spec.pipelineRef: `gleaner run` supports only a Pipeline here, not 'x.dev/v1 Pipeline'",
        ),
    ] {
        let text = format!(
            "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {{name: r}}\nspec: {{pipelineRef: {reference}}}\n---\n\
             {{apiVersion: tekton.dev/v1, kind: Pipeline, metadata: {{name: empty}}}}\n"
        );
        run(&text, &[]).exits(78).says("<stdin>:4:").says(message);
    }
}

#[test]
fn an_invalid_reference_to_a_task_is_reported_with_its_position() {
    let empty = "---\n{apiVersion: tekton.dev/v1, kind: Task, metadata: {name: empty}}\n";
    let missing = "'name' is missing; write taskRef: {name: NAME}";
    for (reference, message) in [
        ("{}", missing),
        ("{kind: Task, resolver: ''}", missing),
        ("{name: '', bundle: ''}", missing),
        ("{resolver: {}}", missing),
        ("{name: empty}", "name: the Task 'empty' at <stdin>:"),
        ("{name: empty}", "has no spec; write spec: {steps: []}"),
        (
            "{name: try, apiVersion: x.dev/v1}",
            "supports only a Task here, not 'x.dev/v1 Task'",
        ),
    ] {
        let of_run = with_run(WRITES, "").replace("{name: try}", reference) + empty;
        run(&of_run, &[])
            .exits(78)
            .says("spec.taskRef")
            .says(message);
        let of_task = pipeline(&format!("{{name: b, taskRef: {reference}}}"), "") + empty;
        let ran = run(&of_task, &[]);
        ran.exits(78)
            .says("<stdin>:7:")
            .says("spec.pipelineSpec.tasks[0].taskRef")
            .says(message);
    }
    // An empty kind means Task, as in Tekton.
    let ran = run(
        &with_run(WRITES, "").replace("{name: try}", "{name: try, kind: ''}"),
        &[],
    );
    assert_eq!(ran.exits(0).object()["data"]["a"], "x");
}

#[test]
fn a_pipeline_task_without_a_task_is_reported() {
    for task in [
        "{name: b}",
        "{name: b, pipelineRef: {}}",
        "{name: b, pipelineSpec: {}}",
    ] {
        run(
            &pipeline(
                &format!("{{name: a, taskRef: {{name: try}}}}\n    - {task}"),
                "",
            ),
            &[],
        )
        .exits(78)
        .says("tasks[1]: the task does not specify a Task; write taskRef: {name: NAME}");
    }
}

#[test]
fn a_reference_to_an_unknown_name_is_an_error() {
    let optional = "{name: a, taskSpec: {workspaces: [{name: src, optional: true}], steps: [{name: one, script: x}]}, workspaces: [{name: src, workspace: sorce}]}";
    for (text, message) in [
        (
            pipeline(optional, "  workspaces: [{name: source, optional: true}]"),
            "tasks[0].workspaces[0]: the Pipeline has no workspace 'sorce'; did you mean 'source'?",
        ),
        (
            pipeline(
                "{name: first, taskRef: {name: try}}",
                "taskRunSpecs: [{pipelineTaskName: frist, serviceAccountName: x}]",
            ),
            "spec.taskRunSpecs[0].pipelineTaskName: the Pipeline has no task 'frist'; did you mean 'first'?",
        ),
        (
            task(ONE, "steps: [{name: one, ref: {}}]"),
            "spec.steps[0].ref: 'name' is missing; write ref: {name: NAME}",
        ),
        (
            task(
                ONE,
                "steps: [{name: one, script: x, params: [{name: a, value: b}]}]",
            ),
            "spec.steps[0].params: only a step with 'ref' can have params",
        ),
        (
            task(
                ONE,
                "volumes: [{name: v, emptyDir: {}}]\nsteps: [{name: one, script: x, volumeMounts: [{name: v}]}]",
            ),
            "spec.steps[0].volumeMounts[0]: 'mountPath' is missing",
        ),
        (
            task(
                ONE,
                "volumes: [{name: v, emptyDir: {}}]\nsteps: [{name: one, script: x, volumeMounts: [{name: v, mountPath: /v, subPathExpr: $(A)}]}]",
            ),
            "volumeMounts[0].subPathExpr: `gleaner run` does not support 'subPathExpr'; use subPath",
        ),
        (
            pipeline(
                "{name: a, taskRef: {name: try}, when: [{input: $(workspaces.sorce.bound), operator: in, values: ['true']}]}",
                "  workspaces: [{name: source, optional: true}]",
            ),
            "`$(workspaces.sorce.bound)`: the Pipeline has no workspace 'sorce'; did you mean 'source'?",
        ),
        (
            task(
                ONE,
                "results: [{name: r, value: $(steps.one.results.bad)}]\nsteps: [{name: one, script: x, results: [{name: good}]}]",
            ),
            "spec.results[0].value: `$(steps.one.results.bad)`: step 'one' has no result 'bad'",
        ),
        (
            task(
                ONE,
                "results: [{name: r, value: $(steps.two.results.good)}]\nsteps: [{name: one, script: x, results: [{name: good}]}]",
            ),
            "spec.results[0].value: `$(steps.two.results.good)`: the Task has no step 'two'",
        ),
    ] {
        run(&text, &[]).exits(78).says(message);
    }
    // References to a `finally` task and to a declared workspace that the run does not bind are valid.
    let finally = "  workspaces: [{name: sorce, optional: true}]\n    finally: [{name: last, taskRef: {name: try}}]\n  taskRunSpecs: [{pipelineTaskName: last}]";
    let ran = run(
        &pipeline(&optional.replace("script: x", "script: 'true'"), finally),
        &[],
    );
    ran.exits(0);
    // A run may bind a workspace that its Pipeline does not declare, but this causes a warning.
    let text = format!(
        "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {{name: r}}\nspec: {{pipelineRef: {{name: p}}, workspaces: [{{name: sorce, emptyDir: {{}}}}]}}\n---\n\
         apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {{name: p}}\nspec: {{workspaces: [{{name: source, optional: true}}], tasks: [{{name: a, taskRef: {{name: try}}}}]}}\n---\n{}",
        task(ONE, WRITES)
    );
    run(&text, &[])
        .exits(0)
        .says("the run binds the workspace 'sorce', which the Pipeline does not declare; did you mean 'source'?");
    // A mount of an undeclared volume is accepted, because the pod template could declare the volume.
    let mount = "steps: [{name: one, script: printf x > $GLEANER_OUTPUTS/a, volumeMounts: [{name: of-the-pod, mountPath: /v}]}]";
    let ran = run(&task(ONE, mount), &[]);
    ran.exits(0).says("volumes other than emptyDir");
}

#[test]
fn parameters_of_a_step_action_must_have_exactly_one_value() {
    let action = "---\napiVersion: tekton.dev/v1\nkind: StepAction\nmetadata: {name: act}\nspec: {image: i, params: [{name: p, default: d}], script: x}\n";
    for (params, message) in [
        ("{name: p}", "the parameter 'p' has no value"),
        (
            "{name: p, value: a}, {name: p, value: b}",
            "duplicate parameter 'p'",
        ),
    ] {
        let spec = format!("steps: [{{name: one, ref: {{name: act}}, params: [{params}]}}]");
        run(&(task(ONE, &spec) + action), &[])
            .exits(78)
            .says(message);
    }
}

#[test]
fn a_reference_does_not_match_a_name_prefix() {
    let text = with_run(WRITES, "").replace(
        "name: try\n  annotations",
        "generateName: try-\n  annotations",
    );
    run(&text, &[])
        .exits(78)
        .says("spec.taskRef.name: no file contains the Task 'try'; pass its file with -f");
    // `--task` also accepts a `generateName` without the final `-`. A Task with exactly that name takes precedence.
    run(&text, &["--task", "try"]).exits(0);
    let both = format!(
        "{}---\n{text}",
        task(ONE, WRITES).replace("printf x", "printf y")
    );
    for arguments in [&[][..], &["--task", "try"]] {
        let ran = run(&both, arguments);
        assert_eq!(ran.exits(0).object()["data"]["a"], "y");
    }
}

#[test]
fn a_run_has_a_name_even_if_its_task_or_pipeline_has_none() {
    let text = task(ONE, WRITES).replace("  name: try\n", "");
    run(&text, &[]).exits(0).says("task-run");
    let nameless = "apiVersion: tekton.dev/v1\nkind: Pipeline\nspec: {tasks: [{name: a, taskRef: {name: try}}]}\n---\n";
    run(&(nameless.to_owned() + &task(ONE, WRITES)), &[])
        .exits(0)
        .says("task-run");
}

#[test]
fn errors_of_the_webhook_are_reported_for_documents_without_a_name() {
    let wrong = "steps: [{name: gleaner, script: x}]";
    let task = task(&ONE.replace("one", "gleaner"), wrong);
    let embedded = "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata:\n  NAME\n  annotations: {gleaner.dev/outputs: 'steps: {gleaner: [{name: a}]}'}\nspec: {taskSpec: {steps: [{name: gleaner, script: x}]}}\n";
    for text in [
        task.replace("  name: try\n", ""),
        task.replace("  name: try\n", "  generateName: try-\n"),
        embedded.replace("  NAME\n", ""),
        embedded.replace("NAME", "generateName: r-"),
    ] {
        run(&text, &[])
            .exits(78)
            .says("the step 'gleaner' has a name that is reserved for Gleaner");
    }
}
