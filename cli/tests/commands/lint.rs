//! Tests that `gleaner lint` reports each error with its line and column, in annotations and in the proposal's syntax.

use crate::support::lint::lint;
use crate::support::{file, gleaner, gleaner_with_input, repository};

/// A Task with a declaration in its annotation. The declaration's first field is at line 8, column 7.
const ANNOTATED: &str = "\
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: build
  annotations:
    gleaner.dev/outputs: |

      steps:
        kaniko: [{name: digest}]
        kanik: [{name: digest}]
      resources:
        - name: img
          spec:
            type: image
            params:
              - {name: url, value: $(params.imageURL)}
              - {name: digest, value: $(steps.kaniko.digset)}
spec:
  params: [{name: imageUrl}]
  steps: [{name: kaniko, image: i}]
";

const PROPOSED: &str = "\
---
apiVersion: tekton.dev/v1alpha1
kind: Task
metadata: {name: build}
spec:
  inputs:
    params: [{name: imageUrl}]
  steps:
  - image: i
    outputs:
    - {name: digest, typ: string}
  outputs:
    resources:
    - name: img
      spec:
        type: image
        params:
        - name: digest
          value: $(steps.unnamed-0.digset)
        - name: url
          value: $(inputs.params.imageUrl)
";

#[test]
fn errors_in_an_annotation_have_their_line_in_the_file() {
    let (code, lines) = lint(ANNOTATED);
    assert_eq!(code, 1);
    assert_eq!(
        lines,
        [
            "<stdin>:10:17: error: steps.kanik: the Task has no step 'kanik'; did you mean 'kaniko'?",
            "<stdin>:16:36: error: resources[0].spec.params[0].value: the Task has no parameter 'imageURL'; did you mean 'imageUrl'?",
            "<stdin>:17:39: error: resources[0].spec.params[1].value: the step 'kaniko' declares no output 'digset'; did you mean 'digest'?",
        ]
    );
}

#[test]
fn errors_in_the_proposals_syntax_have_their_path_in_the_task() {
    let (code, lines) = lint(PROPOSED);
    assert_eq!(code, 1);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(
        lines[0].starts_with("<stdin>:11:22: error: spec.steps[0].outputs[0].typ: "),
        "{}",
        lines[0]
    );
    let second = "<stdin>:19:18: error: spec.outputs.resources[0].spec.params[0].value: the step 'unnamed-0' declares no output";
    assert!(lines[1].starts_with(second), "{}", lines[1]);
}

#[test]
fn findings_can_be_json() {
    let ran = gleaner_with_input(&["lint", "-f", "-", "--format", "json"], ANNOTATED);
    ran.exits(1);
    let findings: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        findings[0],
        serde_json::json!({
            "file": "<stdin>",
            "line": 10,
            "column": 17,
            "place": "steps.kanik",
            "severity": "error",
            "message": "the Task has no step 'kanik'",
            "help": "did you mean 'kaniko'?",
        })
    );
}

#[test]
fn the_examples_and_the_proposal_pass() {
    let files = std::fs::read_dir(repository().join("examples")).unwrap();
    let files: Vec<String> = files
        .map(|file| file.unwrap().path().to_str().unwrap().to_owned())
        .filter(|file| file.ends_with(".yaml"))
        .collect();
    assert!(files.len() >= 5);
    let mut arguments = vec!["lint", "-f"];
    arguments.extend(files.iter().map(String::as_str));
    let ran = gleaner(&arguments);
    ran.exits(0);
    assert_eq!(ran.stdout, "");
}

#[test]
fn a_file_without_a_declaration_passes_with_a_note() {
    let (code, lines) = lint("kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n");
    assert_eq!(code, 0);
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].starts_with("<stdin>: note: nothing in this file declares outputs; "),
        "{}",
        lines[0]
    );
    // Tekton itself can bind this output to an existing resource, so this is not the proposal's syntax.
    let bound =
        "kind: Task\nspec: {steps: [{name: a}], outputs: {resources: [{name: img, type: image}]}}";
    assert_eq!(lint(bound).0, 0);
}

#[test]
fn an_unreadable_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let good = file(folder.path(), "good.yaml", ANNOTATED);
    let broken = file(folder.path(), "broken.yaml", "a: 1\na: 2\n");
    let ran = gleaner(&["lint", "-f", &broken, "nowhere.yaml", &good]);
    ran.exits(66);
    assert!(
        ran.stdout
            .starts_with(&format!("{broken}:2:1: error: duplicate mapping key: a")),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout
            .contains("\nnowhere.yaml: error: cannot be read: "),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains(&format!("{good}:10:17: ")),
        "{}",
        ran.stdout
    );
}

