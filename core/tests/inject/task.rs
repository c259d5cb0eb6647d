//! Tests injection into a Task that declares outputs. The injected Task does not depend on the version of Tekton.

use crate::support::{changed, injected, refused, settings, yaml};
use gleaner_core::inject::task::{self, Operation};
use gleaner_core::inject::{Outcome, Skip};
use serde_json::{Value, json};

const BUILD_AND_PUSH: &str = r#"
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: build-and-push
  annotations:
    gleaner.dev/outputs: |
      steps:
        kaniko: [{name: digest, fromPath: $(workspaces.out.path)/digest}]
      resources:
        - name: img
          spec:
            type: image
            params:
              - {name: url, value: $(params.imageUrl)}
              - {name: digest, value: $(steps.kaniko.digest)}
      objects:
        - name: note
          results: {version: .metadata.resourceVersion}
          resourceTemplate:
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: "note-$(params.where.zone)"}
            data: {all: "$(params.flags[0])"}
spec:
  params:
    - {name: imageUrl, type: string}
    - {name: unused, type: string}
    - {name: flags, type: array}
    - {name: where, type: object, properties: {zone: {type: string}, rack: {type: string}}}
  workspaces: [{name: out}]
  steps:
    - name: kaniko
      image: kaniko
      command: [/kaniko/executor]
    - image: busybox
      script: echo done
"#;

pub(crate) fn build_and_push() -> Value {
    yaml(BUILD_AND_PUSH)
}

