//! Tests how `gleaner lint` checks references between the tasks of a Pipeline, and objects that the TaskRuns of a matrix create.

use crate::support::gleaner_with_input;
use crate::support::lint::{TASK, lint};

/// A Task with an output, results, an object and a PipelineResource, and a Pipeline that references the Task.
const FILE: &str = "\
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: build
  annotations:
    gleaner.dev/outputs: |
      steps: {main: [{name: v}]}
      resources:
        - name: img
          spec: {type: image, params: [{name: url, value: $(steps.main.v)}]}
      objects:
        - name: o
          results: {size: .data.size}
          resourceTemplate: {apiVersion: v1, kind: ConfigMap, data: {v: $(steps.main.v)}}
spec:
  results: [{name: own}, {name: whole, type: object, properties: {k: {}}}, {name: a.b}]
  steps: [{name: main, image: x, script: 'true'}]
---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p}
spec:
  tasks:
    - name: a
      taskRef: {name: build}
    - name: b
      params: [{name: in, value: \"VALUE\"}]
      taskSpec: {steps: [{name: s, image: x, args: ['ARGUMENT']}]}
";

/// Returns the Pipeline in [`FILE`], with the Task embedded as a `taskSpec`.
fn embedded() -> String {
    let (task, pipeline) = FILE.split_once("---\n").unwrap();
    let declaration = task.split_once("outputs: |\n").unwrap().1;
    let (declaration, spec) = declaration.split_once("spec:\n").unwrap();
    let indented = |text: &str, by: &str| -> String {
        text.lines().map(|line| format!("{by}{line}\n")).collect()
    };
    let embedded = format!(
        "taskSpec:\n        metadata:\n          annotations:\n            gleaner.dev/outputs: |\n{}{}",
        indented(declaration, "        "),
        indented(spec, "      "),
    );
    pipeline.replace("taskRef: {name: build}\n", &embedded)
}

#[track_caller]
fn finds(text: &str, expected: &[&str]) {
    let ran = gleaner_with_input(&["lint", "-f", "-"], text);
    // Ignore the warning about the size limit of the Task's results, which these tests do not cover.
    let is_size_warning = |line: &&str| {
        line.contains(": warning: ") && line.contains("because Gleaner adds a container")
    };
    let lines: Vec<&str> = ran
        .stdout
        .lines()
        .filter(|line| !is_size_warning(line))
        .collect();
    assert_eq!(lines.len(), expected.len(), "{text}\n{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.contains(expected), "{line}\n{expected}");
    }
    let is_error = lines.iter().any(|line| line.contains(": error: "));
    assert_eq!(ran.code, i32::from(is_error), "{lines:#?}");
}

#[test]
fn a_reference_to_an_unknown_result_is_an_error() {
    let output = "'v' is an output of the step 'main', so only templates can refer to it; declare a result 'v' in 'a', have the step write it to $(results.v.path) too, and refer to $(tasks.a.results.v)";
    for (variable, message, help) in [
        (
            "tasks.a.results.v",
            "the task 'a' has no result 'v'",
            output,
        ),
        (
            "tasks.a.results.onw",
            "the task 'a' has no result 'onw'",
            "did you mean 'own'?",
        ),
        (
            "tasks.a.results.oo.name",
            "the task 'a' has no result 'oo'",
            "did you mean 'o'?",
        ),
        (
            "tasks.a.results.o.digest",
            "the result 'o' of the task 'a' has no key 'digest'",
            "expected one of: name, uid, size",
        ),
        (
            "tasks.a.results['img'].ulr",
            "the result 'img' of the task 'a' has no key 'ulr'",
            "did you mean 'url'?",
        ),
        (
            "tasks.a.outputs.o.uid",
            "is not a Tekton variable, so Tekton would not replace it",
            "write $(tasks.a.results.o.uid)",
        ),
        (
            "tasks.a.o",
            "is not a Tekton variable, so Tekton would not replace it",
            "write $(tasks.a.results.o.name)",
        ),
        (
            "tasks.a.outputs.v",
            "is not a Tekton variable, so Tekton would not replace it",
            output,
        ),
        (
            "steps.main.v",
            "outputs of the step 'main' are only available in the templates of the task 'a'",
            output,
        ),
        (
            "resources.img.url",
            "only the templates of the task 'a' can refer to the resource 'img'",
            "write $(tasks.a.results.img.url)",
        ),
    ] {
        let (of_ref, of_embedded) = (FILE.to_owned(), embedded());
        for text in [of_ref, of_embedded] {
            for (slot, place) in [
                ("VALUE", "spec.tasks[1].params[0].value"),
                ("ARGUMENT", "spec.tasks[1].taskSpec.steps[0].args[0]"),
            ] {
                if slot == "ARGUMENT" && variable.contains('\'') {
                    continue;
                }
                let text = text.replace(slot, &format!("$({variable})"));
                // The finding's column points to the variable, not to the field.
                let mut lines = text.lines().enumerate();
                let is_changed =
                    |line: &str| line.contains(variable) && !line.contains(": $(steps");
                let (line, _) = lines.find(|(_, line)| is_changed(line)).unwrap();
                let column = text.lines().nth(line).unwrap().find("$(").unwrap() + 1;
                let at = format!("<stdin>:{}:{column}", line + 1);
                finds(
                    &text,
                    &[&format!(
                        "{at}: error: {place}: `$({variable})`{} {message}; {help}",
                        if message.starts_with("is ") { "" } else { ":" }
                    )],
                );
            }
        }
    }
}

#[test]
fn a_reference_to_a_known_or_possible_result_passes() {
    for variable in [
        "tasks.a.results.own",
        "tasks.a.results.whole.k",
        "tasks.a.results.whole.other",
        "tasks.a.results.a.b",
        "tasks.a.results.o[*]",
        "tasks.a.results.o",
        "tasks.a.results[\"o\"].size",
        "tasks.a.results.img.type",
        "tasks.a.outputs.sbom",
        "steps.main.results.v",
        "steps.main.outputs",
        "steps.other.v",
        "resources.other.name",
    ] {
        for text in [FILE.to_owned(), embedded()] {
            finds(
                &text.replace("VALUE", &format!("$({})", variable.replace('"', "\\\""))),
                &[],
            );
            // In a step, only variables that begin with `tasks` refer to the Pipeline; all others refer to the step's Task.
            if variable.starts_with("tasks.") {
                finds(&text.replace("ARGUMENT", &format!("$({variable})")), &[]);
            }
        }
    }
    // These variables are Tekton's own, so they are not reported even if the Task has an object with such a name.
    for variable in ["status", "reason", "matrix.length"] {
        let (name, _) = variable.split_once('.').unwrap_or((variable, ""));
        let named = FILE.replace("- name: o\n", &format!("- name: {name}\n"));
        let named = named.replace("    - name: b\n", "  finally:\n    - name: b\n");
        finds(
            &named.replace("VALUE", &format!("$(tasks.a.{variable})")),
            &[],
        );
    }
    let bad = FILE.replace("VALUE", "$(tasks.a.results.v)");
    for other in [
        "taskRef: {name: build, kind: ClusterTask}",
        "taskRef: {name: build, apiVersion: custom.dev/v1, kind: Build}",
        "taskRef: {name: build, resolver: bundles}",
        "taskRef: {name: elsewhere}",
    ] {
        finds(&bad.replace("taskRef: {name: build}", other), &[]);
    }
    let other = "taskRef: {name: build, bundle: b}";
    let old = bad.replace(
        "tekton.dev/v1\nkind: Pipeline",
        "tekton.dev/v1beta1\nkind: Pipeline",
    );
    finds(&old.replace("taskRef: {name: build}", other), &[]);
    // If two Tasks have the same name, the reference selects the Task in the Pipeline's namespace.
    let (task, _) = FILE.split_once("---\n").unwrap();
    let task = task.replace("own", "v");
    let elsewhere = task.replace("  name: build\n", "  name: build\n  namespace: other\n");
    finds(&format!("{elsewhere}---\n{bad}"), &[]);
    // A step that writes artifacts may give them any name, so every `outputs` variable of its task is accepted.
    let artifacts = "script: echo > $(step.artifacts.path)";
    finds(
        &FILE
            .replace("VALUE", "$(tasks.a.outputs.o)")
            .replace("script: 'true'", artifacts),
        &[],
    );
    // The step `main` refers to itself, so the check of the Task's steps reports the variable, and the check of the
    // Pipeline does not.
    finds(
        &FILE
            .replace("ARGUMENT", "$(steps.main.v)")
            .replace("name: s,", "name: main,"),
        &[
            "warning: spec.tasks[1].taskSpec.steps[0].args[0]: `$(steps.main.v)` is not available in a step",
        ],
    );
}

#[test]
fn results_of_finally_and_nested_pipelines_are_checked_in_their_scope() {
    let finally = FILE.replace(
        "  tasks:\n",
        "  results: [{name: r, value: $(finally.a.results.v)}]\n  finally:\n",
    );
    finds(
        &finally,
        &["spec.results[0].value: `$(finally.a.results.v)`: the task 'a' has no result 'v'"],
    );
    let (_, tasks) = FILE.split_once("  tasks:\n").unwrap();
    let inner: String = tasks
        .lines()
        .map(|line| format!("        {line}\n"))
        .collect();
    let nested = FILE.replace(
        tasks,
        &format!(
            "    - name: a\n      pipelineSpec:\n          tasks:\n{}",
            inner.replace("VALUE", "$(tasks.a.results.v)")
        ),
    );
    finds(
        &nested,
        &[
            "spec.tasks[0].pipelineSpec.tasks[1].params[0].value: `$(tasks.a.results.v)`: the task 'a' has no result 'v'",
        ],
    );
    // The results of the task `a` are not known, because `a` contains a Pipeline, not a Task.
    let outer = FILE.replace("taskRef: {name: build}", "pipelineSpec: {tasks: []}");
    finds(&outer.replace("VALUE", "$(tasks.a.results.v)"), &[]);
}

#[test]
fn objects_of_a_matrix_need_different_names() {
    let matrix = |name: &str, matrix: &str, more: &str| {
        FILE.replace(
            "kind: ConfigMap,",
            &format!("kind: ConfigMap, metadata: {{name: '{name}'}},"),
        )
        .replace(
            "results: [",
            "params: [{name: x}, {name: other}]\n  results: [",
        )
        .replace(
            "- name: a\n",
            &format!("- name: a\n      matrix: {{{matrix}}}\n"),
        )
        .replace(
            "          results: {size",
            &format!("{more}          results: {{size"),
        )
        .replace(
            "\n  tasks:\n",
            "\n  params: [{name: list, type: array}]\n  tasks:\n",
        )
    };
    let two = "params: [{name: x, value: [a, b]}]";
    let message = |runs: &str| {
        format!(
            "error: spec.tasks[0].matrix: the {runs} TaskRuns of the task 'a' would all create 'o' with the same name; put $(context.taskRun.name) or $(params.x) into its metadata.name, or omit the name"
        )
    };
    for (name, combinations, runs) in [
        ("cm", two, "2"),
        ("cm-$(params.other)", two, "2"),
        ("$(context.pipelineRun.name)", two, "2"),
        (
            "cm",
            "params: [{name: x, value: [a, b]}, {name: z, value: [1, 2, 3]}]",
            "6",
        ),
        (
            "cm",
            "include: [{name: i, params: [{name: x, value: a}]}, {name: j}]",
            "2",
        ),
    ] {
        finds(&matrix(name, combinations, ""), &[&message(runs)]);
    }
    finds(
        &matrix("cm", "params: [{name: x, value: '$(params.list[*])'}]", ""),
        &["warning: spec.tasks[0].matrix: the TaskRuns of the task 'a' would all create 'o'"],
    );
    for (name, combinations, more) in [
        ("cm-$(params.x)", two, ""),
        ("cm-$(steps.main.v)", two, ""),
        ("cm-$(context.taskRun.name)", two, ""),
        ("cm", "params: [{name: x, value: [a]}]", ""),
        ("cm", two, "          policy: Apply\n"),
    ] {
        finds(&matrix(name, combinations, more), &[]);
    }
    let namespaces = matrix("cm', namespace: '$(params.x)", two, "");
    finds(&namespaces, &[]);
    // Without a matrix, a task has only one TaskRun, so the object can have a fixed name.
    let (before, after) = matrix("cm", two, "")
        .split_once("      matrix")
        .map_or_else(
            || panic!("a matrix"),
            |(before, after)| (before.to_owned(), after.to_owned()),
        );
    let (_, after) = after.split_once('\n').unwrap();
    finds(&format!("{before}{after}"), &[]);
}

#[test]
fn pipelines_that_tekton_rejects_are_errors() {
    for (task, expected) in [
        (
            "runAfter: [zz]",
            "error: spec.tasks[1].runAfter[0]: runAfter: the Pipeline has no task 'zz'; expected one of: a, b",
        ),
        (
            "runAfter: [b]",
            "error: spec.tasks: these tasks wait for each other: b; remove a runAfter or a reference to a result",
        ),
        (
            "params: [{name: p, value: $(tasks.b.results.cm.name)}]",
            "error: spec.tasks: these tasks wait for each other: b",
        ),
        (
            "when: [{input: a, operator: isin, values: [b]}]",
            "error: spec.tasks[1].when[0].operator: 'isin' is not one of in, notin",
        ),
        (
            "timeout: 5x",
            "error: spec.tasks[1].timeout: invalid duration '5x'",
        ),
        (
            "runAfterr: [a]",
            "error: spec.tasks[1].runAfterr: unknown field 'runAfterr'; did you mean 'runAfter'?",
        ),
        (
            "name: a",
            "error: spec.tasks[1]: duplicate task name 'a'; rename one of them",
        ),
        (
            "name: B_c",
            "error: spec.tasks[1]: 'B_c' is not a valid name",
        ),
    ] {
        let name = match task.starts_with("name: ") {
            true => "",
            false => "name: b, ",
        };
        let pipeline = format!(
            "---\napiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {{name: p}}\nspec: {{tasks: [{{name: a, taskRef: {{name: app}}}}, {{{name}taskRef: {{name: app}}, {task}}}]}}\n"
        );
        let (code, lines) = lint(&format!("{TASK}{pipeline}"));
        assert_eq!((code, lines.len()), (1, 1), "{lines:?}");
        assert!(lines[0].contains(expected), "{lines:?}");
    }
    let finally = "---\napiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: p}\nspec: {tasks: [{name: a, taskRef: {name: app}}], finally: [{name: f, taskRef: {name: app}, runAfter: [a]}]}\n";
    let (code, lines) = lint(&format!("{TASK}{finally}"));
    assert_eq!((code, lines.len()), (1, 1), "{lines:?}");
    assert!(
        lines[0]
            .contains("error: spec.finally[0].runAfter: a task in 'finally' cannot have runAfter"),
        "{lines:?}"
    );
}
