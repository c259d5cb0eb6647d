//! Tests how `gleaner lint` and `gleaner inject` report declarations in unexpected places, labels that exempt an object, and
//! edits of injected Tasks.

use crate::support::gleaner_with_input;

/// A Task with one step `build`, an output `v` and a ConfigMap.
const TASK: &str = "\
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: app
  annotations:
    gleaner.dev/outputs: |
      steps: {build: [{name: v}]}
      objects:
        - name: cm
          resourceTemplate:
            apiVersion: v1
            kind: ConfigMap
            metadata: {generateName: cm-}
            data: {v: $(steps.build.v)}
spec:
  steps:
    - name: build
      image: busybox
      script: echo a > $GLEANER_OUTPUTS/v
";

fn lint(text: &str) -> (i32, String) {
    let ran = gleaner_with_input(&["lint", "-f", "-"], text);
    assert_eq!(ran.stderr, "");
    (ran.code, ran.stdout)
}

fn inject(text: &str, flags: &[&str]) -> (i32, String, String) {
    let command = [&["inject", "--image", "x/y:1", "-f", "-"], flags].concat();
    let ran = gleaner_with_input(&command, text);
    (ran.code, ran.stdout, ran.stderr)
}

/// Lints `text` and expects only this finding.
#[track_caller]
fn finds(text: &str, expected: &str) {
    let (code, said) = lint(text);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.starts_with(&format!("<stdin>:{expected}")),
        "{said}\n{expected}"
    );
    assert_eq!(code, i32::from(expected.contains(": error: ")), "{said}");
}

#[test]
fn an_annotation_on_an_unknown_kind_is_a_warning() {
    let read = "Gleaner does not read 'gleaner.dev/outputs' here, so it has an effect only if the controller of";
    finds(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec:\n  values:\n    podAnnotations:\n      gleaner.dev/outputs: x\n",
        &format!(
            "6:7: warning: spec.values.podAnnotations[\"gleaner.dev/outputs\"]: {read} HelmRelease copies it to a Task or pod"
        ),
    );
    finds(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\ncommonAnnotations:\n  gleaner.dev/outputs: x\n",
        &format!("4:3: warning: commonAnnotations[\"gleaner.dev/outputs\"]: {read} Kustomization"),
    );
    let lines = TASK.lines().map(|line| format!("    {line}\n"));
    let wrapped: String = lines.collect();
    let wrapped = format!(
        "apiVersion: kubernetes.crossplane.io/v1alpha2\nkind: Object\nspec:\n  manifest:\n{wrapped}"
    );
    finds(
        &wrapped,
        &format!(
            "10:9: warning: spec.manifest.metadata.annotations[\"gleaner.dev/outputs\"]: {read} Object"
        ),
    );
    assert_eq!(inject(&wrapped, &[]).0, 0);
    // A misspelled annotation is an error even if a controller copies it.
    finds(
        &wrapped.replace("gleaner.dev/outputs", "gleaner.dev/output"),
        "10:9: error: spec.manifest.metadata.annotations[\"gleaner.dev/output\"]: unknown annotation",
    );
    // On a built-in kind, or on a Tekton kind with a wrong API group, the annotation is an error, because no controller copies
    // it.
    finds(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  annotations:\n    gleaner.dev/outputs: x\n",
        "5:5: error: ",
    );
    finds(
        &TASK.replace("tekton.dev/v1", "pipeline.tekton.dev/v1"),
        "6:5: error: ",
    );
}

#[test]
fn a_patch_is_a_warning() {
    let (patch, _) = TASK.split_once("spec:").unwrap();
    finds(
        patch,
        "6:5: warning: metadata.annotations[\"gleaner.dev/outputs\"]: the object has no spec here, so the declaration in 'gleaner.dev/outputs' is not checked",
    );
    finds(
        "apiVersion: batch/v1\nkind: Job\nspec:\n  template:\n    metadata:\n      annotations:\n        gleaner.dev/outputs: x\n",
        "7:9: warning: spec.template.metadata.annotations[\"gleaner.dev/outputs\"]: the object has no spec here",
    );
    finds(&format!("{patch}spec:\n"), "6:5: error: ");
}

#[test]
fn a_misspelled_annotation_is_recognized() {
    for key in [
        "outputs.gleaner.dev",
        "gleaner-dev/outputs",
        "gleaner_dev/outputs",
        "output.gleaner",
    ] {
        finds(
            &TASK.replace("gleaner.dev/outputs:", &format!("{key}:")),
            &format!(
                "6:5: error: metadata.annotations[\"{key}\"]: unknown annotation '{key}'; did you mean 'gleaner.dev/outputs'?"
            ),
        );
    }
    for key in [
        "outputs.example.com/x",
        "my-gleaner/color",
        "cleaner.dev/outputs",
    ] {
        let text = TASK.replace(
            "  annotations:\n",
            &format!("  annotations:\n    {key}: x\n"),
        );
        let is_near = key.starts_with("cleaner");
        assert_eq!(lint(&text).0, i32::from(is_near), "{key}");
    }
}

