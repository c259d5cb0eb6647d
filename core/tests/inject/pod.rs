//! Tests injection into the pods that Tekton creates from injected Tasks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gleaner_core::inject::task::{self, Operation};
use gleaner_core::inject::{Outcome, Settings, Skip, pod};
use serde_json::{Value, json};

use crate::support::{injected, injected_pod, settings, yaml};

/// The admission review of a pod that Tekton created from a TaskRun, recorded in a cluster.
pub(crate) const RICH: &str = include_str!("fixtures/pod-from-taskrun-rich.json");
/// The admission review of a pod that a Job created.
pub(crate) const JOB: &str = include_str!("fixtures/pod-from-plain-job.json");

pub(crate) fn pod(review: &str) -> Value {
    let review: Value = serde_json::from_str(review).expect("JSON");
    review["request"]["object"].clone()
}

/// Returns the TaskRun that belongs to the pod in [`RICH`], with only the fields that injection reads.
fn rich_task(declaration: &str) -> Value {
    let mut object = yaml(
        "
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: rich, annotations: {}}
spec:
  taskSpec:
    params: [{name: url, type: string}, {name: list, type: array}]
    workspaces: [{name: src}]
    steps:
      - {name: build, command: [/bin/sh]}
      - {name: lint, onError: continue, script: exit 3}
      - {name: last, script: echo}
",
    );
    object["metadata"]["annotations"]["gleaner.dev/outputs"] = declaration.into();
    object
}

pub(crate) const DECLARATION: &str = r#"
steps:
  build:
    - {name: digest, fromPath: $(workspaces.src.path)/digest}
    - {name: report, type: object, when: Always}
  lint: [{name: findings, fromPath: /workspace/a$HOME/findings, default: none}]
resources:
  - name: img
    spec:
      type: image
      params: [{name: url, value: $(params.url)}, {name: first, value: "$(params.list[0])"}, {name: digest, value: $(steps.build.digest)}]
preflight: Strict
"#;

/// Returns the pod in [`RICH`] as Tekton would create it from the injected TaskRun with these parameter values.
pub(crate) fn tekton_pod(declaration: &str, url: &str, list: &[&str]) -> Value {
    let run = injected(&rich_task(declaration));
    let mut sidecar = run["spec"]["taskSpec"]["sidecars"][0].clone();
    let mut args = Vec::new();
    for argument in sidecar["args"].as_array().unwrap() {
        let argument = argument.as_str().unwrap();
        if argument == "$(params.list[*])" {
            args.extend(list.iter().map(|item| (*item).to_owned()));
            continue;
        }
        let known = [
            ("$(params.url)", url),
            ("$(context.taskRun.name)", "rich"),
            ("$(context.taskRun.namespace)", "default"),
            (
                "$(context.taskRun.uid)",
                "a1bcc4ac-6b4b-47c6-801b-225388a74129",
            ),
            ("$(context.task.name)", ""),
            ("$(context.task.retry-count)", "0"),
            ("$(workspaces.src.path)", "/workspace/src"),
        ];
        let whole = known.iter().fold(argument.to_owned(), |text, (from, to)| {
            text.replace(from, to)
        });
        args.push(whole);
    }
    sidecar["name"] = "sidecar-gleaner".into();
    sidecar["args"] = args.into();
    let resources = sidecar
        .as_object_mut()
        .unwrap()
        .remove("computeResources")
        .unwrap();
    sidecar["resources"] = resources;
    sidecar["volumeMounts"] = json!([
        {"name": "ws-d33ce", "mountPath": "/workspace/src"},
        {"name": "kube-api-access-dgctg", "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"},
    ]);
    let mut pod = pod(RICH);
    pod["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .push(sidecar);
    pod
}

pub(crate) fn container<'a>(pod: &'a Value, name: &str) -> &'a Value {
    let lists = ["initContainers", "containers"].into_iter();
    let mut all = lists.flat_map(|list| pod["spec"][list].as_array().into_iter().flatten());
    all.find(|container| container["name"] == name)
        .unwrap_or_else(|| panic!("no container {name}"))
}

pub(crate) fn args(pod: &Value, name: &str) -> Vec<String> {
    let args = container(pod, name)["args"].as_array().unwrap().iter();
    args.map(|argument| argument.as_str().unwrap().to_owned())
        .collect()
}

/// Expands an argument as the kubelet does. The argument must not refer to environment variables.
fn expanded(argument: &str) -> String {
    argument.replace("$$", "$")
}

