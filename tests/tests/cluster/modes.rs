//! Switches the source of the injector's certificates (the chart value `tls.mode`) with Helm 4, while Tasks that request Gleaner
//! are created continuously.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gleaner_tests::cluster::suite::Case;
use gleaner_tests::cluster::{Namespace, Output};
use gleaner_tests::on_cluster;

use crate::alone::{asks, injectors, kubectl, meanwhile, upgrade};

pub(crate) fn cases() -> Vec<Case> {
    on_cluster![no_task_is_refused_while_the_source_of_certificates_changes]
}

/// cert-manager's CRDs. cert-manager itself is not installed, so the test creates the Secret that cert-manager would create.
const CERT_MANAGER: &str = include_str!("../../fixtures/cert-manager-crds.yaml");

/// Returns a Secret with a self-signed certificate, and the certificate.
fn secret(name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["gleaner-injector.gleaner.svc".to_owned()]);
    let made = made.expect("a certificate");
    let certificate = made.cert.pem();
    let key = STANDARD.encode(made.signing_key.serialize_pem());
    let encoded = STANDARD.encode(&certificate);
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: gleaner}}\ntype: kubernetes.io/tls\n\
         data: {{tls.crt: {encoded}, tls.key: {key}, ca.crt: {encoded}}}\n"
    );
    (secret, certificate)
}

/// Asserts that, until all injectors are replaced, the API server accepts Tasks that request Gleaner. `values` appears in the
/// failure message.
#[track_caller]
fn rolled_out(namespace: &Namespace, values: &[&str]) {
    let status = [
        "rollout",
        "status",
        "deployment/gleaner-injector",
        "--watch=false",
    ];
    let mut asked = 0;
    namespace.until("all injectors are replaced", || {
        asks(namespace).succeed();
        asked += 1;
        kubectl(namespace, &status)
            .contains("successfully rolled out")
            .then_some(())
    });
    assert!(asked > 2, "{values:?}: {asked}");
    // Keep checking while the previous injectors terminate.
    for _ in 0..10 {
        asks(namespace).succeed();
    }
}

fn no_task_is_refused_while_the_source_of_certificates_changes(namespace: &Namespace) {
    let (own_secret, certificate) = secret("own-certificate");
    let (managers_secret, _) = secret("gleaner-injector-certificate");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), certificate).expect("a file");
    let bundle = format!("--set-file=tls.secret.caBundle={}", file.path().display());
    let own = [
        "--set=tls.mode=secret",
        "--set=tls.secret.name=own-certificate",
        &bundle,
    ];
    let managed = ["--set=tls.mode=self-managed"];
    let cert_manager = ["--set=tls.mode=cert-manager"];
    let given = format!("{CERT_MANAGER}---\n{own_secret}---\n{managers_secret}");
    let on_given = |verb: &str| {
        let mut command = namespace.cluster().kubectl("gleaner");
        Output::of(command.args([verb, "--filename=-"]), &given).succeed();
    };
    meanwhile(
        || {
            on_given("apply");
            for values in [&own[..], &managed, &cert_manager, &own, &managed] {
                upgrade(namespace, values);
                rolled_out(namespace, values);
            }
        },
        || {
            upgrade(namespace, &managed);
            injectors(namespace, 2);
            on_given("delete");
        },
    );
}
