//! Wrapping: a pod that asks for Gleaner gets redirector and sidecar.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gleaner_injector::settings::Sidecars;
use gleaner_injector::weave::{self, Operation};
use gleaner_injector::{Outcome, Settings, Skip, wrap};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{changed, settings, woven, wrapped, yaml};

/// A pod that Tekton has made of a real TaskRun, as the webhook got it.
const RICH: &str = include_str!("fixtures/pod-from-taskrun-rich.json");
/// One that a Job has made.
const JOB: &str = include_str!("fixtures/pod-from-plain-job.json");

fn pod(review: &str) -> Value {
    let review: Value = serde_json::from_str(review).expect("JSON");
    review["request"]["object"].clone()
}

/// The TaskRun that the rich pod was made of, cut down to what weaving looks at.
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

const DECLARATION: &str = r#"
steps:
  build:
    - {name: digest, fromPath: $(workspaces.src.path)/digest}
    - {name: report, type: object, when: Always}
  lint: [{name: findings, fromPath: /workspace/$HOME/findings, default: none}]
resources:
  - name: img
    spec:
      type: image
      params: [{name: url, value: $(params.url)}, {name: first, value: "$(params.list[0])"}, {name: digest, value: $(steps.build.digest)}]
preflight: Strict
"#;

/// The rich pod as Tekton makes it of the woven Task, with these values of its parameters.
fn tekton_pod(declaration: &str, url: &str, list: &[&str]) -> Value {
    let run = woven(&rich_task(declaration));
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

fn container<'a>(pod: &'a Value, name: &str) -> &'a Value {
    let lists = ["initContainers", "containers"].into_iter();
    let mut all = lists.flat_map(|list| pod["spec"][list].as_array().into_iter().flatten());
    all.find(|container| container["name"] == name)
        .unwrap_or_else(|| panic!("no container {name}"))
}

fn args(pod: &Value, name: &str) -> Vec<String> {
    let args = container(pod, name)["args"].as_array().unwrap().iter();
    args.map(|argument| argument.as_str().unwrap().to_owned())
        .collect()
}

/// What the kubelet makes of an argument, where no variable is known.
fn expanded(argument: &str) -> String {
    argument.replace("$$", "$")
}

/// The values that the sidecar will read.
fn values(pod: &Value) -> Value {
    let args = args(pod, "sidecar-gleaner");
    let parts = args
        .iter()
        .filter_map(|argument| argument.strip_prefix("--values="));
    let encoded: String = parts.collect();
    serde_json::from_slice(&STANDARD.decode(encoded).unwrap()).unwrap()
}

#[track_caller]
fn refused(pod: &Value, settings: &Settings) -> String {
    wrap::wrap(pod, settings)
        .expect_err("a refusal")
        .to_string()
}

fn behind_entrypoint(args: &[String]) -> &[String] {
    let at = args
        .iter()
        .position(|argument| argument == "-entrypoint")
        .unwrap();
    &args[at..]
}

#[test]
fn a_step_runs_under_the_redirector_within_tekton_s_entrypoint() {
    let before = tekton_pod(DECLARATION, "u", &["a"]);
    let pod = wrapped(&before);
    let build = args(&pod, "step-build");
    assert_eq!(
        behind_entrypoint(&build),
        [
            "-entrypoint",
            "/gleaner/bin/redirector",
            "--",
            "--step=build",
            "--output=digest=/workspace/src/digest",
            "--output=report,object,Always",
            "--preflight",
            "--",
            "/bin/sh",
            "-c",
            "id; echo $1 > /workspace/digest",
            "--",
            "a \"quoted\" value: with # yaml",
        ]
    );
    let old = args(&before, "step-build");
    let kept = old.len() - behind_entrypoint(&old).len();
    assert_eq!(build[..kept], old[..kept], "what comes before is Tekton's");
    assert_eq!(
        container(&pod, "step-build")["command"],
        json!(["/tekton/bin/entrypoint"])
    );
}