/// Decodes the values in the sidecar's `--values` arguments.
pub(crate) fn values(pod: &Value) -> Value {
    let args = args(pod, "sidecar-gleaner");
    let parts = args
        .iter()
        .filter_map(|argument| argument.strip_prefix("--values="));
    let encoded: String = parts.collect();
    serde_json::from_slice(&STANDARD.decode(encoded).unwrap()).unwrap()
}

#[track_caller]
pub(crate) fn refused(pod: &Value, settings: &Settings) -> String {
    pod::inject(pod, settings)
        .expect_err("a refusal")
        .to_string()
}

fn after_entrypoint(args: &[String]) -> &[String] {
    let at = args
        .iter()
        .position(|argument| argument == "-entrypoint")
        .unwrap();
    &args[at..]
}

#[test]
fn a_step_runs_under_the_redirector_within_tekton_s_entrypoint() {
    let before = tekton_pod(DECLARATION, "u", &["a"]);
    let pod = injected_pod(&before);
    let build = args(&pod, "step-build");
    assert_eq!(
        after_entrypoint(&build),
        [
            "-entrypoint",
            "/gleaner/bin/redirector",
            "--",
            "--injected",
            "--step=build",
            "--output=digest=/workspace/src/digest",
            "--output=report,object,Always",
            "--preflight",
            "--termination-share=7+1",
            "--",
            "/bin/sh",
            "-c",
            "id; echo $1 > /workspace/digest",
            "--",
            "a \"quoted\" value: with # yaml",
        ]
    );
    let old = args(&before, "step-build");
    let kept = old.len() - after_entrypoint(&old).len();
    assert_eq!(
        build[..kept],
        old[..kept],
        "Tekton's own arguments come first"
    );
    assert_eq!(
        container(&pod, "step-build")["command"],
        json!(["/tekton/bin/entrypoint"])
    );
}

#[test]
fn a_script_is_injected_like_a_command_and_only_the_last_step_has_the_finish_flag() {
    let pod = injected_pod(&tekton_pod(DECLARATION, "u", &[]));
    let lint = args(&pod, "step-lint");
    assert_eq!(
        after_entrypoint(&lint)[1..],
        [
            "/gleaner/bin/redirector",
            "--",
            "--injected",
            "--step=lint",
            // The kubelet replaces `$$` with `$`. It expands only variables of the form `$(HOME)`, so `$HOME` stays in the path.
            "--output=findings,optional=/workspace/a$$HOME/findings",
            "--termination-share=7+1",
            "--",
            "/tekton/scripts/script-1-v4rq7",
        ]
    );
    let last = args(&pod, "step-last");
    assert_eq!(
        after_entrypoint(&last)[3..6],
        ["--injected", "--step=last", "--finish"]
    );
}

#[test]
fn a_step_mounts_only_its_own_directories() {
    let pod = injected_pod(&tekton_pod(DECLARATION, "u", &[]));
    for step in ["build", "lint", "last"] {
        let mounts = container(&pod, &format!("step-{step}"))["volumeMounts"]
            .as_array()
            .unwrap();
        let own: Vec<&Value> = mounts
            .iter()
            .filter(|mount| mount["name"] == "gleaner-internal")
            .collect();
        assert_eq!(
            json!(own),
            json!([
                {"name": "gleaner-internal", "mountPath": "/gleaner/bin", "subPath": "bin", "readOnly": true},
                {"name": "gleaner-internal", "mountPath": "/gleaner/run/me", "subPath": format!("run/{step}"), "readOnly": true},
                {"name": "gleaner-internal", "mountPath": "/gleaner/outputs", "subPath": format!("outputs/{step}")},
            ])
        );
    }
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    assert!(volumes.contains(&json!({"name": "gleaner-internal", "emptyDir": {}})));
}

/// The mount can come from a StepAction or a remote Task, which no webhook reviews.
#[test]
fn a_pod_whose_containers_mount_gleaners_volumes_is_rejected() {
    for (list, index) in [("containers", 0), ("containers", 2), ("initContainers", 0)] {
        let mut pod = tekton_pod(DECLARATION, "u", &[]);
        let container = &mut pod["spec"][list][index];
        let mounts = container["volumeMounts"].as_array_mut().unwrap();
        let place = format!("spec.{list}[{index}].volumeMounts[{}].name", mounts.len());
        mounts.push(json!({"name": "gleaner-token", "mountPath": "/t"}));
        let said = refused(&pod, &settings());
        assert!(said.contains(&place), "{said}");
    }
}

