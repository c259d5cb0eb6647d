//! Kubernetes accepts the objects that the chart renders with any valid values, and the chart refuses invalid values.

use std::process::Command;

use gleaner_tests::cases;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use serde_json::{Value, json};

use crate::helm::{chart, collection, fail, find, render, render_on, repository, succeed};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        every_rendered_object_is_accepted_unchanged,
        the_chart_lints_without_a_warning,
        a_misspelled_or_invalid_value_is_refused,
        incompatible_values_are_refused,
        gleaners_webhook_is_called_before_tektons,
        the_node_of_a_single_replica_can_be_drained,
        while_the_injector_is_down_a_policy_or_the_webhook_refuses_pods,
        a_cluster_before_kubernetes_1_30_gets_no_policy,
        the_image_can_be_pinned_to_a_digest,
        traces_are_off_without_an_endpoint,
        the_readme_matches_the_values,
        the_chart_has_the_version_of_the_workspace,
    ]
    .into_iter()
    .map(Case::real_only)
    .collect()
}

/// Sets of values that together enable every option of the chart.
const MATRIX: [(&str, &[&str]); 8] = [
    ("defaults", &[]),
    ("cert-manager", &["tls.mode=cert-manager"]),
    (
        "cert-manager with the user's issuer",
        &[
            "tls.mode=cert-manager",
            "tls.certManager.issuerRef.name=mine",
            "tls.certManager.issuerRef.kind=ClusterIssuer",
        ],
    ),
    (
        "the user's certificate",
        &[
            "tls.mode=secret",
            "tls.secret.name=mine",
            "tls.secret.caBundle=-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ],
    ),
    (
        "minimal values",
        &[
            "injector.replicas=1",
            "injector.podDisruptionBudget.enabled=false",
            "crds.install=false",
            "immutability.enabled=false",
            "outputs.aggregate=false",
            "injector.serviceAccount.create=false",
            "injector.serviceAccount.name=default",
            "webhooks.pods.whileDown=admit",
            "webhooks.tekton.whileDown=admit",
        ],
    ),
    (
        "maximal values",
        &[
            "networkPolicy.enabled=true",
            "networkPolicy.metricsFrom[0].podSelector.matchLabels.app=prometheus",
            "metrics.serviceMonitor.enabled=true",
            "metrics.serviceMonitor.labels.release=prometheus",
            "metrics.prometheusRule.enabled=true",
            "metrics.prometheusRule.labels.release=prometheus",
            "metrics.dashboard.enabled=true",
            "metrics.dashboard.labels.folder=tekton",
            "tracing.endpoint=http://collector.observability:4318/v1/traces",
            "outputs.bindings[0].namespace=NAMESPACE",
            "outputs.bindings[0].serviceAccount=default",
            "imagePullSecrets[0]=registry",
            "injector.priorityClassName=system-cluster-critical",
            "injector.nodeSelector.disk=fast",
            "injector.tolerations[0].operator=Exists",
            "injector.podLabels.a=b",
            "injector.podAnnotations.a=b",
            "injector.runAsUser=1000",
            "sidecar.runAsUser=1000",
            "injector.serviceAccount.annotations.a=b",
            "injector.extraArgs[0]=--no-events",
            "injector.extraEnv[0].name=A",
            "injector.extraEnv[0].value=b",
            "webhooks.namespaceSelector[0].key=team",
            "webhooks.namespaceSelector[0].operator=Exists",
        ],
    ),
    (
        "the user's placement rules",
        &[
            "injector.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight=1",
            "injector.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].key=a",
            "injector.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].operator=Exists",
            "injector.topologySpreadConstraints[0].maxSkew=1",
            "injector.topologySpreadConstraints[0].topologyKey=rack",
            "injector.topologySpreadConstraints[0].whenUnsatisfiable=ScheduleAnyway",
            "injector.topologySpreadConstraints[0].labelSelector.matchLabels.app=gleaner",
        ],
    ),
    (
        "other names",
        &[
            "nameOverride=other",
            "fullnameOverride=a-name-that-is-longer-than-forty-characters-are",
        ],
    ),
];

/// The API versions of add-ons. A plain API server does not serve them, so their objects are only parsed.
const ADD_ONS: [&str; 2] = ["cert-manager.io/v1", "monitoring.coreos.com/v1"];

async fn every_rendered_object_is_accepted_unchanged(server: &Server) {
    for (name, values) in MATRIX {
        let values: Vec<String> = values
            .iter()
            .map(|value| value.replace("NAMESPACE", server.namespace()))
            .collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let objects = render(server.namespace(), &values);
        assert!(objects.len() >= 8, "{name}: {} objects", objects.len());
        for object in &objects {
            let version = object["apiVersion"].as_str().unwrap_or_default();
            assert!(object["metadata"]["name"].is_string(), "{name}: {object}");
            if ADD_ONS.contains(&version) {
                assert!(object["spec"].is_object(), "{name}: {object}");
                continue;
            }
            let path = collection(server, object).await;
            let path = format!(
                "{path}/{}?dryRun=All&fieldManager=helm&force=true&fieldValidation=Strict",
                object["metadata"]["name"].as_str().unwrap_or_default()
            );
            let answer = server.apply(&path, object).await;
            let taken = matches!(answer.status.as_u16(), 200 | 201);
            assert!(taken, "{name}: {}\n{object:#}", answer.text);
            assert!(
                answer.warnings().is_empty(),
                "{name}: {:?}",
                answer.warnings()
            );
        }
    }
}

async fn the_chart_lints_without_a_warning(_: &Server) {
    for (name, values) in MATRIX {
        let chart = chart();
        let mut arguments = vec!["lint", "--strict", "--quiet", &chart];
        for value in values {
            arguments.extend(["--set", value]);
        }
        let said = succeed(&arguments);
        assert!(
            !said.contains("WARNING") && !said.contains("ERROR"),
            "{name}: {said}"
        );
    }
}

async fn a_misspelled_or_invalid_value_is_refused(_: &Server) {
    for (value, complaint) in [
        ("image.tagg=1", "additional properties 'tagg' not allowed"),
        ("replicas=1", "additional properties 'replicas' not allowed"),
        ("webhooks.pods.whileDown=Fail", "value must be one of"),
        ("tls.mode=certmanager", "value must be one of"),
        ("image.digest=54ed", "does not match pattern"),
        (
            "sidecar.resources.limits.memory=128MB",
            "does not match pattern",
        ),
        (
            "outputs.bindings[0].namespace=ci",
            "missing property 'serviceAccount'",
        ),
        ("injector.runAsUser=0", "minimum: got 0, want 1"),
        ("tracing.endpoint=collector:4318", "does not match pattern"),
        (
            "tracing.endpoint=http://collector:4318",
            "does not match pattern",
        ),
        (
            "metrics.prometheusRule.certificateExpiryDays=0",
            "minimum: got 0, want 1",
        ),
    ] {
        let said = fail(&["template", &chart(), "--set", value]);
        assert!(said.contains(complaint), "{value}: {said}");
    }
}

async fn incompatible_values_are_refused(_: &Server) {
    for (values, remedy) in [
        (
            "tls.mode=secret,tls.secret.name=mine",
            "tls.secret.caBundle is required with tls.mode=secret",
        ),
        (
            "tls.mode=secret,tls.secret.caBundle=-----BEGIN CERTIFICATE-----",
            "tls.secret.name is required with tls.mode=secret",
        ),
        (
            "injector.serviceAccount.create=false",
            "injector.serviceAccount.name is required with injector.serviceAccount.create=false",
        ),
        (
            "webhooks.configurationName=z",
            "must sort before webhook.pipeline.tekton.dev",
        ),
    ] {
        let said = fail(&["template", &chart(), "--set", values]);
        assert!(said.contains(remedy), "{values}: {said}");
    }
}

async fn gleaners_webhook_is_called_before_tektons(_: &Server) {
    let objects = render("gleaner", &[]);
    let configuration = objects
        .iter()
        .find(|object| object["kind"] == "MutatingWebhookConfiguration")
        .expect("a webhook configuration");
    let name = configuration["metadata"]["name"].as_str().expect("a name");
    // The API server calls webhooks in the byte order of their configurations' names, so Gleaner's name must come before
    // Tekton's.
    assert!(name < "webhook.pipeline.tekton.dev", "{name}");
}

async fn the_node_of_a_single_replica_can_be_drained(_: &Server) {
    let objects = render("gleaner", &["injector.replicas=1"]);
    let budget = find(&objects, "PodDisruptionBudget", "gleaner-injector");
    assert_eq!(budget["spec"]["maxUnavailable"], 1);
    assert_eq!(budget["spec"].get("minAvailable"), None);
}

async fn while_the_injector_is_down_a_policy_or_the_webhook_refuses_pods(_: &Server) {
    for (version, value, policy, guarded) in [
        ("1.30.0", "refuse", "Ignore", true),
        ("1.29.0", "refuse", "Fail", false),
        ("1.30.0", "admit", "Ignore", false),
        ("1.29.0", "admit", "Ignore", false),
    ] {
        let value = format!("webhooks.pods.whileDown={value}");
        let objects = render_on(version, "gleaner", &[&value]);
        let configuration = find(&objects, "MutatingWebhookConfiguration", "gleaner.dev");
        let [tekton, pods] = [0, 1].map(|index| &configuration["webhooks"][index]);
        assert_eq!(tekton["failurePolicy"], "Fail");
        assert_eq!(pods["failurePolicy"], policy, "{version} {value}");
        let guards = objects.iter().filter(|object| {
            object["kind"] == "ValidatingAdmissionPolicy"
                && object["metadata"]["name"] == "pods.gleaner.dev"
        });
        assert_eq!(guards.count(), usize::from(guarded), "{version} {value}");
    }
}

async fn a_cluster_before_kubernetes_1_30_gets_no_policy(_: &Server) {
    let chart = chart();
    let rendered =
        |version: &str| succeed(&["template", "gleaner", &chart, "--kube-version", version]);
    assert!(!rendered("1.29.9").contains("kind: ValidatingAdmissionPolicy"));
    assert!(rendered("1.30.0").contains("kind: ValidatingAdmissionPolicy"));
    let said = fail(&["template", "gleaner", &chart, "--kube-version", "1.27.0"]);
    assert!(said.contains("kubeVersion: >=1.28.0-0"), "{said}");
}

async fn the_image_can_be_pinned_to_a_digest(_: &Server) {
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let pinned = format!("image.digest={digest}");
    let objects = render(
        "gleaner",
        &["image.repository=mirror.example/gleaner", &pinned],
    );
    let deployment = find(&objects, "Deployment", "gleaner-injector");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let image = format!("mirror.example/gleaner@{digest}");
    assert_eq!(container["image"], image.as_str());
    // The sidecars of runs use the same image.
    let arguments = container["args"].as_array().expect("arguments");
    assert!(
        arguments.contains(&Value::from(format!("--image={image}"))),
        "{arguments:?}"
    );
    assert_eq!(
        container["securityContext"],
        json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}})
    );
}

async fn traces_are_off_without_an_endpoint(_: &Server) {
    let endpoint = "http://collector.observability:4318/v1/traces";
    let on = format!("tracing.endpoint={endpoint}");
    for (values, expected) in [(vec![], None), (vec![on.as_str()], Some(endpoint))] {
        let objects = render("gleaner", &values);
        let deployment = find(&objects, "Deployment", "gleaner-injector");
        let arguments = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
        let mut arguments = arguments.as_array().expect("arguments").iter();
        let found = arguments.find_map(|one| one.as_str()?.strip_prefix("--traces-endpoint="));
        assert_eq!(found, expected);
    }
}

async fn the_readme_matches_the_values(_: &Server) {
    let output = Command::new(repository("scripts/chart-readme"))
        .arg("--check")
        .output()
        .expect("python3");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn the_chart_has_the_version_of_the_workspace(_: &Server) {
    let file = std::fs::read_to_string(repository("charts/gleaner/Chart.yaml")).expect("a file");
    let chart: Value = serde_saphyr::from_str(&file).expect("YAML");
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
}