#[test]
fn the_remedy_names_the_right_kind_or_form() {
    for kind in ["pod", "Pods"] {
        let pod = TASK
            .replace("tekton.dev/v1", "v1")
            .replace("kind: Task", &format!("kind: {kind}"));
        finds(
            &pod,
            "6:5: error: metadata.annotations[\"gleaner.dev/outputs\"]: the annotation 'gleaner.dev/outputs' has no effect here; did you mean kind: Pod?",
        );
    }
    let lines: Vec<&str> = TASK.lines().collect();
    finds(
        &format!("- {}\n", lines.join("\n  ")),
        "1:1: error: the document is a list, which is not a Kubernetes object; separate the objects with '---', or put the list under 'items'",
    );
}

#[test]
fn an_exempt_object_is_a_warning() {
    for (value, expected) in [
        (
            "disabled",
            "this label exempts the object from the webhook, so its outputs are not collected; remove the label, or inject the file with `gleaner inject`",
        ),
        (
            "Disabled",
            "the value 'Disabled' has no effect; write 'disabled' to exempt the object",
        ),
    ] {
        let text = TASK.replace(
            "  annotations:",
            &format!("  labels: {{gleaner.dev/injection: {value}}}\n  annotations:"),
        );
        finds(
            &text,
            &format!("5:12: warning: metadata.labels[\"gleaner.dev/injection\"]: {expected}"),
        );
        // `gleaner inject` does not need the webhook, so it injects the Task despite the label.
        let (code, injected, said) = inject(&text, &[]);
        assert_eq!((code, said.as_str()), (0, ""));
        assert!(injected.contains("--declaration="));
    }
    let text = TASK.replace(
        "  annotations:",
        "  labels: {gleaner.dev/injection: enabled}\n  annotations:",
    );
    assert_eq!(lint(&text), (0, String::new()));
}

#[test]
fn an_injected_task_is_checked_with_its_edits() {
    let (code, injected, said) = inject(TASK, &[]);
    assert_eq!((code, said.as_str()), (0, ""));
    assert_eq!(lint(&injected), (0, String::new()));
    for (from, to, expected) in [
        (
            "kind: ConfigMap\n",
            "kind: Configmap\n",
            "objects[0].resourceTemplate.kind: v1 has no kind 'Configmap'",
        ),
        (
            "- name: build\n",
            "- name: bild\n",
            "steps.build: the Task has no step 'build'; did you mean 'bild'?",
        ),
    ] {
        assert!(injected.contains(from), "{injected}");
        let (code, said) = lint(&injected.replacen(from, to, 1));
        assert_eq!((code, said.lines().count()), (1, 1), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    let added = injected.replace(
        "  sidecars:\n",
        "  - {name: new, image: x, script: echo}\n  sidecars:\n",
    );
    assert_ne!(added, injected);
    let (code, said) = lint(&added);
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        inject(&added, &[]).2,
        said,
        "lint and inject report the same errors"
    );
}

#[test]
fn an_injected_task_without_its_sidecar_is_injected_again() {
    let (_, injected, _) = inject(TASK, &[]);
    let (before, after) = injected.split_once("  sidecars:\n").unwrap();
    let (_, after) = after.split_once("  results:\n").unwrap();
    let without = format!("{before}  results:\n{after}");
    let (code, said) = lint(&without);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("warning: spec.steps: the steps use Gleaner's redirector, but the sidecar is missing; inject the file again with `gleaner inject`"), "{said}");
    let (code, again, said) = inject(&without, &[]);
    assert_eq!((code, said.as_str()), (0, ""));
    assert_eq!(
        again.matches("name: gleaner-internal").count(),
        injected.matches("name: gleaner-internal").count()
    );
    assert!(again.contains("--declaration="), "{again}");
}

