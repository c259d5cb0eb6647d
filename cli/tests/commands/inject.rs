//! Tests `gleaner inject`, which does the work of the webhook: it adds the redirector and the sidecar to Tasks and pods.

use crate::support::{self, Ran, gleaner, gleaner_with_input, task};
use serde_json::{Value, json};

const IMAGE: &str = "registry.example/gleaner:1";

fn inject(text: &str, arguments: &[&str]) -> Ran {
    gleaner_with_input(
        &[&["inject", "-f", "-", "--image", IMAGE], arguments].concat(),
        text,
    )
}

const DECLARED: &str = "
steps: {one: [{name: a, fromPath: $(workspaces.w.path)/a}], two: [{name: b}]}
objects:
  - name: cm
    resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: cm}, data: {a: $(steps.one.a), b: $(steps.two.b)}}
";

#[test]
fn an_injected_task_contains_everything_that_its_pod_needs() {
    let spec = "
workspaces: [{name: w}]
steps:
- {name: one, image: i, command: [make, $$HOME], args: [all]}
- name: two
  image: i
  script: |
    #!/usr/bin/env python3
    print(1)
";
    let ran = inject(&task(DECLARED, spec), &[]);
    ran.exits(0);
    assert_eq!(ran.stderr, "");
    insta::assert_snapshot!(ran.stdout);
    let again = inject(&ran.stdout, &[]);
    again.exits(0);
    assert_eq!(again.stdout, ran.stdout);
    gleaner_with_input(&["lint", "-f", "-"], &ran.stdout).exits(0);
}

#[test]
fn the_proposals_documents_can_be_translated_and_injected() {
    let translated = gleaner(&["translate", "-f", "examples/build-and-test.yaml"]).stdout;
    let ran = inject(&translated, &[]);
    ran.exits(0);
    let before = gleaner_with_input(&["translate", "-f", "-"], &translated).objects();
    let after = ran.objects();
    // Only the Task that declares outputs changes.
    assert_eq!(after[1..], before[1..]);
    let steps = after[0]["spec"]["steps"].as_array().unwrap();
    let command = |index: usize| steps[index]["command"][0].as_str().unwrap();
    assert_eq!(
        (command(0), command(1)),
        ("/gleaner/bin/redirector", "/gleaner/bin/redirector")
    );
    let args = steps[1]["args"].as_array().unwrap();
    let behind = args.iter().position(|argument| argument == "--").unwrap();
    assert_eq!(args[behind + 1], "/kaniko/executor");
    let results = &after[0]["spec"]["results"];
    assert_eq!(results[0]["name"], "img");
    assert_eq!(after[0]["spec"]["sidecars"][0]["image"], IMAGE);
}

#[test]
fn the_proposals_syntax_must_be_translated_first() {
    let ran = gleaner(&[
        "inject",
        "-f",
        "examples/build-and-test.yaml",
        "--image",
        IMAGE,
    ]);
    ran.exits(78).says(
        "the outputs are declared in the syntax of the Tekton proposal, which Tekton does not support; translate the documents first: `gleaner translate -f FILE | gleaner inject -f -`",
    );
    assert_eq!(ran.stdout, "");
}

#[test]
fn steps_that_cannot_be_injected_are_errors_with_their_lines() {
    let spec = "
workspaces: [{name: w}]
steps:
- name: one
  image: i
  args: [all]
- name: two
  ref: {name: action}
- name: three
  image: i
  command: [a]
  volumeMounts: [{name: x, mountPath: /gleaner/x}]
volumes: [{name: x, emptyDir: {}}]
";
    let ran = inject(&task(DECLARED, spec), &[]);
    ran.exits(78);
    assert_eq!(ran.stdout, "");
    insta::assert_snapshot!(ran.stderr);
}

#[test]
fn a_wrong_declaration_is_reported_as_by_lint() {
    let text = task(
        "steps: {one: [{name: a}]}\nobjects: [{name: cm, resourceTemplate: {apiVersion: v1, kind: ConfigMap, metadata: {name: $(steps.one.b)}}}]",
        "steps: [{name: one, image: i, command: [a]}]",
    );
    let linted = gleaner_with_input(&["lint", "-f", "-"], &text);
    let ran = inject(&text, &[]);
    ran.exits(78);
    assert!(!linted.stdout.is_empty());
    assert_eq!(ran.stderr, linted.stdout);
}

