//! The sidecar's container.

use gleaner_proto::arguments::{Arguments, DECLARATION, UNWRAPPED};
use gleaner_proto::kubernetes::SIDECAR_CONTAINER;
use serde_json::{Map, Value, json};

use super::{LISTS, containers, containers_mut, name_of, pod_resources, texts};
use crate::document::diagnostic::Diagnostic;
use crate::inject::settings::{Settings, Sidecars};
use crate::inject::{list, mounts, port, readiness, redirector_flags, traces};

/// The mount path of the pod's ServiceAccount token (`k8s.io/kubernetes/plugin/pkg/admission/serviceaccount`).
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The field and the value that make an init container a native sidecar (KEP-753).
const RESTART_POLICY: &str = "restartPolicy";
const ALWAYS: &str = "Always";

/// The state of a container with the sidecar's name.
#[derive(Debug)]
pub(super) enum State {
    /// The container comes from the injected Task, with these arguments; the pod's steps are not injected yet.
    InTask(Vec<String>),
    /// The container has these arguments, and was injected into the pod, or ahead of time into the Task.
    InPod(Vec<String>),
    /// The container is not Gleaner's.
    Foreign,
}

/// Returns the list and index of the container with the sidecar's name.
pub(super) fn find(pod: &Value) -> Option<(&'static str, usize)> {
    LISTS.into_iter().find_map(|list| {
        let mut names = containers(pod, list).iter().map(name_of);
        Some((list, names.position(|name| name == SIDECAR_CONTAINER)?))
    })
}

/// Returns the state of the container at `place`.
pub(super) fn state(pod: &Value, (list, index): (&'static str, usize)) -> State {
    let args = texts(&containers(pod, list)[index], "args");
    let mut flags = args
        .split(|argument| argument == "--")
        .next()
        .unwrap_or_default()
        .iter();
    if !flags.clone().any(|flag| flag.starts_with(DECLARATION)) {
        State::Foreign
    } else if flags.any(|flag| flag == UNWRAPPED) {
        State::InTask(args)
    } else {
        State::InPod(args)
    }
}

/// Restores the field that makes the injected sidecar at `place` a native sidecar. A webhook built with an API older than
/// Kubernetes 1.28 drops the field from pods, and the API server then rejects the pod, because only native sidecars among the
/// init containers may have a `lifecycle`.
pub(super) fn restore(pod: &mut Value, (list, index): (&'static str, usize)) {
    if list == "initContainers" {
        containers_mut(pod, list)[index][RESTART_POLICY] = ALWAYS.into();
    }
}

/// Turns `container` into a sidecar of this release that has `arguments`, and adds the container to the pod. Fails if the sidecar
/// does not fit into the pod-level resources.
pub(super) fn place(
    pod: &mut Value,
    mut container: Map<String, Value>,
    arguments: &Arguments,
    settings: &Settings,
) -> Result<(), Vec<Diagnostic>> {
    pod_resources::fit(pod, &mut container)?;
    let mut args = arguments.clone();
    // The current list of allowed kinds replaces the list in the Task's sidecar.
    args.kinds = settings.kinds.to_arguments();
    args.others.extend(redirector_flags::install());
    args.others.extend(if pod["spec"]["hostNetwork"] == true {
        Some(port::any())
    } else {
        port::flag(LISTS.iter().flat_map(|list| containers(pod, list)))
    });
    container.insert("args".to_owned(), args.to_args().into());
    settings.set_image(&mut container);
    traces::add(&mut container, settings);
    // After a crash, `kubectl describe` shows the termination message, which is the end of the log with this policy. No program
    // parses the sidecar's termination message.
    container.insert(
        "terminationMessagePolicy".to_owned(),
        "FallbackToLogsOnError".into(),
    );
    let own_token = container
        .get("volumeMounts")
        .and_then(Value::as_array)
        .and_then(|mounts| mounts.iter().find(|mount| mount["mountPath"] == TOKEN))
        .cloned();
    let token = own_token
        .or_else(|| token_of_others(pod))
        .unwrap_or_else(|| {
            list::push(&mut pod["spec"], "volumes", token_volume());
            json!({"name": mounts::TOKEN_VOLUME, "mountPath": TOKEN, "readOnly": true})
        });
    container.insert(
        "volumeMounts".to_owned(),
        json!([mounts::of_sidecar(), token]),
    );
    match settings.sidecars {
        Sidecars::Native => {
            container.insert(RESTART_POLICY.to_owned(), ALWAYS.into());
            container.insert("lifecycle".to_owned(), readiness::lifecycle());
            containers_mut(pod, "initContainers").push(container.into());
        }
        Sidecars::Tekton => {
            container.insert("readinessProbe".to_owned(), readiness::probe());
            containers_mut(pod, "containers").push(container.into());
        }
    }
    Ok(())
}

/// Searches all containers in the pod for a volume mount of the ServiceAccount token.
fn token_of_others(pod: &Value) -> Option<Value> {
    let all = LISTS.iter().flat_map(|list| containers(pod, list));
    let mut mounts = all.flat_map(|container| list::items(container, "volumeMounts"));
    mounts.find(|mount| mount["mountPath"] == TOKEN).cloned()
}

/// Returns a volume with a ServiceAccount token that only the sidecar mounts. Such a volume is needed if the steps get no token
/// because the pod or its ServiceAccount disables the automatic mount. The volume has the same form as the one that Kubernetes
/// adds.
fn token_volume() -> Value {
    json!({
        "name": mounts::TOKEN_VOLUME,
        "projected": {
            "defaultMode": 420,
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [
                    {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}},
                ]}},
            ],
        },
    })
}
