//! Runs for the tests of `gleaner run`, and the check that a run is refused before its first step.

use super::{Ran, run};

/// Returns a TaskRun named `r` with this taskSpec and the additional fields `more` in its spec.
pub(crate) fn task_run(spec: &str, more: &str) -> String {
    format!(
        "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{name: r}}\nspec:\n  taskSpec: {spec}\n  {more}\n"
    )
}

/// Returns a PipelineRun named `r` with this pipelineSpec and the additional fields `more` in its spec.
pub(crate) fn pipeline_run(spec: &str, more: &str) -> String {
    format!(
        "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {{name: r}}\nspec:\n  pipelineSpec: {spec}\n  {more}\n"
    )
}

/// Returns a PipelineRun whose only task has the additional `fields`.
pub(crate) fn of_task(fields: &str) -> String {
    pipeline_run(
        &format!(
            "{{tasks: [{{name: a, {fields}, taskSpec: {{steps: [{{name: a, image: i, script: x}}]}}}}]}}"
        ),
        "",
    )
}

/// Runs a document, and checks that the command reports `message` and exits with code 78 before it runs a step.
#[track_caller]
pub(crate) fn refuses(text: &str, message: &str) -> Ran {
    let ran = run(text, &[]);
    ran.exits(78).says(message);
    assert!(!ran.stderr.contains("▶"), "{}", ran.stderr);
    ran
}