/// Returns the sidecar's arguments without `--declaration`.
pub(crate) fn arguments(object: &Value) -> Vec<String> {
    let args = object.pointer("/spec/sidecars/0/args").expect("a sidecar");
    let args = args
        .as_array()
        .unwrap()
        .iter()
        .map(|argument| argument.as_str().unwrap());
    args.filter(|argument| !argument.starts_with("--declaration="))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_sidecars_arguments_contain_steps_parameters_and_context() {
    let object = injected(&build_and_push());
    assert_eq!(
        arguments(&object),
        [
            "--unwrapped",
            "--step=kaniko",
            "--step=unnamed-1",
            "--context=taskRun.name=$(context.taskRun.name)",
            "--context=taskRun.namespace=$(context.taskRun.namespace)",
            "--context=taskRun.uid=$(context.taskRun.uid)",
            "--context=task.name=$(context.task.name)",
            "--context=task.retry-count=$(context.task.retry-count)",
            "--param=imageUrl=$(params.imageUrl)",
            "--array=flags",
            "--param-key=where.zone=$(params.where.zone)",
            "--param-key=where.rack=$(params.where.rack)",
            "--path=kaniko.digest=$(workspaces.out.path)/digest",
            "--",
            "array:flags",
            "$(params.flags[*])",
            "end:flags",
        ]
    );
    assert_eq!(
        object.pointer("/spec/sidecars/0/command"),
        None,
        "to stop a sidecar, Tekton replaces its image with the nop image, which does not contain this command"
    );
    assert_eq!(
        object.pointer("/spec/steps"),
        build_and_push().pointer("/spec/steps")
    );
}

#[test]
fn each_resource_becomes_an_object_result() {
    let object = injected(&build_and_push());
    let text = json!({"type": "string"});
    assert_eq!(
        object.pointer("/spec/results"),
        Some(&json!([
            {
                "name": "img",
                "type": "object",
                "description": "Created by Gleaner: PipelineResource of type image",
                "properties": {"name": text, "uid": text, "type": text, "url": text, "digest": text},
            },
            {
                "name": "note",
                "type": "object",
                "description": "Created by Gleaner: ConfigMap (v1)",
                "properties": {"name": text, "uid": text, "version": text},
            },
        ]))
    );
}

#[test]
fn the_containers_meet_the_restricted_pod_security_standard() {
    let mut task = build_and_push();
    task["spec"]["steps"][1]["onError"] = "continue".into();
    let object = injected(&task);
    for place in ["/spec/sidecars/0", "/spec/steps/2"] {
        let mut container = object.pointer(place).unwrap().clone();
        container["securityContext"]
            .as_object_mut()
            .unwrap()
            .remove("privileged");
        assert_eq!(
            container["securityContext"],
            json!({
                "allowPrivilegeEscalation": false,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": true,
                "runAsNonRoot": true,
                "seccompProfile": {"type": "RuntimeDefault"},
                "runAsUser": 65532,
                "runAsGroup": 65532,
            })
        );
        assert_eq!(container["computeResources"]["limits"]["memory"], "128Mi");
    }
}

#[test]
fn annotations_override_the_sidecars_resources_and_must_be_quantities() {
    let mut task = build_and_push();
    task["metadata"]["annotations"]["gleaner.dev/memory-limit"] = "1Gi".into();
    let object = injected(&task);
    let resources = &object["spec"]["sidecars"][0]["computeResources"];
    assert_eq!(resources["limits"]["memory"], "1Gi");
    assert_eq!(resources["requests"]["memory"], "16Mi");
    task["metadata"]["annotations"]["gleaner.dev/cpu-limit"] = "lots".into();
    assert_eq!(
        refused(&task),
        "metadata.annotations[\"gleaner.dev/cpu-limit\"]: invalid quantity 'lots': use a form such as 500m, 0.5, 128Mi or 1G"
    );
}

#[test]
fn a_request_above_its_limit_is_refused_at_apply() {
    let mut task = build_and_push();
    task["metadata"]["annotations"]["gleaner.dev/cpu-request"] = "1".into();
    assert_eq!(
        refused(&task),
        "metadata.annotations[\"gleaner.dev/cpu-request\"]: 1 exceeds the limit of 500m; set \
         gleaner.dev/cpu-limit too"
    );
}

#[test]
fn a_run_of_an_injected_pipeline_keeps_the_values_that_tekton_substituted() {
    let declaration = "objects:\n  - name: note\n    resourceTemplate:\n      apiVersion: v1\n      kind: ConfigMap\n      data: {a: $(params.text)}\n";
    let metadata = json!({"annotations": {"gleaner.dev/outputs": declaration}});
    let mut spec = json!({"steps": [{"name": "a", "image": "i", "command": ["true"]}]});
    spec["metadata"] = metadata.clone();
    let pipeline = json!({
        "apiVersion": "tekton.dev/v1", "kind": "Pipeline", "metadata": {"name": "p"},
        "spec": {"params": [{"name": "text"}], "tasks": [{"name": "a", "taskSpec": spec}]},
    });
    let mut spec = injected(&pipeline)["spec"]["tasks"][0]["taskSpec"].clone();
    spec.as_object_mut().unwrap().remove("metadata");
    // In the TaskRun that Tekton's controller creates, the Pipeline's parameter is replaced by its value and is not declared.
    let substituted = spec
        .to_string()
        .replace("$(params.text)", "from the pipeline");
    let mut run = json!({
        "apiVersion": "tekton.dev/v1", "kind": "TaskRun",
        "metadata": {
            "name": "p-a", "annotations": metadata["annotations"], "labels": {"tekton.dev/pipelineRun": "p"},
            "ownerReferences": [{"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": "p", "uid": "1", "controller": true}],
        },
        "spec": {"taskSpec": serde_json::from_str::<Value>(&substituted).unwrap()},
    });
    let outcome = task::inject(&run, Operation::Create, &settings());
    assert_eq!(outcome, Ok(Outcome::Skipped(Skip::Done)));
    // A copy of this TaskRun that a user creates has no owner, so it must declare the parameter itself.
    run["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("ownerReferences");
    assert!(refused(&run).contains("the Task has no parameter 'text'"));
    run["spec"]["params"] = json!([{"name": "text", "value": "v"}]);
    assert_eq!(
        injected(&run)["metadata"]["labels"],
        json!({}),
        "the label of a PipelineRun that does not own the run must be removed"
    );
}

#[test]
fn a_field_that_is_not_a_list_is_rejected() {
    let mut task = build_and_push();
    task["spec"]["sidecars"] = json!({"name": "redis"});
    task["spec"]["volumes"] = Value::Null;
    assert_eq!(
        refused(&task),
        "spec.sidecars: must be a list; write '- ' before each item"
    );
    task["spec"]["sidecars"] = Value::Null;
    assert_eq!(
        injected(&task)["spec"]["sidecars"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn errors_in_the_pod_are_reported_when_the_task_is_applied() {
    let mut task = build_and_push();
    task["spec"]["stepTemplate"] = json!({
        "volumeMounts": [{"name": "v", "mountPath": "/gleaner/x"}],
        "securityContext": {"capabilities": {"add": ["CAP_SYS_ADMIN"]}},
    });
    task["spec"]["steps"][1]["onError"] = "continue".into();
    let said = refused(&task);
    assert!(
        said.contains("spec.stepTemplate.volumeMounts[0].mountPath: the mount at '/gleaner/x'"),
        "{said}"
    );
    assert!(
        said.contains(
            "spec.stepTemplate.securityContext.capabilities.add: the capability SYS_ADMIN"
        ),
        "{said}"
    );
    task["spec"]["stepTemplate"] = json!({"securityContext": {"privileged": true}});
    let object = injected(&task);
    assert_eq!(
        object["spec"]["steps"][2]["securityContext"]["privileged"],
        false
    );
}

#[test]
fn a_pipeline_task_is_recognized_after_it_moved_in_the_list() {
    let task = |name: &str, annotated: bool| {
        let mut task = json!({"name": name, "taskSpec": {"steps": [{"name": "a", "image": "i"}]}});
        if annotated {
            task["taskSpec"]["metadata"] =
                json!({"annotations": {"gleaner.dev/outputs": "steps: {a: [{name: x}]}"}});
        }
        task
    };
    let pipeline = |tasks: Value| json!({"apiVersion": "tekton.dev/v1", "kind": "Pipeline", "metadata": {"name": "p"}, "spec": {"tasks": tasks}});
    let old = injected(&pipeline(json!([task("first", true)])));
    let mut lost = old["spec"]["tasks"][0].clone();
    lost["taskSpec"].as_object_mut().unwrap().remove("metadata");
    let new = pipeline(json!([task("new", false), lost]));
    let after = changed(
        task::inject(&new, Operation::Update { old: &old }, &settings()),
        &new,
    );
    assert_eq!(
        after,
        pipeline(json!([task("new", false), task("first", false)]))
    );
}

#[test]
fn a_step_is_added_if_the_last_step_may_be_skipped_or_ignored() {
    for (key, value, own_step) in [
        ("onError", json!("continue"), true),
        ("onError", json!("$(params.unused)"), true),
        ("onError", json!("stopAndFail"), false),
        (
            "when",
            json!([{"input": "a", "operator": "in", "values": ["a"]}]),
            true,
        ),
        ("when", json!([]), false),
        ("timeout", json!("5s"), false),
    ] {
        let mut task = build_and_push();
        task["spec"]["steps"][1][key] = value.clone();
        let object = injected(&task);
        let steps = object["spec"]["steps"].as_array().unwrap();
        assert_eq!(steps.len(), if own_step { 3 } else { 2 }, "{key}: {value}");
        let told = arguments(&object).contains(&"--step=gleaner".to_owned());
        assert_eq!(told, own_step, "{key}: {value}");
        if own_step {
            assert_eq!(steps[2]["name"], "gleaner");
            assert_eq!(steps[2]["command"], json!(["/gleaner-redirector"]));
            assert_eq!(steps[2]["args"], json!(["finish", "--injected"]));
        }
    }
}

#[test]
fn every_kind_that_embeds_a_task_is_injected() {
    let task = build_and_push();
    let annotations = task["metadata"]["annotations"].clone();
    let spec = task["spec"].clone();
    let mut embedded = spec.clone();
    embedded["metadata"] = json!({"annotations": annotations});
    let expected = injected(&task)["spec"].clone();
    let expect_at = |object: Value, pointer: &str| {
        let object = injected(&object);
        let mut found = object.pointer(pointer).expect(pointer).clone();
        found.as_object_mut().unwrap().remove("metadata");
        assert_eq!(found, expected, "{pointer}");
    };
    let object = |kind: &str, metadata: Value, spec: Value| json!({"apiVersion": "tekton.dev/v1", "kind": kind, "metadata": metadata, "spec": spec});
    let annotated = json!({"generateName": "x-", "annotations": annotations});
    expect_at(
        object("TaskRun", annotated, json!({"taskSpec": spec})),
        "/spec/taskSpec",
    );
    let tasks = json!([{"name": "other", "taskRef": {"name": "t"}}, {"name": "build", "taskSpec": embedded}]);
    let pipeline = json!({"tasks": tasks, "finally": tasks});
    let named = json!({"name": "p"});
    for list in ["tasks", "finally"] {
        expect_at(
            object("Pipeline", named.clone(), pipeline.clone()),
            &format!("/spec/{list}/1/taskSpec"),
        );
        let run = object(
            "PipelineRun",
            named.clone(),
            json!({"pipelineSpec": pipeline}),
        );
        expect_at(run, &format!("/spec/pipelineSpec/{list}/1/taskSpec"));
    }
    let nested = json!({"tasks": [{"name": "n", "pipelineSpec": pipeline}]});
    expect_at(
        object("Pipeline", named, nested),
        "/spec/tasks/0/pipelineSpec/finally/1/taskSpec",
    );
}

#[test]
fn templates_can_use_parameters_of_the_run_and_the_pipeline() {
    let declaration = "objects:\n  - name: note\n    resourceTemplate:\n      apiVersion: v1\n      kind: ConfigMap\n      data: \
                       {a: $(params.text), b: '$(params.list[0])', c: $(params.map.k)}\n";
    let metadata = json!({"annotations": {"gleaner.dev/outputs": declaration}});
    let spec = json!({"steps": [{"name": "a", "image": "i", "command": ["true"]}]});
    let params = json!([
        {"name": "text", "value": "t"}, {"name": "list", "value": ["l"]}, {"name": "map", "value": {"k": "v"}},
    ]);
    let expected = [
        "--param=text=$(params.text)",
        "--array=list",
        "--param-key=map.k=$(params.map.k)",
    ];
    let run = json!({
        "apiVersion": "tekton.dev/v1", "kind": "TaskRun", "metadata": metadata,
        "spec": {"params": params, "taskSpec": spec},
    });
    let mut embedded = spec;
    embedded["metadata"] = metadata;
    let pipeline_run = json!({
        "apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "metadata": {"name": "r"},
        "spec": {"params": params, "pipelineSpec": {"tasks": [{"name": "a", "taskSpec": embedded}]}},
    });
    let pipeline = json!({
        "apiVersion": "tekton.dev/v1", "kind": "Pipeline", "metadata": {"name": "p"},
        "spec": {
            "params": [{"name": "text"}, {"name": "list", "type": "array"}, {"name": "map", "properties": {"k": {"type": "string"}}}],
            "tasks": [{"name": "a", "taskSpec": embedded}],
        },
    });
    for (object, pointer) in [
        (run, "/spec/taskSpec"),
        (pipeline_run, "/spec/pipelineSpec/tasks/0/taskSpec"),
        (pipeline, "/spec/tasks/0/taskSpec"),
    ] {
        let object = injected(&object);
        let args = object.pointer(pointer).unwrap()["sidecars"][0]["args"].to_string();
        for argument in expected {
            assert!(args.contains(argument), "{pointer}, {argument}: {args}");
        }
    }
}

#[test]
fn in_v1beta1_the_field_for_resources_has_its_old_name() {
    let mut task = build_and_push();
    task["apiVersion"] = "tekton.dev/v1beta1".into();
    let object = injected(&task);
    assert!(object["spec"]["sidecars"][0]["resources"].is_object());
    assert_eq!(object["spec"]["sidecars"][0].get("computeResources"), None);
}

#[test]
fn all_errors_are_reported_with_place_and_remedy() {
    let mut task = build_and_push();
    task["metadata"]["annotations"]["gleaner.dev/outputs"] = "steps:\n  kanikoo: [{name: digest}]\nresources:\n  - name: img\n    spec:\n      type: image\n      params: [{name: url, value: $(params.imageURL)}]\n".into();
    assert_eq!(
        refused(&task),
        "2 errors:\n  gleaner.dev/outputs:2:13: steps.kanikoo: the Task has no step 'kanikoo'; did you mean 'kaniko'?\n  \
         gleaner.dev/outputs:7:35: resources[0].spec.params[0].value: the Task has no parameter 'imageURL'; did you mean \
         'imageUrl'?"
    );
}

#[test]
fn names_that_gleaner_reserves_are_rejected() {
    let mut task = build_and_push();
    task["spec"]["sidecars"] = json!([{"name": "gleaner", "image": "other"}]);
    task["spec"]["steps"][0]["name"] = "gleaner".into();
    task["metadata"]["annotations"]["gleaner.dev/outputs"] =
        "steps: {gleaner: [{name: digest}]}".into();
    let said = refused(&task);
    assert!(
        said.contains(
            "spec.steps[0].name: the step 'gleaner' has a name that is reserved for Gleaner"
        ),
        "{said}"
    );
    assert!(
        said.contains("spec.sidecars[0].name: the sidecar 'gleaner'"),
        "{said}"
    );
}

#[test]
fn only_gleaners_containers_may_mount_gleaners_volumes() {
    for name in ["gleaner-internal", "gleaner-token"] {
        let mount = json!([{"name": name, "mountPath": "/m"}]);
        for place in ["steps", "sidecars", "stepTemplate"] {
            let mut task = build_and_push();
            let spec = &mut task["spec"];
            let place = match place {
                "steps" => {
                    spec["steps"][0]["volumeMounts"] = mount.clone();
                    "steps[0]"
                }
                "sidecars" => {
                    spec["sidecars"] = json!([{"name": "s", "image": "i", "volumeMounts": mount}]);
                    "sidecars[0]"
                }
                _ => {
                    spec["stepTemplate"] = json!({"volumeMounts": mount});
                    "stepTemplate"
                }
            };
            let expected = format!(
                "spec.{place}.volumeMounts[0].name: the container mounts '{name}', which only Gleaner's containers may mount"
            );
            let said = refused(&task);
            assert!(said.contains(&expected), "{said}");
        }
        let mut task = build_and_push();
        task["spec"]["volumes"] = json!([{"name": name, "emptyDir": {}}]);
        let expected = format!("the volume '{name}' has a name that is reserved for Gleaner");
        let said = refused(&task);
        assert!(said.contains(&expected), "{said}");
    }
}

#[test]
fn the_tasks_own_result_stays_if_it_is_compatible() {
    let mut task = build_and_push();
    task["spec"]["results"] =
        json!([{"name": "img", "type": "object", "properties": {"digest": {"type": "string"}}}]);
    let object = injected(&task);
    assert_eq!(object["spec"]["results"][0], task["spec"]["results"][0]);
    task["spec"]["results"][0]["properties"]["tag"] = json!({"type": "string"});
    let said = refused(&task);
    assert!(
        said.contains("has no key 'tag'; its keys are name, uid, type, url, digest"),
        "{said}"
    );
    task["spec"]["results"] = json!([{"name": "img", "type": "string"}]);
    assert!(
        refused(&task)
            .contains("the result 'img' describes the resource 'img', so its type must be object")
    );
}

#[test]
fn objects_without_a_declaration_are_unchanged() {
    let mut task = build_and_push();
    task["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("annotations");
    let skip = |object: &Value, operation| match task::inject(object, operation, &settings()) {
        Ok(Outcome::Skipped(skip)) => skip,
        other => panic!("{other:?}"),
    };
    assert_eq!(skip(&task, Operation::Create), Skip::NotAsked);
    assert_eq!(
        skip(&task, Operation::Update { old: &task }),
        Skip::NotAsked
    );
    let mut run = json!({
        "apiVersion": "tekton.dev/v1", "kind": "TaskRun",
        "metadata": {"name": "r", "annotations": {"gleaner.dev/outputs": "anything"}},
        "spec": {"taskRef": {"name": "t"}},
    });
    let said = refused(&run);
    assert!(
        said.contains("put the annotation on the Task that the TaskRun refers to"),
        "{said}"
    );
    // Tekton copies the annotation from a PipelineRun to its TaskRuns, so the injector allows such a TaskRun unchanged.
    run["metadata"]["ownerReferences"] = json!([{"controller": true, "kind": "PipelineRun"}]);
    assert_eq!(skip(&run, Operation::Create), Skip::ByReference);
    assert_eq!(skip(&run, Operation::Update { old: &run }), Skip::RunUpdate);
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment"});
    assert_eq!(skip(&deployment, Operation::Create), Skip::Kind);
    let foreign = json!({"apiVersion": "example.com/v1", "kind": "Task", "spec": {}});
    assert_eq!(skip(&foreign, Operation::Create), Skip::Kind);
}
