//! Tests what `gleaner check` reports about the objects that the chart installs.

use crate::support::installation::{
    CONFIGURATIONS, DEPLOYMENT, GUARD, Installation, RESOURCES, SECRET, SERVICE, SLICES,
    certificate, list,
};
use crate::support::report::{finds, finds_with, statuses};
use serde_json::{Value, json};

const UNKNOWN: [&str; 3] = ["service", "pods-while-down", "injection"];

#[test]
fn the_webhook_configuration_is_checked() {
    let name = "webhook-configuration";
    let none = |cluster: &mut Installation| cluster.at(CONFIGURATIONS)["items"] = json!([]);
    finds_with(
        &[],
        none,
        (name, "failed"),
        "not installed",
        "install the chart",
        &UNKNOWN,
    );
    let two = |cluster: &mut Installation| {
        let mut other = cluster.webhooks().clone();
        other["metadata"]["name"] = "second".into();
        cluster.at(CONFIGURATIONS)["items"]
            .as_array_mut()
            .unwrap()
            .push(other);
    };
    finds_with(
        &[],
        two,
        (name, "failed"),
        "gleaner.dev, second",
        "uninstall",
        &UNKNOWN,
    );
    let half = |cluster: &mut Installation| {
        drop(cluster.webhooks()["webhooks"].as_array_mut().unwrap().pop())
    };
    finds_with(
        &[],
        half,
        (name, "failed"),
        "does not contain both",
        "helm upgrade",
        &UNKNOWN,
    );
    let late = |cluster: &mut Installation| cluster.webhooks()["metadata"]["name"] = "zz".into();
    finds(
        late,
        ("webhook-order", "failed"),
        "zz is called after webhook.pipeline",
        "webhooks.configurationName",
    );
    let policy = |index: usize, key: &'static str, value: &'static str| {
        move |cluster: &mut Installation| cluster.webhooks()["webhooks"][index][key] = value.into()
    };
    let never = policy(1, "reinvocationPolicy", "Never");
    finds(
        never,
        ("webhook-reinvocation", "warning"),
        "after it: mesh; Gleaner's webhook does not see",
        "helm upgrade",
    );
    let ignore = policy(0, "failurePolicy", "Ignore");
    finds(
        ignore,
        ("webhook-failure-policy", "warning"),
        "admitted without being checked",
        "tekton.whileDown",
    );
    let refused = policy(1, "failurePolicy", "Fail");
    finds(
        refused,
        ("pods-while-down", "ok"),
        "the API server rejects pods",
        "",
    );
    let url = |cluster: &mut Installation| {
        let client = &mut cluster.webhooks()["webhooks"][1]["clientConfig"];
        client["service"] = Value::Null;
    };
    finds(
        url,
        ("service", "skipped"),
        "specifies a URL, not a Service",
        "",
    );
}

