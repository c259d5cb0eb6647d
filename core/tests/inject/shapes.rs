//! Tests injection into unusual pods: in clusters with different settings, with parts from other tools, or with errors.

use gleaner_core::inject::settings::Sidecars;
use gleaner_core::inject::{Outcome, Settings, Skip, pod};
use serde_json::{Value, json};

use crate::pod::{DECLARATION, JOB, RICH, args, container, pod, refused, tekton_pod};
use crate::support::{changed, injected_pod, settings};

#[test]
fn a_sidecar_that_tekton_made_native_stays_in_place() {
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
        injected_pod(&before),
        injected_pod(&tekton_pod(DECLARATION, "u", &[]))
    );
}

#[test]
fn without_native_sidecars_the_tekton_sidecar_gets_a_probe() {
    let old = Settings {
        sidecars: Sidecars::Tekton,
        ..settings()
    };
    let before = tekton_pod(DECLARATION, "u", &[]);
    let pod = changed(pod::inject(&before, &old), &before);
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
fn the_sidecar_gets_a_token_even_if_the_steps_have_none() {
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
    let pod = injected_pod(&before);
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
fn on_the_host_network_the_system_chooses_the_port() {
    let mut before = tekton_pod(DECLARATION, "u", &[]);
    before["spec"]["hostNetwork"] = true.into();
    assert!(
        args(&injected_pod(&before), "sidecar-gleaner")
            .contains(&"--listen=127.0.0.1:0".to_owned())
    );
}

#[test]
fn the_port_of_another_container_is_avoided() {
    let listens = |args: &[String]| {
        let mut flags = args.iter().filter(|flag| flag.starts_with("--listen"));
        flags.next().cloned()
    };
    let pod_with = |list: &str, index: usize, ports: Value| {
        let mut before = tekton_pod(DECLARATION, "u", &[]);
        before["spec"][list][index]["ports"] = ports;
        listens(&args(&injected_pod(&before), "sidecar-gleaner"))
    };
    assert_eq!(pod_with("containers", 3, json!([])), None);
    let other = json!([{"containerPort": 8441}, {"containerPort": 80}]);
    assert_eq!(pod_with("containers", 3, other), None);
    let own = json!([{"containerPort": 8440}]);
    for (list, index) in [("containers", 3), ("containers", 0), ("initContainers", 0)] {
        let flag = pod_with(list, index, own.clone());
        assert_eq!(flag.as_deref(), Some("--listen=127.0.0.1:8441"), "{list}");
    }
    let more = json!([{"containerPort": 8441}, {"containerPort": 8440}, {"containerPort": 8442}]);
    let flag = pod_with("containers", 3, more);
    assert_eq!(flag.as_deref(), Some("--listen=127.0.0.1:8443"));
    let mut job = pod(JOB);
    job["spec"]["containers"][0]["ports"] = own;
    let flag = listens(&args(&injected_pod(&job), "sidecar-gleaner"));
    assert_eq!(flag.as_deref(), Some("--listen=127.0.0.1:8441"));
}

#[test]
fn pods_that_cannot_be_injected_are_rejected_with_a_remedy() {
    let injected = tekton_pod(DECLARATION, "u", &[]);
    let refusal = |change: &dyn Fn(&mut Value)| {
        let mut pod = injected.clone();
        change(&mut pod);
        refused(&pod, &settings())
    };
    let said = refusal(&|pod| {
        pod["spec"]["containers"].as_array_mut().unwrap().remove(0);
    });
    assert!(
        said.contains("the pod has 2 steps, but the Task had 3")
            && said.contains("apply the Task again"),
        "{said}"
    );
    let said = refusal(&|pod| pod["spec"]["containers"][0]["command"] = json!(["/bin/other"]));
    assert!(said.contains("spec.containers[0]: cannot inject into the step: its command is not /tekton/bin/entrypoint"), "{said}");
    let said = refusal(&|pod| {
        pod["spec"]["containers"][1]["volumeMounts"][0]["mountPath"] = "/gleaner/x/".into();
    });
    assert!(
        said.contains(
            "spec.containers[1].volumeMounts[0].mountPath: the mount at '/gleaner/x' conflicts with /gleaner"
        ),
        "{said}"
    );
    let said = refused(&pod(RICH), &settings());
    assert!(
        said.contains("Gleaner's webhook did not inject its Task")
            && said.contains("apply the Task again"),
        "{said}"
    );
}

#[test]
fn a_pod_without_the_annotation_is_unchanged() {
    for review in [RICH, JOB] {
        let mut pod = pod(review);
        pod["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("annotations");
        assert_eq!(
            pod::inject(&pod, &settings()),
            Ok(Outcome::Skipped(Skip::NotAsked))
        );
    }
    let mut assistant = pod(RICH);
    assistant["metadata"]["labels"]["app.kubernetes.io/component"] = "affinity-assistant".into();
    assert_eq!(
        pod::inject(&assistant, &settings()),
        Ok(Outcome::Skipped(Skip::NotAsked))
    );
}

#[test]
fn parts_of_the_user_with_gleaners_names_are_unchanged() {
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
        pod::inject(&foreign, &settings()),
        Ok(Outcome::Skipped(Skip::NotAsked))
    );
    foreign["metadata"]["annotations"] = json!({"gleaner.dev/outputs": "steps: {}"});
    assert!(
        refused(&foreign, &settings())
            .contains("the container 'sidecar-gleaner' has a name that is reserved")
    );
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
