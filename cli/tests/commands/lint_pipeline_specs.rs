//! Tests how `gleaner lint` checks the fields of a Pipeline and the variables in them.

use crate::support::gleaner_with_input;

/// Returns a Pipeline with additional fields in its task `b` and in its spec.
fn pipeline(of_task: &str, of_spec: &str) -> String {
    format!(
        "\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {{name: p}}
spec:
  params: [{{name: url}}, {{name: list, type: array}}, {{name: image, type: object, properties: {{digest: {{}}}}}}]
  workspaces: [{{name: source}}]
  tasks:
    - {{name: a, taskRef: {{name: t}}}}
    - name: b
      taskRef: {{name: t}}
      {of_task}
  {of_spec}
"
    )
}

#[track_caller]
fn finds(text: &str, expected: &[&str]) {
    let ran = gleaner_with_input(&["lint", "-f", "-"], text);
    let lines = ran.stdout.lines().map(|line| line.replace("<stdin>:", ""));
    let lines: Vec<String> = lines.filter(|line| !line.contains(" note: ")).collect();
    assert_eq!(lines, expected, "{text}");
    let is_error = lines.iter().any(|line| line.contains(": error: "));
    assert_eq!(ran.code, i32::from(is_error), "{text}");
}

/// Returns a Pipeline that uses the variable in a parameter value of the task `b`.
fn in_value(variable: &str) -> String {
    pipeline(
        &format!("params: [{{name: v, value: '$({variable})'}}]"),
        "",
    )
}

#[test]
fn a_variable_without_a_value_is_an_error() {
    let place = "11:34: error: spec.tasks[1].params[0].value";
    for (variable, expected) in [
        (
            "params.ur",
            "`$(params.ur)`: the Pipeline has no parameter 'ur'; did you mean 'url'?",
        ),
        (
            "context.pipelineRun.nam",
            "unknown variable `$(context.pipelineRun.nam)`; did you mean 'pipelineRun.name'?",
        ),
        (
            "context.pipeline.uid",
            "unknown variable `$(context.pipeline.uid)`; did you mean 'pipelineRun.uid'?",
        ),
        (
            "tasks.c.results.x",
            "`$(tasks.c.results.x)`: unknown task 'c'; expected one of: a, b",
        ),
        (
            "tasks.a.status",
            "unknown variable `$(tasks.a.status)`; a task's status is available only in 'finally'",
        ),
        (
            "tasks.status",
            "unknown variable `$(tasks.status)`; a task's status is available only in 'finally'",
        ),
    ] {
        finds(&in_value(variable), &[&format!("{place}: {expected}")]);
    }
    for good in [
        "params.url",
        "params.list[*]",
        "params.image.digest",
        "params[\"url\"]",
        "context.pipelineRun.uid",
        "context.pipelineTask.retries",
        "context.taskRun.name",
        "tasks.a.results.x",
        "workspaces.any.path",
        "date",
    ] {
        finds(&in_value(good), &[]);
    }
}

