//! Tests that `gleaner run` resolves references between documents and reports each error only once.

use crate::support::run;
use crate::support::runs::{of_task, pipeline_run, refuses, task_run};

#[test]
fn a_reference_does_not_find_a_document_in_another_namespace() {
    let text = |run: &str, pipeline: &str, task: &str| {
        format!(
            "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {{name: r{run}}}\nspec: {{pipelineRef: {{name: p}}}}\n---\napiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {{name: p{pipeline}}}\nspec: {{tasks: [{{name: a, taskRef: {{name: t}}}}]}}\n---\napiVersion: tekton.dev/v1\nkind: Task\nmetadata: {{name: t{task}}}\nspec: {{steps: [{{name: a, image: i, script: 'true'}}]}}\n"
        )
    };
    let (prod, other) = (", namespace: prod", ", namespace: other");
    refuses(
        &text(prod, other, ""),
        "pipelineRef.name: the Pipeline 'p' at <stdin>:6:1 is in the namespace 'other', not in 'prod'",
    );
    refuses(
        &text(prod, "", other),
        "taskRef.name: the Task 't' at <stdin>:11:1 is in the namespace 'other', not in 'prod'",
    );
    refuses(
        &text("", prod, other),
        "the Task 't' at <stdin>:11:1 is in the namespace 'other'",
    );
    for text in [
        text(prod, prod, prod),
        text(prod, "", ""),
        text("", prod, ""),
    ] {
        run(&text, &[]).exits(0);
    }
    let action = |own: &str, action: &str| {
        format!(
            "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{name: r{own}}}\nspec: {{taskSpec: {{steps: [{{name: a, ref: {{name: sa}}}}]}}}}\n---\napiVersion: tekton.dev/v1beta1\nkind: StepAction\nmetadata: {{name: sa{action}}}\nspec: {{image: i, script: 'true'}}\n"
        )
    };
    refuses(
        &action(prod, other),
        "steps[0].ref: the StepAction 'sa' at <stdin>:6:1 is in the namespace 'other'",
    );
    run(&action(prod, ""), &[]).exits(0);
}

#[test]
fn each_error_is_reported_once() {
    let matrix = of_task("matrix: {params: [{name: x, value: [a]}]}")
        .replace("{steps", "{params: [{name: x}], steps");
    let remote = pipeline_run(
        "{tasks: [{name: d, taskRef: {resolver: git, params: [{name: url, value: x}]}}]}",
        "",
    );
    let misspelt = pipeline_run(
        "{workspaces: [{name: shared, optional: true}], tasks: [{name: a, workspaces: [{name: w, workspace: sharedd}], taskSpec: {workspaces: [{name: w}], steps: [{name: a, image: i, script: x}]}}]}",
        "",
    );
    let action = task_run(
        "{params: [{name: who, default: x}], steps: [{name: a, ref: {name: sa}}, {name: b, ref: {name: sa}}]}",
        "",
    ) + "---\napiVersion: tekton.dev/v1beta1\nkind: StepAction\nmetadata: {name: sa}\nspec: {image: i, script: 'echo $(params.who)'}\n";
    for (text, message) in [
        (matrix, "`gleaner run` does not support 'matrix'"),
        (remote, "`gleaner run` does not support 'resolver'"),
        (
            misspelt,
            "the Pipeline has no workspace 'sharedd'; did you mean 'shared'?",
        ),
        (
            action,
            "`$(params.who)`: the StepAction has no parameter 'who'",
        ),
    ] {
        let ran = refuses(&text, message);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
    // Errors on the command line are reported together with errors in the documents.
    let bound = task_run(
        "{workspaces: [{name: c}], steps: [{name: a, image: i, script: x}]}",
        "workspaces: [{name: c, configMap: {name: x}}]",
    );
    run(&bound, &["-w", "cc=."])
        .exits(64)
        .says("the workspace 'c' uses 'configMap'")
        .says("--workspace: unknown workspace 'cc'; did you mean 'c'?");
    let params = task_run("{steps: [{name: a, ref: {name: sa}}]}", "")
        + "---\napiVersion: tekton.dev/v1beta1\nkind: StepAction\nmetadata: {name: sa}\nspec: {params: [{name: msg}], image: i, args: [$(params.msg)]}\n";
    refuses(
        &params,
        "steps[0]: the parameter 'msg' has no value, but the StepAction 'sa' requires one; add it to the step: params: [{name: msg, value: VALUE}]",
    );
}

#[test]
fn runs_with_the_same_name_are_reported_with_their_positions() {
    let one = "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {generateName: r-}\nspec: {taskSpec: {steps: [{name: a, image: i, script: x}]}}\n";
    run(&format!("{one}---\n{one}"), &[])
        .exits(64)
        .says("TaskRun r at <stdin>:1:1 (rename it), TaskRun r at <stdin>:6:1 (rename it)");
}

#[test]
fn the_only_task_is_run_even_without_outputs() {
    let task = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\nspec: {steps: [{name: a, image: i, script: echo here}]}\n";
    for arguments in [&[][..], &["--task", "t"]] {
        run(task, arguments)
            .exits(0)
            .says("a | here")
            .says("no task of this run declares outputs");
    }
}