#[test]
fn the_sidecar_becomes_a_native_sidecar_after_tektons_init_containers() {
    let before = tekton_pod(DECLARATION, "u", &[]);
    let pod = injected_pod(&before);
    let init = pod["spec"]["initContainers"].as_array().unwrap();
    let sidecar = init.last().unwrap();
    assert_eq!(sidecar["name"], "sidecar-gleaner");
    assert_eq!(sidecar["restartPolicy"], "Always");
    assert_eq!(
        sidecar["lifecycle"]["postStart"]["exec"]["command"],
        json!(["/gleaner-sidecar", "ready"])
    );
    assert_eq!(sidecar.get("command"), None);
    assert_eq!(
        sidecar["volumeMounts"],
        json!([
            {"name": "gleaner-internal", "mountPath": "/gleaner"},
            {"name": "kube-api-access-dgctg", "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"},
        ]),
        "the sidecar must not mount a workspace of the Task"
    );
    let names: Vec<&Value> = pod["spec"]["containers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["name"])
        .collect();
    assert_eq!(
        json!(names),
        json!(["step-build", "step-lint", "step-last", "sidecar-registry"])
    );
    let args = args(&pod, "sidecar-gleaner");
    assert!(
        !args
            .iter()
            .any(|argument| argument == "--unwrapped" || argument.starts_with("--path")),
        "{args:?}"
    );
    for flag in [
        "--step=build",
        "--step=lint",
        "--step=last",
        "--redirector=/gleaner-redirector",
        "--install-redirector=/gleaner/bin/redirector",
    ] {
        assert!(args.contains(&flag.to_owned()), "{flag}: {args:?}");
    }
}

#[test]
fn values_reach_the_sidecar_without_kubelet_expansion() {
    let hostile = "$(HOME) $$ \"quoted\"\n--owner=x";
    let pod = injected_pod(&tekton_pod(DECLARATION, hostile, &["--", "$$(x)"]));
    let values = values(&pod);
    assert_eq!(
        values["params"],
        json!({"url": hostile, "list": ["--", "$$(x)"]})
    );
    assert_eq!(
        values["context"]["taskRun.uid"],
        "a1bcc4ac-6b4b-47c6-801b-225388a74129"
    );
    assert_eq!(values["context"]["taskRun.name"], "rich");
    for argument in args(&pod, "sidecar-gleaner") {
        assert!(!argument.contains('$'), "{argument}");
    }
}

#[test]
fn the_pipeline_run_is_taken_from_the_pods_labels() {
    let mut before = tekton_pod(DECLARATION, "u", &[]);
    let labels = before["metadata"]["labels"].as_object_mut().unwrap();
    labels.insert("tekton.dev/pipelineRun".into(), "pr".into());
    labels.insert("tekton.dev/pipelineRunUID".into(), "2".into());
    labels.insert("tekton.dev/pipelineTask".into(), "build".into());
    let values = values(&injected_pod(&before));
    assert_eq!(values["context"]["pipelineRun.name"], "pr");
    assert_eq!(values["context"]["pipelineRun.uid"], "2");
    assert_eq!(values["context"]["pipelineRun.namespace"], "default");
    assert_eq!(
        values["labels"],
        json!({"tekton.dev/pipelineTask": "build"})
    );
}

#[test]
fn the_images_own_command_is_injected_for_each_platform() {
    let mut before = tekton_pod(DECLARATION, "u", &[]);
    let build = &mut before["spec"]["containers"][0];
    let mut args_: Vec<Value> = build["args"].as_array().unwrap().clone();
    let at = args_
        .iter()
        .position(|argument| argument == "-entrypoint")
        .unwrap();
    args_.drain(at..at + 2);
    build["args"] = args_.into();
    let commands = r#"{"linux/amd64":["/ep","-x"],"linux/arm64":["/ep"]}"#;
    build["env"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "TEKTON_PLATFORM_COMMANDS", "value": commands}));
    let pod = injected_pod(&before);
    let env = container(&pod, "step-build")["env"].as_array().unwrap();
    let injected_commands = env.last().unwrap()["value"].as_str().unwrap();
    let injected_commands: Value = serde_json::from_str(&expanded(injected_commands)).unwrap();
    let prefix = [
        "/gleaner/bin/redirector",
        "--injected",
        "--step=build",
        "--output=digest=/workspace/src/digest",
        "--output=report,object,Always",
        "--preflight",
        "--termination-share=7+1",
        "--",
        "/ep",
    ];
    assert_eq!(injected_commands["linux/arm64"], json!(prefix));
    assert_eq!(injected_commands["linux/amd64"][9], "-x");
    assert_eq!(args(&pod, "step-build"), args(&before, "step-build"));
}

