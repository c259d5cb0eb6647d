//! Tests what `gleaner check` reports about a cluster.

use crate::support::installation::{
    ACCOUNT, CONFIGURATIONS, FLAGS, INFO, Installation, NAMESPACE, TEKTON_KINDS, VERSION,
};
use crate::support::report::{check, checks, finds, finds_with, statuses};
use gleaner_testkit::fault::Fault;
use http::Method;
use serde_json::{Value, json};

const SOUND: &str = "\
kubernetes
  ok      the API server of the context own responds
  ok      the cluster runs Kubernetes v1.36.2
  ok      native sidecars are supported

tekton
  ok      the cluster serves Tekton's tekton.dev/v1 kinds
  ok      Tekton Pipelines v1.15.1 is installed in tekton-pipelines
  ok      Tekton reads results from termination messages, and all results of a TaskRun share 12 KiB
  ok      Tekton stops sidecars itself, except Gleaner's, which is a native sidecar if the cluster supports native sidecars

webhook
  ok      the webhook configuration gleaner.dev contains tekton.gleaner.dev and pods.gleaner.dev
  ok      gleaner.dev is called before webhook.pipeline.tekton.dev
  ok      webhooks that are called for pods before Gleaner's: a-sidecar; after it: mesh
  ok      if no injector responds, the API server rejects Tasks that request Gleaner
  ok      the CA in the caBundle is valid until DATE

injector
  ok      the webhooks use the Service gleaner-injector in gleaner
  ok      2 injector pods are ready
  ok      the cluster runs Gleaner VERSION
  ok      the injector's certificate is valid until DATE

policies
  ok      the cluster serves the kind PipelineResource
  ok      if no injector responds, the policy pods.gleaner.dev rejects pods that request Gleaner
  ok      generated PipelineResources cannot be changed

namespace
  ok      the namespace builds exists
  ok      the webhooks inject Gleaner into the objects in this namespace that request it
  ok      Pod Security enforces the privileged level, and the sidecar conforms to it
  ok      the ServiceAccount default in builds exists
  ok      the webhook injected Gleaner into a Task that declares outputs (dry run)

0 failed, 0 warning, 0 skipped, 24 ok
";

#[test]
fn a_healthy_cluster_passes_every_check() {
    let cluster = Installation::sound();
    let server = cluster.start();
    let ran = check(&server.url(), &[]);
    ran.exits(0);
    let mut lines = String::new();
    for line in ran.stdout.lines() {
        let line = match line.split_once("valid until ") {
            Some((before, _)) => format!("{before}valid until DATE"),
            None => line.replace(env!("CARGO_PKG_VERSION"), "VERSION"),
        };
        lines += &(line + "\n");
    }
    assert_eq!((lines.as_str(), ran.stderr.as_str()), (SOUND, ""));
    // The command must not change the cluster. Access reviews are POST requests, but the API server does not store them.
    let writes = server.writes();
    assert!(
        writes.iter().all(|one| one.path.ends_with("reviews")),
        "{writes:?}"
    );
}

