//! Tests `gleaner run` with TaskRuns, and the files, namespaces, workspaces and variables of Tasks.

use crate::support::{self, ONE, Ran, file, gleaner, run, task, with_run};

const WRITES: &str = "steps: [{name: one, script: 'printf %s \"$(params.p)|$(context.taskRun.name)|$(context.taskRun.namespace)\" > $GLEANER_OUTPUTS/a'}]";

#[test]
fn a_task_run_sets_parameters_name_and_namespace() {
    let spec = format!("params: [{{name: p, default: of-task}}]\n{WRITES}");
    let text = with_run(&spec, "params: [{name: p, value: 4}]");
    let ran = run(&text, &[]);
    let object = ran.exits(0).says("ConfigMap ci/cm").object();
    assert_eq!(object["data"]["a"], "4|mine|ci");
    assert_eq!(object["metadata"]["labels"]["tekton.dev/taskRun"], "mine");
    // A parameter on the command line takes precedence over the TaskRun's, which takes precedence over the Task's default.
    let ran = run(&text, &["-p", "p=flag", "-n", "other"]);
    assert_eq!(ran.exits(0).object()["data"]["a"], "flag|mine|other");
    // With --task, the TaskRun is ignored.
    let ran = run(&text, &["--task", "try"]);
    assert_eq!(
        ran.exits(0).object()["data"]["a"],
        "of-task|try-run|default"
    );
}

#[test]
fn the_namespace_of_a_task_is_used() {
    let text = task(ONE, WRITES).replace("name: try", "name: try\n  namespace: apps");
    let text = text.replace("$(params.p)|", "");
    let ran = run(&text, &[]);
    ran.exits(0).says("ConfigMap apps/cm");
}

#[test]
fn the_namespace_of_a_template_is_created() {
    let declaration = ONE.replace(
        "metadata: {name: cm}",
        "metadata: {name: cm, namespace: prod}",
    );
    let ran = run(
        &task(
            &declaration,
            "steps: [{name: one, script: 'printf x > $GLEANER_OUTPUTS/a'}]",
        ),
        &[],
    );
    ran.exits(0)
        .says("to which templates refer: prod; in a cluster, they must exist before the run")
        .says("ConfigMap prod/cm");
}

#[test]
fn an_embedded_task_is_run() {
    let text = "
apiVersion: tekton.dev/v1
kind: TaskRun
metadata:
  generateName: build-
  annotations:
    gleaner.dev/outputs: |
      steps: {one: [{name: a}]}
      objects:
        - name: cm
          resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: cm}, data: {a: $(steps.one.a)}}
spec:
  params: [{name: p, value: propagated}]
  workspaces: [{name: w, emptyDir: {}}]
  taskSpec:
    steps: [{name: one, script: 'cd $(workspaces.w.path); printf $(params.p) > $GLEANER_OUTPUTS/a'}]
";
    let ran = run(text, &[]);
    let object = ran.exits(0).object();
    assert_eq!(object["data"]["a"], "propagated");
    assert_eq!(
        object["metadata"]["labels"]["tekton.dev/taskRun"],
        "build-run"
    );
}

#[test]
fn a_task_run_times_out() {
    let text = with_run("steps: [{name: one, script: 'sleep 60'}]", "timeout: 300ms");
    run(&text, &[]).exits(1).says("the TaskRun's timeout");
}