#[test]
fn the_validity_of_certificates_is_checked() {
    let bundle = |value: Value| {
        move |cluster: &mut Installation| {
            cluster.webhooks()["webhooks"][0]["clientConfig"]["caBundle"] = value
        }
    };
    let log = "certificate-check-failed";
    finds(
        bundle(Value::Null),
        ("ca-bundle", "failed"),
        "no valid caBundle",
        log,
    );
    finds(
        bundle("bm90aGluZw==".into()),
        ("ca-bundle", "failed"),
        "no valid caBundle",
        log,
    );
    finds(
        bundle(certificate(-20, -1).into()),
        ("ca-bundle", "failed"),
        "expired at",
        log,
    );
    let secret = |value: Value| {
        move |cluster: &mut Installation| cluster.at(SECRET)["data"]["tls.crt"] = value
    };
    finds(
        secret(certificate(-20, -1).into()),
        ("certificate", "failed"),
        "expired at",
        log,
    );
    finds(
        secret(certificate(1, 20).into()),
        ("certificate", "failed"),
        "not valid yet",
        log,
    );
    finds(
        secret(certificate(-40, 5).into()),
        ("certificate", "warning"),
        "has not been renewed",
        log,
    );
    // This certificate is valid for only six days in total, so it is not overdue for renewal.
    finds(
        secret(certificate(-1, 5).into()),
        ("certificate", "ok"),
        "valid until",
        "",
    );
    finds(
        secret(Value::Null),
        ("certificate", "failed"),
        "no valid certificate in tls.crt",
        log,
    );
    let without = |cluster: &mut Installation| drop(cluster.get.remove(SECRET));
    finds(
        without,
        ("certificate", "failed"),
        "gleaner-injector-tls in gleaner does not exist",
        "helm upgrade",
    );
    let volume = |cluster: &mut Installation| {
        let volume = json!({"name": "certificate", "secret": {"secretName": "given"}});
        let pod = json!({"volumes": [volume], "containers": []});
        cluster.at(DEPLOYMENT)["spec"]["template"]["spec"] = pod;
        let secret = cluster.get.remove(SECRET).unwrap();
        cluster
            .get
            .insert(SECRET.replace("gleaner-injector-tls", "given"), secret);
    };
    finds(volume, ("certificate", "ok"), "valid until", "");
}

#[test]
fn the_injector_is_checked() {
    let without = |cluster: &mut Installation| drop(cluster.get.remove(SERVICE));
    finds(
        without,
        ("service", "failed"),
        "which does not exist",
        "reinstall the chart",
    );
    let down =
        |cluster: &mut Installation| cluster.at(SLICES)["items"][0]["endpoints"] = Value::Null;
    finds(
        down,
        ("endpoints", "failed"),
        "no injector pod is ready",
        "kubectl -n gleaner get pods",
    );
    let old = |cluster: &mut Installation| {
        cluster.at(DEPLOYMENT)["metadata"]["labels"]["app.kubernetes.io/version"] = "0.0.1".into();
    };
    finds(
        old,
        ("release", "warning"),
        "runs Gleaner 0.0.1",
        "same release",
    );
    let without = |cluster: &mut Installation| drop(cluster.get.remove(DEPLOYMENT));
    finds_with(
        &[],
        without,
        ("release", "skipped"),
        "no",
        "",
        &["certificate"],
    );
}

#[test]
fn the_policies_and_the_kind_are_checked() {
    let without = |cluster: &mut Installation| drop(cluster.get.remove(GUARD));
    finds(
        without,
        ("pods-while-down", "warning"),
        "create no objects",
        "pods.whileDown",
    );
    let audit = |cluster: &mut Installation| {
        let path = GUARD.replace("policies/", "policybindings/");
        cluster.at(&path)["spec"]["validationActions"] = json!(["Audit"]);
    };
    finds(
        audit,
        ("pods-while-down", "warning"),
        "create no objects",
        "pods.whileDown",
    );
    let without = |cluster: &mut Installation| {
        let path = GUARD.replace("/pods.", "/pipelineresources.");
        cluster.get.remove(&path).unwrap();
    };
    finds(
        without,
        ("immutability", "warning"),
        "is not in force",
        "immutability.enabled",
    );
    let without = |cluster: &mut Installation| drop(cluster.get.remove(RESOURCES));
    finds(
        without,
        ("pipeline-resources", "warning"),
        "does not serve PipelineResource",
        "crds.install",
    );
}

#[test]
fn without_webhook_omits_the_checks_of_the_webhook() {
    let mut cluster = Installation::sound();
    cluster.get.insert(CONFIGURATIONS.to_owned(), list(&[]));
    let (code, report) = cluster.report(&["--without-webhook"]);
    assert_eq!(code, 0);
    let names: Vec<&str> = statuses(&report)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names[7..],
        [
            "pipeline-resources",
            "namespace",
            "pod-security",
            "service-account"
        ]
    );
}
