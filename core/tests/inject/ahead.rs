//! Tests injection ahead of time (`gleaner inject`), after which a Task works without the webhook.

use gleaner_core::inject::task::{self, Operation, Placement};
use gleaner_core::inject::{Outcome, ResultsFrom, Skip};
use serde_json::{Value, json};

use crate::support::{changed, settings, yaml};

const TASK: &str = r#"
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: t
  annotations:
    gleaner.dev/outputs: |
      steps:
        build: [{name: digest, fromPath: $(workspaces.out.path)/a$$b}]
        report: [{name: lines}]
      resources:
        - name: img
          spec: {type: image, params: [{name: digest, value: $(steps.build.digest)}]}
spec:
  params: [{name: flags, type: array}]
  workspaces: [{name: out}]
  stepTemplate: {command: [/bin/tool, run]}
  steps:
    - {name: build, image: i, args: ["$(params.flags[*])", "--", "x"]}
    - {name: report, image: i, command: [python3], args: [a.py], env: [{name: A, value: b}]}
    - {name: script, image: i, script: "echo $$\n"}
"#;

fn ahead(object: &Value) -> Value {
    let outcome = task::inject_for(
        object,
        Operation::Create,
        &settings(),
        Placement::AheadOfTime(ResultsFrom::default()),
    );
    changed(outcome, object)
}

#[test]
fn the_command_of_a_step_follows_the_redirectors_arguments() {
    let object = ahead(&yaml(TASK));
    let steps = &object["spec"]["steps"];
    assert_eq!(steps[0]["command"], json!(["/gleaner/bin/redirector"]));
    assert_eq!(
        steps[0]["args"],
        json!([
            "--injected",
            "--step=build",
            "--output=digest=$(workspaces.out.path)/a$$$$b",
            "--termination-share=5+1",
            "--results=img",
            "--step-metadata-dir=/tekton/run/0/status",
            "--",
            "/bin/tool",
            "run",
            "$(params.flags[*])",
            "--",
            "x"
        ]),
        "Tekton's variables must stay unchanged, and `$$` must be escaped for the kubelet"
    );
    assert_eq!(
        steps[1]["args"],
        json!([
            "--injected",
            "--step=report",
            "--output=lines",
            "--termination-share=5+1",
            "--results=img",
            "--step-metadata-dir=/tekton/run/1/status",
            "--",
            "python3",
            "a.py"
        ])
    );
    assert_eq!(steps[1]["env"], json!([{"name": "A", "value": "b"}]));
}

#[test]
fn a_script_gets_the_redirector_as_its_interpreter() {
    let object = ahead(&yaml(TASK));
    let step = &object["spec"]["steps"][2];
    let flags = r#"["--injected","--step=script","--finish","--termination-share=5+1","--results=img","--step-metadata-dir=/tekton/run/2/status"]"#;
    assert_eq!(
        step["script"],
        format!(
            "#!/gleaner/bin/redirector --script\n#gleaner: {flags}\n#!/bin/sh\nset -e\necho $$\n"
        )
    );
    assert_eq!(step.get("command"), None);
    let mut task = yaml(TASK);
    task["spec"]["steps"][2]["script"] = "#!/usr/bin/env node\nlet x\n".into();
    let script = ahead(&task)["spec"]["steps"][2]["script"].clone();
    assert!(
        script
            .as_str()
            .unwrap()
            .ends_with("]\n#!/usr/bin/env node\nlet x\n"),
        "{script}"
    );
}

#[test]
fn the_sidecar_is_complete_without_injection_into_the_pod() {
    let object = ahead(&yaml(TASK));
    let sidecar = &object["spec"]["sidecars"][0];
    let args: Vec<&str> = sidecar["args"]
        .as_array()
        .unwrap()
        .iter()
        .map(|argument| argument.as_str().unwrap())
        .collect();
    for argument in [
        "--context=pipelineRun.uid=$(PIPELINE_RUN_UID)",
        "--install-redirector=/gleaner/bin/redirector",
        "--step=script",
    ] {
        assert!(args.contains(&argument), "{argument}: {args:?}");
    }
    assert!(!args.contains(&"--unwrapped"));
    assert_eq!(
        sidecar["env"][1]["valueFrom"]["fieldRef"]["fieldPath"],
        "metadata.labels['tekton.dev/pipelineRunUID']"
    );
    assert_eq!(sidecar["readinessProbe"]["exec"]["command"][1], "ready");
    assert_eq!(
        object["spec"]["volumes"],
        json!([{"name": "gleaner-internal", "emptyDir": {}}])
    );
    assert_eq!(
        sidecar["volumeMounts"],
        json!([{"name": "gleaner-internal", "mountPath": "/gleaner"}])
    );
    assert_eq!(
        object["spec"]["steps"][1]["volumeMounts"][1]["subPath"],
        "run/report"
    );
}

#[test]
fn injection_is_idempotent_and_the_webhook_changes_nothing() {
    let mut task = yaml(TASK);
    for on_error in ["stopAndFail", "continue"] {
        task["spec"]["steps"][2]["onError"] = on_error.into();
        let once = ahead(&task);
        assert_eq!(ahead(&once), once);
        let by_webhook = task::inject(&once, Operation::Create, &settings());
        assert_eq!(by_webhook, Ok(Outcome::Skipped(Skip::Done)));
        let steps = once["spec"]["steps"].as_array().unwrap();
        assert_eq!(steps.len(), if on_error == "continue" { 4 } else { 3 });
    }
}