#[test]
fn every_field_of_a_pipeline_task_that_may_contain_variables_is_checked() {
    let unknown =
        "`$(params.x)`: the Pipeline has no parameter 'x'; expected one of: url, list, image";
    for (field, at, place) in [
        (
            "when: [{input: $(params.x), operator: in, values: [a]}]",
            "11:22: error",
            "when[0].input",
        ),
        (
            "when: [{input: a, operator: in, values: [$(params.x)]}]",
            "11:48: error",
            "when[0].values[0]",
        ),
        (
            "params: [{name: v, value: [$(params.x)]}]",
            "11:34: error",
            "params[0].value[0]",
        ),
        (
            "params: [{name: v, value: {k: $(params.x)}}]",
            "11:37: error",
            "params[0].value.k",
        ),
        (
            "matrix: {params: [{name: v, value: [$(params.x)]}]}",
            "11:43: error",
            "matrix.params[0].value[0]",
        ),
        ("timeout: $(params.x)", "11:16: warning", "timeout"),
    ] {
        let expected = format!("{at}: spec.tasks[1].{place}: {unknown}");
        finds(&pipeline(field, ""), &[&expected]);
    }
    // Tekton replaces the TaskRun's context variables only in the fields that it passes to the TaskRun.
    finds(
        &pipeline(
            "when: [{input: $(context.taskRun.name), operator: in, values: [a]}]",
            "",
        ),
        &[
            "11:22: warning: spec.tasks[1].when[0].input: unknown variable `$(context.taskRun.name)`; expected one of: \
              pipelineRun.name, pipelineRun.namespace, pipelineRun.uid, pipeline.name, pipelineTask.retries",
        ],
    );
    finds(
        &pipeline(
            "when: [{input: $(workspaces.sourc.bound), operator: in, values: ['true']}]",
            "",
        ),
        &[
            "11:22: warning: spec.tasks[1].when[0].input: `$(workspaces.sourc.bound)`: the Pipeline has no workspace 'sourc'; did you mean 'source'?",
        ],
    );
    finds(
        &pipeline(
            "when: [{input: $(workspaces.source.bound), operator: in, values: ['true']}]",
            "",
        ),
        &[],
    );
    finds(
        &pipeline(
            "workspaces: [{name: w, workspace: sources}, {name: source}]",
            "",
        ),
        &[
            "11:20: error: spec.tasks[1].workspaces[0]: the Pipeline has no workspace 'sources'; did you mean 'source'?",
        ],
    );
}

#[test]
fn an_embedded_spec_can_use_the_parameters_and_workspaces_of_its_run() {
    let embedded = |value: &str| {
        format!(
            "\
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {{name: r}}
spec:
  params: [{{name: url, value: u}}]
  pipelineSpec:
    tasks: [{{name: a, taskRef: {{name: t}}, params: [{{name: v, value: {value}}}], workspaces: [{{name: any}}]}}]
"
        )
    };
    finds(&embedded("$(params.url)"), &[]);
    finds(
        &embedded("$(params.ul)"),
        &[
            "7:69: warning: spec.pipelineSpec.tasks[0].params[0].value: `$(params.ul)`: neither the Pipeline nor the PipelineRun has a parameter 'ul'; did you mean 'url'?",
        ],
    );
}

#[test]
fn finally_tasks_can_use_results_and_statuses_of_other_tasks() {
    let finally = |value: &str| {
        pipeline(
            "",
            &format!(
                "finally: [{{name: z, taskRef: {{name: t}}, params: [{{name: v, value: {value}}}]}}, {{name: last, taskRef: {{name: t}}}}]"
            ),
        )
    };
    for good in [
        "$(tasks.a.status)",
        "$(tasks.b.reason)",
        "$(tasks.status)",
        "$(tasks.a.results.x)",
    ] {
        finds(&finally(good), &[]);
    }
    let place = "12:69: error: spec.finally[0].params[0].value";
    finds(
        &finally("$(tasks.c.status)"),
        &[&format!(
            "{place}: `$(tasks.c.status)`: unknown task 'c'; expected one of: a, b"
        )],
    );
    finds(
        &finally("$(tasks.last.results.x)"),
        &[&format!(
            "{place}: `$(tasks.last.results.x)`: the task 'last' is in 'finally', so other tasks cannot use its results or status; use a task under 'tasks'"
        )],
    );
    finds(
        &pipeline(
            "",
            "finally: [{name: z, taskRef: {name: t}, runAfter: [a]}]",
        ),
        &[
            "12:53: error: spec.finally[0].runAfter: a task in 'finally' cannot have runAfter; remove it",
        ],
    );
}

#[test]
fn tasks_that_cannot_be_ordered_are_errors() {
    finds(
        &pipeline("runAfter: [c]", ""),
        &[
            "11:18: error: spec.tasks[1].runAfter[0]: runAfter: the Pipeline has no task 'c'; expected one of: a, b",
        ],
    );
    let waits = |names: &str| {
        format!(
            "8:5: error: spec.tasks: these tasks wait for each other: {names}; remove a runAfter or a reference to a result"
        )
    };
    finds(&pipeline("runAfter: [b]", ""), &[&waits("b")]);
    finds(&in_value("tasks.b.results.x"), &[&waits("b")]);
    let both = pipeline("runAfter: [a]", "").replace(
        "{name: a, taskRef: {name: t}}",
        "{name: a, taskRef: {name: t}, params: [{name: v, value: $(tasks.b.results.x)}]}",
    );
    finds(&both, &[&waits("a, b")]);
    // A variable in a description does not affect the order of the tasks.
    let described = pipeline("runAfter: [a]", "").replace(
        "{name: a, taskRef: {name: t}}",
        "{name: a, taskRef: {name: t}, description: before $(tasks.b.results.x)}",
    );
    finds(&described, &[]);
    let twice = pipeline("", "").replace("- name: b", "- name: a");
    finds(
        &twice,
        &["9:7: error: spec.tasks[1]: duplicate task name 'a'; rename one of them"],
    );
}

