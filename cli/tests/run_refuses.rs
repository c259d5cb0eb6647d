//! What `gleaner run` says instead of running.

mod support;

use support::{ONE, run, task};

#[test]
fn what_is_wrong_with_parameters_is_said_before_anything_runs() {
    let spec = "
params:
- {name: url, description: where to}
- {name: mode, enum: [fast, slow], default: fast}
- {name: image, type: object, properties: {url: {}, digest: {}}}
steps: [{name: one, script: echo never}]
";
    let ran = run(
        &task(ONE, spec),
        &["-p", "mode=medium", "-p", "image=url:x", "-p", "mde=x"],
    );
    ran.exits(64)
        .says("the parameter 'url' has no value; give it with -p url=VALUE (where to)")
        .says("'mode' cannot be 'medium'; it is one of fast, slow")
        .says("the object parameter 'image' has no value for digest")
        .says("the Task has no parameter 'mde'; did you mean 'mode'?");
    assert!(!ran.stderr.contains("never"));
}

#[test]
fn a_task_without_images_says_which_step_needs_a_command() {
    let text = task(
        ONE,
        "steps: [{name: one, image: tool}, {name: two, ref: {name: clone}}]",
    );
    run(&text, &[])
        .exits(64)
        .says("--step-command one='...'")
        .says("StepAction 'clone'");
}

#[test]
fn what_cannot_be_run_is_said_with_its_place() {
    run("a: [\n", &[]).exits(64).says("<stdin>:1:");
    run(&task(ONE, "steps: [{name: one, script: 5}]"), &[])
        .exits(78)
        .says("<stdin>:12:31: error: spec.steps[0].script: ");
    run(
        &task("steps: {One: []}", "steps: [{name: One, script: x}]"),
        &[],
    )
    .exits(78);
    run(&task("steps: {}", "steps: [{name: One, script: x}]"), &[])
        .exits(64)
        .says("'One' is no valid name");
}