#[test]
fn the_json_has_the_documented_fields() {
    let mut cluster = Installation::sound();
    cluster.at(VERSION)["minor"] = "28".into();
    let (code, report) = cluster.report(&["--service-account", "default", "-n", "builds"]);
    assert_eq!(code, 0);
    let keys = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    let top = [
        "success",
        "context",
        "namespace",
        "serviceAccount",
        "groups",
    ];
    assert_eq!(keys(&report), top);
    assert_eq!(report["context"], "own");
    assert_eq!(report["namespace"], "builds");
    assert_eq!(report["serviceAccount"], "default");
    let groups: Vec<&Value> = report["groups"].as_array().unwrap().iter().collect();
    let names: Vec<&str> = groups
        .iter()
        .map(|group| group["group"].as_str().unwrap())
        .collect();
    let expected = [
        "kubernetes",
        "tekton",
        "webhook",
        "injector",
        "policies",
        "namespace",
    ];
    assert_eq!(names, expected);
    assert_eq!(keys(groups[0]), ["group", "checks"]);
    assert_eq!(
        keys(checks(&report, "api-server")[0]),
        ["check", "status", "message"]
    );
    let warning = checks(&report, "native-sidecars")[0];
    assert_eq!(keys(warning), ["check", "status", "message", "remedy"]);
    // docs/check.md must describe every check.
    let page = include_str!("../../../docs/check.md");
    for (name, _) in statuses(&report) {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
}

#[test]
fn no_further_check_runs_if_the_api_server_cannot_be_used() {
    let gone = check("http://127.0.0.1:1", &[]);
    gone.exits(1);
    let lines: Vec<&str> = gone.stdout.lines().collect();
    assert!(
        lines[1].starts_with("  failed  the API server of the context own cannot be used: "),
        "{lines:?}"
    );
    assert!(
        lines[2].starts_with("          remedy: check the kubeconfig"),
        "{lines:?}"
    );
    assert_eq!(lines.last(), Some(&"1 failed, 0 warning, 0 skipped, 0 ok"));
    let mut cluster = Installation::sound();
    cluster.get.insert(VERSION.to_owned(), json!({}));
    cluster.check(&[]).exits(1);
}

#[test]
fn the_kubernetes_version_is_checked() {
    let minor = |minor: &'static str| {
        move |cluster: &mut Installation| cluster.at(VERSION)["minor"] = minor.into()
    };
    let also = ["native-sidecars", "immutability"];
    finds_with(
        &[],
        minor("27"),
        ("version", "failed"),
        "is too old",
        "1.28 or later",
        &also,
    );
    finds_with(
        &[],
        minor("28"),
        ("native-sidecars", "warning"),
        "does not support native sidecars",
        "1.29",
        &also,
    );
    finds_with(
        &[],
        minor("29"),
        ("immutability", "skipped"),
        "needs Kubernetes 1.30 or later",
        "",
        &[],
    );
    finds(minor("30"), ("native-sidecars", "ok"), "beta", "");
}

#[test]
fn tekton_and_its_feature_flags_are_checked() {
    let without = |cluster: &mut Installation| {
        cluster.at(TEKTON_KINDS)["resources"]
            .as_array_mut()
            .unwrap()
            .remove(0);
    };
    let message = "does not serve tasks of tekton.dev/v1";
    finds_with(
        &[],
        without,
        ("tekton-kinds", "failed"),
        message,
        "install a version of Tekton Pipelines",
        &["dry-run"],
    );
    let without = |cluster: &mut Installation| drop(cluster.get.remove(INFO));
    finds(
        without,
        ("tekton-version", "skipped"),
        "pipelines-info in tekton-pipelines does not exist",
        "",
    );
    let without = |cluster: &mut Installation| drop(cluster.get.remove(FLAGS));
    finds(
        without,
        ("feature-flags", "skipped"),
        "feature-flags in tekton-pipelines does not exist",
        "",
    );
    let flags = |flags: Value| move |cluster: &mut Installation| cluster.at(FLAGS)["data"] = flags;
    let logs = json!({"results-from": "sidecar-logs", "max-result-size": "8192"});
    finds(flags(logs), ("results-from", "ok"), "up to 8192 bytes", "");
    let wrong = json!({"results-from": "nowhere"});
    finds(
        flags(wrong),
        ("results-from", "warning"),
        "'nowhere'",
        "sidecar-logs",
    );
    let native = json!({"enable-kubernetes-sidecar": "true"});
    finds(
        flags(native.clone()),
        ("enable-kubernetes-sidecar", "ok"),
        "waits until",
        "",
    );
    let old = |cluster: &mut Installation| {
        cluster.at(FLAGS)["data"] = native;
        cluster.at(VERSION)["minor"] = "28".into();
    };
    let also = ["native-sidecars", "immutability"];
    finds_with(
        &[],
        old,
        ("enable-kubernetes-sidecar", "failed"),
        "no native",
        "set it to false",
        &also,
    );
}