#[test]
fn an_image_command_that_a_run_adds_is_also_injected() {
    let mut before = tekton_pod(DECLARATION, "u", &[]);
    let build = &mut before["spec"]["containers"][0];
    let args = build["args"].as_array_mut().unwrap();
    let at = args.iter().position(|argument| argument == "-entrypoint");
    args.drain(at.unwrap()..at.unwrap() + 2);
    let env = build["env"].as_array_mut().unwrap();
    // The second variable is from `podTemplate.env`. It overrides the first, which Tekton sets.
    for command in ["/ep", "/other"] {
        let commands = json!({"linux/amd64": [command]}).to_string();
        env.push(json!({"name": "TEKTON_PLATFORM_COMMANDS", "value": commands}));
    }
    let pod = injected_pod(&before);
    let env = container(&pod, "step-build")["env"].as_array().unwrap();
    for variable in &env[env.len() - 2..] {
        let commands = variable["value"].as_str().unwrap();
        assert!(commands.contains("/gleaner/bin/redirector"), "{commands}");
    }
    let env = before["spec"]["containers"][0]["env"].as_array_mut();
    let from = json!({"configMapKeyRef": {"name": "x", "key": "y"}});
    *env.unwrap().last_mut().unwrap() =
        json!({"name": "TEKTON_PLATFORM_COMMANDS", "valueFrom": from});
    assert!(refused(&before, &settings()).contains("TEKTON_PLATFORM_COMMANDS"));
}

#[test]
fn gleaners_own_step_has_a_socket_but_does_not_run_under_the_redirector() {
    let mut task = rich_task(DECLARATION);
    task["spec"]["taskSpec"]["steps"][2]["onError"] = "continue".into();
    let sidecar_args = injected(&task)["spec"]["taskSpec"]["sidecars"][0]["args"].clone();
    let mut before = tekton_pod(DECLARATION, "u", &[]);
    let containers = before["spec"]["containers"].as_array_mut().unwrap();
    let mut own = containers[2].clone();
    own["name"] = "step-gleaner".into();
    own["args"] = json!([
        "-wait_file",
        "/tekton/run/2/out",
        "-entrypoint",
        "/gleaner-redirector",
        "--",
        "finish"
    ]);
    containers.insert(3, own.clone());
    containers.last_mut().unwrap()["args"] = sidecar_args;
    let pod = injected_pod(&before);
    let mut expected = own["args"].as_array().unwrap().clone();
    expected.extend(["--injected", "--termination-share=7+2"].map(Value::from));
    assert_eq!(container(&pod, "step-gleaner")["args"], json!(expected));
    assert!(
        container(&pod, "step-gleaner")["volumeMounts"]
            .to_string()
            .contains("run/gleaner")
    );
    assert!(!args(&pod, "step-last").contains(&"--finish".to_owned()));
}

#[test]
fn a_step_that_calls_the_redirector_itself_is_injected_like_any_other() {
    let mut before = tekton_pod(DECLARATION, "u", &[]);
    let last = &mut before["spec"]["containers"][2];
    let at = last["args"]
        .as_array()
        .unwrap()
        .iter()
        .position(|argument| argument == "-entrypoint")
        .unwrap();
    last["args"][at + 1] = "/gleaner/bin/redirector".into();
    let args = args(&injected_pod(&before), "step-last");
    assert!(args.contains(&"--finish".to_owned()), "{args:?}");
    assert_eq!(
        args.iter()
            .filter(|argument| *argument == "/gleaner/bin/redirector")
            .count(),
        2
    );
}

#[test]
fn long_values_are_split_into_arguments_that_linux_accepts() {
    let long = "v".repeat(120_000);
    let pod = injected_pod(&tekton_pod(DECLARATION, &long, &["x"]));
    for argument in args(&pod, "sidecar-gleaner") {
        assert!(argument.len() < 128 << 10, "{} bytes", argument.len());
    }
    assert_eq!(values(&pod)["params"]["url"], *long);
}

#[test]
fn a_pod_uses_the_declaration_of_its_injected_task() {
    // The pod's annotation may come from the Pipeline, because Tekton prefers a Pipeline's annotations to a Task's. Nevertheless,
    // the declaration that was injected into the Task takes effect.
    let mut before = tekton_pod(DECLARATION, "u", &[]);
    before["metadata"]["annotations"]["gleaner.dev/outputs"] = "steps: {nobody: []}".into();
    let pod = injected_pod(&before);
    assert!(args(&pod, "step-build").contains(&"--step=build".to_owned()));
    let none = task::inject(
        &json!({"kind": "Pod", "apiVersion": "v1"}),
        Operation::Create,
        &settings(),
    );
    assert_eq!(none, Ok(Outcome::Skipped(Skip::Kind)));
}
