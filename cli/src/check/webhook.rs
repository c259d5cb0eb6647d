//! Checks Gleaner's webhook configuration, and its position among the other configurations.

use jiff::Timestamp;
use serde_json::Value;

use super::certificate;
use super::cluster::{Cluster, Unread};
use super::report::{Check, Group};
use super::tekton;

const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
/// The webhook for Tekton's kinds.
const TEKTON: &str = "tekton.gleaner.dev";
/// The webhook for pods.
const PODS: &str = "pods.gleaner.dev";
/// The remedy for a configuration that differs from the chart's.
const UPGRADE: &str = "restore the chart's configuration with `helm upgrade`";

/// Gleaner's webhook configuration.
pub(super) struct Installation {
    /// The name and namespace of the webhooks' Service; `None` if the configuration specifies a URL.
    pub(super) service: Option<(String, String)>,
    /// The webhook for pods.
    pub(super) pods: Value,
    /// The webhook for Tekton's kinds.
    pub(super) tekton: Value,
}

/// Returns the cluster's MutatingWebhookConfigurations.
pub(super) async fn configurations(cluster: &Cluster<'_>) -> Result<Vec<Value>, Unread> {
    let subject = "MutatingWebhookConfigurations";
    cluster.list(subject, CONFIGURATIONS).await
}

/// Checks Gleaner's configuration. If there is exactly one configuration and it contains both webhooks, returns it.
pub(super) fn check(
    configurations: &Result<Vec<Value>, Unread>,
    now: Timestamp,
) -> (Group, Option<Installation>) {
    const ID: &str = "webhook-configuration";
    let mut group = Group::new("webhook");
    let all = match configurations {
        Ok(all) => all,
        Err(unread) => {
            group.add(unread.check(ID));
            return (group, None);
        }
    };
    let is_own =
        |one: &&Value| webhooks(one).any(|webhook| is(webhook, PODS) || is(webhook, TEKTON));
    let own: Vec<&Value> = all.iter().filter(is_own).collect();
    let [own] = own.as_slice() else {
        let names: Vec<&str> = own.iter().map(|one| name(one)).collect();
        group.add(match names.as_slice() {
            [] => Check::failed(
                ID,
                "Gleaner's webhook is not installed",
                "install the chart, or use `gleaner inject` and run `gleaner check --without-webhook`",
            ),
            names => Check::failed(
                ID,
                format!("Gleaner is installed more than once: {}", names.join(", ")),
                "uninstall all releases but one",
            ),
        });
        return (group, None);
    };
    let found = |name: &str| webhooks(own).find(|webhook| is(webhook, name)).cloned();
    let (Some(tekton), Some(pods)) = (found(TEKTON), found(PODS)) else {
        let message = format!(
            "the webhook configuration {} does not contain both webhooks, {TEKTON} and {PODS}",
            name(own)
        );
        group.add(Check::failed(ID, message, UPGRADE));
        return (group, None);
    };
    group.add(Check::ok(
        ID,
        format!(
            "the webhook configuration {} contains {TEKTON} and {PODS}",
            name(own)
        ),
    ));
    group.add(order(name(own), all));
    group.add(others(name(own), all, &pods));
    group.add(while_down(&tekton));
    group.add(bundle(&[&tekton, &pods], now));
    let service = &pods["clientConfig"]["service"];
    let text = |key: &str| service[key].as_str().map(str::to_owned);
    let service = text("name").zip(text("namespace"));
    let installation = Installation {
        service,
        pods,
        tekton,
    };
    (group, Some(installation))
}

/// Checks that the API server calls Gleaner's webhook before Tekton's. Webhooks are called in the order of their configurations'
/// names.
fn order(own: &str, all: &[Value]) -> Check {
    const ID: &str = "webhook-order";
    let tekton = tekton::WEBHOOK;
    if own < tekton {
        return Check::ok(ID, format!("{own} is called before {tekton}"));
    }
    if !all.iter().any(|one| name(one) == tekton) {
        return Check::skipped(
            ID,
            format!(
                "the order is irrelevant, because the cluster has no webhook configuration {tekton}"
            ),
        );
    }
    let message = format!(
        "{own} is called after {tekton}, so Tekton's webhook does not see the injected Task"
    );
    let remedy = format!(
        "set the chart value webhooks.configurationName to a name that sorts before {tekton}"
    );
    Check::failed(ID, message, remedy)
}

/// Checks that the API server calls Gleaner's webhook again after another webhook changes a pod.
fn others(own: &str, all: &[Value], pods: &Value) -> Check {
    const ID: &str = "webhook-reinvocation";
    let others = all
        .iter()
        .filter(|one| name(one) != own && webhooks(one).any(takes_pods));
    let (before, after): (Vec<&str>, Vec<&str>) = others.map(name).partition(|other| *other < own);
    let listed = |names: &[&str]| match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    let order = format!(
        "webhooks that are called for pods before Gleaner's: {}; after it: {}",
        listed(&before),
        listed(&after)
    );
    if pods["reinvocationPolicy"] == "IfNeeded" || after.is_empty() {
        return Check::ok(ID, order);
    }
    let message = format!(
        "{order}; Gleaner's webhook does not see the changes that the webhooks after it make, because its reinvocationPolicy is not IfNeeded"
    );
    Check::warning(ID, message, UPGRADE)
}

fn while_down(tekton: &Value) -> Check {
    const ID: &str = "webhook-failure-policy";
    if tekton["failurePolicy"] == "Ignore" {
        let message = "if no injector responds, Tasks that request Gleaner are admitted without being checked or injected";
        let remedy =
            "set the chart value webhooks.tekton.whileDown to 'refuse', unless this is intended";
        return Check::warning(ID, message, remedy);
    }
    Check::ok(
        ID,
        "if no injector responds, the API server rejects Tasks that request Gleaner",
    )
}

fn bundle(webhooks: &[&Value], now: Timestamp) -> Check {
    const ID: &str = "ca-bundle";
    const REMEDY: &str =
        "look for `certificate-check-failed` in the log of the injector, which writes the caBundle";
    let bundle = |webhook: &&Value| certificate::validities(&webhook["clientConfig"]["caBundle"]);
    let bundles: Option<Vec<_>> = webhooks.iter().map(bundle).collect();
    let Some(bundles) = bundles else {
        let message =
            "a webhook has no valid caBundle, so the API server does not trust the injector";
        return Check::failed(ID, message, REMEDY);
    };
    let soonest = bundles
        .iter()
        .min_by_key(|bundle| certificate::until(bundle));
    let validities = soonest.map(Vec::as_slice).unwrap_or_default();
    certificate::check(ID, "the CA in the caBundle", validities, now, REMEDY)
}

/// Returns true if the API server calls the webhook for new pods.
fn takes_pods(webhook: &Value) -> bool {
    let has = |rule: &Value, key: &str, wanted: &[&str]| {
        let values = rule[key].as_array().into_iter().flatten();
        let mut values = values.filter_map(Value::as_str);
        values.any(|value| wanted.contains(&value))
    };
    let mut rules = webhook["rules"].as_array().into_iter().flatten();
    rules.any(|rule| {
        has(rule, "apiGroups", &["", "*"])
            && has(rule, "resources", &["pods", "*", "*/*"])
            && has(rule, "operations", &["CREATE", "*"])
    })
}

fn webhooks(configuration: &Value) -> impl Iterator<Item = &Value> {
    configuration["webhooks"].as_array().into_iter().flatten()
}

fn is(webhook: &Value, name: &str) -> bool {
    webhook["name"] == name
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}
