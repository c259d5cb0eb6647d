//! Tests errors that `gleaner run` reports before it runs a step.

use crate::support::{ONE, file, gleaner, gleaner_with_input, run, task};

#[test]
fn errors_in_parameters_are_reported_before_any_step_runs() {
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
        .says("the parameter 'url' has no value; set it with -p url=VALUE (where to)")
        .says("'mode' cannot be 'medium'; use one of fast, slow")
        .says("the object parameter 'image' has no value for digest")
        .says("the Task has no parameter 'mde'; did you mean 'mode'?");
    assert!(!ran.stderr.contains("never"));
}

#[test]
fn the_error_names_each_step_that_needs_a_command() {
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
fn errors_are_reported_with_their_positions() {
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
        .exits(78)
        .says("spec.steps[0].name: 'One' is not a valid name");
}

#[test]
fn an_output_that_the_declaration_does_not_allow_creates_nothing() {
    let declaration = "
steps: {one: [{name: a, nonEmpty: true}, {name: b, pattern: '^sha256:[0-9a-f]+$', default: sha256:0}]}
objects:
  - name: cm
    resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: cm}, data: {a: '$(steps.one.a)@$(steps.one.b)'}}
";
    let one = |script: &str| {
        let spec = format!("steps: [{{name: one, script: '{script}'}}]");
        run(&task(declaration, &spec), &[])
    };
    let ran = one("cd $GLEANER_OUTPUTS; echo > a; echo denied > b");
    ran.exits(65).says(
        "output 'a' of step 'one' is empty, but nonEmpty: true is set; output 'b' of step 'one' is 'denied', which \
         does not match the pattern '^sha256:[0-9a-f]+$'",
    );
    assert_eq!(ran.stdout, "");
    let ran = one("echo x > $GLEANER_OUTPUTS/a");
    assert_eq!(ran.exits(0).object()["data"]["a"], "x@sha256:0");
}

const WRITES: &str = "steps: [{name: one, script: 'printf x > $GLEANER_OUTPUTS/a'}]";

#[test]
fn an_invalid_option_value_is_a_usage_error() {
    let text = task(ONE, WRITES);
    let folder = tempfile::tempdir().unwrap();
    let no_crd = file(
        folder.path(),
        "no-crd.yaml",
        "apiVersion: v1\nkind: ConfigMap\n",
    );
    for arguments in [
        ["--crd", "/nonexist"],
        ["--crd", &no_crd],
        ["--kubeconfig", "/nonexist"],
        ["--namespace", "No_Name"],
    ] {
        run(&text, &arguments).exits(64).says(arguments[1]);
    }
}

#[test]
fn a_strict_preflight_runs_no_step() {
    let declaration = ONE.replace("steps: {one", "preflight: Strict\nsteps: {one");
    let declaration = declaration.replace(
        "apiVersion: v1, kind: ConfigMap",
        "apiVersion: x.example/v1, kind: Other",
    );
    let ran = run(
        &task(
            &declaration,
            "steps: [{name: one, script: echo never}, {name: two, script: echo never}]",
        ),
        &[],
    );
    ran.exits(73)
        .says("preflight: Strict")
        .says("nothing was created");
    assert!(!ran.stderr.contains("| never"), "{}", ran.stderr);
}

#[test]
fn errors_in_an_embedded_task_are_reported_with_their_positions() {
    for (kind, spec, place) in [
        ("TaskRun", "{taskSpec: {steps: []}}", "spec.taskSpec.steps"),
        (
            "PipelineRun",
            "{pipelineSpec: {tasks: [{name: t, taskSpec: {steps: []}}]}}",
            "spec.pipelineSpec.tasks[0].taskSpec.steps",
        ),
    ] {
        let text = format!(
            "{{apiVersion: tekton.dev/v1, kind: {kind}, metadata: {{name: r}}, spec: {spec}}}"
        );
        run(&text, &[])
            .exits(78)
            .says(&format!("error: {place}: the Task has no steps"));
    }
}

#[test]
fn a_parameter_too_long_for_an_argument_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let params = file(
        folder.path(),
        "params.yaml",
        &format!("big: {}\n", "x".repeat(200 << 10)),
    );
    let path = file(
        folder.path(),
        "task.yaml",
        &task(ONE, &format!("params: [{{name: big}}]\n{WRITES}")),
    );
    gleaner(&["run", "-f", &path, "--param-file", &params])
        .exits(64)
        .says("the parameter 'big' is 204805 bytes long")
        .says("128 KiB");
    let params = file(
        folder.path(),
        "params.yaml",
        &format!("big: {}\n", "x".repeat(131_067)),
    );
    gleaner(&["run", "-f", &path, "--param-file", &params]).exits(0);
}

#[test]
fn an_injected_task_is_refused_and_its_original_runs() {
    let text = task(
        ONE,
        "steps: [{name: one, image: i, script: 'printf x > $GLEANER_OUTPUTS/a'}]",
    );
    let injected = gleaner_with_input(&["inject", "--image", "i", "-f", "-"], &text);
    let remedy = "<stdin>:12:3: error: spec: Gleaner is already injected into this TaskSpec, so only a pod can run it; run the original \
                  document, or remove Gleaner first: `gleaner uninject -f FILE | gleaner run -f -`\n";
    let ran = run(&injected.exits(0).stdout, &[]);
    assert_eq!(ran.exits(78).stderr, remedy);
    let restored = gleaner_with_input(&["uninject", "-f", "-"], &injected.stdout);
    run(&restored.exits(0).stdout, &[]).exits(0);
}
