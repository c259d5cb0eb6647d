//! Checks the injector, which serves the webhooks: its Service, pods, release and certificate.

use gleaner_runtime::api_server::path;
use jiff::Timestamp;
use serde_json::Value;

use super::certificate;
use super::cluster::{Cluster, Unread};
use super::report::{Check, Group};
use super::webhook::Installation;

/// The label that contains Gleaner's release. The chart sets this label, as Kubernetes recommends.
const VERSION: &str = "app.kubernetes.io/version";

/// Checks the injector. If the injector's Deployment can be read, also returns the Deployment.
pub(super) async fn check(
    cluster: &Cluster<'_>,
    installation: Option<&Installation>,
    now: Timestamp,
) -> (Group, Option<Value>) {
    let mut group = Group::new("injector");
    let Some(installation) = installation else {
        let message = "the Service is unknown, because the webhook configuration is unknown";
        group.add(Check::skipped("service", message));
        return (group, None);
    };
    let Some((name, namespace)) = &installation.service else {
        group.add(Check::skipped(
            "service",
            "the webhook configuration specifies a URL, not a Service",
        ));
        return (group, None);
    };
    let place = Place { name, namespace };
    group.add(service(cluster, &place).await);
    group.add(endpoints(cluster, &place).await);
    let path = path::object("apps/v1", "deployments", Some(namespace), name);
    let deployment = cluster
        .get(&format!("the Deployment {name} in {namespace}"), &path)
        .await;
    group.add(release(&deployment, &place));
    group.add(serving(cluster, &deployment, &place, now).await);
    (group, deployment.ok().flatten())
}

/// The name and namespace of the Service. The chart uses the same name for the Deployment.
struct Place<'a> {
    name: &'a str,
    namespace: &'a str,
}

async fn service(cluster: &Cluster<'_>, place: &Place<'_>) -> Check {
    const ID: &str = "service";
    let Place { name, namespace } = place;
    let path = path::object("v1", "services", Some(namespace), name);
    match cluster
        .get(&format!("the Service {name} in {namespace}"), &path)
        .await
    {
        Ok(Some(_)) => Check::ok(
            ID,
            format!("the webhooks use the Service {name} in {namespace}"),
        ),
        Ok(None) => {
            let message =
                format!("the webhooks use the Service {name} in {namespace}, which does not exist");
            let remedy = "reinstall the chart, or delete the webhook configuration that remains from an earlier installation";
            Check::failed(ID, message, remedy)
        }
        Err(unread) => unread.check(ID),
    }
}

async fn endpoints(cluster: &Cluster<'_>, place: &Place<'_>) -> Check {
    const ID: &str = "endpoints";
    let Place { name, namespace } = place;
    let path = path::collection("discovery.k8s.io/v1", "endpointslices", Some(namespace));
    let subject = format!("EndpointSlices in {namespace}");
    let slices = match cluster.list(&subject, &path).await {
        Ok(slices) => slices,
        Err(unread) => return unread.check(ID),
    };
    let own = slices.iter();
    let own =
        own.filter(|slice| slice["metadata"]["labels"]["kubernetes.io/service-name"] == *name);
    let endpoints = own.flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten());
    // An endpoint without the condition `ready` counts as ready (k8s.io/api/discovery/v1).
    let ready = endpoints.filter(|one| one["conditions"]["ready"] != Value::Bool(false));
    match ready.count() {
        0 => {
            let message =
                "no injector pod is ready, so the API server rejects objects that request Gleaner";
            let remedy = format!(
                "see `kubectl -n {namespace} get pods`, and `kubectl -n {namespace} logs deployment/{name}`"
            );
            Check::failed(ID, message, remedy)
        }
        1 => Check::ok(ID, "1 injector pod is ready"),
        count => Check::ok(ID, format!("{count} injector pods are ready")),
    }
}

fn release(deployment: &Result<Option<Value>, Unread>, place: &Place<'_>) -> Check {
    const ID: &str = "release";
    let own = env!("CARGO_PKG_VERSION");
    let deployment = match deployment {
        Ok(Some(deployment)) => deployment,
        Ok(None) => return Check::skipped(ID, missing(place)),
        Err(unread) => return unread.check(ID),
    };
    match deployment["metadata"]["labels"][VERSION].as_str() {
        Some(version) if version == own => {
            Check::ok(ID, format!("the cluster runs Gleaner {version}"))
        }
        Some(version) => {
            let message =
                format!("the cluster runs Gleaner {version}, but this command is version {own}");
            let remedy = "use the gleaner command of the same release, because the checks differ between releases";
            Check::warning(ID, message, remedy)
        }
        None => Check::skipped(ID, format!("the Deployment has no label {VERSION}")),
    }
}

async fn serving(
    cluster: &Cluster<'_>,
    deployment: &Result<Option<Value>, Unread>,
    place: &Place<'_>,
    now: Timestamp,
) -> Check {
    const ID: &str = "certificate";
    let deployment = match deployment {
        Ok(Some(deployment)) => deployment,
        Ok(None) => return Check::skipped(ID, missing(place)),
        Err(unread) => return unread.check(ID),
    };
    let Some(name) = secret(deployment) else {
        return Check::skipped(
            ID,
            "the Deployment does not specify the certificate's Secret",
        );
    };
    let namespace = place.namespace;
    let path = path::object("v1", "secrets", Some(namespace), &name);
    let subject = format!("the Secret {name} in {namespace}");
    let remedy = format!(
        "look for `certificate-check-failed` in the output of `kubectl -n {namespace} logs deployment/{}`",
        place.name
    );
    match cluster.get(&subject, &path).await {
        Ok(Some(secret)) => match certificate::validities(&secret["data"]["tls.crt"]) {
            Some(validities) => {
                let leaf = &validities[..1];
                certificate::check(ID, "the injector's certificate", leaf, now, &remedy)
            }
            None => Check::failed(
                ID,
                format!("{subject} has no valid certificate in tls.crt"),
                remedy,
            ),
        },
        Ok(None) => {
            let message = format!("{subject} does not exist");
            Check::failed(
                ID,
                message,
                "create it with `helm upgrade`, or, if cert-manager issues the certificate, check the status of the Certificate",
            )
        }
        Err(unread) => unread.check(ID),
    }
}

fn missing(place: &Place<'_>) -> String {
    let Place { name, namespace } = place;
    format!("the Service {name} in {namespace} has no Deployment of the same name")
}

/// Returns the name of the certificate's Secret. The name is in the flag `--tls-secret` or, if the flag is not set, in the volume
/// `certificate`.
fn secret(deployment: &Value) -> Option<String> {
    let pod = &deployment["spec"]["template"]["spec"];
    let flag = arguments(deployment).find_map(|argument| argument.strip_prefix("--tls-secret="));
    if let Some(flag) = flag {
        let (_, name) = flag.rsplit_once('/')?;
        return Some(name.to_owned());
    }
    let mut volumes = pod["volumes"].as_array().into_iter().flatten();
    let volume = volumes.find(|volume| volume["name"] == "certificate")?;
    Some(volume["secret"]["secretName"].as_str()?.to_owned())
}

/// Returns the arguments of the injector's containers.
pub(super) fn arguments(deployment: &Value) -> impl Iterator<Item = &str> {
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array();
    let containers = containers.into_iter().flatten();
    let arguments = containers.flat_map(|one| one["args"].as_array().into_iter().flatten());
    arguments.filter_map(Value::as_str)
}
