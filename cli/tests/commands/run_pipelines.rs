//! Tests `gleaner run` with PipelineRuns.

use crate::support::{Ran, gleaner, gleaner_with_input, run};
use serde_json::{Value, json};

/// The Task `say`, which writes its parameter `words` to the result `said` and to the ConfigMap `$(params.name)`, and the Task
/// `fail`.
const SAY: &str = "
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: say
  annotations:
    gleaner.dev/outputs: |
      steps: {one: [{name: text}]}
      objects:
        - name: note
          results: {text: .data.text}
          resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: $(params.name)}, data: {text: $(steps.one.text)}}
spec:
  params: [{name: name}, {name: words, type: array, default: []}]
  results: [{name: said}, {name: list, type: array}]
  steps:
  - name: one
    args: ['$(params.words[*])']
    script: |
      printf '%s' \"$*\" | tee $GLEANER_OUTPUTS/text > $(results.said.path)
      printf '[\"x\",\"y z\"]' > $(results.list.path)
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: fail}
spec: {steps: [{name: one, script: exit 7}]}
";

fn pipeline(spec: &str, run_spec: &str) -> String {
    let indented = |text: &str| text.trim_matches('\n').replace('\n', "\n  ");
    format!(
        "{SAY}---\napiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {{name: p}}\nspec:\n  {}\n---\napiVersion: \
         tekton.dev/v1\nkind: PipelineRun\nmetadata: {{name: p-run-1}}\nspec:\n  pipelineRef: {{name: p}}\n  {}\n",
        indented(spec),
        indented(run_spec),
    )
}

fn report(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap()
}

/// Returns the names and statuses of the tasks, in the order in which the tasks ran.
fn statuses(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let tasks = report["tasks"].as_array().unwrap().iter();
    tasks
        .map(|task| (text(&task["name"]), text(&task["status"])))
        .collect()
}

fn are(report: &Value, expected: &[(&str, &str)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, status)| ((*name).to_owned(), (*status).to_owned()))
        .collect();
    assert_eq!(statuses(report), expected);
}

#[test]
fn results_are_passed_between_tasks_and_determine_the_order() {
    let spec = "
params: [{name: who, default: nobody}]
results:
- {name: text, value: $(tasks.second.results.said)}
- {name: note, value: '$(tasks.first.results.note[*])'}
- {name: item, value: '$(tasks.first.results.list[1])'}
tasks:
- name: second
  taskRef: {name: say}
  params:
  - {name: name, value: $(tasks.first.results.note.name)-2}
  - {name: words, value: [$(tasks.first.results.said), '$(tasks.first.results.list[*])', '$(tasks.first.results.list[1])', $(context.pipelineRun.name)]}
- name: first
  taskRef: {name: say}
  params: [{name: name, value: cm}, {name: words, value: [hello, $(params.who)]}]
";
    let ran = run(
        &pipeline(spec, "params: [{name: who, value: you}]"),
        &["-o", "json"],
    );
    let report = report(ran.exits(0));
    are(&report, &[("first", "Succeeded"), ("second", "Succeeded")]);
    assert_eq!(report["resources"][1]["metadata"]["name"], "cm-2");
    assert_eq!(report["results"]["text"], "hello you x y z y z p-run-1");
    assert_eq!(report["results"]["note"]["text"], "hello you");
    assert_eq!(report["results"]["item"], "y z");
    assert_eq!(
        report["resources"][0]["metadata"]["labels"]["tekton.dev/pipelineTask"],
        "first"
    );
    assert_eq!(report["tasks"][0]["taskRun"], "p-run-1-first");
    assert_eq!(
        report["resources"][0]["metadata"]["labels"]["tekton.dev/pipelineRun"],
        "p-run-1"
    );
    // Parameters on the command line take precedence over the PipelineRun's parameters.
    let ran = run(
        &pipeline(spec, "params: [{name: who, value: you}]"),
        &["-p", "who=me"],
    );
    assert_eq!(
        ran.exits(0).result("text"),
        Some("hello me x y z y z p-run-1")
    );
}

#[test]
fn the_proposals_pipeline_run_can_be_run() {
    let translated = gleaner(&["translate", "-f", "examples/build-and-test.yaml"]);
    let arguments = [
        "run",
        "-f",
        "-",
        "--step-command",
        "git-source-src=mkdir -p /workspace/src",
        "--step-command",
        "build-and-push.kaniko=printf sha256:54ed > /workspace/digest",
        "--step-command",
        "run-test=true",
    ];
    let ran = gleaner_with_input(&arguments, &translated.exits(0).stdout);
    let object = ran.exits(0).object();
    assert_eq!(
        object["metadata"]["ownerReferences"][0]["kind"],
        "PipelineRun"
    );
    assert_eq!(
        object["metadata"]["ownerReferences"][0]["name"],
        "build-and-test-run"
    );
    assert_eq!(
        object["spec"]["params"][1],
        json!({"name": "digest", "value": "sha256:54ed"})
    );
    ran.says("● task run-test-binary");
}

