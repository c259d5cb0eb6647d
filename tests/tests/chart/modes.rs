//! Switches the source of the injector's certificates (`tls.mode`) with Helm 4. Helm 4 uses server-side apply, so a field that
//! two field managers set to different values causes a conflict, and a field that its manager omits is removed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gleaner_injector::Config;
use gleaner_tests::cases;
use gleaner_tests::rig;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use http::Method;
use serde_json::{Value, json};

use crate::helm::{RELEASE, chart, find, render, succeed};

pub(crate) fn cases() -> Vec<Case> {
    // The case needs its own rig, because it installs cluster-scoped objects.
    let alone = cases![changing_the_mode_causes_no_conflict_and_retains_the_ca_bundle]
        .into_iter()
        .map(|case| case.rig(rig::Options::default()).crds(&[CERT_MANAGER]));
    let others = cases![
        no_mode_renders_a_ca_bundle,
        the_injector_accepts_its_arguments_in_every_mode,
        the_webhooks_may_have_annotations,
        the_webhooks_are_called_again_after_another_webhook_changed_the_object,
    ];
    alone.chain(others).map(Case::real_only).collect()
}

/// Minimal CRDs for the cert-manager kinds that the chart uses.
const CERT_MANAGER: &str = include_str!("../../fixtures/cert-manager-crds.yaml");

const WEBHOOKS: &str =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/gleaner.dev";

/// The chart value with the user's CA.
const OWN: &str =
    "tls.secret.caBundle=-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

/// The chart values for each mode.
const MODES: [&[&str]; 3] = [
    &["tls.mode=self-managed"],
    &["tls.mode=secret", "tls.secret.name=mine", OWN],
    &["tls.mode=cert-manager"],
];

/// Writes a CA into the `caBundle` of each webhook, as the injector does.
async fn write_bundle(server: &Server, bundle: &str) {
    let changes: Vec<Value> = (0..2)
        .map(|index| {
            let path = format!("/webhooks/{index}/clientConfig/caBundle");
            json!({"op": "add", "path": path, "value": bundle})
        })
        .collect();
    let path = format!("{WEBHOOKS}?fieldManager=gleaner-injector");
    let kind = "application/json-patch+json";
    let written = server
        .send(Method::PATCH, &path, kind, &Value::from(changes))
        .await;
    written.expect_status(200);
}

async fn changing_the_mode_causes_no_conflict_and_retains_the_ca_bundle(server: &Server) {
    let kubeconfig = server.kubeconfig().display().to_string();
    let chart = chart();
    let run = |command: &[&str], values: &[&str]| {
        let namespace = server.namespace();
        let mut arguments = command.to_vec();
        arguments.extend([RELEASE, &chart, "--kubeconfig", &kubeconfig]);
        arguments.extend(["--namespace", namespace, "--set", "crds.install=false"]);
        for value in values {
            arguments.extend(["--set", value]);
        }
        succeed(&arguments)
    };
    let [managed, secret, cert_manager] = MODES;
    run(&["install"], managed);
    // These six changes cover every possible change from one mode to another.
    let changes = [secret, managed, cert_manager, secret, cert_manager, managed];
    for (number, values) in changes.into_iter().enumerate() {
        let authority = rcgen::generate_simple_self_signed(["gleaner".to_owned()]);
        let bundle = STANDARD.encode(authority.expect("a certificate").cert.pem());
        write_bundle(server, &bundle).await;
        run(&["upgrade", "--reset-values"], values);
        let configuration = server.get(WEBHOOKS).await.expect_status(200).json;
        for webhook in configuration["webhooks"].as_array().expect("webhooks") {
            let held = &webhook["clientConfig"]["caBundle"];
            assert_eq!(*held, bundle.as_str(), "change {number} to {values:?}");
        }
    }
}

async fn no_mode_renders_a_ca_bundle(_: &Server) {
    for values in MODES {
        let objects = render("gleaner", values);
        let configuration = find(&objects, "MutatingWebhookConfiguration", "gleaner.dev");
        let text = configuration.to_string();
        assert!(!text.contains("caBundle"), "{values:?}: {text}");
        assert!(!text.contains("inject-ca-from"), "{values:?}: {text}");
        // The injector must have permission to write the caBundle.
        let role = find(&objects, "ClusterRole", "gleaner-injector");
        let rule = json!({
            "apiGroups": ["admissionregistration.k8s.io"], "resources": ["mutatingwebhookconfigurations"],
            "resourceNames": ["gleaner.dev"], "verbs": ["get", "patch"],
        });
        let rules = role["rules"].as_array().expect("rules");
        assert!(rules.contains(&rule), "{values:?}: {role}");
    }
}

async fn the_injector_accepts_its_arguments_in_every_mode(_: &Server) {
    let mut secrets = Vec::new();
    for values in MODES {
        let objects = render("gleaner", values);
        let deployment = find(&objects, "Deployment", "gleaner-injector");
        let pod = &deployment["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let texts = |list: &Value| -> Vec<String> {
            let list = list.as_array().expect("a list").iter();
            list.map(|text| text.as_str().expect("a text").to_owned())
                .collect()
        };
        let arguments = [texts(&container["command"]), texts(&container["args"])].concat();
        let read = Config::read(&arguments);
        assert!(read.is_ok(), "{arguments:?}: {:?}", read.err());
        let joined = arguments.join(" ");
        assert!(
            joined.contains("--webhook-configuration=gleaner.dev"),
            "{joined}"
        );
        // Every file in the arguments must be in a mounted volume.
        let mounts = container["volumeMounts"].as_array();
        let mounts: Vec<&str> = mounts
            .into_iter()
            .flatten()
            .map(|mount| mount["mountPath"].as_str().expect("a path"))
            .collect();
        for flag in ["--tls-cert=", "--tls-key=", "--tls-ca="] {
            let file = arguments
                .iter()
                .find_map(|argument| argument.strip_prefix(flag));
            assert_eq!(
                file.is_some(),
                values[0] != "tls.mode=self-managed",
                "{joined}"
            );
            if let Some(file) = file {
                let below = |mount: &&str| file.starts_with(&format!("{mount}/"));
                assert!(mounts.iter().any(below), "{file}: {mounts:?}");
            }
        }
        secrets.push(pod["volumes"][0]["secret"]["secretName"].clone());
    }
    // Each mode uses a different Secret; in particular, cert-manager must not write into the Secret that Helm creates and
    // removes.
    assert_eq!(
        json!(secrets),
        json!([null, "mine", "gleaner-injector-certificate"])
    );
}

async fn the_webhooks_may_have_annotations(_: &Server) {
    let value = r"webhooks.annotations.admissions\.enforcer/disabled=yes";
    let objects = render("gleaner", &[value]);
    let configuration = find(&objects, "MutatingWebhookConfiguration", "gleaner.dev");
    assert_eq!(
        configuration["metadata"]["annotations"],
        json!({"admissions.enforcer/disabled": "yes"})
    );
    let objects = render("gleaner", &[]);
    let configuration = find(&objects, "MutatingWebhookConfiguration", "gleaner.dev");
    assert_eq!(configuration["metadata"].get("annotations"), None);
}

async fn the_webhooks_are_called_again_after_another_webhook_changed_the_object(_: &Server) {
    let objects = render("gleaner", &[]);
    let configuration = find(&objects, "MutatingWebhookConfiguration", "gleaner.dev");
    for webhook in configuration["webhooks"].as_array().expect("webhooks") {
        assert_eq!(webhook["reinvocationPolicy"], "IfNeeded", "{webhook}");
    }
}
