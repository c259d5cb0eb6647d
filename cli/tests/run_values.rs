//! Where values come from, and what Tekton would make of them.

mod support;

use support::{ONE, run, task};

#[test]
fn from_path_holds_variables_as_everything_else_does() {
    let declaration = ONE.replace(
        "{name: a}",
        "{name: a, fromPath: $(workspaces.w.path)/$(params.x)/$(context.taskRun.name)}",
    );
    let spec = "
params: [{name: x, default: sub}]
workspaces: [{name: w, mountPath: /data}]
steps: [{name: one, script: 'mkdir /data/sub; printf x > /data/sub/try-run'}]
";
    let ran = run(&task(&declaration, spec), &[]);
    assert_eq!(ran.exits(0).object()["data"]["a"], "x");
}

#[test]
fn results_that_tekton_would_refuse_are_named() {
    let spec = "
results: [{name: l, type: array}, {name: m, type: array}, {name: o, type: object}, {name: big}]
steps:
- name: one
  script: |
    printf '[\"a\"]' > $(results.l.path)
    printf '[1]' > $(results.m.path)
    printf 'k=v' > $(results.o.path)
    head -c 5000 /dev/zero | tr '\\0' x > $(results.big.path)
    printf x > $GLEANER_OUTPUTS/a
";
    let ran = run(&task(ONE, spec), &[]);
    ran.exits(0)
        .says("warning: the result 'm' is of type array")
        .says("warning: the result 'o' is of type object")
        .says("warning: the result 'big' has 5000 bytes");
    assert!(!ran.stderr.contains("the result 'l'"), "{}", ran.stderr);
}

#[test]
fn a_long_name_of_a_task_makes_a_name_of_a_run() {
    for length in [59, 60, 63] {
        let name = "x".repeat(length);
        let text = task(
            ONE,
            "steps: [{name: one, script: 'printf x > $GLEANER_OUTPUTS/a'}]",
        );
        let text = text.replace("name: try", &format!("name: {name}"));
        let ran = run(&text, &[]);
        assert_eq!(
            ran.exits(0).object()["metadata"]["labels"]["tekton.dev/task"],
            name.as_str()
        );
    }
}