#[test]
fn a_step_of_an_embedded_task_can_use_results_of_other_tasks() {
    let step = |variable: &str| {
        let task = format!("taskSpec: {{steps: [{{name: s, image: i, args: ['$({variable})']}}]}}");
        pipeline(&task, "").replace("      taskRef: {name: t}\n", "")
    };
    finds(&step("tasks.a.results.x"), &[]);
    let place = "spec.tasks[1].taskSpec.steps[0].args[0]";
    let literal = "is not replaced in an embedded taskSpec; pass it as a parameter of the pipeline task: params: [{name: NAME, value: ...}]";
    finds(
        &step("tasks.c.results.x"),
        &[&format!(
            "10:54: error: {place}: `$(tasks.c.results.x)`: unknown task 'c'; expected one of: a, b"
        )],
    );
    for variable in ["tasks.a.status", "tasks.status"] {
        finds(
            &step(variable),
            &[&format!(
                "10:54: warning: {place}: `$({variable})` {literal}"
            )],
        );
    }
    finds(
        &step("tasks.b.results.x"),
        &[
            "8:5: error: spec.tasks: these tasks wait for each other: b; remove a runAfter or a reference to a result",
        ],
    );
}

#[test]
fn a_pipelines_result_must_refer_to_a_tasks_result() {
    let result = |value: &str| pipeline("", &format!("results: [{{name: r, value: {value}}}]"));
    for good in [
        "$(tasks.a.results.x)",
        "'v$(tasks.a.results.x.y)-$(tasks.b.results.z[0])'",
    ] {
        finds(&result(good), &[]);
    }
    let place = "12:30: error: spec.results[0].value";
    for bad in ["literal", "$(params.url)", "$(tasks.a.status)"] {
        finds(
            &result(bad),
            &[&format!(
                "{place}: the result 'r' does not refer to a task's result; write $(tasks.NAME.results.NAME), because Tekton rejects other values"
            )],
        );
    }
    finds(
        &result("$(tasks.c.results.x)"),
        &[&format!(
            "{place}: `$(tasks.c.results.x)`: unknown task 'c'; expected one of: a, b"
        )],
    );
}

#[test]
fn a_field_that_tekton_does_not_define_is_an_error() {
    for (text, expected) in [
        (
            pipeline("runafter: [a]", ""),
            "11:7: error: spec.tasks[1].runafter: unknown field 'runafter'; did you mean 'runAfter'?",
        ),
        (
            pipeline("", "parms: []"),
            "12:3: error: spec.parms: unknown field 'parms'; did you mean 'params'?",
        ),
        (
            pipeline("taskSpec: {steps: [{image: i, comand: [a]}]}", "")
                .replace("      taskRef: {name: t}\n", ""),
            "10:37: error: spec.tasks[1].taskSpec.steps[0].comand: unknown field 'comand'; did you mean 'command'?",
        ),
        (
            pipeline("resources: {inputs: []}", ""),
            "11:7: error: spec.tasks[1].resources: unknown field 'resources': it exists only in older API versions; convert the document with `gleaner translate`",
        ),
        (
            pipeline("params: [{name: y, value: a}]", ""),
            "11:23: error: spec.tasks[1].params[0].name: expected a string, found a boolean; put it in quotes, because YAML reads it as true",
        ),
    ] {
        finds(&text, &[expected]);
    }
    // `resources` is valid in v1beta1, and `gleaner translate` converts it.
    let old =
        pipeline("resources: {inputs: []}", "").replace("tekton.dev/v1\n", "tekton.dev/v1beta1\n");
    finds(&old, &[]);
}