#[test]
fn an_edited_task_is_injected_as_edited() {
    let mut edited = ahead(&yaml(TASK));
    let annotation = "steps: {build: [{name: digest}, {name: other}], script: [{name: late}]}";
    edited["metadata"]["annotations"]["gleaner.dev/outputs"] = annotation.into();
    let more = json!({"name": "more", "image": "i", "command": ["true"]});
    edited["spec"]["steps"].as_array_mut().unwrap().push(more);
    let steps = ahead(&edited)["spec"]["steps"].clone();
    let expected = json!([
        "--injected",
        "--step=build",
        "--output=digest",
        "--output=other",
        "--termination-share=6+1",
        "--",
        "/bin/tool",
        "run",
        "$(params.flags[*])",
        "--",
        "x"
    ]);
    assert_eq!(steps[0]["args"], expected);
    let script = steps[2]["script"].as_str().unwrap();
    assert!(
        script.contains("--output=late") && !script.contains("--finish"),
        "{script}"
    );
    assert_eq!(script.matches("#gleaner:").count(), 1);
    assert_eq!(steps[2]["volumeMounts"].as_array().unwrap().len(), 3);
    assert_eq!(
        steps[3]["args"],
        json!([
            "--injected",
            "--step=more",
            "--finish",
            "--termination-share=6+1",
            "--",
            "true"
        ])
    );
}

#[test]
fn an_annotation_without_effect_is_refused() {
    let annotations = json!({"annotations": {"gleaner.dev/outputs": "steps: {}"}});
    let tasks = json!([{"name": "a", "taskSpec": {"steps": [{"name": "a", "image": "i", "command": ["x"]}]}}]);
    for (kind, spec) in [
        ("PipelineRun", json!({"pipelineSpec": {"tasks": tasks}})),
        ("Pipeline", json!({"tasks": tasks})),
        ("TaskRun", json!({"taskRef": {"name": "t"}})),
    ] {
        let object = json!({"apiVersion": "tekton.dev/v1", "kind": kind, "metadata": annotations, "spec": spec});
        let refused = task::inject_for(
            &object,
            Operation::Create,
            &settings(),
            Placement::AheadOfTime(ResultsFrom::default()),
        );
        let said = refused.unwrap_err().to_string();
        assert!(
            said.contains("the annotation 'gleaner.dev/outputs' has no effect here; "),
            "{kind}: {said}"
        );
    }
}

#[test]
fn steps_that_only_the_controller_can_resolve_are_rejected() {
    let refusal = |change: &dyn Fn(&mut Value)| {
        let mut task = yaml(TASK);
        task["spec"].as_object_mut().unwrap().remove("stepTemplate");
        task["spec"]["steps"][0]["command"] = json!(["x"]);
        change(&mut task);
        let outcome = task::inject_for(
            &task,
            Operation::Create,
            &settings(),
            Placement::AheadOfTime(ResultsFrom::default()),
        );
        outcome.unwrap_err().to_string()
    };
    let said = refusal(&|task| {
        task["spec"]["steps"][0]
            .as_object_mut()
            .unwrap()
            .remove("command");
    });
    assert!(
        said.contains("spec.steps[0]: the step 'build' runs its image's own command"),
        "{said}"
    );
    let said = refusal(&|task| {
        task["spec"]["steps"][0] = json!({"name": "build", "ref": {"name": "action"}})
    });
    assert!(said.contains("the StepAction 'action'"), "{said}");
    let said = refusal(&|task| {
        let step = json!({"name": "build", "image": "i", "script": "x"});
        task["spec"]["steps"][0] = step;
    });
    assert!(
        said.contains("the path in --output=digest=$(workspaces.out.path)")
            && said.contains("arguments of a command"),
        "{said}"
    );
    let said = refusal(&|task| task["spec"]["steps"][2]["script"] = "#!win powershell\n".into());
    assert!(
        said.contains("cannot inject into a Windows script"),
        "{said}"
    );
    let said = refusal(&|task| {
        task["spec"]["steps"][1]["volumeMounts"] = json!([{"name": "x", "mountPath": "/gleaner"}])
    });
    assert!(
        said.contains("spec.steps[1].volumeMounts[0].mountPath: the mount at '/gleaner'"),
        "{said}"
    );
}

#[test]
fn the_port_of_the_tasks_own_sidecar_is_avoided() {
    let mut task = yaml(TASK);
    let port = |task: &Value| {
        let object = ahead(task);
        let sidecars = object["spec"]["sidecars"].as_array().unwrap().clone();
        let args = sidecars.last().unwrap()["args"].to_string();
        args.contains("\"--listen=127.0.0.1:8441\"")
    };
    assert!(!port(&task));
    task["spec"]["sidecars"] =
        json!([{"name": "server", "image": "s", "ports": [{"containerPort": 8440}]}]);
    assert!(port(&task));
}
