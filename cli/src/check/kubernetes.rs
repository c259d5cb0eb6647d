//! Checks the API server and its version.

use gleaner_core::inject::settings::Sidecars;
use gleaner_runtime::api_server::{ApiServer, Version};
use gleaner_runtime::error_chain;

use super::report::{Check, Group};

/// The oldest supported minor version of Kubernetes 1.
const OLDEST: u32 = 28;
/// The first version in which the feature gate for native sidecars can no longer be disabled (KEP-753).
const LOCKED: (u32, u32) = (1, 33);

/// Checks the API server, and returns its version. Returns `None` if the API server does not respond with a valid version.
pub(super) async fn check(api: &ApiServer) -> (Group, Option<Version>) {
    let mut group = Group::new("kubernetes");
    let context = match api.context() {
        Some(context) => format!("the API server of the context {context}"),
        None => "the API server".to_owned(),
    };
    let version = match api.version().await {
        Ok(Some(version)) => version,
        Ok(None) => {
            let message =
                format!("{context} responded, but the response contains no Kubernetes version");
            let remedy =
                "check the cluster's address in the kubeconfig, for example with `kubectl version`";
            group.add(Check::failed("api-server", message, remedy));
            return (group, None);
        }
        Err(error) => {
            let message = format!("{context} cannot be used: {}", error_chain(&error));
            let remedy = match error.code().map(|code| code.as_u16()) {
                Some(401) => "log in to the cluster again",
                _ => "check the kubeconfig and the network, for example with `kubectl version`",
            };
            group.add(Check::failed("api-server", message, remedy));
            return (group, None);
        }
    };
    group.add(Check::ok("api-server", format!("{context} responds")));
    group.add(of_version(&version));
    group.add(sidecars(&version));
    (group, Some(version))
}

fn of_version(version: &Version) -> Check {
    let name = &version.name;
    if version.number < (1, OLDEST) {
        let message = format!("Kubernetes {name} is too old");
        let remedy = format!("upgrade the cluster to Kubernetes 1.{OLDEST} or later");
        return Check::failed("version", message, remedy);
    }
    Check::ok("version", format!("the cluster runs Kubernetes {name}"))
}

fn sidecars(version: &Version) -> Check {
    const ID: &str = "native-sidecars";
    match Sidecars::supported_by(version.number) {
        Sidecars::Tekton => {
            let message = "the cluster does not support native sidecars, so Tekton stops the sidecar after the steps, and Gleaner rejects the pods of Jobs";
            Check::warning(
                ID,
                message,
                "upgrade the cluster to Kubernetes 1.29 or later",
            )
        }
        Sidecars::Native if version.number < LOCKED => {
            let message = "native sidecars are supported, unless the beta feature gate SidecarContainers is disabled";
            Check::ok(ID, message)
        }
        Sidecars::Native => Check::ok(ID, "native sidecars are supported"),
    }
}