#[test]
fn unsupported_fields_of_a_run_are_reported_or_refused() {
    let spec = "steps: [{name: one, image: x, computeResources: {}, script: 'printf x > $GLEANER_OUTPUTS/a'}]
sidecars: [{name: db, image: postgres}]
volumes: [{name: v, configMap: {name: c}}]";
    let of_cluster = "serviceAccountName: robot
podTemplate: {nodeSelector: {a: b}}
stepSpecs: [{name: one}]
retries: 0
params: [{name: unknown, value: x}]";
    let ran = run(&with_run(spec, of_cluster), &[]);
    ran.exits(0)
        .says("and ignores these features: images, pod templates, resource limits, service accounts, sidecars, stepSpecs, volumes other than emptyDir")
        .says("the run sets the parameter 'unknown', which the Task does not declare, so Tekton ignores it");
    for (field, message) in [
        (
            "retries: 2",
            "spec.retries: `gleaner run` does not support 'retries'",
        ),
        (
            "status: TaskRunCancelled",
            "`gleaner run` does not support 'status'",
        ),
        (
            "timeuot: 1m",
            "unknown field 'timeuot'; did you mean 'timeout'?",
        ),
        ("params: [{name: p}]", "the parameter 'p' has no value"),
        (
            "workspaces: [{name: w, emptyDir: {}}]",
            "the Task has no workspace 'w'",
        ),
    ] {
        let ran = run(&with_run(spec, field), &[]);
        ran.exits(78).says(message).says("<stdin>:");
        assert!(!ran.stderr.contains("▶"), "{}", ran.stderr);
    }
    let resolver = with_run(spec, "").replace(
        "taskRef: {name: try}",
        "taskRef: {resolver: hub, params: []}",
    );
    run(&resolver, &[])
        .exits(78)
        .says("resolvers work only in a cluster");
    let custom = with_run(spec, "").replace(
        "taskRef: {name: try}",
        "taskRef: {apiVersion: x.dev/v1, kind: Wait, name: a}",
    );
    run(&custom, &[])
        .exits(78)
        .says("supports only a Task here, not 'Wait'");
    let unknown = with_run(spec, "").replace("taskRef: {name: try}", "taskRef: {name: tri}");
    run(&unknown, &[])
        .exits(78)
        .says("no file contains the Task 'tri'; did you mean 'try'?");
}

#[test]
fn an_unknown_field_of_a_task_or_step_is_an_error() {
    for (spec, message) in [
        (
            "step: []\nsteps: [{name: one, script: x}]",
            "unknown field 'step'; did you mean 'steps'?",
        ),
        (
            "steps: [{name: one, scirpt: x}]",
            "unknown field 'scirpt'; did you mean 'script'?",
        ),
        (
            "steps: [{name: one, script: x, workingdir: y}]",
            "unknown field 'workingdir'; did you mean 'workingDir'?",
        ),
    ] {
        run(&task(ONE, spec), &[]).exits(78).says(message);
    }
}

#[test]
fn a_workspace_volume_that_needs_a_cluster_is_refused() {
    let spec = "workspaces: [{name: src}]\nsteps: [{name: one, script: 'ls -A $(workspaces.src.path) > $GLEANER_OUTPUTS/a'}]";
    run(&with_run(spec, ""), &[])
        .exits(78)
        .says("the workspace 'src' is not bound");
    let claim = "workspaces: [{name: src, persistentVolumeClaim: {claimName: c}, subPath: sub}]";
    run(&with_run(spec, claim), &[])
        .exits(78)
        .says("the workspace 'src' uses 'persistentVolumeClaim', which is only available in a cluster; specify a directory with --workspace src=DIR");
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    std::fs::write(folder.path().join("sub/inside"), "").unwrap();
    let given = format!("src={}", folder.path().display());
    let ran = run(&with_run(spec, claim), &["-w", &given]);
    assert_eq!(ran.exits(0).object()["data"]["a"], "inside");
    let ran = run(
        &with_run(spec, "workspaces: [{name: src, emptyDir: {}}]"),
        &[],
    );
    assert_eq!(ran.exits(0).object()["data"]["a"], "");
}