#[test]
fn a_script_is_a_command_like_any_other_and_only_the_last_step_finishes() {
    let pod = wrapped(&tekton_pod(DECLARATION, "u", &[]));
    let lint = args(&pod, "step-lint");
    assert_eq!(
        behind_entrypoint(&lint)[1..],
        [
            "/gleaner/bin/redirector",
            "--",
            "--step=lint",
            // `$HOME` is no variable of Kubernetes; the doubled sign is one again when the kubelet has expanded it.
            "--output=findings,optional=/workspace/$$HOME/findings",
            "--",
            "/tekton/scripts/script-1-v4rq7",
        ]
    );
    let last = args(&pod, "step-last");
    assert_eq!(behind_entrypoint(&last)[3..5], ["--step=last", "--finish"]);
}

#[test]
fn a_step_sees_its_own_folders_and_no_other_s() {
    let pod = wrapped(&tekton_pod(DECLARATION, "u", &[]));
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

#[test]
fn the_sidecar_becomes_a_native_one_behind_tekton_s_own_init_containers() {
    let before = tekton_pod(DECLARATION, "u", &[]);
    let pod = wrapped(&before);
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
        "no workspace of the task's"
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
fn values_reach_the_sidecar_past_the_kubelet() {
    let hostile = "$(HOME) $$ \"quoted\"\n--owner=x";
    let pod = wrapped(&tekton_pod(DECLARATION, hostile, &["--", "$$(x)"]));
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
fn the_pipeline_run_is_known_by_the_pod_s_labels() {
    let mut before = tekton_pod(DECLARATION, "u", &[]);
    let labels = before["metadata"]["labels"].as_object_mut().unwrap();
    labels.insert("tekton.dev/pipelineRun".into(), "pr".into());
    labels.insert("tekton.dev/pipelineRunUID".into(), "2".into());
    labels.insert("tekton.dev/pipelineTask".into(), "build".into());
    let values = values(&wrapped(&before));
    assert_eq!(values["context"]["pipelineRun.name"], "pr");
    assert_eq!(values["context"]["pipelineRun.uid"], "2");
    assert_eq!(values["context"]["pipelineRun.namespace"], "default");
    assert_eq!(
        values["labels"],
        json!({"tekton.dev/pipelineTask": "build"})
    );
}

#[test]
fn a_command_of_the_image_s_own_is_wrapped_for_each_platform() {
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
    let pod = wrapped(&before);
    let env = container(&pod, "step-build")["env"].as_array().unwrap();
    let wrapped_commands = env.last().unwrap()["value"].as_str().unwrap();
    let wrapped_commands: Value = serde_json::from_str(&expanded(wrapped_commands)).unwrap();
    let prefix = [
        "/gleaner/bin/redirector",
        "--step=build",
        "--output=digest=/workspace/src/digest",
        "--output=report,object,Always",
        "--preflight",
        "--",
        "/ep",
    ];
    assert_eq!(wrapped_commands["linux/arm64"], json!(prefix));
    assert_eq!(wrapped_commands["linux/amd64"][7], "-x");
    assert_eq!(args(&pod, "step-build"), args(&before, "step-build"));
}

#[test]
fn a_step_of_gleaner_s_own_is_not_wrapped_but_has_its_socket() {
    let mut task = rich_task(DECLARATION);
    task["spec"]["taskSpec"]["steps"][2]["onError"] = "continue".into();
    let sidecar_args = woven(&task)["spec"]["taskSpec"]["sidecars"][0]["args"].clone();
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
    let pod = wrapped(&before);
    assert_eq!(container(&pod, "step-gleaner")["args"], own["args"]);
    assert!(
        container(&pod, "step-gleaner")["volumeMounts"]
            .to_string()
            .contains("run/gleaner")
    );
    assert!(!args(&pod, "step-last").contains(&"--finish".to_owned()));
}

#[test]
fn a_sidecar_that_tekton_made_native_stays_where_it_is_found() {
    let mut before = tekton_pod(DECLARATION, "u", &[]);
    let mut sidecar = before["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .pop()
        .unwrap();
    sidecar["restartPolicy"] = "Always".into();
    before["spec"]["initContainers"]
        .as_array_mut()
        .unwrap()
        .push(sidecar);
    assert_eq!(
        wrapped(&before),
        wrapped(&tekton_pod(DECLARATION, "u", &[]))
    );
}

#[test]
fn without_native_sidecars_it_stays_one_of_tekton_s_with_a_probe() {
    let old = Settings {
        sidecars: Sidecars::Tekton,
        ..settings()
    };
    let before = tekton_pod(DECLARATION, "u", &[]);
    let pod = changed(wrap::wrap(&before, &old), &before);
    let sidecar = pod["spec"]["containers"]
        .as_array()
        .unwrap()
        .last()
        .unwrap();
    assert_eq!(sidecar["name"], "sidecar-gleaner");
    assert_eq!(sidecar.get("restartPolicy"), None);
    assert_eq!(
        sidecar["readinessProbe"]["exec"]["command"],
        json!(["/gleaner-sidecar", "ready", "--wait=1s"])
    );
    assert_eq!(
        pod["spec"]["initContainers"],
        before["spec"]["initContainers"]
    );
}

#[test]
fn the_sidecar_gets_a_token_where_the_steps_have_none() {
    let mut before = tekton_pod(DECLARATION, "u", &[]);
    before["spec"]["automountServiceAccountToken"] = false.into();
    for list in ["initContainers", "containers"] {
        for container in before["spec"][list].as_array_mut().unwrap() {
            let mounts = container["volumeMounts"].as_array_mut().unwrap();
            mounts.retain(|mount| {
                mount["mountPath"] != "/var/run/secrets/kubernetes.io/serviceaccount"
            });
        }
    }
    let pod = wrapped(&before);
    let mount = &container(&pod, "sidecar-gleaner")["volumeMounts"][1];
    assert_eq!(mount["name"], "gleaner-token");
    assert!(
        !container(&pod, "step-build")["volumeMounts"]
            .to_string()
            .contains("gleaner-token")
    );
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    assert!(
        volumes
            .iter()
            .any(|volume| volume["name"] == "gleaner-token" && volume["projected"].is_object())
    );
}

#[test]
fn on_the_host_network_the_port_is_left_to_the_system() {
    let mut before = tekton_pod(DECLARATION, "u", &[]);
    before["spec"]["hostNetwork"] = true.into();
    assert!(
        args(&wrapped(&before), "sidecar-gleaner").contains(&"--listen=127.0.0.1:0".to_owned())
    );
}

#[test]
fn what_cannot_be_wrapped_is_refused_with_a_remedy() {
    let woven = tekton_pod(DECLARATION, "u", &[]);
    let refusal = |change: &dyn Fn(&mut Value)| {
        let mut pod = woven.clone();
        change(&mut pod);
        refused(&pod, &settings())
    };
    let said = refusal(&|pod| {
        pod["spec"]["containers"].as_array_mut().unwrap().remove(0);
    });
    assert!(
        said.contains("the pod has 2 steps, the Task had 3")
            && said.contains("apply the Task again"),
        "{said}"
    );
    let said = refusal(&|pod| pod["spec"]["containers"][0]["command"] = json!(["/bin/other"]));
    assert!(said.contains("spec.containers[0]: the step cannot be wrapped: its command is not /tekton/bin/entrypoint"), "{said}");
    let said = refusal(&|pod| {
        pod["spec"]["containers"][1]["volumeMounts"][0]["mountPath"] = "/gleaner/x/".into();
    });
    assert!(
        said.contains(
            "spec.containers[1].volumeMounts[0].mountPath: the mount at '/gleaner/x' is in the way"
        ),
        "{said}"
    );
    let said = refused(&pod(RICH), &settings());
    assert!(
        said.contains("has not passed Gleaner's webhook") && said.contains("apply the Task again"),
        "{said}"
    );
}

#[test]
fn a_pod_without_the_annotation_is_left_alone() {
    for review in [RICH, JOB] {
        let mut pod = pod(review);
        pod["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("annotations");
        assert_eq!(
            wrap::wrap(&pod, &settings()),
            Ok(Outcome::Skipped(Skip::NotAsked))
        );
    }
    let mut assistant = pod(RICH);
    assistant["metadata"]["labels"]["app.kubernetes.io/component"] = "affinity-assistant".into();
    assert_eq!(
        wrap::wrap(&assistant, &settings()),
        Ok(Outcome::Skipped(Skip::NotAsked))
    );
}

#[test]
fn what_merely_has_a_name_of_gleaner_s_is_left_alone() {
    let mut foreign = pod(RICH);
    foreign["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("annotations");
    let other = json!({"name": "sidecar-gleaner", "image": "x", "args": ["--param=foo", "--", "--declaration=x"]});
    foreign["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .push(other);
    assert_eq!(
        wrap::wrap(&foreign, &settings()),
        Ok(Outcome::Skipped(Skip::NotAsked))
    );
    foreign["metadata"]["annotations"] = json!({"gleaner.dev/outputs": "steps: {}"});
    assert!(
        refused(&foreign, &settings()).contains("the container 'sidecar-gleaner' has the name")
    );
}

#[test]
fn a_step_that_calls_the_redirector_itself_is_wrapped_like_any_other() {
    let mut before = tekton_pod(DECLARATION, "u", &[]);
    let last = &mut before["spec"]["containers"][2];
    let at = last["args"]
        .as_array()
        .unwrap()
        .iter()
        .position(|argument| argument == "-entrypoint")
        .unwrap();
    last["args"][at + 1] = "/gleaner/bin/redirector".into();
    let args = args(&wrapped(&before), "step-last");
    assert!(args.contains(&"--finish".to_owned()), "{args:?}");
    assert_eq!(
        args.iter()
            .filter(|argument| *argument == "/gleaner/bin/redirector")
            .count(),
        2
    );
}

#[test]
fn long_values_are_in_arguments_that_linux_takes() {
    let long = "v".repeat(120_000);
    let pod = wrapped(&tekton_pod(DECLARATION, &long, &["x"]));
    for argument in args(&pod, "sidecar-gleaner") {
        assert!(argument.len() < 128 << 10, "{} bytes", argument.len());
    }
    assert_eq!(values(&pod)["params"]["url"], *long);
}

#[test]
fn a_pod_for_windows_is_refused() {
    for (place, os) in [
        ("os", json!({"name": "windows"})),
        ("nodeSelector", json!({"kubernetes.io/os": "windows"})),
    ] {
        let mut before = tekton_pod(DECLARATION, "u", &[]);
        before["spec"][place] = os;
        assert!(refused(&before, &settings()).contains("for Windows"));
    }
}

#[test]
fn a_job_s_container_plays_the_step_and_the_job_owns() {
    let pod = wrapped(&pod(JOB));
    assert_eq!(
        container(&pod, "main")["command"],
        json!([
            "/gleaner/bin/redirector",
            "--step=main",
            "--output=version=/tmp/version",
            "--finish",
            "--termination-message=/dev/termination-log",
            "--",
            "/bin/sh",
            "-c",
            "echo 1.2.3 > /tmp/version",
        ])
    );
    let sidecar = container(&pod, "sidecar-gleaner");
    assert_eq!(sidecar["restartPolicy"], "Always");
    let args = args(&pod, "sidecar-gleaner");
    for flag in [
        "--context=taskRun.uid=$(POD_UID)",
        "--context=task.name=plain-job",
        "--owner=batch/v1,Job,plain-job,a1a6cbf7-069b-45ed-b31e-db8595959b6f",
    ] {
        assert!(args.contains(&flag.to_owned()), "{flag}: {args:?}");
    }
    assert_eq!(
        sidecar["env"][2]["valueFrom"]["fieldRef"]["fieldPath"],
        "metadata.uid"
    );
}

#[test]
fn a_plain_pod_is_refused_what_it_cannot_have() {
    let refusal = |change: &dyn Fn(&mut Value)| {
        let mut pod = pod(JOB);
        change(&mut pod);
        refused(&pod, &settings())
    };
    let declare = |text: &'static str| {
        move |pod: &mut Value| pod["metadata"]["annotations"]["gleaner.dev/outputs"] = text.into()
    };
    let said = refusal(&|pod| {
        pod["spec"]["containers"][0]
            .as_object_mut()
            .unwrap()
            .remove("command");
    });
    assert!(
        said.contains("spec.containers[0].command: the container 'main' has no command"),
        "{said}"
    );
    let said = refusal(&declare("steps: {mian: [{name: version}]}"));
    assert!(
        said.contains("gleaner.dev/outputs:1:16: steps.mian")
            && said.contains("did you mean 'main'?"),
        "{said}"
    );
    let said = refusal(&|pod| {
        let second = pod["spec"]["containers"][0].clone();
        pod["spec"]["containers"]
            .as_array_mut()
            .unwrap()
            .push(second);
        pod["spec"]["containers"][1]["name"] = "second".into();
        declare("steps: {main: [{name: a}], second: [{name: b}]}\nsubmit: Completed")(pod);
    });
    assert!(said.contains("containers of a pod have no order"), "{said}");
    let said = refusal(&|pod| {
        pod["spec"].as_object_mut().unwrap().remove("restartPolicy");
    });
    assert!(said.contains("restartPolicy: Always"), "{said}");
    let said = refusal(&|pod| pod["spec"]["restartPolicy"] = "OnFailure".into());
    assert!(
        said.contains("spec.restartPolicy") && said.contains("backoffLimit"),
        "{said}"
    );
    let old = Settings {
        sidecars: Sidecars::Tekton,
        ..settings()
    };
    assert!(refused(&pod(JOB), &old).contains("Kubernetes 1.29"));
}

proptest! {
    #[test]
    fn wrapping_twice_is_wrapping_once(url in "\\PC{0,20}", list in proptest::collection::vec("[a-z$()-]{0,6}", 0..4)) {
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        for before in [tekton_pod(DECLARATION, &url, &list), pod(JOB)] {
            let once = wrapped(&before);
            prop_assert_eq!(wrap::wrap(&once, &settings()), Ok(Outcome::Skipped(Skip::Done)));
        }
    }

    #[test]
    fn a_value_is_never_expanded_on_its_way(url in "[$()a-zA-Z =\"-]{0,24}", list in proptest::collection::vec("[$()a-z:-]{0,8}", 0..4)) {
        let items: Vec<&str> = list.iter().map(String::as_str).collect();
        let pod = wrapped(&tekton_pod(DECLARATION, &url, &items));
        prop_assert_eq!(values(&pod)["params"].clone(), json!({"url": url, "list": list}));
    }

    #[test]
    fn other_injectors_may_come_before_or_behind(native in any::<bool>()) {
        // A mesh adds an init container, a container and a volume.
        let mesh = |mut pod: Value| {
            let list = if native { "initContainers" } else { "containers" };
            pod["spec"][list].as_array_mut().unwrap().push(json!({"name": "mesh", "image": "m"}));
            pod["spec"]["volumes"].as_array_mut().unwrap().push(json!({"name": "mesh", "emptyDir": {}}));
            pod
        };
        let before = tekton_pod(DECLARATION, "u", &["a"]);
        let sorted = |mut pod: Value| {
            for list in ["initContainers", "containers", "volumes"] {
                pod["spec"][list].as_array_mut().unwrap().sort_by_key(Value::to_string);
            }
            pod
        };
        prop_assert_eq!(sorted(wrapped(&mesh(before.clone()))), sorted(mesh(wrapped(&before))));
    }
}

#[test]
fn a_task_is_woven_and_its_pod_wrapped_under_one_declaration() {
    // The pod's annotation may be another's: Tekton lets a Pipeline's win. What was woven counts.
    let mut before = tekton_pod(DECLARATION, "u", &[]);
    before["metadata"]["annotations"]["gleaner.dev/outputs"] = "steps: {nobody: []}".into();
    let pod = wrapped(&before);
    assert!(args(&pod, "step-build").contains(&"--step=build".to_owned()));
    let none = weave::weave(
        &json!({"kind": "Pod", "apiVersion": "v1"}),
        Operation::Create,
        &settings(),
    );
    assert_eq!(none, Ok(Outcome::Skipped(Skip::Kind)));
}
