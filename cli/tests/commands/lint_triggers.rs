//! Tests `gleaner lint`, `inject` and `uninject` on TriggerTemplates, from which Tekton Triggers creates objects.

use crate::support::lint::{finds, in_text};
use crate::support::{self, gleaner, gleaner_with_input};

const TEMPLATE: &str = "\
apiVersion: triggers.tekton.dev/v1beta1
kind: TriggerTemplate
metadata: {name: on-push}
spec:
  params: [{name: rev}, {name: count}, {name: app}]
  resourcetemplates:
    - apiVersion: tekton.dev/v1
      kind: TaskRun
      metadata:
        generateName: ci-$(tt.params.app)-
        annotations:
          gleaner.dev/outputs: |
            steps: {build: [{name: digest, fromPath: /tmp/digest}]}
            objects:
              - name: web
                resourceTemplate:
                  apiVersion: apps/v1
                  kind: Deployment
                  metadata: {name: web}
                  spec:
                    replicas: 1
                    selector: {matchLabels: {a: b}}
                    template:
                      metadata: {labels: {a: b}}
                      spec: {containers: [{name: c, image: $(steps.build.digest)}]}
      spec:
        params: [{name: rev, value: $(tt.params.rev)}]
        taskSpec:
          steps:
            - name: build
              image: busybox
              script: |
                git checkout $(params.rev) $(tt.params.rev)
                echo x > /tmp/digest
    - apiVersion: tekton.dev/v1
      kind: PipelineRun
      metadata: {generateName: cd-$(uid)-}
      spec:
        pipelineRef: {name: $(tt.params.app)}
";

#[track_caller]
fn in_template(from: &str, to: &str, expected: &[&str]) {
    in_text(TEMPLATE, from, to, expected);
}

#[test]
fn variables_of_triggers_are_accepted() {
    finds(TEMPLATE, &[]);
    for (from, to) in [
        ("replicas: 1", "replicas: $(tt.params.count)"),
        ("{name: web}", "{name: web-$(tt.params.app)-$(uid)}"),
        (
            "- name: web",
            "- waitFor: {condition: Available, timeout: $(tt.params.rev)}\n                name: web",
        ),
        ("/tmp/digest}", "$(tt.params.rev)/digest}"),
        (
            "ci-$(tt.params.app)-",
            "$(tt.params.a-very-long-name-of-a-parameter-that-makes-a-mask-longer-than-a-name)-",
        ),
    ] {
        in_template(from, to, &[]);
    }
}

#[test]
fn embedded_objects_are_checked_at_their_positions() {
    in_template(
        "$(steps.build.digest)",
        "$(steps.build.digset)",
        &[
            "25:60: error: objects[0].resourceTemplate.spec.template.spec.containers[0].image: the step 'build' declares no output 'digset'",
        ],
    );
    in_template(
        "replicas: 1",
        "replica: $(tt.params.count)",
        &["21:21: error: objects[0].resourceTemplate.spec.replica: unknown field"],
    );
    in_template(
        "replicas: 1",
        "paused: $(tt.params.count)\n                    replicas: many",
        &["22:31: error: objects[0].resourceTemplate.spec.replicas: "],
    );
    in_template(
        "{name: web}",
        "{name: $(tt.params.app)-$(steps.build.none)}",
        &[
            "19:53: error: objects[0].resourceTemplate.metadata.name: the step 'build' declares no output 'none'",
        ],
    );
    in_template(
        "$(params.rev) $(tt",
        "$(tt.params.rev) $(params.nope) $(tt",
        &[
            "33:47: error: spec.resourcetemplates[0].spec.taskSpec.steps[0].script: `$(params.nope)`: the Task has no parameter 'nope'",
        ],
    );
    in_template(
        "$(params.rev) $(tt",
        "$(workspaces.none.path) $(tt",
        &[
            "33:30: warning: spec.resourcetemplates[0].spec.taskSpec.steps[0].script: `$(workspaces.none.path)`",
        ],
    );
    in_template(
        "{generateName: cd-$(uid)-}",
        "{generateName: cd-, annotations: {gleaner.dev/outputs: x}}",
        &[
            "37:51: error: spec.resourcetemplates[1].metadata.annotations[\"gleaner.dev/outputs\"]: the annotation 'gleaner.dev/outputs' has no effect here",
        ],
    );
    in_template(
        "gleaner.dev/outputs",
        "gleaner.dev/output",
        &[
            "12:11: error: spec.resourcetemplates[0].metadata.annotations[\"gleaner.dev/output\"]: unknown annotation",
        ],
    );
    in_template(
        "{name: on-push}",
        "{name: on-push, annotations: {gleaner.dev/outputs: x}}",
        &[
            "3:41: error: metadata.annotations[\"gleaner.dev/outputs\"]: the annotation 'gleaner.dev/outputs' has no effect here",
        ],
    );
}