#[test]
fn a_run_in_the_old_syntax_is_reported() {
    let step = "kaniko=printf sha256:54ed > /workspace/digest";
    let file = "examples/build-and-test.yaml";
    gleaner(&[
        "run",
        "-f",
        file,
        "-p",
        "imageUrl=x",
        "--step-command",
        step,
    ])
    .exits(0)
    .says("PipelineRun build-and-test-run (examples/build-and-test.yaml:")
    .says("translate it first: `gleaner translate -f FILE | gleaner run -f -`");
    gleaner(&["run", "-f", file, "--run", "build-and-test-run"])
        .exits(78)
        .says("spec.resources: `gleaner run` does not support 'resources'; translate the documents first");
}

#[test]
fn conditions_skip_a_task_and_the_tasks_that_use_its_results() {
    let spec = "
tasks:
- {name: first, taskRef: {name: say}, params: [{name: name, value: cm}, {name: words, value: [go]}]}
- name: skipped
  taskRef: {name: say}
  when: [{input: $(tasks.first.results.said), operator: notin, values: [go, '$(tasks.first.results.list[*])']}]
  params: [{name: name, value: never}]
- {name: taker, taskRef: {name: say}, params: [{name: name, value: $(tasks.skipped.results.said)}]}
- {name: after-taker, taskRef: {name: say}, runAfter: [taker], params: [{name: name, value: never}]}
- {name: ordered, taskRef: {name: say}, runAfter: [skipped], params: [{name: name, value: ordered}]}
finally:
- name: last
  taskRef: {name: say}
  params:
  - {name: name, value: last}
  - {name: words, value: [$(tasks.first.status), $(tasks.skipped.status), $(tasks.status)]}
- {name: without, taskRef: {name: say}, params: [{name: name, value: $(tasks.skipped.results.said)}]}
";
    let ran = run(&pipeline(spec, ""), &["-o", "json"]);
    let report = report(
        ran.exits(0)
            .says("task skipped was skipped: its when conditions are false"),
    );
    are(
        &report,
        &[
            ("first", "Succeeded"),
            ("skipped", "None"),
            ("taker", "None"),
            ("after-taker", "None"),
            // As in Tekton, a task that must run after the skipped task, but does not use the skipped task's results, still runs.
            ("ordered", "Succeeded"),
            ("last", "Succeeded"),
            ("without", "None"),
        ],
    );
    assert_eq!(
        report["tasks"][5]["results"]["said"],
        "Succeeded None Completed"
    );
}

#[test]
fn after_a_failure_only_finally_runs() {
    let spec = "
tasks:
- {name: bad, taskRef: {name: fail}}
- {name: next, taskRef: {name: say}, runAfter: [bad], params: [{name: name, value: never}]}
- {name: independent, taskRef: {name: say}, params: [{name: name, value: never}]}
finally:
- name: clean
  taskRef: {name: say}
  params: [{name: name, value: cleaned}, {name: words, value: [$(tasks.bad.status), $(tasks.next.status), $(tasks.status)]}]
";
    let ran = run(&pipeline(spec, ""), &["-o", "json"]);
    let found = report(ran.exits(7).says("bad/one exited with code 7"));
    are(
        &found,
        &[
            ("bad", "Failed"),
            ("next", "None"),
            ("independent", "None"),
            ("clean", "Succeeded"),
        ],
    );
    assert_eq!(found["tasks"][3]["results"]["said"], "Failed None Failed");
    assert_eq!(found["resources"][0]["metadata"]["name"], "cleaned");
    let continued = spec.replace(
        "{name: bad, taskRef: {name: fail}}",
        "{name: bad, onError: continue, taskRef: {name: fail}}",
    );
    let ran = run(
        &pipeline(&continued, "").replace("value: never", "value: $(context.pipelineRun.uid)"),
        &["-o", "json"],
    );
    // Two tasks create an object with the same name, so the second task fails.
    let found = report(
        ran.exits(73)
            .says("the pipeline continues (onError: continue)"),
    );
    are(
        &found,
        &[
            ("bad", "Failed"),
            ("next", "Succeeded"),
            ("independent", "Failed"),
            ("clean", "Succeeded"),
        ],
    );
    let in_finally = "tasks: [{name: a, taskRef: {name: say}, params: [{name: name, value: a}]}]\nfinally: [{name: f, taskRef: {name: fail}}]";
    run(&pipeline(in_finally, ""), &[]).exits(7);
}