#[test]
fn declarations_are_found_in_every_declaration_site() {
    let wrong = "gleaner.dev/outputs: 'steps: {b: [{name: x}]}'";
    let task = format!("{{metadata: {{annotations: {{{wrong}}}}}, steps: [{{name: a}}]}}");
    let template = format!(
        "{{metadata: {{annotations: {{{wrong}}}}}, spec: {{restartPolicy: Never, containers: [{{name: a, image: x, command: [x]}}]}}}}"
    );
    for document in [
        format!(
            "kind: Task\nmetadata: {{annotations: {{{wrong}}}}}\nspec: {{steps: [{{name: a}}]}}"
        ),
        format!(
            "kind: TaskRun\nmetadata: {{annotations: {{{wrong}}}}}\nspec: {{taskSpec: {{steps: [{{name: a}}]}}}}"
        ),
        format!("kind: Pipeline\nspec: {{tasks: [{{name: t, taskSpec: {task}}}]}}"),
        format!("kind: Pipeline\nspec: {{finally: [{{name: t, taskSpec: {task}}}]}}"),
        format!(
            "kind: PipelineRun\nspec: {{pipelineSpec: {{tasks: [{{name: t, taskSpec: {task}}}]}}}}"
        ),
        format!("apiVersion: batch/v1\nkind: Job\nspec: {{template: {template}}}"),
        format!(
            "apiVersion: batch/v1\nkind: CronJob\nspec: {{schedule: '@daily', jobTemplate: {{spec: {{template: {template}}}}}}}"
        ),
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{annotations: {{{wrong}}}}}\nspec: {{restartPolicy: Never, containers: [{{name: a, image: x, command: [x]}}]}}"
        ),
        format!(
            "kind: List\nitems: [{{apiVersion: batch/v1, kind: Job, spec: {{template: {template}}}}}]"
        ),
    ] {
        let (code, lines) = lint(&document);
        assert_eq!((code, lines.len()), (1, 1), "{document}\n{lines:#?}");
        let is_named = ["no step 'b'", "no container 'b'"]
            .iter()
            .any(|missing| lines[0].contains(missing));
        assert!(is_named, "{document}\n{lines:#?}");
    }
}

#[test]
fn an_annotation_on_a_pipeline_is_an_error() {
    let text = "kind: Pipeline\nmetadata: {annotations: {gleaner.dev/outputs: 'steps: {b: [{name: x}]}'}}\nspec: {tasks: []}";
    let (code, lines) = lint(text);
    assert_eq!(code, 1, "{lines:#?}");
    assert!(
        lines[0].contains(": error: metadata.annotations[\"gleaner.dev/outputs\"]: "),
        "{lines:#?}"
    );
}

#[test]
fn two_declarations_for_one_task_are_an_error() {
    let both = PROPOSED.replace(
        "metadata: {name: build}",
        "metadata: {name: build, annotations: {gleaner.dev/outputs: 'steps: {}'}}",
    );
    let (code, lines) = lint(&both);
    assert_eq!(code, 1);
    assert!(lines[0].contains("declared twice"), "{lines:#?}");
}

const CLEAN: &str = "\
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: build
  annotations:
    gleaner.dev/outputs: |
      steps: {one: [{name: a, fromPath: $(workspaces.src.path)/$(params.file)}]}
      objects: [{name: cm, resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: cm}, data: {a: $(steps.one.a)}}}]
spec:
  params: [{name: file}]
  workspaces: [{name: src}]
  results: [{name: cm, type: object, properties: {name: {}}}]
  steps: [{name: one, image: i, script: echo}]
";

#[test]
fn names_that_a_cluster_would_refuse_are_refused() {
    assert_eq!(lint(CLEAN), (0, vec![]));
    let long = "x".repeat(64);
    for (name, message) in [
        (
            "123",
            "expected a string, found a number; put it in quotes, because YAML reads it as 123",
        ),
        (
            "My_Task",
            "Kubernetes rejects the name 'My_Task'; use lower-case letters",
        ),
        (
            &long,
            "the name is 64 characters long; Tekton allows at most 63",
        ),
    ] {
        let (code, lines) = lint(&CLEAN.replace("  name: build", &format!("  name: {name}")));
        assert_eq!((code, lines.len()), (1, 1), "{lines:#?}");
        let expected = format!("<stdin>:4:9: error: metadata.name: {message}");
        assert!(lines[0].starts_with(&expected), "{lines:#?}");
    }
}

#[test]
fn an_unknown_variable_in_from_path_is_an_error() {
    let text = CLEAN
        .replace("src.path", "scr.path")
        .replace("params.file", "params.fiel");
    assert_eq!(
        lint(&text).1,
        [
            "<stdin>:7:41: error: steps.one[0].fromPath: `$(workspaces.scr.path)`: the Task has no workspace 'scr'; did you mean 'src'?",
            "<stdin>:7:64: error: steps.one[0].fromPath: `$(params.fiel)`: the Task has no parameter 'fiel'; did you mean 'file'?",
        ]
    );
    let (_, lines) = lint(&CLEAN.replace("$(params.file)", "$(date)"));
    assert!(
        lines[0].contains("`$(date)` is not allowed in a path"),
        "{lines:#?}"
    );
}

#[test]
fn a_result_written_by_a_step_and_a_resource_is_an_error() {
    let (_, lines) = lint(&CLEAN.replace("script: echo", "script: echo x > $(results.cm.path)"));
    let expected = "<stdin>:12:13: error: spec.results[0]: the Task's result 'cm' and the resource 'cm' would write the same \
                    result; rename one of them";
    assert_eq!(lines, [expected]);
}

#[test]
fn duplicate_documents_are_an_error_with_both_positions() {
    let folder = tempfile::tempdir().unwrap();
    let task = |name: &str, namespace: &str| {
        format!(
            "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {{name: {name}{namespace}}}\nspec: {{steps: [{{name: s, image: i}}]}}\n"
        )
    };
    let first = file(folder.path(), "a.yaml", &task("x", ""));
    let both = format!("{}---\n{}", task("y", ""), task("x", ""));
    let second = file(folder.path(), "b.yaml", &both);
    let ran = gleaner(&["lint", "-f", &first, &second]);
    ran.exits(1);
    assert!(
        ran.stdout.contains(&format!(
            "{second}:6:1: error: duplicate Task 'x', also at {first}:1:1; rename or remove one of them"
        )),
        "{}",
        ran.stdout
    );
    let elsewhere = file(folder.path(), "c.yaml", &task("x", ", namespace: other"));
    gleaner(&["lint", "-f", &first, &elsewhere]).exits(0);
}
