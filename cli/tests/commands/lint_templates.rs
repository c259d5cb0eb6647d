//! Tests how `gleaner lint` checks the types of fields in templates, and at which positions it reports several errors in one
//! value.

use crate::support::lint::{IMAGE, TASK, finds, in_task, in_text};
use crate::support::{gleaner_with_input, task};

#[test]
fn templates_are_checked_against_the_types_of_their_kinds() {
    let place = "objects[0].resourceTemplate";
    for (field, expected) in [
        (
            "port: 8080",
            "18:21: error: {P}.data.port: expected a string, found a number; put it in quotes, because YAML reads it as 8080",
        ),
        (
            "on: true",
            "18:19: error: {P}.data.on: expected a string, found a boolean; put it in quotes, because YAML reads it as true",
        ),
        (
            "list: [a]",
            "18:21: error: {P}.data.list: expected a string, found a list",
        ),
    ] {
        in_task(
            IMAGE,
            &format!("{field}\n              {IMAGE}"),
            &[&expected.replace("{P}", place)],
        );
    }
    in_task(
        "            data:\n",
        "            dta: {}\n            immutable: 'yes'\n            data:\n",
        &[
            "17:13: error: objects[0].resourceTemplate.dta: unknown field 'dta': a ConfigMap has no such field in Kubernetes 1.33; did you mean 'data'?",
            "18:24: error: objects[0].resourceTemplate.immutable: expected true or false, found a string",
        ],
    );
    for (kind, help) in [
        ("ConfigMaps", "did you mean 'ConfigMap'?"),
        ("configmap", "did you mean 'ConfigMap'?"),
        ("Deployment", "Deployment is in apiVersion apps/v1"),
    ] {
        in_task(
            "kind: ConfigMap",
            &format!("kind: {kind}"),
            &[&format!(
                "14:19: error: {place}.kind: v1 has no kind '{kind}'; {help}"
            )],
        );
    }
    in_task(
        "apiVersion: v1",
        "apiVersion: app/v1",
        &[
            "13:25: error: objects[0].resourceTemplate.apiVersion: Kubernetes 1.33 has no apiVersion 'app/v1'; did you mean v1?",
        ],
    );
    in_task(
        "kind: ConfigMap",
        "kind: Job",
        &[
            "14:19: error: objects[0].resourceTemplate.kind: v1 has no kind 'Job'; Job is in apiVersion batch/v1",
        ],
    );
    // Gleaner does not know the kinds of a custom API group, so it accepts every kind.
    finds(
        &TASK
            .replace("apiVersion: v1", "apiVersion: example.com/v1")
            .replace("kind: ConfigMap", "kind: Any"),
        &[],
    );
}

const DEPLOYMENT: &str = "
steps: {build: [{name: count, type: number}, {name: text}, {name: items, type: array}]}
objects:
  - name: d
    resourceTemplate:
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: d, annotations: {a: $(steps.build.text), b: '$(steps.build.items)-'}}
      spec:
        replicas: $(steps.build.count)
        selector: {matchLabels: {a: b}}
        template:
          metadata: {labels: {a: b}}
          spec:
            containers:
              - name: c
                image: $(steps.build.text)
                args: $(steps.build.items)
                ports: [{containerPort: 80}]
";

#[test]
fn variables_are_checked_by_their_types() {
    let good = task(DEPLOYMENT, "steps: [{name: build, image: x, script: x}]");
    let good = good.replace(", b: '$(steps.build.items)-'", "");
    finds(&good, &[]);
    for (from, to, expected) in [
        (
            "replicas: $(steps.build.count)",
            "replicas: $(steps.build.text)\n              paused: $(steps.build.count)",
            &[
                "15:25: error: objects[0].resourceTemplate.spec.replicas: `$(steps.build.text)` is of type string, but an integer is required here; use an output with type: number",
                "16:23: error: objects[0].resourceTemplate.spec.paused: `$(steps.build.count)` is of type number, but true or false is required here",
            ][..],
        ),
        (
            "replicas: $(steps.build.count)",
            "replicas: '2'\n              minReadySeconds: $(steps.build.count)",
            &[
                "15:25: error: objects[0].resourceTemplate.spec.replicas: expected an integer, found a string; remove the quotes",
            ],
        ),
        (
            "image: $(steps.build.text)\n                      args: $(steps.build.items)",
            "imagee: $(steps.build.text)\n                      args: [\"$(steps.build.items[*])\", 5]",
            &[
                "22:23: error: objects[0].resourceTemplate.spec.template.spec.containers[0].imagee: unknown field 'imagee': this object has no such field in Kubernetes 1.33; did you mean 'image'?",
                "23:57: error: objects[0].resourceTemplate.spec.template.spec.containers[0].args[1]: expected a string, found a number",
            ],
        ),
        (
            "- name: c\n                      image",
            "- image",
            &[
                "21:23: error: objects[0].resourceTemplate.spec.template.spec.containers[0]: 'name' is missing, but Kubernetes requires it",
            ],
        ),
        (
            "containerPort: 80",
            "containerPort: 80, brandNewFeature: 1",
            &[
                "24:51: warning: objects[0].resourceTemplate.spec.template.spec.containers[0].ports[0].brandNewFeature: unknown field 'brandNewFeature'",
            ],
        ),
    ] {
        in_text(&good, from, to, expected);
    }
}