#[test]
fn tekton_is_found_in_the_namespace_of_its_webhook() {
    let moved = |cluster: &mut Installation| {
        let service = json!({"namespace": "openshift-pipelines"});
        cluster.at(CONFIGURATIONS)["items"][1]["webhooks"][0]["clientConfig"]["service"] = service;
        for path in [INFO, FLAGS] {
            let object = cluster.get.remove(path).unwrap();
            let path = path.replace("tekton-pipelines", "openshift-pipelines");
            cluster.get.insert(path, object);
        }
    };
    finds(
        moved,
        ("tekton-version", "ok"),
        "v1.15.1 is installed in openshift-pipelines",
        "",
    );
}

#[test]
fn the_namespace_is_checked() {
    let label = |key: &'static str, value: &'static str| {
        move |cluster: &mut Installation| {
            cluster.at(NAMESPACE)["metadata"]["labels"][key] = value.into()
        }
    };
    let disabled = label("gleaner.dev/injection", "disabled");
    finds(
        disabled,
        ("injection", "failed"),
        "gleaner.dev/injection=disabled",
        "kubectl label",
    );
    let excluded = label("kubernetes.io/metadata.name", "kube-system");
    finds(
        excluded,
        ("injection", "failed"),
        "namespaceSelector",
        "another namespace",
    );
    let enforced = "pod-security.kubernetes.io/enforce";
    finds(
        label(enforced, "baseline"),
        ("pod-security", "ok"),
        "enforces the baseline level",
        "",
    );
    let restricted = label(enforced, "restricted");
    finds(
        restricted,
        ("pod-security", "failed"),
        "so it rejects Tekton's init containers",
        "set-security-context",
    );
    let both = |cluster: &mut Installation| {
        label(enforced, "restricted")(cluster);
        cluster.at(FLAGS)["data"]["set-security-context"] = "true".into();
    };
    finds(
        both,
        ("pod-security", "ok"),
        "enforces the restricted level",
        "",
    );
    let without = |cluster: &mut Installation| drop(cluster.get.remove(ACCOUNT));
    finds(
        without,
        ("service-account", "failed"),
        "does not exist",
        "create serviceaccount default",
    );
    let without = |cluster: &mut Installation| drop(cluster.get.remove(NAMESPACE));
    finds(
        without,
        ("namespace", "failed"),
        "builds does not exist",
        "kubectl create namespace builds",
    );
    Installation::sound()
        .check(&["-n", "../x"])
        .exits(64)
        .says("'../x' is not a valid name");
}

#[test]
fn a_dry_run_shows_that_the_webhook_works() {
    let reply = |fault: Fault| move |cluster: &mut Installation| cluster.dry_run = fault;
    let plain = Fault::answer(201, &[], json!({"spec": {"sidecars": []}}));
    finds(
        reply(plain),
        ("dry-run", "failed"),
        "did not call the webhook",
        "checks above",
    );
    let refusal = Fault::refuse(
        500,
        "InternalError",
        "failed calling webhook \"tekton.gleaner.dev\": x509",
    );
    finds(
        reply(refusal),
        ("dry-run", "failed"),
        "failed calling webhook",
        "docs/troubleshooting.md",
    );
    let denied = |cluster: &mut Installation| cluster.denied = vec!["\"resource\":\"tasks\""];
    finds(
        denied,
        ("dry-run", "skipped"),
        "you are not allowed to create Tasks in builds",
        "",
    );
}

#[test]
fn a_check_is_skipped_with_the_reason_if_the_caller_may_not_read_its_objects() {
    let mut cluster = Installation::sound();
    let private = "^/api/v1/namespaces|^/apis/(admission|discovery|apps)";
    cluster.forbidden = vec![(Method::GET, private), (Method::POST, "")];
    let (code, report) = cluster.report(&[]);
    assert_eq!(code, 0);
    for (name, status) in statuses(&report) {
        let is_open = [
            "api-server",
            "version",
            "native-sidecars",
            "tekton-kinds",
            "pipeline-resources",
        ]
        .contains(&name);
        assert_eq!(
            status,
            if is_open { "ok" } else { "skipped" },
            "{name}: {report:#}"
        );
    }
    let message = checks(&report, "webhook-configuration")[0]["message"]
        .as_str()
        .unwrap();
    assert_eq!(
        message,
        "you are not allowed to read MutatingWebhookConfigurations: the API server rejected GET \
         /apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations: 403 Forbidden User \"u\" cannot do this"
    );
}