#[test]
fn a_result_that_was_not_written_fails_the_pipeline() {
    let quiet = "---\napiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: quiet}\nspec: {results: [{name: r}], steps: [{name: one, script: 'true'}]}\n";
    let spec = "
tasks:
- {name: quiet, taskRef: {name: quiet}}
- {name: taker, taskRef: {name: say}, params: [{name: name, value: $(tasks.quiet.results.r)}]}
";
    run(&format!("{}{quiet}", pipeline(spec, "")), &[])
        .exits(65)
        .says("task 'taker': task 'quiet' did not write the result 'r'");
}

#[test]
fn embedded_tasks_can_use_parameters_workspaces_and_results_of_the_pipeline() {
    let text = format!(
        "{SAY}---
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {{generateName: nightly-}}
spec:
  params: [{{name: who, value: you}}]
  workspaces: [{{name: shared, volumeClaimTemplate: {{}}}}, {{name: own, emptyDir: {{}}}}]
  pipelineSpec:
    params: [{{name: who, default: nobody}}]
    workspaces: [{{name: shared}}, {{name: own}}]
    tasks:
    - {{name: say, taskRef: {{name: say}}, params: [{{name: name, value: cm}}, {{name: words, value: [$(params.who)]}}]}}
    - name: write
      workspaces: [{{name: shared}}, {{name: own}}]
      taskSpec:
        steps:
        - name: one
          script: |
            printf '%s' '$(params.who) $(tasks.say.results.said) $(context.pipelineRun.name)$(context.pipeline.name)' > $(workspaces.shared.path)/file
            touch $(workspaces.own.path)/file
    - name: read
      runAfter: [write]
      workspaces: [{{name: shared}}, {{name: own}}]
      taskSpec:
        results: [{{name: r}}]
        steps:
        - name: one
          script: |
            test ! -e $(workspaces.own.path)/file
            cp $(workspaces.shared.path)/file $(results.r.path)
    results: [{{name: r, value: $(tasks.read.results.r)}}]
"
    );
    let ran = run(&text, &[]);
    assert_eq!(
        ran.exits(0).result("r"),
        Some("you you nightly-runnightly-run")
    );
    let folder = tempfile::tempdir().unwrap();
    let given = format!("shared={}", folder.path().display());
    run(&text, &["-w", &given]).exits(0);
    assert!(folder.path().join("file").exists());
}

#[test]
fn time_limits_stop_a_task_or_the_pipeline() {
    let slow = "---\napiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: slow}\nspec: {steps: [{name: one, script: 'sleep 60'}]}\n";
    let spec = "tasks: [{name: slow, taskRef: {name: slow}}]\nfinally: [{name: last, taskRef: {name: say}, params: [{name: name, value: last}]}]";
    let with = |spec: &str, run_spec: &str| format!("{}{slow}", pipeline(spec, run_spec));
    let limited = spec.replace(
        "{name: slow, taskRef",
        "{name: slow, timeout: 300ms, taskRef",
    );
    run(&with(&limited, ""), &[])
        .exits(1)
        .says("the task's timeout")
        .says("last/one");
    run(&with(spec, "timeouts: {tasks: 300ms}"), &[])
        .exits(1)
        .says("(timeouts.tasks)")
        .says("✔ last/one");
    run(&with(spec, "timeouts: {pipeline: 300ms}"), &[])
        .exits(1)
        .says("timeouts.pipeline or --timeout");
}

