//! Tests variables that refer to resources, or to parameters in old syntaxes, in all fields.

use serde_json::json;

use crate::{refused, translate, translated};

/// A Task with the git resource `src` as an input, and a parameter `context` that a step uses.
const BUILD: &str = "\
apiVersion: tekton.dev/v1beta1
kind: Task
metadata: {name: build}
spec:
  params: [{name: context}]
  resources: {inputs: [{name: src, type: git}]}
  steps: [{name: ls, image: busybox, workingDir: /, command: [ls, $(params.context)]}]
---
";

fn task_run(reference: &str, params: &str) -> String {
    format!(
        "\
apiVersion: tekton.dev/v1beta1
kind: TaskRun
metadata: {{name: r}}
spec:
  taskRef: {{name: {reference}}}
  params:
{params}
  resources:
    inputs:
    - name: src
      resourceSpec: {{type: git, params: [{{name: url, value: https://git.example/app}}, {{name: revision, value: v1}}]}}
"
    )
}

#[test]
fn a_parameter_of_a_run_gets_the_values_of_bound_resources() {
    let run = task_run(
        "build",
        "  - {name: context, value: $(resources.inputs.src.path)/web@$(inputs.resources.src.revision)}",
    );
    let documents = translate(&format!("{BUILD}{run}")).unwrap();
    let value = &documents[1]["spec"]["params"][0]["value"];
    assert_eq!(*value, json!("/workspace/src/web@v1"));
}

#[test]
fn a_parameter_of_a_pipeline_task_gets_the_values_of_bound_resources() {
    let pipeline = "\
apiVersion: tekton.dev/v1beta1
kind: Pipeline
metadata: {name: p}
spec:
  resources: [{name: app, type: git}]
  tasks:
  - name: build
    taskRef: {name: build}
    when: [{input: $(resources.inputs.src.revision), operator: in, values: [main]}]
    workspaces: [{name: w, workspace: w, subPath: \"$(inputs.resources.src.name)\"}]
    params:
    - {name: context, value: \"$(resources.inputs.src.path)/web $(resources.inputs.src.url)\"}
    resources:
      inputs: [{name: src, resource: app}]
";
    let documents = translate(&format!("{BUILD}{pipeline}")).unwrap();
    let spec = &documents[1]["spec"];
    let task = &spec["tasks"][0];
    let value = json!("/workspace/src/web $(params.app.url)");
    assert_eq!(task["params"][0]["value"], value);
    assert_eq!(task["when"][0]["input"], "$(params.app.revision)");
    assert_eq!(task["workspaces"][0]["subPath"], "$(params.app.name)");
    let keys = json!({"url": {"type": "string"}, "revision": {"type": "string"}, "name": {"type": "string"}});
    assert_eq!(spec["params"][0]["properties"], keys);
}

#[test]
fn a_variable_in_a_run_that_cannot_be_known_is_an_error() {
    let params = "    - {name: a, value: $(resources.inputs.src.path)}
    - {name: b, value: $(inputs.params.a)}
    - {name: c, value: $(resources.inputs.scr.url)}
    - {name: d, value: $(resources.inputs.src.branch)}
    - {name: e, value: $(resources.inputs)}";
    insta::assert_snapshot!(refused(&task_run("elsewhere", params)));
}

#[test]
fn variables_are_translated_in_every_part_of_a_task() {
    let yaml = translated(
        "\
apiVersion: tekton.dev/v1beta1
kind: Task
metadata: {name: t}
spec:
  params:
  - {name: where, default: $(resources.inputs.src.path)/web}
  resources: {inputs: [{name: src, type: git}, {name: img, type: image}]}
  workspaces: [{name: w, mountPath: $(resources.inputs.src.path)/w}]
  volumes: [{name: v, configMap: {name: $(resources.inputs.img.name)}}]
  stepTemplate: {workingDir: $(inputs.resources.src.path), env: [{name: URL, value: $(resources.inputs.src.url)}]}
  sidecars: [{name: s, image: $(resources.inputs.img.url), volumeMounts: [{name: v, mountPath: $(resources.inputs.src.path)/v}]}]
  results: [{name: r, value: $(inputs.params.where)}]
  steps:
  - {name: a, image: i, envFrom: [{configMapRef: {name: $(inputs.resources.img.name)}}], securityContext: {seLinuxOptions: {user: $(inputs.params.where)}}}
",
    );
    for old in ["inputs.", "resources.", "outputs."] {
        let left = yaml.matches(&format!("$({old}")).count();
        assert_eq!(left, 0, "{yaml}");
    }
    assert!(yaml.contains("default: /workspace/src/web"), "{yaml}");
    assert!(yaml.contains("mountPath: /workspace/src/w"), "{yaml}");
}

#[test]
fn a_default_with_a_variable_of_a_resource_is_an_error() {
    let said = refused(
        "\
apiVersion: tekton.dev/v1beta1
kind: Task
metadata: {name: t}
spec:
  params: [{name: where, default: $(resources.inputs.src.url)/web}]
  resources: {inputs: [{name: src, type: git}]}
  steps: [{name: a, image: i}]
",
    );
    assert_eq!(
        said,
        "<stdin>:5:35: error: spec.params[0].default: `$(resources.inputs.src.url)`: Tekton v1 does not replace variables in defaults; \
         use the variable where the parameter is used\n"
    );
}

#[test]
fn a_variable_in_a_target_path_is_translated_once() {
    let once = translated(
        "\
apiVersion: tekton.dev/v1alpha1
kind: Task
metadata: {name: compile}
spec:
  inputs:
    params: [{name: module}]
    resources: [{name: src, type: git, targetPath: 'go/$(inputs.params.module)/${inputs.params.module}'}]
  steps:
  - {name: make, image: busybox, workingDir: $(inputs.resources.src.path), command: [make]}
",
    );
    let directory = "workingDir: /workspace/go/$(params.module)/$(params.module)\n";
    assert!(once.contains(directory), "{once}");
    assert_eq!(translated(&once), once);
}

#[test]
fn a_target_path_with_an_unknown_variable_is_reported_at_its_field() {
    let said = refused(
        "\
apiVersion: tekton.dev/v1alpha1
kind: Task
metadata: {name: t}
spec:
  inputs: {resources: [{name: src, type: git, targetPath: $(inputs.resources.x.path)}]}
  steps: [{name: a, image: i}]
",
    );
    let place =
        "<stdin>:5:59: error: spec.inputs.resources[0].targetPath: `$(inputs.resources.x.path)`";
    assert!(said.starts_with(place), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn variables_in_old_braces_are_translated() {
    let documents = translate(
        "\
apiVersion: tekton.dev/v1alpha1
kind: Task
metadata: {name: greet}
spec:
  inputs: {params: [{name: who, default: world}], resources: [{name: src, type: git}]}
  outputs: {resources: [{name: img, type: image}]}
  steps:
  - name: say
    image: \"${outputs.resources.img.url}\"
    command: [\"hello ${inputs.params.who}\", \"${inputs.resources.src.path}/${HOME} ${who.x}\", \"$(cat ${inputs.params.who})\"]
---
apiVersion: tekton.dev/v1alpha1
kind: Pipeline
metadata: {name: p}
spec:
  params: [{name: who}]
  tasks: [{name: a, taskRef: {name: elsewhere}, params: [{name: who, value: \"${params.who}!\"}]}]
",
    )
    .unwrap();
    let step = &documents[0]["spec"]["steps"][1];
    assert_eq!(step["image"], "$(params.img.url)");
    let command = json!([
        "hello $(params.who)",
        "/workspace/src/${HOME} ${who.x}",
        "$(cat $(params.who))"
    ]);
    assert_eq!(step["command"], command);
    let value = &documents[1]["spec"]["tasks"][0]["params"][0]["value"];
    assert_eq!(*value, json!("$(params.who)!"));
}

#[test]
fn an_error_causes_no_further_errors_about_the_same_resource() {
    let said = refused(
        "\
apiVersion: tekton.dev/v1alpha1
kind: Task
metadata: {name: deploy}
spec:
  inputs:
    resources:
    - {name: source, type: git}
    - {name: target, type: cluster}
  outputs:
    resources:
    - {name: source, type: git}
    - {name: made, spec: {type: image, params: [{name: url, value: $(inputs.resources.target.url)}]}}
  steps:
  - name: apply
    image: bitnami/kubectl
    command: [kubectl, --context, $(inputs.resources.target.name), apply, -f, $(outputs.resources.source.path)]
---
apiVersion: tekton.dev/v1alpha1
kind: Pipeline
metadata: {name: p}
spec:
  resources: [{name: prod, type: cluster}, {name: code, type: git}]
  tasks:
  - name: deploy
    taskRef: {name: deploy}
    params: [{name: a, value: $(resources.prod.name)}, {name: b, value: $(inputs.resources.target.name)}]
    resources:
      inputs: [{name: source, resource: code}, {name: target, resource: prod}]
---
apiVersion: tekton.dev/v1alpha1
kind: PipelineRun
metadata: {name: r}
spec:
  pipelineRef: {name: p}
  params: [{name: x, value: $(resources.code.url)}]
  resources: [{name: prod, resourceRef: {name: nowhere}}, {name: code, resource: code}]
",
    );
    insta::assert_snapshot!(said);
}