#[test]
fn several_errors_in_one_value_have_their_own_positions() {
    in_task(
        "name: app\n            data",
        "name: app-$(tasks.a.results.b)-$(params.nope)\n            data",
        &[
            "16:25: error: objects[0].resourceTemplate.metadata.name: unknown variable `$(tasks.a.results.b)`",
            "16:46: error: objects[0].resourceTemplate.metadata.name: the Task has no parameter 'nope'",
        ],
    );
    in_task(
        IMAGE,
        "text: |\n                one $(steps.build.digest)\n                two $(steps.bild.digest)\n                three $(steps.build.digets)\n              more: >-\n                folded\n                $(params.nope)",
        &[
            "20:21: error: objects[0].resourceTemplate.data.text: the declaration has no step 'bild'",
            "21:23: error: objects[0].resourceTemplate.data.text: the step 'build' declares no output 'digets'",
            "24:17: error: objects[0].resourceTemplate.data.more: the Task has no parameter 'nope'",
        ],
    );
    let quoted = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n  name: app\n  annotations:\n    gleaner.dev/outputs: \"steps: {s: [{name: v}]}\\nobjects: [{name: c, resourceTemplate: {apiVersion: v1, kind: ConfigMap, data: {a: $(steps.s.v), b: 'x $(params.no)'}}}]\"\nspec: {steps: [{name: s, script: x}]}\n";
    finds(
        quoted,
        &["6:154: error: objects[0].resourceTemplate.data.b: the Task has no parameter 'no'"],
    );
    in_task(
        "          resourceTemplate:",
        "          waitFor: {jsonPath: .data.image,\n            timeout: 25h}\n          results:\n            name: .x\n          resourceTemplate:",
        &[
            "13:22: error: objects[0].waitFor.timeout: the timeout 1500m is too long",
            "15:19: error: objects[0].results.name: 'name' is always one of the results",
        ],
    );
}

#[test]
fn an_unreadable_field_causes_no_further_errors() {
    in_task(
        "- name: digest",
        "- name: 'di gest'",
        &["9:19: error: steps.build[0].name: 'di gest' is not a valid name"],
    );
    in_task(
        "      steps:\n",
        "      step:\n",
        &["7:7: error: step: unknown field 'step'; did you mean 'steps'?"],
    );
    let refers = TASK.replace(
        IMAGE,
        &format!("{IMAGE}\n              of: $(resources.other.name)"),
    );
    in_task(
        "      objects:\n",
        "      objects:\n        - nam: other\n",
        &[
            "11:11: error: objects[0].nam: unknown field 'nam'",
            "11:11: error: objects[0]: 'name' is missing",
        ],
    );
    finds(
        &refers.replace("      objects:\n", "      objects:\n        - nam: other\n"),
        &[
            "11:11: error: objects[0].nam: unknown field 'nam'",
            "11:11: error: objects[0]: 'name' is missing",
        ],
    );
}

#[test]
fn render_run_and_translate_refuse_what_lint_refuses() {
    let number = TASK.replace(IMAGE, &format!("port: 8080\n              {IMAGE}"));
    let expected = "objects[0].resourceTemplate.data.port: expected a string, found a number; put it in quotes, because YAML reads it as 8080";
    let output = ["--output", "build.digest=x", "-p", "image=i"];
    let render = [&["render", "-f", "-"], &output[..]].concat();
    gleaner_with_input(&render, &number)
        .exits(78)
        .says(expected);
    gleaner_with_input(&["run", "-f", "-", "-p", "image=i"], &number)
        .exits(78)
        .says(expected);
    gleaner_with_input(&["translate", "-f", "-"], &number)
        .exits(78)
        .says(expected);
    let taken = TASK.replace("spec:\n", "spec:\n  results: [{name: cm}]\n");
    for command in [
        &render[..],
        &["run", "-f", "-", "-p", "image=i"],
        &["translate", "-f", "-"],
    ] {
        gleaner_with_input(command, &taken).exits(78).says(
            "spec.results[0]: the result 'cm' describes the resource 'cm', so its type must be object",
        );
    }
    gleaner_with_input(&render, TASK).exits(0);
}
