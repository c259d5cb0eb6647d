//! Installs, upgrades and uninstalls the chart.

use std::time::Duration;

use gleaner_tests::cases;
use gleaner_tests::rig;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use gleaner_tests::wait;
use serde_json::{Value, json};

use crate::helm::{RELEASE, chart, fail, succeed};

pub(crate) fn cases() -> Vec<Case> {
    // The case needs its own rig, because it installs cluster-scoped objects.
    cases![an_upgrade_retains_the_ca_and_an_uninstall_retains_the_crd]
        .into_iter()
        .map(|case| case.rig(rig::Options::default()).real_only())
        .collect()
}

const CRD: &str =
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/pipelineresources.tekton.dev";
const WEBHOOKS: &str =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/gleaner.dev";

async fn an_upgrade_retains_the_ca_and_an_uninstall_retains_the_crd(server: &Server) {
    let kubeconfig = server.kubeconfig().display().to_string();
    let chart = chart();
    let namespace = server.namespace().to_owned();
    let on_cluster = ["--kubeconfig", &kubeconfig, "--namespace", &namespace];
    let with = |arguments: &[&str]| {
        [arguments, &on_cluster]
            .concat()
            .iter()
            .map(|&a| a.to_owned())
            .collect::<Vec<String>>()
    };
    let run = |arguments: &[&str]| {
        let arguments = with(arguments);
        succeed(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };

    // The first installation fails, because the suite has already installed the CRD, and Helm refuses to manage an object that it
    // did not create.
    let arguments = with(&["install", RELEASE, &chart]);
    let said = fail(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(
        said.contains("pipelineresources.tekton.dev") && said.contains("exists"),
        "{said}"
    );
    server.delete(CRD, &Value::Null).await.expect_status(200);
    wait::until("the CRD is deleted", Duration::from_secs(30), async || {
        (server.get(CRD).await.status.as_u16() == 404).then_some(())
    })
    .await;

    let notes = run(&["install", RELEASE, &chart]);
    assert!(
        notes.contains("rollout status deployment/gleaner-injector"),
        "{notes}"
    );
    assert!(!notes.contains("NOT INSTALLED"), "{notes}");

    // No injector is running, so the test writes the CA instead of the injector.
    let secret = format!("{}/gleaner-injector-tls", server.path("v1", "secrets"));
    let authority =
        rcgen::generate_simple_self_signed(["gleaner".to_owned()]).expect("a certificate");
    let written = json!({"stringData": {"ca.crt": authority.cert.pem()}});
    let written = server
        .merge(&secret, &written)
        .await
        .expect_status(200)
        .json;
    let bundle = &written["data"]["ca.crt"];
    let mut configuration = server.get(WEBHOOKS).await.expect_status(200).json;
    for webhook in configuration["webhooks"].as_array_mut().expect("webhooks") {
        webhook["clientConfig"]["caBundle"] = bundle.clone();
    }
    let patch = json!({"webhooks": configuration["webhooks"]});
    server.merge(WEBHOOKS, &patch).await.expect_status(200);

    run(&[
        "upgrade",
        RELEASE,
        &chart,
        "--set",
        "webhooks.timeoutSeconds=7",
        "--set",
        "injector.replicas=3",
    ]);
    let configuration = server.get(WEBHOOKS).await.expect_status(200).json;
    for webhook in configuration["webhooks"].as_array().expect("webhooks") {
        assert_eq!(webhook["timeoutSeconds"], 7);
        assert_eq!(webhook["clientConfig"]["caBundle"], *bundle);
    }
    let kept = server.get(&secret).await.expect_status(200).json;
    assert_eq!(kept["data"]["ca.crt"], *bundle);

    run(&["uninstall", RELEASE]);
    server.get(CRD).await.expect_status(200);
    for gone in [
        WEBHOOKS,
        &secret,
        &format!("{}/gleaner-injector", server.path("apps/v1", "deployments")),
    ] {
        server.get(gone).await.expect_status(404);
    }
    // The CRD still exists, because `helm uninstall` retains it. Nevertheless, the chart can be installed again.
    run(&["install", RELEASE, &chart]);
}
