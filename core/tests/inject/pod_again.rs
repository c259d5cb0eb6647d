//! Tests that injection can be repeated, even after other injectors have changed the pod, and that parameter values reach the
//! sidecar unchanged.

use gleaner_core::inject::{Outcome, Skip, pod};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::pod::{DECLARATION, JOB, container, pod, tekton_pod, values};
use crate::support::{injected_pod, settings};

#[test]
fn sidecar_fields_that_another_webhook_dropped_are_restored() {
    for before in [tekton_pod(DECLARATION, "u", &["a"]), pod(JOB)] {
        let once = injected_pod(&before);
        let mut stripped = once.clone();
        let list = stripped["spec"]["initContainers"].as_array_mut().unwrap();
        for container in list {
            container.as_object_mut().unwrap().remove("restartPolicy");
        }
        assert_eq!(
            container(&stripped, "sidecar-gleaner")["restartPolicy"],
            Value::Null
        );
        assert_eq!(injected_pod(&stripped), once);
    }
}

proptest! {
    #[test]
    fn injection_into_a_pod_is_idempotent(url in "\\PC{0,20}", list in proptest::collection::vec("[a-z$()-]{0,6}", 0..4)) {
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        for before in [tekton_pod(DECLARATION, &url, &list), pod(JOB)] {
            let once = injected_pod(&before);
            prop_assert_eq!(pod::inject(&once, &settings()), Ok(Outcome::Skipped(Skip::Done)));
        }
    }

    #[test]
    fn a_value_is_never_expanded_by_the_kubelet(url in "[$()a-zA-Z =\"-]{0,24}", list in proptest::collection::vec("[$()a-z:-]{0,8}", 0..4)) {
        let items: Vec<&str> = list.iter().map(String::as_str).collect();
        let pod = injected_pod(&tekton_pod(DECLARATION, &url, &items));
        prop_assert_eq!(values(&pod)["params"].clone(), json!({"url": url, "list": list}));
    }

    #[test]
    fn other_injectors_may_run_before_or_after(native in any::<bool>()) {
        // A service mesh adds an init container, a container and a volume.
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
        prop_assert_eq!(sorted(injected_pod(&mesh(before.clone()))), sorted(injected_pod(&mesh(injected_pod(&before)))));
    }
}
