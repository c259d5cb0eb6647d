//! The working directory and the HOME that old versions of Tekton set by default.

use serde_json::json;

use crate::{translate, warned};

const HANDOVER: &str = "\
apiVersion: tekton.dev/v1alpha1
kind: Task
metadata: {name: handover}
spec:
  inputs: {resources: [{name: src, type: git}]}
  steps:
  - {name: write, image: busybox, command: [sh, -c, \"echo 'ls src' > todo.sh\"]}
  - {name: use, image: busybox, workingDir: /tmp, env: [{name: HOME, value: /root}]}
";

#[test]
fn steps_of_v1alpha1_tasks_get_the_old_default_directory_and_home() {
    let documents = translate(HANDOVER).unwrap();
    let steps = &documents[0]["spec"]["steps"];
    assert_eq!(steps[1]["workingDir"], "/workspace");
    let home = json!([{"name": "HOME", "value": "/tekton/home"}]);
    assert_eq!(steps[1]["env"], home);
    assert_eq!(steps[2]["workingDir"], "/tmp");
    let own = json!([{"name": "HOME", "value": "/root"}]);
    assert_eq!(steps[2]["env"], own);
    assert_eq!(warned(HANDOVER), "");
}

#[test]
fn steps_do_not_get_the_defaults_if_the_step_template_sets_them() {
    let template = "  stepTemplate: {workingDir: /src, env: [{name: HOME, value: /root}]}\n";
    let documents = translate(&format!("{HANDOVER}{template}")).unwrap();
    let step = &documents[0]["spec"]["steps"][1];
    assert_eq!(step.get("workingDir"), None);
    assert_eq!(step.get("env"), None);
}

#[test]
fn steps_of_embedded_v1alpha1_tasks_get_the_defaults_too() {
    let documents = translate(
        "apiVersion: tekton.dev/v1alpha1\nkind: PipelineRun\nmetadata: {name: r}\nspec:\n  pipelineSpec:\n    tasks:\n    \
         - {name: a, taskSpec: {steps: [{image: i}]}}\n",
    )
    .unwrap();
    let step = &documents[0]["spec"]["pipelineSpec"]["tasks"][0]["taskSpec"]["steps"][0];
    assert_eq!(step["workingDir"], "/workspace");
}

#[test]
fn a_step_of_a_v1beta1_task_that_may_rely_on_the_old_default_is_reported() {
    let text = HANDOVER.replace("v1alpha1", "v1beta1").replace(
        "inputs: {resources: [{name: src, type: git}]}",
        "resources: {inputs: [{name: src, type: git}]}",
    );
    assert_eq!(
        warned(&text),
        "<stdin>:7:5: warning: spec.steps[0]: the step has no workingDir: Tekton before v0.24 ran it in /workspace, with \
         HOME=/tekton/home, but later versions use the image's settings; add workingDir: /workspace if the step uses relative paths\n"
    );
    let without = text.replace("{name: src, type: git}", "{name: src, type: image}");
    assert_eq!(warned(&without), "");
}