#[test]
fn a_read_only_workspace_stays_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "x").unwrap();
    let given = format!("src={}", folder.path().display());
    let spec = |script: &str| {
        format!(
            "workspaces: [{{name: src, readOnly: true}}]\nsteps: [{{name: one, script: '{script}'}}]"
        )
    };
    let reads = "cp $(workspaces.src.path)/file $GLEANER_OUTPUTS/a";
    let ran = run(&task(ONE, &spec(reads)), &["-w", &given]);
    assert_eq!(ran.exits(0).object()["data"]["a"], "x");
    // Without `-w`, the workspace is an empty directory, and `readOnly` still applies.
    run(&task(ONE, &spec("printf x > $GLEANER_OUTPUTS/a")), &[]).exits(0);
    let ran = run(
        &task(
            ONE,
            &spec("printf x > $GLEANER_OUTPUTS/a; touch /workspace/src/made"),
        ),
        &[],
    );
    assert!(ran.code != 0, "{ran:?}");
    for writes in [
        "cd $(workspaces.src.path); touch made",
        "echo y > $(workspaces.src.path)/file",
        "rm /workspace/src/file",
    ] {
        let ran = run(
            &task(ONE, &spec(&format!("{reads}; {writes}"))),
            &["-w", &given],
        );
        assert!(ran.code != 0, "{ran:?}");
        let names: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["file"]);
        assert_eq!(
            std::fs::read_to_string(folder.path().join("file")).unwrap(),
            "x"
        );
        // File permissions do not restrict root, so for root, `gleaner run` detects the change after the step. For other users,
        // the kernel rejects the write.
        let told = ran.stderr.contains("which the Task declares as read-only")
            || ran.stderr.contains("ermission denied");
        assert!(told, "{}", ran.stderr);
    }
}

#[test]
fn several_files_and_directories_form_one_set_of_documents() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = folder.path().join("tasks");
    std::fs::create_dir(&tasks).unwrap();
    let spec = format!("params: [{{name: p}}]\n{WRITES}");
    let all = with_run(&spec, "params: [{name: p, value: x}]");
    let (task_text, run_text) = all.split_once("---\n").unwrap();
    file(&tasks, "task.yml", task_text);
    file(&tasks, "notes.txt", "not YAML: [");
    let run_file = file(folder.path(), "run.yaml", run_text);
    let tasks = tasks.to_str().unwrap();
    for arguments in [
        &["run", "-f", &run_file, "-f", tasks][..],
        &["run", "-f", &run_file, tasks],
        &["run", &run_file, tasks],
    ] {
        assert_eq!(
            gleaner(arguments).exits(0).object()["data"]["a"],
            "x|mine|ci"
        );
    }
    let copy = file(folder.path(), "copy.yaml", task_text);
    gleaner(&["run", "-f", &run_file, tasks, &copy])
        .exits(78)
        .says("copy.yaml:1:1: error: duplicate Task 'try', also at ");
    gleaner(&[
        "render", "-f", tasks, &copy, "-p", "p=x", "--output", "one.a=x",
    ])
    .exits(64)
    .says("duplicate Task 'try'")
    .says("copy.yaml:1:1");
    let empty = tempfile::tempdir().unwrap();
    gleaner(&["run", empty.path().to_str().unwrap()])
        .exits(64)
        .says("the directory contains no files with the extension .yaml");
}

#[test]
fn documents_of_other_kinds_are_reported() {
    let spec = "steps: [{name: one, script: 'printf x > $GLEANER_OUTPUTS/a'}]";
    let others = "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}\n---\n{apiVersion: tekton.dev/v1, kind: Taskrun, metadata: {name: r}}\n";
    run(&format!("{}{others}", task(ONE, spec)), &[])
        .exits(0)
        .says("this run does not use these documents: ConfigMap settings, Taskrun r (did you mean TaskRun?)");
}

#[test]
fn one_of_two_runs_must_be_selected() {
    let spec = format!("params: [{{name: p}}]\n{WRITES}");
    let text = with_run(&spec, "params: [{name: p, value: x}]");
    let (first, second) = text.split_once("---\n").unwrap();
    let text = format!(
        "{first}---\n{second}---\n{}",
        second.replace("name: mine", "name: yours")
    );
    run(&text, &[])
        .exits(64)
        .says("select one with --run: TaskRun mine, TaskRun yours");
    let ran = run(&text, &["--run", "yours"]);
    assert_eq!(ran.exits(0).object()["data"]["a"], "x|yours|ci");
    run(&text, &["--run", "your"])
        .exits(64)
        .says("did you mean 'yours'?");
    let twice = format!("{first}---\n{second}---\n{second}");
    run(&twice, &[])
        .exits(78)
        .says("duplicate TaskRun 'mine', also at <stdin>:");
}

