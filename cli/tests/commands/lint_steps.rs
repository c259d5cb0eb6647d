//! Tests how `gleaner lint` reports variables that Tekton rejects or leaves unchanged in steps.

use crate::support::lint::{finds, in_text};
use crate::support::{self, gleaner, gleaner_with_input, repository, task};

fn app() -> String {
    task(
        "
steps: {build: [{name: digest}]}
objects: [{name: cm, resourceTemplate: {apiVersion: v1, kind: ConfigMap, data: {a: $(steps.build.digest)}}}]
",
        "
params: [{name: image}]
workspaces: [{name: src}]
steps:
  - name: build
    image: busybox
    script: |
      cd $(workspaces.src.path)
      echo $(params.image) $(date) > $GLEANER_OUTPUTS/digest
",
    )
}

#[track_caller]
fn in_app(from: &str, to: &str, expected: &[&str]) {
    in_text(&app(), from, to, expected);
}

#[test]
fn an_unknown_variable_that_tekton_refuses_is_an_error_at_its_position() {
    in_app(
        "$(params.image)",
        "$(params.imgae)",
        &[
            "17:14: error: spec.steps[0].script: `$(params.imgae)`: the Task has no parameter 'imgae'; did you mean 'image'?",
        ],
    );
    in_app(
        "cd $(workspaces.src.path)",
        "cat $(results.digest.path)",
        &[
            "16:13: error: spec.steps[0].script: `$(results.digest.path)`: the Task has no result 'digest'",
        ],
    );
    in_app(
        "image: busybox",
        "image: 'busybox:$(context.taskRun.nme)'",
        &[
            "14:23: error: spec.steps[0].image: unknown variable `$(context.taskRun.nme)`; did you mean 'taskRun.name'?",
        ],
    );
}

#[test]
fn a_variable_that_tekton_does_not_replace_is_a_warning() {
    in_app(
        "$(workspaces.src.path)",
        "$(workspaces.scr.path)",
        &[
            "16:12: warning: spec.steps[0].script: `$(workspaces.scr.path)`: the Task has no workspace 'scr'; did you mean 'src'?",
        ],
    );
    in_app(
        "image: busybox",
        "image: busybox\n      args: [$(steps.build.results.b), $(steps.a.results.b)]",
        &[
            "15:14: warning: spec.steps[0].args[0]: `$(steps.build.results.b)`: step 'build' does not run before this step",
            "15:40: warning: spec.steps[0].args[1]: `$(steps.a.results.b)`: the Task has no step 'a'; expected one of: build",
        ],
    );
    let ran = gleaner_with_input(
        &["lint", "--strict", "-f", "-"],
        &app().replace("workspaces.src", "workspaces.scr"),
    );
    ran.exits(1);
}

#[test]
fn a_variable_that_is_only_available_in_templates_is_reported_once() {
    in_app(
        "$(params.image)",
        "$(steps.build.digest)",
        &[
            "17:14: error: spec.steps[0].script: `$(steps.build.digest)`: outputs of the step 'build' are only available in templates",
        ],
    );
    in_app(
        "$(params.image)",
        "$(resources.cm.name)",
        &[
            "17:14: error: spec.steps[0].script: `$(resources.cm.name)`: steps cannot refer to the resource 'cm'",
        ],
    );
}

#[test]
fn tasks_without_outputs_and_step_actions_are_checked_too() {
    let plain = app();
    let plain = plain.lines().filter(|line| {
        !line.starts_with("   ") || line.starts_with("    - ") || !line.contains("gleaner.dev")
    });
    let plain: Vec<&str> = plain
        .filter(|line| {
            !line.contains("objects:")
                && !line.contains("steps: {")
                && !line.contains("annotations")
        })
        .collect();
    let plain = plain.join("\n").replace("params.image", "params.none");
    finds(
        &plain,
        &["13:14: error: spec.steps[0].script: `$(params.none)`"],
    );
    let action = "\
apiVersion: tekton.dev/v1beta1
kind: StepAction
metadata: {name: a}
spec:
  image: i
  params: [{name: x}]
  args: [$(params.y)]
  script: echo $(params.x)
";
    finds(
        action,
        &[
            "7:10: error: spec.args[0]: `$(params.y)`: the StepAction has no parameter 'y'; expected one of: x",
            "8:16: error: spec.script: `$(params.x)`: the script of a StepAction cannot use parameters; pass it in env or args",
        ],
    );
}

#[test]
fn an_embedded_task_may_use_names_of_its_pipeline() {
    let pipeline = "\
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p}
spec:
  params: [{name: outer}]
  workspaces: [{name: shared}]
  tasks:
    - name: t
      taskSpec:
        steps:
          - {name: s, image: i, script: $(params.outer) $(workspaces.shared.path) $(params.inner) $(workspaces.own.path)}
";
    finds(
        pipeline,
        &[
            "11:83: error: spec.tasks[0].taskSpec.steps[0].script: `$(params.inner)`: the Task has no parameter 'inner'",
            "11:99: warning: spec.tasks[0].taskSpec.steps[0].script: `$(workspaces.own.path)`: the Task has no workspace 'own'",
        ],
    );
}

#[test]
fn every_command_refuses_documents_that_tekton_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let text = app().replace("params.image)", "params.imgae)");
    let task = support::file(folder.path(), "task.yaml", &text);
    for command in [
        &["render", "-f", &task, "--output", "build.digest=x"][..],
        &["run", "-f", &task, "-p", "image=x", "--workspace", "src=."],
        &["inject", "-f", &task, "--image", "gleaner"],
        &["translate", "-f", &task],
    ] {
        let ran = gleaner(command);
        ran.exits(78)
            .says("`$(params.imgae)`: the Task has no parameter 'imgae'");
        assert_eq!(ran.stderr.matches("imgae)`").count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn an_injected_task_has_no_findings() {
    for example in [
        "build-and-push.yaml",
        "typed-outputs.yaml",
        "secret-output.yaml",
    ] {
        let path = repository().join("examples").join(example);
        let injected = gleaner(&["inject", "-f", path.to_str().unwrap(), "--image", "gleaner"]);
        let ran = gleaner_with_input(&["lint", "-f", "-"], &injected.exits(0).stdout);
        assert!(
            !ran.stdout.contains("variable") && !ran.stdout.contains("`$("),
            "{}",
            ran.stdout
        );
    }
}
