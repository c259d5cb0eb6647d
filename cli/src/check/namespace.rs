//! Checks the namespace of the runs: injection, Pod Security and ServiceAccount.

use gleaner_runtime::api_server::path;
use serde_json::Value;

use super::cluster::Cluster;
use super::dry_run;
use super::report::{Check, Group};
use super::selector;
use super::tekton::Tekton;
use super::webhook::Installation;

/// The label that exempts a namespace from the webhook.
const INJECTION: &str = "gleaner.dev/injection";
/// The label that sets the enforced Pod Security Standard.
const ENFORCED: &str = "pod-security.kubernetes.io/enforce";
/// Tekton's feature flag that makes Tekton's init containers conform to the `restricted` standard.
const SECURITY_CONTEXT: &str = "set-security-context";

/// Checks the namespace. If the cluster has Gleaner's webhook, also checks that the webhook injects Gleaner into the namespace's
/// objects.
pub(super) async fn check(
    cluster: &Cluster<'_>,
    tekton: &Tekton,
    installation: Option<&Installation>,
    with_webhook: bool,
) -> Group {
    const ID: &str = "namespace";
    let mut group = Group::new("namespace");
    let name = cluster.namespace;
    let path = path::object("v1", "namespaces", None, name);
    match cluster.get(&format!("the namespace {name}"), &path).await {
        Ok(Some(namespace)) => {
            group.add(Check::ok(ID, format!("the namespace {name} exists")));
            let labels = &namespace["metadata"]["labels"];
            if with_webhook {
                group.add(injection(name, labels, installation));
            }
            group.add(pod_security(name, labels, tekton));
        }
        Ok(None) => {
            let message = format!("the namespace {name} does not exist");
            let remedy = format!(
                "run `kubectl create namespace {name}`, or select another namespace with -n"
            );
            group.add(Check::failed(ID, message, remedy));
            return group;
        }
        Err(unread) => group.add(unread.check(ID)),
    }
    group.add(service_account(cluster).await);
    if with_webhook {
        group.add(dry_run::check(cluster, tekton).await);
    }
    group
}

fn injection(name: &str, labels: &Value, installation: Option<&Installation>) -> Check {
    const ID: &str = "injection";
    if labels[INJECTION] == "disabled" {
        let message =
            format!("the label {INJECTION}=disabled excludes the namespace {name} from injection");
        let remedy =
            format!("run `kubectl label namespace {name} {INJECTION}-`, or use another namespace");
        return Check::failed(ID, message, remedy);
    }
    let Some(Installation { pods, tekton, .. }) = installation else {
        let message = "injection cannot be checked, because the webhook configuration is unknown";
        return Check::skipped(ID, message);
    };
    let is_called = |webhook: &Value| selector::matches(&webhook["namespaceSelector"], labels);
    if is_called(pods) && is_called(tekton) {
        return Check::ok(
            ID,
            "the webhooks inject Gleaner into the objects in this namespace that request it",
        );
    }
    let message = format!("the webhooks' namespaceSelector excludes the namespace {name}");
    let remedy = "use another namespace, or change the chart value webhooks.namespaceSelector";
    Check::failed(ID, message, remedy)
}

fn pod_security(name: &str, labels: &Value, tekton: &Tekton) -> Check {
    const ID: &str = "pod-security";
    let level = labels[ENFORCED].as_str().unwrap_or("privileged");
    if level != "restricted" {
        let message =
            format!("Pod Security enforces the {level} level, and the sidecar conforms to it");
        return Check::ok(ID, message);
    }
    match &tekton.flags {
        Ok(flags) if flags[SECURITY_CONTEXT] == "true" => Check::ok(
            ID,
            "Pod Security enforces the restricted level, and the sidecar and Tekton's init containers conform to it",
        ),
        Ok(_) => {
            let message = format!(
                "Pod Security enforces the restricted level in {name}, so it rejects Tekton's init containers"
            );
            let remedy = format!(
                "run `kubectl -n {} patch configmap feature-flags --type merge --patch '{{\"data\": {{\"{SECURITY_CONTEXT}\": \"true\"}}}}'`",
                tekton.namespace
            );
            Check::failed(ID, message, remedy)
        }
        Err(_) => Check::skipped(
            ID,
            format!(
                "Pod Security enforces the restricted level, but the value of Tekton's feature flag {SECURITY_CONTEXT} is unknown"
            ),
        ),
    }
}

async fn service_account(cluster: &Cluster<'_>) -> Check {
    const ID: &str = "service-account";
    let (name, namespace) = (cluster.service_account, cluster.namespace);
    let path = path::object("v1", "serviceaccounts", Some(namespace), name);
    let subject = format!("the ServiceAccount {name} in {namespace}");
    match cluster.get(&subject, &path).await {
        Ok(Some(_)) => Check::ok(ID, format!("{subject} exists")),
        Ok(None) => {
            let message = format!("{subject} does not exist");
            let remedy = format!(
                "run `kubectl -n {namespace} create serviceaccount {name}`, or select another ServiceAccount with --service-account"
            );
            Check::failed(ID, message, remedy)
        }
        Err(unread) => unread.check(ID),
    }
}