#[test]
fn the_templates_of_listeners_and_triggers_are_checked_too() {
    let object = "{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {generateName: a-}, spec: {taskSpec: {steps: [{name: s, image: i, script: $(params.none)}]}}}";
    for (kind, spec) in [
        ("Trigger", "{template: {spec: {resourcetemplates: [O]}}}"),
        (
            "EventListener",
            "{triggers: [{name: t, template: {spec: {resourcetemplates: [O]}}}]}",
        ),
    ] {
        let text = format!(
            "apiVersion: triggers.tekton.dev/v1beta1\nkind: {kind}\nmetadata: {{name: t}}\nspec: {}\n",
            spec.replace('O', object)
        );
        let ran = gleaner_with_input(&["lint", "-f", "-"], &text);
        ran.exits(1);
        assert!(
            ran.stdout
                .contains("resourcetemplates[0].spec.taskSpec.steps[0].script: `$(params.none)`"),
            "{}",
            ran.stdout
        );
    }
    let job = "{apiVersion: batch/v1, kind: Job, metadata: {generateName: a-}, spec: {completions: 2, template: {metadata: {annotations: {gleaner.dev/outputs: 'objects: [{name: cm, resourceTemplate: {apiVersion: v1, kind: ConfigMap}}]'}}, spec: {restartPolicy: Never, containers: [{name: m, image: i, command: [x]}]}}}}";
    let text = format!(
        "apiVersion: triggers.tekton.dev/v1beta1\nkind: Trigger\nmetadata: {{name: t}}\nspec: {{template: {{spec: {{resourcetemplates: [{job}]}}}}}}\n"
    );
    let ran = gleaner_with_input(&["lint", "-f", "-"], &text);
    ran.exits(1);
    assert_eq!(
        ran.stdout
            .matches("each pod would replace the 'cm' of the previous one")
            .count(),
        1,
        "{}",
        ran.stdout
    );
}

#[test]
fn embedded_objects_can_be_injected_ahead_of_time_and_uninjected() {
    let folder = tempfile::tempdir().unwrap();
    let inject = |text: &str| {
        let file = support::file(folder.path(), "template.yaml", text);
        gleaner(&["inject", "-f", &file, "--image", "gleaner:1"])
    };
    let injected = inject(TEMPLATE);
    let object = injected.exits(0).object();
    let run = &object["spec"]["resourcetemplates"][0];
    assert_eq!(run["spec"]["taskSpec"]["sidecars"][0]["name"], "gleaner");
    assert_eq!(run["metadata"]["generateName"], "ci-$(tt.params.app)-");
    let script = run["spec"]["taskSpec"]["steps"][0]["script"]
        .as_str()
        .unwrap();
    assert!(
        script.starts_with("#!/gleaner/bin/redirector")
            && script.contains("$(params.rev) $(tt.params.rev)"),
        "{script}"
    );
    let next = &object["spec"]["resourcetemplates"][1];
    assert_eq!(next["metadata"]["generateName"], "cd-$(uid)-");
    assert!(
        !injected.stdout.contains("gleanertt"),
        "{}",
        injected.stdout
    );
    let list = gleaner_with_input(&["uninject", "-f", "-", "--list"], &injected.stdout);
    assert_eq!(
        list.exits(0).stdout,
        "-\tTriggerTemplate\ton-push\tinjected, declares outputs\n"
    );
    let taken = gleaner_with_input(
        &["uninject", "-f", "-", "--remove-declarations"],
        &injected.stdout,
    );
    taken.exits(0);
    assert!(!taken.stdout.contains("gleaner"), "{}", taken.stdout);

    let declared = TEMPLATE.replace("replicas: 1", "replicas: $(tt.params.count)");
    inject(&declared).exits(78).says(
        "template.yaml:21:31: error: spec.resourcetemplates[0].metadata.annotations[\"gleaner.dev/outputs\"]: `$(tt.params.count)` is not replaced, because Triggers cannot change a declaration that was injected ahead of time; pass the value as a parameter of the run",
    );
    let unknown = TEMPLATE
        .replace("name: build\n", "name: $(tt.params.app)\n")
        .replace("{build:", "{bild:");
    assert_eq!(inject(&unknown).code, 78);
    let image = TEMPLATE.replace(
        "              script: |\n                git",
        "              args:\n              - git",
    );
    let image = image.replace("                echo x > /tmp/digest\n", "");
    inject(&image).exits(78).says("spec.resourcetemplates[0].spec.taskSpec.steps[0]: the step 'build' runs its image's own command");
    let old = "\
apiVersion: triggers.tekton.dev/v1beta1
kind: TriggerTemplate
metadata: {name: t}
spec:
  resourcetemplates:
    - apiVersion: tekton.dev/v1beta1
      kind: TaskRun
      metadata: {generateName: a-}
      spec:
        taskSpec:
          steps: [{name: s, image: i, command: [x], outputs: [{name: v}]}]
";
    inject(old).exits(78).says(
        "error: spec.resourcetemplates[0].spec: the outputs are declared in the syntax of the Tekton proposal",
    );
}
