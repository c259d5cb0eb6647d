//! References of `gleaner run`: to Tasks, Pipelines and StepActions of the files, to tasks, workspaces and volumes.

mod support;

use support::{ONE, run, task, with_run};

const WRITES: &str = "steps: [{name: one, script: printf x > $GLEANER_OUTPUTS/a}]";

/// A PipelineRun with these fields in its spec, and the Task `try` at line 9.
fn pipeline(tasks: &str, more: &str) -> String {
    format!(
        "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {{name: r}}\nspec:\n  pipelineSpec:\n    tasks:\n    - {tasks}\n  {more}\n---\n{}",
        task(ONE, WRITES)
    )
}

#[test]
fn a_reference_that_leads_to_no_pipeline_is_told_with_its_place() {
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
            "spec.pipelineRef: 'Wait' is not a Pipeline, and is not played on this machine; use a Pipeline of the files",
        ),
        (
            "{name: empty, apiVersion: x.dev/v1}",
            "spec.pipelineRef: 'x.dev/v1 Pipeline' is not a Pipeline",
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
fn a_reference_that_leads_to_no_task_is_told_with_its_place() {
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
            "'x.dev/v1 Task' is not a Task",
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
    // An empty kind is that of a Task.
    let ran = run(
        &with_run(WRITES, "").replace("{name: try}", "{name: try, kind: ''}"),
        &[],
    );
    assert_eq!(ran.exits(0).object()["data"]["a"], "x");
}

#[test]
fn a_task_without_a_task_is_told() {
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
        .says("tasks[1]: the task has no Task; write taskRef: {name: NAME}");
    }
}