#[test]
fn the_command_line_configures_the_sidecar() {
    let text = task(support::ONE, "steps: [{name: one, image: i, command: [a]}]");
    let arguments = [
        "--image-pull-policy",
        "Never",
        "--cpu-request",
        "20m",
        "--cpu-limit",
        "1",
        "--memory-request",
        "32Mi",
        "--memory-limit",
        "256Mi",
        "--run-as-user",
        "1234",
        "--sidecar-log-level",
        "debug",
        "--traces-endpoint",
        "http://collector:4318/v1/traces",
        "-o",
        "json",
    ];
    let ran = inject(&text, &arguments);
    ran.exits(0);
    let object: Value = serde_json::from_str(&ran.stdout).unwrap();
    let sidecar = &object["spec"]["sidecars"][0];
    assert_eq!(sidecar["imagePullPolicy"], "Never");
    assert_eq!(
        sidecar["computeResources"],
        json!({"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}})
    );
    assert_eq!(sidecar["securityContext"]["runAsUser"], 1234);
    let args = sidecar["args"].as_array().unwrap();
    assert!(args.contains(&"--log-level=debug".into()), "{args:?}");
    let endpoint = json!({"name": "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "value": "http://collector:4318/v1/traces"});
    let env = sidecar["env"].as_array().unwrap();
    assert!(env.contains(&endpoint), "{env:?}");
    inject(&text, &["--traces-endpoint", "http://collector:4318"])
        .exits(64)
        .says("use the full URL for OTLP over HTTP");
    inject(&text, &["--cpu-limit", "ten"])
        .exits(64)
        .says("use a form such as 500m, 0.5, 128Mi or 1G");
    inject(&text, &["--run-as-user", "0"]).exits(64);
}

#[test]
fn embedded_task_specs_are_injected_too() {
    let annotation = "annotations: {gleaner.dev/outputs: 'steps: {one: [{name: a}]}'}";
    let steps = "steps: [{name: one, image: i, command: [a]}]";
    let text = format!(
        "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{name: r, {annotation}}}\nspec: {{taskSpec: {{{steps}}}}}\n---\n\
         apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {{name: p}}\nspec:\n  tasks:\n  \
         - {{name: t, taskSpec: {{metadata: {{{annotation}}}, {steps}}}}}\n  - {{name: u, taskSpec: {{{steps}}}}}\n"
    );
    let ran = inject(&text, &[]);
    ran.exits(0);
    let objects = ran.objects();
    let command = |spec: &Value| spec["steps"][0]["command"][0].clone();
    assert_eq!(
        command(&objects[0]["spec"]["taskSpec"]),
        "/gleaner/bin/redirector"
    );
    let tasks = &objects[1]["spec"]["tasks"];
    assert_eq!(command(&tasks[0]["taskSpec"]), "/gleaner/bin/redirector");
    assert_eq!(command(&tasks[1]["taskSpec"]), "a");
}

#[test]
fn pods_and_their_templates_are_injected_too() {
    let pod = "metadata: {annotations: {gleaner.dev/outputs: 'steps: {c: [{name: a}]}'}}\nspec: {restartPolicy: Never, containers: [{name: c, image: i, command: [a]}]}";
    let indented = |by: &str| pod.replace('\n', &format!("\n{by}"));
    let cases = [
        (format!("apiVersion: v1\nkind: Pod\n{pod}\n"), "/spec"),
        (
            format!(
                "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: j}}\nspec:\n  template:\n    {}\n",
                indented("    ")
            ),
            "/spec/template/spec",
        ),
        (
            format!(
                "apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: j}}\nspec:\n  schedule: '@daily'\n  jobTemplate:\n    spec:\n      template:\n        {}\n",
                indented("        ")
            ),
            "/spec/jobTemplate/spec/template/spec",
        ),
    ];
    for (text, spec) in cases {
        let ran = inject(&text, &[]);
        ran.exits(0);
        let object = ran.object();
        let spec = object.pointer(spec).unwrap();
        assert_eq!(
            spec["containers"][0]["command"][0],
            "/gleaner/bin/redirector"
        );
        assert_eq!(spec["initContainers"][0]["name"], "sidecar-gleaner");
        assert_eq!(inject(&ran.stdout, &[]).stdout, ran.stdout);
        let ran = inject(&text.replace("command: [a]", "args: [a]"), &[]);
        ran.exits(78)
            .says("spec.containers[0].command: the container 'c' has no command, and the entrypoint of its image is unknown");
    }
}

#[test]
fn without_a_declaration_nothing_changes_and_a_warning_is_printed() {
    let text = "apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n";
    let ran = inject(text, &[]);
    ran.exits(0)
        .says("<stdin>: warning: these files declare no outputs, so the documents are unchanged");
    assert_eq!(
        ran.object(),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}})
    );
    // On a run that references a Pipeline, the annotation has no effect, because only Tasks are injected.
    let run = "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {name: r, annotations: {gleaner.dev/outputs: 'steps: {}'}}\n\
               spec: {pipelineRef: {name: p}}\n";
    inject(run, &[])
        .exits(78)
        .says("the annotation 'gleaner.dev/outputs' has no effect here; put it on the Task");
}

#[test]
fn no_interpreter_is_added_to_a_script_that_may_have_one() {
    let declaration = "gleaner.dev/outputs: 'steps: {one: [{name: a}]}'";
    let script_of = |script: &str| {
        let text = format!(
            "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {{name: t, annotations: {{{declaration}}}}}\nspec:\n  params: \
             [{{name: body}}]\n  steps: [{{name: one, image: x, script: {script:?}}}]\n"
        );
        let ran = support::gleaner_with_input(&["inject", "-f", "-", "--image", "g"], &text);
        ran.exits(0).objects()[0]["spec"]["steps"][0]["script"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    // These scripts stay unchanged, because the redirector reads a script after Tekton has replaced the variables in it, and
    // skips empty lines before the interpreter line.
    for script in ["$(params.body)", "\n\n#!/usr/bin/env python3\nprint()"] {
        let injected = script_of(script);
        let rest = injected.splitn(3, '\n').nth(2).unwrap().to_owned();
        assert_eq!(rest, script);
    }
    assert!(script_of("echo").ends_with("#!/bin/sh\nset -e\necho"));
}

#[test]
fn a_program_that_is_not_released_requires_an_image() {
    let text = task(support::ONE, "steps: [{name: one, image: i, command: [a]}]");
    let without = gleaner_with_input(&["inject", "-f", "-"], &text);
    without.exits(64).says("--image <IMAGE>");
    assert_eq!(without.stdout, "");
    let mut command = support::command(&["inject", "--help"]);
    let help = command
        .env("GLEANER_IMAGE", "registry.example/mine:2")
        .output()
        .unwrap();
    assert!(
        String::from_utf8(help.stdout)
            .unwrap()
            .contains("registry.example/mine:2")
    );
    gleaner_with_input(&["inject", "-f", "-", "--image", ""], &text).exits(64);
}

#[test]
fn uninject_reverses_inject() {
    let spec = "steps: [{name: one, image: i, command: [a], args: [b]}]";
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n";
    let text = format!("{}---\n{config}", task(support::ONE, spec));
    let injected = inject(&text, &[]);
    let uninject = |arguments: &[&str], text: &str| {
        let ran = gleaner_with_input(&[&["uninject", "-f", "-"], arguments].concat(), text);
        assert_eq!(ran.stderr, "");
        ran.exits(0);
        ran
    };
    let before = gleaner_with_input(&["translate", "-f", "-"], &text).objects();
    assert_eq!(uninject(&[], &injected.stdout).objects(), before);
    assert_eq!(
        uninject(&["--only-changed"], &injected.stdout).objects(),
        before[..1]
    );
    assert_eq!(uninject(&["--only-changed"], &text).stdout, "");
    let removed = uninject(&["--only-changed", "--remove-declarations"], &text).object();
    assert_eq!(removed["metadata"].get("annotations"), None);
    let listed = |text: &str| uninject(&["--list"], text).stdout;
    assert_eq!(
        listed(&injected.stdout),
        "-\tTask\ttry\tinjected, declares outputs\n"
    );
    assert_eq!(listed(&text), "-\tTask\ttry\tdeclares outputs\n");
    assert_eq!(listed(config), "");
}