#[test]
fn errors_in_a_pipeline_are_reported_before_its_first_task() {
    let first = "{name: first, taskRef: {name: say}, params: [{name: name, value: cm}]}";
    for (tasks, message) in [
        (
            "{name: b, taskRef: {name: say}, params: [{name: name, value: $(tasks.frist.results.said)}]}",
            "unknown task 'frist'; did you mean 'first'?",
        ),
        (
            "{name: b, taskRef: {name: say}, params: [{name: name, value: $(tasks.first.results.sad)}]}",
            "task 'first' has no result 'sad'; did you mean 'said'?",
        ),
        (
            "{name: b, taskRef: {name: say}, params: [{name: name, value: $(tasks.first.results.note.nme)}]}",
            "the result 'note' has no key 'nme'; did you mean 'name'?",
        ),
        (
            "{name: b, taskRef: {name: say}, params: [{name: name, value: x$(tasks.first.results.note)}]}",
            "the result 'note' is of type object",
        ),
        (
            "{name: b, taskRef: {name: say}, params: [{name: name, value: x$(tasks.first.results.list)}]}",
            "the result 'list' is of type array",
        ),
        (
            "{name: b, taskRef: {name: say}, params: [{name: name, value: $(task.first.results.said)}]}",
            "did you mean 'tasks'?",
        ),
        (
            "{name: b, taskRef: {name: say}, params: [{name: name, value: $(params.x)}]}",
            "the Pipeline has no parameter 'x'",
        ),
        (
            "{name: b, taskRef: {name: say}, params: [{name: name, value: $(context.pipelineRun.nme)}]}",
            "did you mean 'pipelineRun.name'?",
        ),
        (
            "{name: b, taskRef: {name: say}, params: [{name: name, value: $(tasks.first.status)}]}",
            "a task's status is available only in 'finally'",
        ),
        (
            "{name: b, taskRef: {name: say}}",
            "the Task's parameter 'name' has no value",
        ),
        (
            "{name: b, taskRef: {name: say}, params: [{name: name, value: [a]}]}",
            "the parameter 'name' is of type string, but its value is an array",
        ),
        (
            "{name: b, taskRef: {name: say}, params: [{name: name, value: a}], runAfter: [fisrt]}",
            "runAfter: the Pipeline has no task 'fisrt'; did you mean 'first'?",
        ),
        (
            "{name: b, taskRef: {name: say}, params: [{name: name, value: a}], runAfter: [b]}",
            "these tasks wait for each other: b",
        ),
        (
            "{name: first, taskRef: {name: say}, params: [{name: name, value: a}]}",
            "duplicate task name 'first'",
        ),
        (
            "{name: b, taskRef: {name: say}, matrix: {params: [{name: name, value: [a, b]}]}}",
            "`gleaner run` does not support 'matrix'",
        ),
        (
            "{name: b, taskRef: {name: say}, retries: 2, params: [{name: name, value: a}]}",
            "`gleaner run` does not support 'retries'",
        ),
        (
            "{name: b, pipelineRef: {name: p}}",
            "`gleaner run` does not support 'pipelineRef'; use taskRef or taskSpec, because pipelines in pipelines",
        ),
        (
            "{name: b, taskRef: {resolver: git}}",
            "resolvers work only in a cluster",
        ),
        (
            "{name: b, taskRef: {resolver: ''}}",
            "tasks[1].taskRef: 'name' is missing; write taskRef: {name: NAME}",
        ),
        (
            "{name: b, taskRef: {name: say}, taskSpec: {steps: [{name: one, script: 'true'}]}}",
            "tasks[1].taskRef: the task has both taskRef and taskSpec; keep one of them",
        ),
        (
            "{name: b, taskRef: {apiVersion: x.dev/v1, kind: Wait}}",
            "supports only a Task here, not 'Wait'",
        ),
        (
            "{name: b, taskRef: {name: say}, when: [{cel: 'true'}], params: [{name: name, value: a}]}",
            "a local run does not evaluate CEL conditions",
        ),
        (
            "{name: b, taskRef: {name: sya}}",
            "no file contains the Task 'sya'; did you mean 'say'?",
        ),
        (
            "{name: b, taskRef: {name: say}, workspaces: [{name: w}], params: [{name: name, value: a}]}",
            "the Task has no workspace 'w'",
        ),
    ] {
        let ran = run(&pipeline(&format!("tasks:\n- {first}\n- {tasks}"), ""), &[]);
        ran.exits(78).says(message).says("<stdin>:");
        assert!(!ran.stderr.contains("▶"), "{}", ran.stderr);
    }
}

#[test]
fn a_step_without_a_command_is_reported_before_the_first_task() {
    let image = "---\napiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: image}\nspec: {params: [{name: t}], steps: [{name: one, image: x, timeout: $(params.t)}]}\n";
    let spec = "
tasks:
- {name: first, taskRef: {name: say}, params: [{name: name, value: cm}, {name: words, value: [1m]}]}
- {name: b, taskRef: {name: image}, params: [{name: t, value: $(tasks.first.results.said)}]}
";
    let text = format!("{}{image}", pipeline(spec, ""));
    let ran = run(&text, &[]);
    ran.exits(64).says("--step-command one='...'");
    assert!(!ran.stderr.contains("▶"), "{}", ran.stderr);
    run(&text, &["--step-command", "b.one=true"]).exits(0);
    run(&text, &["--step-command", "b.two=true"])
        .exits(64)
        .says("unknown step 'b.two'");
}

#[test]
fn a_pipeline_without_a_run_uses_its_defaults() {
    let spec = "params: [{name: object, default: cm}]\ntasks: [{name: first, taskRef: {name: say}, params: [{name: name, value: $(params.object)}]}]";
    let text = pipeline(spec, "");
    let (text, _) = text.rsplit_once("---\n").unwrap();
    let ran = run(text, &[]);
    assert_eq!(
        ran.exits(0).object()["metadata"]["labels"]["tekton.dev/pipelineRun"],
        "p-run"
    );
    assert_eq!(
        run(text, &["-p", "object=other"]).exits(0).object()["metadata"]["name"],
        "other"
    );
}