#[test]
fn pod_templates_of_runs_are_checked() {
    let (metadata, spec) = TASK.split_once("spec:\n").unwrap();
    let steps: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    let spec = format!("  taskSpec:\n{steps}");
    let run = metadata.replace("kind: Task", "kind: TaskRun");
    for (template, expected) in [
        (
            "{volumes: [{name: gleaner-internal, emptyDir: {}}]}",
            "spec.podTemplate.volumes[0].name: the volume 'gleaner-internal' has a name that is reserved for Gleaner",
        ),
        (
            "{nodeSelector: {kubernetes.io/os: windows}}",
            "spec.podTemplate.nodeSelector[\"kubernetes.io/os\"]: this pod is for Windows",
        ),
    ] {
        let text = format!("{run}spec:\n  podTemplate: {template}\n{spec}");
        let (code, said) = lint(&text);
        assert_eq!((code, said.lines().count()), (1, 1), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    let text =
        format!("{run}spec:\n  podTemplate: {{nodeSelector: {{kubernetes.io/os: linux}}}}\n{spec}");
    assert_eq!(lint(&text), (0, String::new()));

    let declaration = "{metadata: {annotations: {gleaner.dev/outputs: \"steps: {s: [{name: v}]}\\nobjects: [{name: cm, resourceTemplate: {apiVersion: v1, kind: ConfigMap, data: {v: $(steps.s.v)}}}]\"}}, steps: [{name: s, image: x, script: echo}]}";
    let pipeline = |templates: &str| {
        format!(
            "{{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {{name: r}}, spec: {{{templates}, pipelineSpec: {{tasks: [{{name: a, taskSpec: {declaration}}}]}}}}}}"
        )
    };
    let windows = "podTemplate: {nodeSelector: {kubernetes.io/os: windows}}";
    let linux = "podTemplate: {nodeSelector: {kubernetes.io/os: linux}}";
    for (templates, errors) in [
        (format!("taskRunTemplate: {{{windows}}}"), 1),
        (
            format!("taskRunSpecs: [{{pipelineTaskName: a, {windows}}}]"),
            1,
        ),
        (
            format!("taskRunSpecs: [{{pipelineTaskName: b, {windows}}}]"),
            0,
        ),
        (
            format!(
                "taskRunTemplate: {{{windows}}}, taskRunSpecs: [{{pipelineTaskName: a, {linux}}}]"
            ),
            0,
        ),
    ] {
        let (_, said) = lint(&pipeline(&templates));
        assert_eq!(
            said.matches("error: ").count(),
            errors,
            "{templates}\n{said}"
        );
    }
}

#[test]
fn versions_and_fields_that_tekton_does_not_have_are_reported() {
    for (from, to, expected) in [
        (
            "tekton.dev/v1\n",
            "tekton.dev/v2\n",
            "1:13: error: apiVersion: Tekton has no Task in tekton.dev/v2; did you mean tekton.dev/v1?",
        ),
        (
            "tekton.dev/v1\n",
            "tekton.dev/v1alpha1\n",
            "1:13: warning: apiVersion: current versions of Tekton do not serve Task in tekton.dev/v1alpha1; translate the file",
        ),
        (
            "spec:\n",
            "spec:\n  outputs: {resources: [{name: img, type: image}]}\n",
            "16:3: error: spec.outputs: Tekton v1 rejects 'outputs' in a spec; translate the file first: gleaner translate -f FILE",
        ),
        (
            "  name: app\n",
            "  name: app\n  lables: {a: b}\n",
            "5:3: error: metadata.lables: unknown field 'lables': metadata has no such field",
        ),
    ] {
        assert!(TASK.contains(from));
        finds(&TASK.replacen(from, to, 1), expected);
    }
    assert_eq!(
        lint(&TASK.replace("tekton.dev/v1", "tekton.dev/v1beta1")),
        (0, String::new())
    );
}

#[test]
fn a_variable_that_gleaner_sets_is_a_warning() {
    let own = "      env: [{name: GLEANER_OUTPUTS, value: /tmp}]\n      script:";
    finds(
        &TASK.replace("      script:", own),
        "19:20: warning: spec.steps[0].env[0].name: the variable GLEANER_OUTPUTS has no effect",
    );
    let other = "    - {name: other, image: x, script: echo, env: [{name: GLEANER_OUTPUTS, value: /tmp}]}\n";
    let (_, said) = lint(&format!("{TASK}{other}"));
    assert!(!said.contains("GLEANER_OUTPUTS has no effect"), "{said}");
}

#[test]
fn contradictory_flags_are_reported() {
    for (flags, expected) in [
        (
            &["--cpu-request", "1"][..],
            "--cpu-request 1 exceeds --cpu-limit 500m: set a higher --cpu-limit",
        ),
        (
            &["--memory-request", "1Gi", "--memory-limit", "512Mi"],
            "--memory-request 1Gi exceeds --memory-limit 512Mi",
        ),
        (
            &["--image", "x y"],
            "invalid image 'x y': use a form such as ghcr.io/me/gleaner:1",
        ),
        (&["--image", ""], "invalid image ''"),
    ] {
        let command = [&["inject", "-f", "-"][..], flags].concat();
        let command = match flags[0] {
            "--image" => command,
            _ => [&command[..], &["--image", "x/y:1"]].concat(),
        };
        let ran = gleaner_with_input(&command, TASK);
        assert_eq!(ran.code, 64, "{}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
        assert!(!ran.stderr.contains("annotations"), "{}", ran.stderr);
    }
    assert_eq!(
        inject(TASK, &["--cpu-request", "1", "--cpu-limit", "1"]).0,
        0
    );
}
