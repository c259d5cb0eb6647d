//! The case of field names: old versions of Tekton match field names case-insensitively, as Go does.

use crate::{refused, translate, translated};

#[test]
fn field_names_get_their_case_in_v1_at_every_level() {
    let old = "\
ApiVersion: tekton.dev/v1alpha1
KIND: Task
MetaData: {NAME: compile, Labels: {Name: x, STEPS: y}}
Spec:
  INPUTS:
    Params: [{Name: a, Type: object, Default: {Name: x, URL: y}, Properties: {Name: {type: string}, URL: {type: string}}}]
    resources: [{NAME: src, TYPE: git, targetpath: go}]
  StepTemplate: {Image: busybox, Resources: {Limits: {CPU: \"1\"}}}
  Steps:
  - NAME: make
    workingdir: $(inputs.resources.src.path)
    ENVFROM: [{configmapref: {name: x}}]
    volumemounts: [{MountPath: /x, name: v}]
    securitycontext: {runasuser: 1}
    Command: [make]
  Volumes: [{name: v, persistentvolumeclaim: {claimname: c}}]
";
    let new = "\
apiVersion: tekton.dev/v1alpha1
kind: Task
metadata: {name: compile, labels: {Name: x, STEPS: y}}
spec:
  inputs:
    params: [{name: a, type: object, default: {Name: x, URL: y}, properties: {Name: {type: string}, URL: {type: string}}}]
    resources: [{name: src, type: git, targetPath: go}]
  stepTemplate: {image: busybox, resources: {limits: {CPU: \"1\"}}}
  steps:
  - name: make
    workingDir: $(inputs.resources.src.path)
    envFrom: [{configMapRef: {name: x}}]
    volumeMounts: [{mountPath: /x, name: v}]
    securityContext: {runAsUser: 1}
    command: [make]
  volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]
";
    assert_eq!(translate(old).unwrap(), translate(new).unwrap());
    let yaml = translated(old);
    assert!(yaml.contains("workingDir: /workspace/go\n"), "{yaml}");
}

#[test]
fn fields_of_runs_and_resources_are_read_in_any_case() {
    let documents = translate(
        "\
apiVersion: tekton.dev/v1alpha1
kind: PipelineResource
metadata: {name: app}
Spec: {Type: git, Params: [{Name: URL, Value: https://git.example/app}]}
---
apiVersion: tekton.dev/v1beta1
kind: PipelineRun
metadata: {name: r}
SPEC:
  serviceaccountname: ci
  pipelineref: {Name: p, apiversion: tekton.dev/v1beta1}
  Resources: [{Name: src, resourceref: {NAME: app}}]
",
    )
    .unwrap();
    let spec = &documents[1]["spec"];
    assert_eq!(spec["taskRunTemplate"]["serviceAccountName"], "ci");
    assert_eq!(spec["params"][0]["value"]["url"], "https://git.example/app");
    assert_eq!(spec["pipelineRef"], serde_json::json!({"name": "p"}));
}

#[test]
fn a_field_that_is_set_in_two_spellings_is_an_error() {
    let said = refused(
        "apiVersion: tekton.dev/v1beta1\nkind: Task\nmetadata: {name: t}\nspec:\n  steps: [{image: a, workingdir: /a, workingDir: /b}]\n",
    );
    assert_eq!(
        said,
        "<stdin>:5:22: error: spec.steps[0].workingdir: 'workingdir' is another spelling of 'workingDir', but both are set; \
         keep one of them\n"
    );
}

#[test]
fn the_keys_of_custom_tasks_and_of_other_documents_are_unchanged() {
    let text = "apiVersion: tekton.dev/v1beta1\nkind: Pipeline\nmetadata: {name: p}\nspec:\n  tasks:\n  - name: a\n    \
                taskSpec: {apiVersion: example.dev/v1, kind: Loop, spec: {Image: x, STEPS: []}}\n";
    let documents = translate(text).unwrap();
    let spec = &documents[0]["spec"]["tasks"][0]["taskSpec"]["spec"];
    assert_eq!(*spec, serde_json::json!({"Image": "x", "STEPS": []}));
    let other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\nData: {Name: x}\n";
    assert_eq!(translate(other).unwrap()[0]["Data"]["Name"], "x");
}