#[test]
fn a_step_action_in_the_files_replaces_its_reference() {
    let spec = "
params: [{name: who, default: you}]
steps: [{name: one, ref: {name: greet}, params: [{name: greeting, value: hello $(params.who)}, {name: words, value: [a, b c]}]}]
";
    let action = "---
apiVersion: tekton.dev/v1
kind: StepAction
metadata: {name: greet}
spec:
  image: x
  params: [{name: greeting}, {name: words, type: array}, {name: mark, default: '!'}]
  env: [{name: MARK, value: $(params.mark)}]
  command: [sh, -c, 'printf \"%s|\" \"$@\" $MARK > $GLEANER_OUTPUTS/a', sh]
  args: [$(params.greeting), '$(params.words[*])']
";
    let text = format!("{}{action}", task(ONE, spec));
    let ran = run(&text, &[]);
    assert_eq!(ran.exits(0).object()["data"]["a"], "hello you|a|b c|!|");
    let wrong = text.replace("$(params.greeting), '", "$(params.greting), '");
    run(&wrong, &[])
        .exits(78)
        .says("`$(params.greting)`: the StepAction has no parameter 'greting'");
    let wrong = text.replace("{name: greeting, value: hello $(params.who)}, ", "");
    run(&wrong, &[])
        .exits(78)
        .says("the parameter 'greeting' has no value, but the StepAction 'greet' requires one");
    let wrong = text.replace("ref: {name: greet}", "ref: {name: greet}, script: x");
    run(&wrong, &[])
        .exits(78)
        .says("a step with 'ref' must not have 'script'");
}

#[test]
fn steps_get_a_clean_environment_by_default() {
    let folder = tempfile::tempdir().unwrap();
    let spec = "
steps:
- name: one
  env: [{name: SEEN, value: 'yes'}, {name: TOKEN, valueFrom: {secretKeyRef: {name: s, key: k}}}]
  script: 'printf %s \"$SEEN|$MY_SECRET|$TOKEN|$(basename $HOME)\" > $GLEANER_OUTPUTS/a'
";
    let path = file(folder.path(), "task.yaml", &task(ONE, spec));
    let with = |arguments: &[&str]| -> Ran {
        let mut command = support::command(&[&["run", "-f", &path], arguments].concat());
        command.env("MY_SECRET", "canary").env("TOKEN", "t");
        support::ran(command.output().unwrap())
    };
    assert_eq!(with(&[]).exits(0).object()["data"]["a"], "yes||t|home");
    assert_eq!(
        with(&["--clean-env"]).exits(0).object()["data"]["a"],
        "yes||t|home"
    );
    let inherited = with(&["--clean-env=false"]);
    let value = inherited.exits(0).object()["data"]["a"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(value.starts_with("yes|canary|t|"), "{value}");
}

#[test]
fn a_flag_overrides_a_context_variable() {
    let text = task(
        ONE,
        "steps: [{name: one, script: 'printf $(context.taskRun.name)-$(context.task.retry-count) > $GLEANER_OUTPUTS/a'}]",
    );
    let ran = run(
        &text,
        &[
            "--variable",
            "taskRun.name=mine",
            "--variable",
            "context.task.retry-count=3",
        ],
    );
    let object = ran.exits(0).object();
    assert_eq!(object["data"]["a"], "mine-3");
    assert_eq!(object["metadata"]["labels"]["tekton.dev/taskRun"], "mine");
    run(&text, &["--variable", "taskRun.nme=x"])
        .exits(64)
        .says("did you mean 'taskRun.name'?");
    run(&text, &["--variable", "taskRun.namespace=x"])
        .exits(64)
        .says("-n NAME");
}

#[test]
fn json_output_contains_results_as_values() {
    let spec = "
results: [{name: l, type: array}, {name: o, type: object, properties: {k: {}}}, {name: s}]
steps:
- name: one
  script: |
    printf '[\"a\"]' > $(results.l.path); printf '{\"k\": \"v\"}' > $(results.o.path); printf '[1]' > $(results.s.path)
    printf x > $GLEANER_OUTPUTS/a
";
    let ran = run(&task(ONE, spec), &["-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.exits(0).stdout).unwrap();
    assert_eq!(report["results"]["l"], serde_json::json!(["a"]));
    assert_eq!(report["results"]["o"], serde_json::json!({"k": "v"}));
    assert_eq!(report["results"]["s"], "[1]");
    assert_eq!(report["results"]["cm"]["name"], "cm");
}
