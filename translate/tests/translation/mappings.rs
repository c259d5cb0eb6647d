//! Each old construct, and its translation.

/// Returns the text without the clone script, because another snapshot contains it.
fn without_script(text: &str) -> String {
    let mut within = false;
    let mut lines = String::new();
    for line in text.lines() {
        within |= line.trim() == "set -eu";
        if !within {
            lines += &format!("{line}\n");
        }
        within &= !line.trim().starts_with("git --no-pager log");
    }
    lines
}

#[test]
fn inputs_and_outputs_of_v1alpha1() {
    let today = without_script(&crate::translated(
        "\
apiVersion: tekton.dev/v1alpha1
kind: Task
metadata: {name: build}
spec:
  inputs:
    resources:
    - {name: workspace, type: git, targetPath: go/src/demo, description: what is built}
    params:
    - {name: pathToContext, default: .}
    - name: flags
      type: array
      default: [-v]
  outputs:
    resources:
    - {name: builtImage, type: image}
  containerTemplate:
    env: [{name: FOO, value: $(inputs.resources.workspace.revision)}]
  steps:
  - name: build
    image: builder:$(inputs.resources.workspace.name)
    workingDir: $(inputs.resources.workspace.path)
    command: [/builder]
    args: [\"--destination=$(outputs.resources.builtImage.url)\", '$(inputs.params.flags)', '$(inputs.params[\"pathToContext\"])']
    resources: {requests: {memory: 1Gi}}
  - image: sh
    script: |
      #!/bin/sh
      echo $(inputs.resources.workspace.type) $(cat $(inputs.resources.workspace.path)/VERSION)
  sidecars:
  - name: registry
    image: registry:2
    resources: {limits: {memory: 1Gi}}
",
    ));
    insta::assert_snapshot!(today);
}

#[test]
fn resources_of_v1beta1() {
    let today = without_script(&crate::translated(
        "\
apiVersion: tekton.dev/v1beta1
kind: Task
metadata: {name: test}
spec:
  resources:
    inputs:
    - {name: src, type: git, optional: true}
    - {name: img, type: image}
    outputs:
    - {name: report, type: image}
  steps:
  - name: test
    image: $(resources.inputs.img.url)
    args: [$(resources.inputs.src.path), $(resources.outputs.report.url), $(inputs.resources.img.version)]
---
apiVersion: tekton.dev/v1beta1
kind: Pipeline
metadata: {name: all}
spec:
  resources:
  - {name: source, type: git}
  - {name: app, type: image}
  - {name: report, type: image}
  tasks:
  - name: build
    taskRef: {name: build-it, apiVersion: tekton.dev/v1beta1}
    resources:
      inputs: [{name: source, resource: source}]
      outputs: [{name: image, resource: app}]
  - name: test
    taskRef: {name: test, kind: Task, apiVersion: tekton.dev/v1beta1}
    resources:
      inputs:
      - {name: img, resource: app, from: [build]}
      outputs:
      - {name: report, resource: report}
    params: [{name: note, value: of $(resources.source.revision)}]
  finally:
  - name: tell
    taskRef: {name: tell}
    resources:
      inputs: [{name: report, resource: report}]
---
apiVersion: tekton.dev/v1beta1
kind: PipelineRun
metadata: {name: all-run}
spec:
  serviceAccountName: builder
  podTemplate: {nodeSelector: {disk: ssd}}
  timeout: 1h
  pipelineRef: {name: all}
  taskRunSpecs:
  - pipelineTaskName: build
    serviceAccountName: pusher
    podTemplate: {hostNetwork: true}
  resources:
  - name: source
    resourceSpec: {type: git, params: [{name: url, value: https://git.example/demo}, {name: depth, value: \"1\"}]}
  - name: app
    resourceRef: {name: app}
  - name: report
    resourceRef: {name: report, apiVersion: tekton.dev/v1alpha1}
---
apiVersion: tekton.dev/v1alpha1
kind: PipelineResource
metadata: {name: app}
spec:
  type: image
  description: the application
  params: [{name: url, value: registry.example/app}, {name: version, value: v1}]
---
apiVersion: tekton.dev/v1alpha1
kind: PipelineResource
metadata: {name: report}
spec: {type: image, params: [{name: url, value: registry.example/report}]}
",
    ));
    insta::assert_snapshot!(today);
}

#[test]
fn task_runs() {
    let today = without_script(&crate::translated(
        "\
apiVersion: tekton.dev/v1alpha1
kind: TaskRun
metadata: {name: old}
spec:
  serviceAccount: builder
  inputs:
    params: [{name: a, value: b}]
    resources: [{name: src, resourceSpec: {type: git, params: [{name: url, value: https://git.example/demo}]}}]
  outputs:
    resources: [{name: img, resourceSpec: {type: image, params: [{name: url, value: registry.example/app}]}}]
  taskRef: {name: elsewhere}
status: {podName: x}
---
apiVersion: tekton.dev/v1beta1
kind: TaskRun
metadata: {generateName: embedded-}
spec:
  resources:
    inputs: [{name: img, resourceSpec: {type: image, params: [{name: url, value: registry.example/app}]}}]
  taskSpec:
    resources:
      inputs: [{name: img, type: image}]
    steps:
    - name: one
      image: $(resources.inputs.img.url)
      outputs: [{name: version}]
    outputs:
      objects:
      - name: note
        resourceTemplate:
          apiVersion: v1
          kind: ConfigMap
          metadata: {name: note}
          data: {version: $(steps.one.version), of: $(inputs.resources.img.url)}
",
    ));
    insta::assert_snapshot!(today);
}

#[test]
fn a_resource_that_an_embedded_task_creates_reaches_the_next_task() {
    let today = without_script(&crate::translated(
        "\
apiVersion: tekton.dev/v1alpha1
kind: PipelineRun
metadata: {name: embedded}
spec:
  pipelineSpec:
    resources: [{name: src, type: git}]
    tasks:
    - name: build
      resources: [{name: src, resourceRef: {name: $(resources.src)}}]
      taskSpec:
        resources: [{name: src, type: git}]
        steps:
        - image: build
          outputs: [{name: digest, fromPath: $(resources.src.path)/digest}]
        outputs:
          resources:
          - name: img
            metadata: {name: fixed}
            spec:
              type: image
              params:
              - {name: url, value: \"registry.example/$(resources.src.name)\"}
              - {name: digest, value: $(steps.unnamed-0.digest)}
    - name: test
      resources: [{name: image, resourceRef: {name: $(tasks.build.img)}}]
      params: [{name: named, value: $(tasks.build.img.name)}]
      taskSpec:
        resources: [{name: image, type: image}]
        params: [{name: named}]
        steps: [{name: test, image: \"$(resources.image.url)@$(resources.image.digest)\", args: [$(resources.image.name), $(params.named)]}]
    - name: late
      resources: {inputs: [{name: image, resource: img, from: [build]}]}
      taskSpec:
        resources: {inputs: [{name: image, type: image}]}
        steps: [{name: late, image: $(resources.inputs.image.url)}]
  resources:
  - name: src
    resourceRef: {name: demo}
---
apiVersion: tekton.dev/v1alpha1
kind: PipelineResource
metadata: {name: demo}
spec: {type: git, params: [{name: url, value: https://git.example/demo}]}
",
    ));
    insta::assert_snapshot!(today);
}

#[test]
fn a_declaration_in_the_annotation_keeps_its_text() {
    let today = without_script(&crate::translated(
        "\
apiVersion: tekton.dev/v1beta1
kind: Task
metadata:
  name: annotated
  annotations:
    gleaner.dev/outputs: |
      # A comment.
      steps: {one: [{name: digest}]}
      resources:
        - name: img
          spec:
            type: image
            params:
              - {name: url, value: $(inputs.params.url)}
              - {name: from, value: \"$(resources.src.url) $$(resources.src.url)\"}
spec:
  params: [{name: url}]
  resources: {inputs: [{name: src, type: git}]}
  steps: [{name: one, image: i}]
",
    ));
    insta::assert_snapshot!(today);
}

#[test]
fn a_template_may_refer_to_inputs_and_to_created_resources() {
    let today = without_script(&crate::translated(
        "\
apiVersion: tekton.dev/v1alpha1
kind: Task
metadata: {name: both}
spec:
  resources: [{name: img, type: image}]
  steps: [{name: one, image: i, outputs: [{name: digest}]}]
  outputs:
    resources:
    - name: img
      spec:
        type: image
        params:
        - {name: url, value: $(inputs.resources.img.url)}
        - {name: digest, value: $(steps.one.digest)}
    objects:
    - name: note
      resourceTemplate:
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: note}
        data: {made: $(outputs.resources.img.name)}
",
    ));
    insta::assert_snapshot!(today);
}

#[test]
fn fields_of_runs_get_their_names_in_v1() {
    let today = crate::translated(
        "\
apiVersion: tekton.dev/v1beta1
kind: TaskRun
metadata: {name: t}
spec:
  taskRef: {name: t, bundle: registry/build:1}
  stepOverrides: [{name: one, resources: {limits: {cpu: \"1\"}}}]
  sidecarOverrides: [{name: one, resources: {limits: {cpu: \"1\"}}}]
---
apiVersion: tekton.dev/v1beta1
kind: PipelineRun
metadata: {name: p}
spec:
  status: PipelineRunCancelled
  nodeSelector: {disk: ssd}
  tolerations: [{key: a}]
  serviceAccountNames: [{taskName: test, serviceAccountName: tester}]
  pipelineRef: {name: p, bundle: registry/build:1}
  taskRunSpecs:
  - pipelineTaskName: build
    taskServiceAccountName: pusher
    taskPodTemplate: {hostNetwork: true}
    stepOverrides: [{name: build, resources: {requests: {cpu: \"1\"}}}]
---
apiVersion: tekton.dev/v1beta1
kind: Pipeline
metadata: {name: p}
spec:
  tasks: [{name: build, taskRef: {name: build-it, bundle: registry/build:1}}]
",
    );
    insta::assert_snapshot!(today);
}

#[test]
fn an_image_that_is_input_and_output_becomes_one_parameter() {
    let task = "\
apiVersion: tekton.dev/v1beta1
kind: Task
metadata: {name: rebuild}
spec:
  resources:
    inputs: [{name: app, type: image}]
    outputs: [{name: app, type: image}]
  steps:
  - {name: copy, image: skopeo, command: [copy, $(resources.inputs.app.url), $(resources.outputs.app.url)-new]}
---
";
    let pipeline = |output: &str| {
        format!(
            "\
apiVersion: tekton.dev/v1beta1
kind: Pipeline
metadata: {{name: nightly}}
spec:
  resources: [{{name: image, type: image}}, {{name: other, type: image}}]
  tasks:
  - name: rebuild
    taskRef: {{name: rebuild}}
    resources:
      inputs: [{{name: app, resource: image}}]
      outputs: [{{name: app, resource: {output}}}]
"
        )
    };
    let today = crate::translated(&format!("{task}{}", pipeline("image")));
    insta::assert_snapshot!(today);
    // The translation also succeeds if the Task is not in the files.
    crate::translated(&pipeline("image"));
    let said = crate::refused(&format!("{task}{}", pipeline("other")));
    assert_eq!(
        said,
        "<stdin>:21:17: error: spec.tasks[0].resources.outputs[0]: 'app' is bound to one resource as an input and to another as an output, but both \
         become the parameter 'app'; rename one of them in the Task and here\n"
    );
}

#[test]
fn the_name_of_a_step_template_is_removed() {
    let documents = crate::translate(
        "\
apiVersion: tekton.dev/v1beta1
kind: Task
metadata: {name: greet}
spec:
  stepTemplate: {name: \"\", resources: {}, env: [{name: WHO, value: world}]}
  steps: [{name: say, image: busybox, resources: {}, script: echo hello $WHO}]
",
    )
    .unwrap();
    let template = &documents[0]["spec"]["stepTemplate"];
    let expected =
        serde_json::json!({"computeResources": {}, "env": [{"name": "WHO", "value": "world"}]});
    assert_eq!(*template, expected);
}
