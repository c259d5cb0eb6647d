//! Checks Tekton Pipelines: its kinds, version and feature flags.

use gleaner_core::inject::settings::Sidecars;
use gleaner_proto::kubernetes::RUN_API_VERSION;
use gleaner_runtime::api_server::path;
use serde_json::Value;

use super::cluster::{Cluster, Unread};
use super::report::{Check, Group};

/// The Tekton kinds that Gleaner needs.
const KINDS: [&str; 4] = ["tasks", "taskruns", "pipelines", "pipelineruns"];
/// The default for Tekton's namespace, used if Tekton's webhook configuration cannot be read or specifies no namespace.
const NAMESPACE: &str = "tekton-pipelines";
/// Tekton's MutatingWebhookConfiguration.
pub(super) const WEBHOOK: &str = "webhook.pipeline.tekton.dev";
/// Tekton's default for `max-result-size`, in bytes (`pkg/apis/config/feature_flags.go`).
const MAX_RESULT_SIZE: &str = "4096";

/// The state of the Tekton installation, which other checks use.
pub(super) struct Tekton {
    /// True if the kinds that Gleaner needs are served.
    pub(super) is_served: bool,
    /// The namespace of the installation.
    pub(super) namespace: String,
    /// The data of the ConfigMap `feature-flags`.
    pub(super) flags: Result<Value, Unread>,
}

/// Checks Tekton. `configurations` are the cluster's MutatingWebhookConfigurations, if they can be read.
pub(super) async fn check(
    cluster: &Cluster<'_>,
    configurations: Option<&[Value]>,
) -> (Group, Tekton) {
    let mut group = Group::new("tekton");
    let kinds = kinds(cluster).await;
    let is_served = kinds.is_ok();
    group.add(kinds.unwrap_or_else(|check| check));
    let namespace = namespace(configurations);
    let config_map = async |name: &str| {
        let path = path::object("v1", "configmaps", Some(&namespace), name);
        let subject = format!("the ConfigMap {name} in {namespace}");
        match cluster.get(&subject, &path).await? {
            Some(mut found) => Ok(found["data"].take()),
            None => Err(Unread::missing(format!("{subject} does not exist"))),
        }
    };
    group.add(version(config_map("pipelines-info").await, &namespace));
    let flags = config_map("feature-flags").await;
    match &flags {
        Ok(flags) => {
            group.add(results_from(flags));
            group.add(kubernetes_sidecar(cluster, flags));
        }
        Err(unread) => group.add(unread.check("feature-flags")),
    }
    let tekton = Tekton {
        is_served,
        namespace,
        flags,
    };
    (group, tekton)
}

/// Returns the namespace of the Service in Tekton's webhook configuration, or [`NAMESPACE`].
fn namespace(configurations: Option<&[Value]>) -> String {
    let mut configurations = configurations.into_iter().flatten();
    let own = configurations.find(|one| one["metadata"]["name"] == WEBHOOK);
    let service = own.map(|own| &own["webhooks"][0]["clientConfig"]["service"]["namespace"]);
    let found = service.and_then(Value::as_str).unwrap_or(NAMESPACE);
    found.to_owned()
}

async fn kinds(cluster: &Cluster<'_>) -> Result<Check, Check> {
    const ID: &str = "tekton-kinds";
    let served = cluster.kinds(RUN_API_VERSION).await;
    let served = served.map_err(|unread| unread.check(ID))?;
    let is_served = |kind: &&str| served.iter().any(|one| one["name"] == *kind);
    let missing: Vec<&str> = KINDS.into_iter().filter(|kind| !is_served(kind)).collect();
    if missing.is_empty() {
        return Ok(Check::ok(
            ID,
            format!("the cluster serves Tekton's {RUN_API_VERSION} kinds"),
        ));
    }
    let message = format!(
        "the cluster does not serve {} of {RUN_API_VERSION}",
        missing.join(", ")
    );
    let remedy = format!("install a version of Tekton Pipelines that serves {RUN_API_VERSION}");
    Err(Check::failed(ID, message, remedy))
}

fn version(info: Result<Value, Unread>, namespace: &str) -> Check {
    const ID: &str = "tekton-version";
    match info {
        Ok(data) => match data["version"].as_str() {
            Some(version) => Check::ok(
                ID,
                format!("Tekton Pipelines {version} is installed in {namespace}"),
            ),
            None => Check::skipped(
                ID,
                format!("the ConfigMap pipelines-info in {namespace} has no version"),
            ),
        },
        Err(unread) => unread.check(ID),
    }
}

fn results_from(flags: &Value) -> Check {
    const ID: &str = "results-from";
    let flag = |name: &str, default: &'static str| {
        let value = flags[name].as_str().filter(|value| !value.is_empty());
        value.unwrap_or(default).to_owned()
    };
    match flag(ID, "termination-message").as_str() {
        "termination-message" => {
            let compressed = flag("enable-termination-message-compression", "false") == "true";
            let how = if compressed { "compressed " } else { "" };
            let room = "all results of a TaskRun share 12 KiB";
            Check::ok(
                ID,
                format!("Tekton reads results from {how}termination messages, and {room}"),
            )
        }
        "sidecar-logs" => {
            let size = flag("max-result-size", MAX_RESULT_SIZE);
            Check::ok(
                ID,
                format!(
                    "Tekton reads results from sidecar logs, and each result can be up to {size} bytes long"
                ),
            )
        }
        other => {
            let message =
                format!("Tekton's feature flag results-from has the unknown value '{other}'");
            let remedy =
                "set it to termination-message or sidecar-logs in the ConfigMap feature-flags";
            Check::warning(ID, message, remedy)
        }
    }
}

fn kubernetes_sidecar(cluster: &Cluster<'_>, flags: &Value) -> Check {
    const ID: &str = "enable-kubernetes-sidecar";
    let is_on = flags[ID] == "true";
    if is_on && Sidecars::supported_by(cluster.version) == Sidecars::Tekton {
        let message =
            format!("{ID} is true, but this version of Kubernetes has no native sidecars");
        let remedy = "set it to false in the ConfigMap feature-flags, or upgrade the cluster";
        return Check::failed(ID, message, remedy);
    }
    let message = match is_on {
        true => {
            "Tekton runs sidecars as native sidecars, and waits until all of them have terminated"
        }
        false => {
            "Tekton stops sidecars itself, except Gleaner's, which is a native sidecar if the cluster supports native sidecars"
        }
    };
    Check::ok(ID, message)
}
