//! Tests constructs that have no equivalent in Tekton v1. Each is reported with the line, the reason and a remedy.

use crate::{refused, translate};

/// Returns a Task with this spec, whose first field is on line 5.
fn task(spec: &str) -> String {
    format!(
        "apiVersion: tekton.dev/v1alpha1\nkind: Task\nmetadata: {{name: t}}\nspec:\n  {}\n",
        spec.trim().replace('\n', "\n  ")
    )
}

/// Returns a Pipeline that has two tasks, and the Tasks that these tasks refer to. `build` creates the image `img` and the object
/// `note`. `test` declares the image `img` as an input and uses its key `version`; `binding` contains the fields that bind this
/// input, and is on line 26.
fn pipeline(binding: &str) -> String {
    format!(
        "\
apiVersion: tekton.dev/v1alpha1
kind: Task
metadata: {{name: build}}
spec:
  steps: [{{name: b, image: i, outputs: [{{name: digest}}]}}]
  outputs:
    resources:
    - {{name: img, spec: {{type: image, params: [{{name: url, value: u}}, {{name: digest, value: $(steps.b.digest)}}]}}}}
    - {{name: src, spec: {{type: git, params: [{{name: url, value: $(steps.b.digest)}}]}}}}
    objects: [{{name: note, resourceTemplate: {{apiVersion: v1, kind: ConfigMap, metadata: {{name: $(steps.b.digest)}}}}}}]
---
apiVersion: tekton.dev/v1alpha1
kind: Task
metadata: {{name: test}}
spec:
  resources: [{{name: img, type: image}}]
  steps: [{{name: test, image: \"$(resources.img.url):$(resources.img.version)\"}}]
---
apiVersion: tekton.dev/v1alpha1
kind: Pipeline
metadata: {{name: p}}
spec:
  resources: [{{name: code, type: git}}]
  tasks:
  - {{name: build, taskRef: {{name: build}}}}
  - {{name: test, taskRef: {{name: test}}, {binding}}}
"
    )
}

fn pipeline_run(spec: &str) -> String {
    format!(
        "apiVersion: tekton.dev/v1alpha1\nkind: PipelineRun\nmetadata: {{name: r}}\nspec:\n  {}\n",
        spec.trim().replace('\n', "\n  ")
    )
}

#[test]
fn inputs_of_types_that_tekton_processed() {
    let said = refused(&task(
        "
resources:
- {name: a, type: storage}
- {name: b, type: cluster}
- {name: c, type: pullRequest}
- {name: d, type: cloudEvent}
- {name: e, type: imge}
- {name: f}
- {name: g.h, type: git}
- {name: i, type: git, tagretPath: x}
steps: [{image: i}]",
    ));
    insta::assert_snapshot!(said);
}

#[test]
fn outputs_that_a_run_binds() {
    let said = refused(&task(
        "
outputs:
  resources:
  - {name: a, type: storage}
  - {name: b, type: cluster}
  - {name: c, type: pullRequest}
  - {name: d, type: cloudEvent}
  - {name: e, type: git}
steps: [{image: i}]",
    ));
    insta::assert_snapshot!(said);
}

#[test]
fn variables_without_an_equivalent() {
    let said = refused(&task(
        "
resources: [{name: src, type: git}]
outputs:
  resources: [{name: img, type: image}, {name: new, spec: {type: image, params: [{name: url, value: $(steps.one.digest)}]}}]
steps:
- name: one
  image: $(resources.srv.url)
  outputs: [{name: digest}]
  script: |
    #!/bin/sh

    echo $(inputs.params.x) $(date)
      echo $(outputs.resources.img.path) ${inputs.params.x}
- name: two
  image: i
  args: [$(steps.one.digest), $(resources.new.url), $(resources.src), \"$(inputs.resources.src)\"]",
    ));
    insta::assert_snapshot!(said);
}

#[test]
fn a_variable_that_could_mean_the_input_or_the_output() {
    let said = refused(&task(
        "
resources: [{name: img, type: image}]
steps: [{name: one, image: i, outputs: [{name: digest}]}]
outputs:
  resources:
  - name: img
    spec: {type: image, params: [{name: url, value: $(resources.img.url)}, {name: digest, value: $(steps.one.digst)}]}",
    ));
    insta::assert_snapshot!(said);
}

#[test]
fn names_that_would_collide() {
    let said = refused(&task(
        "
resources: {inputs: [{name: a, type: git}, {name: a, type: git}, {name: b, type: git}], outputs: [{name: b, type: image}]}
params: [{name: a}]
stepTemplate: {resources: {}, computeResources: {}}
steps: [{image: i}]",
    ));
    insta::assert_snapshot!(said);
}

#[test]
fn removed_and_unknown_fields_of_tasks() {
    let said = refused(&task(
        "
inputs: {resources: [], parms: []}
resources: {input: []}
stepTemplate: {name: x, tty: true}
steps: [{image: i, livenessProbe: {httpGet: {}}, ports: [{containerPort: 1}], lifecycle: {}, tty: false}]
sidecars: [{name: s, image: i, livenessProbe: {}}]",
    ));
    insta::assert_snapshot!(said);
}

#[test]
fn fields_of_runs_that_v1_removed() {
    let said = refused(
        "\
apiVersion: tekton.dev/v1alpha1
kind: PipelineRun
metadata: {name: p}
spec:
  pipelineRef: {name: p, bundle: registry/build:1, resolver: git}
  trigger: {type: manual}
  results: {type: gcs, url: gs://x}
  serviceAccountNames: [{taskName: a, serviceAccountName: b}, {taskName: c}]
  taskRunSpecs: [{pipelineTaskName: a, serviceAccountName: d, taskServiceAccountName: e}]
  podTemplate: {nodeSelector: {a: b}}
  nodeSelector: {c: d}
",
    );
    insta::assert_snapshot!(said);
}

#[test]
fn kinds_that_tekton_removed() {
    let said = refused(
        "\
apiVersion: tekton.dev/v1beta1
kind: ClusterTask
metadata: {name: c}
---
apiVersion: tekton.dev/v1alpha1
kind: Condition
metadata: {name: c}
---
apiVersion: tekton.dev/v1alpha1
kind: Run
metadata: {name: c}
---
apiVersion: tekton.dev/v1beta1
kind: Pipeline
metadata: {name: p}
spec:
  tasks:
  - name: t
    taskRef: {name: t, kind: ClusterTask}
    conditions: [{conditionRef: c}]
",
    );
    insta::assert_snapshot!(said);
}

#[test]
fn bindings_in_a_pipeline() {
    let cases = [
        "resources: [{name: img, resourceRef: {name: $(tasks.build.note)}}]",
        "resources: [{name: img, resourceRef: {name: $(tasks.build.imgs)}}]",
        "resources: [{name: img, resourceRef: {name: $(tasks.biuld.img)}}]",
        "resources: [{name: img, resourceRef: {name: $(tasks.build.src)}}]",
        "resources: [{name: img, resourceRef: {name: $(tasks.build.img)}}]",
        "resources: [{name: img, resourceRef: {name: $(resources.code)}}]",
        "resources: [{name: img, resourceRef: {name: $(resources.cod)}}]",
        "resources: [{name: img, resourceRef: {name: $(params.img)}}]",
        "resources: [{name: img, resourceRef: {name: gone}}]",
        "resources: [{name: imgs, resourceRef: {name: $(tasks.build.img)}}]",
        "resources: {inputs: [{name: img, resource: code, from: [biuld]}]}",
        "resources: {outputs: [{name: img, resource: img, from: [build]}]}",
        "resources: [{name: img}]",
        "resources: [{name: img, resource: code, resourceRef: {name: x}}]",
        "params: [{name: img, value: x}], resources: [{name: img, resourceSpec: {type: image, params: [{name: url, value: x}, {name: version, value: v1}]}}]",
        "params: [{name: x, value: $(resources.cod.url)}, {name: img, value: $(tasks.build.img)}]",
        "runAfter: []",
    ];
    let mut said = String::new();
    for case in cases {
        said += &format!("# {case}\n{}\n", refused(&pipeline(case)));
    }
    insta::assert_snapshot!(said);
}

#[test]
fn a_resource_that_a_task_creates_cannot_be_bound() {
    let text = pipeline(
        "resources: [{name: img, resourceSpec: {type: image, params: [{name: url, value: x}, {name: version, value: v1}]}}]",
    );
    let text = text.replace(
        "{name: build, taskRef: {name: build}}",
        "{name: build, taskRef: {name: build}, resources: {outputs: [{name: img, resource: code}]}}",
    );
    insta::assert_snapshot!(refused(&text));
}

#[test]
fn bindings_of_runs() {
    let said = refused(&pipeline_run(
        "
pipelineRef: {name: unseen}
serviceAccount: a
serviceAccountName: b
timeout: 1h
timeouts: {pipeline: 2h}
resources:
- {name: a, resourceRef: {name: gone}}
- {name: b, resource: x}
- {name: c, resourceRef: {name: a}, from: [x]}
- {name: d, resourceRef: {nam: a}}
- {name: d, resourceRef: {name: $(resources.x)}}
- {name: e, resourceSpec: {type: git, params: [{name: revision, value: 1}], secrets: [{fieldName: token}]}}",
    ));
    insta::assert_snapshot!(said);
}

#[test]
fn unusable_pipeline_resources_are_reported_at_their_place() {
    let said = refused(
        "\
apiVersion: tekton.dev/v1beta1
kind: TaskRun
metadata: {name: r, namespace: here}
spec:
  taskRef: {name: t}
  resources:
    inputs:
    - {name: a, resourceRef: {name: settings}}
    - {name: b, resourceRef: {name: bucket}}
    - {name: c, resourceRef: {name: elsewhere}}
    - {name: d, resourceRef: {name: empty}}
---
apiVersion: tekton.dev/v1alpha1
kind: PipelineResource
metadata: {name: settings}
spec:
  type: git
  params:
  - {name: url, value: https://git.example/demo}
  - {name: submodules, value: \"false\"}
  - {name: depth, value: \"0\"}
---
apiVersion: tekton.dev/v1alpha1
kind: PipelineResource
metadata: {name: bucket}
spec: {type: storage, params: [{name: location, value: gs://x}]}
---
apiVersion: tekton.dev/v1alpha1
kind: PipelineResource
metadata: {name: elsewhere, namespace: there}
spec: {type: git, params: [{name: url, value: https://git.example/demo}]}
---
apiVersion: tekton.dev/v1alpha1
kind: PipelineResource
metadata: {name: empty}
",
    );
    insta::assert_snapshot!(said);
}

#[test]
fn a_run_must_bind_every_resource_of_its_pipeline() {
    let text = pipeline(
        "resources: [{name: img, resourceSpec: {type: image, params: [{name: url, value: x}, {name: version, value: v1}]}}]",
    );
    let run = pipeline_run(
        "pipelineRef: {name: p}\nresources: [{name: cod, resourceSpec: {type: image, params: [{name: url, value: x}]}}]",
    );
    insta::assert_snapshot!(refused(&format!("{text}---\n{run}")));
    let run = pipeline_run(
        "pipelineRef: {name: p}\nresources: [{name: code, resourceSpec: {type: image, params: [{name: url, value: x}]}}]",
    );
    insta::assert_snapshot!(refused(&format!("{text}---\n{run}")));
    // Instead of a binding, the run can set the parameter with the same name.
    let run = pipeline_run("pipelineRef: {name: p}\nparams: [{name: code, value: {url: x}}]");
    translate(&format!("{text}---\n{run}")).unwrap();
}

#[test]
fn a_document_that_is_not_a_kubernetes_object_is_not_silently_repaired() {
    let said = refused(
        "\
apiVersion: tekton.dev/v1beta1
kind: Task
metadata: {name: t, annotations: [a]}
spec:
  params: {a: b}
  resources: 5
  steps: {name: x}
---
apiVersion: tekton.dev/v1beta1
kind: Pipeline
metadata: {name: t}
spec:
  tasks: [{name: a, runAfter: b, taskSpec: {steps: x}}]
  resources: {a: b}
",
    );
    insta::assert_snapshot!(said);
    let said = refused(&task("resources: 5\nsteps: [{image: i}]"));
    insta::assert_snapshot!(said);
}

#[test]
fn both_syntaxes_at_once() {
    let said = refused(
        "\
apiVersion: tekton.dev/v1beta1
kind: Task
metadata: {name: t, annotations: {gleaner.dev/outputs: \"steps: {}\"}}
spec:
  steps: [{name: a, image: i, outputs: [{name: x}]}]
",
    );
    insta::assert_snapshot!(said);
}
