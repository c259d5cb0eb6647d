//! Tests that Gleaner's containers in a pod get the image of the injector that writes their flags, even if the Task was injected
//! with a different image.

use gleaner_core::inject::settings::PullPolicy;
use gleaner_core::inject::{Outcome, Settings, Skip, pod};
use serde_json::{Value, json};

use crate::pod::{DECLARATION, args, container, tekton_pod};
use crate::support::{changed, injected_pod, settings};

/// The image of the previous release.
const OLD: &str = "registry.example/gleaner:0";

/// Returns the pod of a Task that an earlier release injected. That release added fewer flags to the step `gleaner`.
fn old_pod() -> Value {
    let mut pod = tekton_pod(DECLARATION, "u", &["a"]);
    let containers = pod["spec"]["containers"].as_array_mut().unwrap();
    let mut own = containers[2].clone();
    own["name"] = "step-gleaner".into();
    own["args"] = json!(["-entrypoint", "/gleaner-redirector", "--", "finish"]);
    let sidecar = containers.last_mut().unwrap();
    let arguments = sidecar["args"].as_array_mut().unwrap();
    let last = arguments.iter().position(|one| one == "--step=last");
    arguments.insert(last.unwrap() + 1, "--step=gleaner".into());
    containers.insert(3, own);
    for name in ["step-gleaner", "sidecar-gleaner"] {
        let gleaner_s = containers.iter_mut().find(|one| one["name"] == name);
        let gleaner_s = gleaner_s.unwrap();
        gleaner_s["image"] = OLD.into();
        gleaner_s["imagePullPolicy"] = "Always".into();
    }
    pod
}

#[test]
fn the_image_in_a_pod_is_that_of_the_pods_injector_not_of_the_tasks_injector() {
    let before = old_pod();
    let pod = injected_pod(&before);
    for name in ["step-gleaner", "sidecar-gleaner"] {
        let gleaner_s = container(&pod, name);
        assert_eq!(gleaner_s["image"], "registry.example/gleaner:1", "{name}");
        assert_eq!(gleaner_s["imagePullPolicy"], "IfNotPresent", "{name}");
    }
    assert!(!pod.to_string().contains(OLD), "{pod}");
    assert_eq!(
        args(&pod, "step-gleaner")[3..],
        ["finish", "--injected", "--termination-share=7+2"],
        "the arguments and the image must belong to the same release"
    );
    for name in ["step-build", "step-lint", "step-last", "sidecar-registry"] {
        for field in ["image", "imagePullPolicy"] {
            let kept = &container(&before, name)[field];
            assert_eq!(&container(&pod, name)[field], kept, "{name} {field}");
        }
    }
}

#[test]
fn the_pull_policy_is_replaced_if_the_image_changes() {
    let none = Settings {
        image_pull_policy: None,
        ..settings()
    };
    let policies = |settings: &Settings| {
        let before = old_pod();
        let pod = changed(pod::inject(&before, settings), &before);
        ["step-gleaner", "sidecar-gleaner"]
            .map(|name| container(&pod, name)["imagePullPolicy"].clone())
    };
    assert_eq!(policies(&none), [Value::Null, Value::Null]);
    let never = Settings {
        image_pull_policy: Some(PullPolicy::Never),
        ..settings()
    };
    assert_eq!(policies(&never), ["Never", "Never"]);
    let same = Settings {
        image: OLD.to_owned(),
        ..none
    };
    assert_eq!(
        policies(&same),
        ["Always", "Always"],
        "if the image stays the same, its pull policy must stay the same"
    );
}

/// The flags in the pod are already complete and match the release of the pod's image, for example after `gleaner inject`.
#[test]
fn a_completely_injected_pod_keeps_its_image() {
    let old = Settings {
        image: OLD.to_owned(),
        ..settings()
    };
    let before = old_pod();
    let complete = changed(pod::inject(&before, &old), &before);
    assert_eq!(container(&complete, "sidecar-gleaner")["image"], OLD);
    let again = pod::inject(&complete, &settings());
    assert_eq!(again, Ok(Outcome::Skipped(Skip::Done)));
}
