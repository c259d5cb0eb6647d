//! Checks the installation's admission policies, and that the kind PipelineResource is served.

use gleaner_proto::kubernetes::{PIPELINE_RESOURCE_API_VERSION, PIPELINE_RESOURCE_KIND};
use gleaner_runtime::api_server::path;
use serde_json::Value;

use super::cluster::{Cluster, Unread};
use super::report::{Check, Group};
use super::webhook::Installation;

const API_VERSION: &str = "admissionregistration.k8s.io/v1";
/// The policy that rejects pods that bypassed the webhook.
const GUARD: &str = "pods.gleaner.dev";
/// The policy that prevents changes to generated PipelineResources.
const IMMUTABILITY: &str = "pipelineresources.gleaner.dev";

/// Checks that the kind PipelineResource is served. If the cluster has Gleaner's webhook, also checks the policies.
pub(super) async fn check(
    cluster: &Cluster<'_>,
    installation: Option<&Installation>,
    with_webhook: bool,
) -> Group {
    let mut group = Group::new("policies");
    group.add(kind(cluster).await);
    if with_webhook {
        group.add(guard(cluster, installation).await);
        group.add(immutability(cluster).await);
    }
    group
}

async fn kind(cluster: &Cluster<'_>) -> Check {
    const ID: &str = "pipeline-resources";
    let served = match cluster.kinds(PIPELINE_RESOURCE_API_VERSION).await {
        Ok(served) => served,
        Err(unread) => return unread.check(ID),
    };
    if served
        .iter()
        .any(|one| one["kind"] == PIPELINE_RESOURCE_KIND)
    {
        return Check::ok(
            ID,
            format!("the cluster serves the kind {PIPELINE_RESOURCE_KIND}"),
        );
    }
    let message = format!(
        "the cluster does not serve {PIPELINE_RESOURCE_KIND} of {PIPELINE_RESOURCE_API_VERSION}, so declarations can contain only `objects`"
    );
    Check::warning(
        ID,
        message,
        "install its CRD with the chart value crds.install=true",
    )
}

async fn guard(cluster: &Cluster<'_>, installation: Option<&Installation>) -> Check {
    const ID: &str = "pods-while-down";
    const DOWN: &str = "if no injector responds,";
    let Some(installation) = installation else {
        return Check::skipped(ID, "the webhook configuration is unknown");
    };
    if installation.pods["failurePolicy"] != "Ignore" {
        return Check::ok(
            ID,
            format!("{DOWN} the API server rejects pods that request Gleaner"),
        );
    }
    match is_in_force(cluster, GUARD).await {
        Ok(true) => Check::ok(
            ID,
            format!("{DOWN} the policy {GUARD} rejects pods that request Gleaner"),
        ),
        Ok(false) => {
            let message = "if no injector responds, pods that request Gleaner start without it, so they create no objects";
            let remedy =
                "set the chart value webhooks.pods.whileDown to 'refuse', unless this is intended";
            Check::warning(ID, message, remedy)
        }
        Err(unread) => unread.check(ID),
    }
}

async fn immutability(cluster: &Cluster<'_>) -> Check {
    const ID: &str = "immutability";
    if cluster.version < (1, 30) {
        let message = "generated PipelineResources can be changed, because the policy that prevents this needs Kubernetes 1.30 or later";
        return Check::skipped(ID, message);
    }
    match is_in_force(cluster, IMMUTABILITY).await {
        Ok(true) => Check::ok(ID, "generated PipelineResources cannot be changed"),
        Ok(false) => {
            let message = format!(
                "generated PipelineResources can be changed, because the policy {IMMUTABILITY} is not in force"
            );
            let remedy =
                "set the chart value immutability.enabled to true, unless this is intended";
            Check::warning(ID, message, remedy)
        }
        Err(unread) => unread.check(ID),
    }
}

/// Returns true if the policy exists and its binding has the action `Deny`.
async fn is_in_force(cluster: &Cluster<'_>, name: &str) -> Result<bool, Unread> {
    let get = async |plural: &str| {
        let subject = format!("{plural} ({name})");
        let path = path::object(API_VERSION, plural, None, name);
        cluster.get(&subject, &path).await
    };
    let policy = get("validatingadmissionpolicies").await?;
    let binding = get("validatingadmissionpolicybindings").await?;
    let denies = binding.is_some_and(|binding| {
        let actions = binding["spec"]["validationActions"].as_array();
        actions.is_some_and(|actions| actions.contains(&Value::from("Deny")))
    });
    Ok(policy.is_some() && denies)
}
