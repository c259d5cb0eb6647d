use serde_json::json;

use crate::support::{
    ApiServer, Authority, CONFIGURATION, Client, Injector, JOB_POD, NAME, SECRET, Setup, get,
    review, until,
};

async fn connect(injector: &Injector, api_server: &ApiServer) -> Client {
    Client::connect(injector.address, &api_server.bundle(), NAME)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_first_replica_creates_the_certificate_and_the_second_shares_it() {
    let api_server = ApiServer::start().await;
    let first = Setup::managed(&api_server).ready().await;
    let secret = api_server.get(SECRET).unwrap();
    assert_eq!(secret["type"], "kubernetes.io/tls");
    assert_eq!(
        api_server.bundles(),
        [
            api_server.secret("ca.crt").unwrap(),
            api_server.secret("ca.crt").unwrap()
        ]
    );
    let second = Setup::managed(&api_server).ready().await;
    assert_eq!(
        api_server.get(SECRET).as_ref(),
        Some(&secret),
        "the second replica must not write anything"
    );
    let mut shown = Vec::new();
    for replica in [&first, &second] {
        let mut client = connect(replica, &api_server).await;
        assert!(
            client
                .review("/mutate/pods", &review(JOB_POD))
                .await
                .unwrap()["patch"]
                .is_string()
        );
        shown.push(client.certificate);
    }
    assert_eq!(shown[0], shown[1]);
    assert_eq!(
        first
            .metric(r#"gleaner_injector_certificate_steps_total{step="begin"}"#)
            .await,
        1.0
    );
    assert_eq!(
        second
            .metric(r#"gleaner_injector_certificate_steps_total{step="begin"}"#)
            .await,
        0.0
    );
}

#[tokio::test]
async fn the_certificate_is_valid_for_the_service_and_the_requested_names() {
    let api_server = ApiServer::start().await;
    let setup = Setup::managed(&api_server).flag("--certificate-name=127.0.0.1,hook.example");
    let injector = setup.ready().await;
    let bundle = api_server.bundle();
    for name in [
        NAME,
        "injector.gleaner.svc.cluster.local",
        "127.0.0.1",
        "hook.example",
    ] {
        Client::connect(injector.address, &bundle, name)
            .await
            .unwrap();
    }
    assert!(
        Client::connect(injector.address, &bundle, "other.gleaner.svc")
            .await
            .is_err()
    );
    let stranger = Authority::new();
    assert!(
        Client::connect(injector.address, &stranger.pem, NAME)
            .await
            .is_err()
    );
    until("failed handshakes to be counted", async || {
        let failed = injector
            .metric("gleaner_injector_tls_handshakes_failed_total")
            .await;
        (failed == 2.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn replicas_that_start_at_the_same_time_agree_on_one_secret() {
    let api_server = ApiServer::start().await;
    let replicas = [0; 4].map(|_| Setup::managed(&api_server).start());
    for replica in &replicas {
        replica.is_ready().await;
    }
    let leaf = api_server.secret("tls.crt").unwrap();
    for replica in &replicas {
        until("the same certificate on both replicas", async || {
            let shown = connect(replica, &api_server).await.certificate?;
            use rustls::pki_types::pem::PemObject;
            let leaf = rustls::pki_types::CertificateDer::from_pem_slice(leaf.as_bytes()).unwrap();
            (shown == leaf).then_some(())
        })
        .await;
    }
    let begun = api_server.asked("POST /api");
    assert!((1..=4).contains(&begun), "{begun}");
}

#[tokio::test]
async fn the_injector_is_ready_only_when_the_ca_bundle_contains_its_ca() {
    let api_server = ApiServer::start().await;
    let configuration = api_server.remove(CONFIGURATION).unwrap();
    let injector = Setup::managed(&api_server).start();
    let said = injector.said("certificate-check-failed").await;
    assert!(
        said["error"]
            .as_str()
            .unwrap()
            .contains("MutatingWebhookConfiguration 'gleaner' does not exist"),
        "{said}"
    );
    let ready = get(injector.health, "/readyz").await;
    assert_eq!(
        (ready.status, ready.text()),
        (
            503,
            "the caBundle of the webhook configuration does not contain the CA yet\n"
        )
    );
    assert_eq!(get(injector.health, "/livez").await.status, 200);
    api_server.put(CONFIGURATION, configuration);
    injector.is_ready().await;
}

#[tokio::test]
async fn a_removed_or_altered_ca_bundle_is_repaired() {
    let api_server = ApiServer::start().await;
    let injector = Setup::managed(&api_server).ready().await;
    let right = api_server.secret("ca.crt").unwrap();
    for wrong in [
        String::new(),
        Authority::new().pem,
        format!("{right}{right}"),
    ] {
        api_server.set_bundles(&wrong);
        until("the correct bundle", async || {
            api_server
                .bundles()
                .iter()
                .all(|bundle| *bundle == right)
                .then_some(())
        })
        .await;
        connect(&injector, &api_server).await;
        assert_eq!(
            get(injector.health, "/readyz").await.status,
            200,
            "the injector must stay ready during the repair"
        );
    }
    let patched = api_server.asked("PATCH");
    assert_eq!(
        patched, 4,
        "expected one write at startup, and one for each repair"
    );
}

#[tokio::test]
async fn a_deleted_secret_is_created_again_while_both_cas_are_trusted() {
    let api_server = ApiServer::start().await;
    let injector = Setup::managed(&api_server)
        .flag("--authority-settle=1s")
        .ready()
        .await;
    let old = api_server.secret("ca.crt").unwrap();
    api_server.remove(SECRET);
    let new = until("the new Secret", async || api_server.secret("ca.crt")).await;
    assert!(
        new.ends_with(&old) && new != old,
        "the bundle must contain the new CA, followed by the old one"
    );
    let own = new.strip_suffix(&old).unwrap().to_owned();
    until("a certificate that only the new CA signed", async || {
        // A client that trusts the current bundle must be able to connect at any time.
        connect(&injector, &api_server).await;
        Client::connect(injector.address, &own, NAME).await.ok()
    })
    .await;
}

#[tokio::test]
async fn a_damaged_or_empty_secret_gets_new_certificates_and_keeps_its_labels_and_type() {
    let api_server = ApiServer::start().await;
    for data in [
        json!(null),
        json!({}),
        json!({"tls.crt": "AAAA", "tls.key": "AAAA"}),
    ] {
        let labels = json!({"team": "platform"});
        let metadata = json!({"name": "injector-tls", "resourceVersion": "0", "labels": labels});
        api_server.put(
            SECRET,
            json!({"type": "Opaque", "metadata": metadata, "data": data}),
        );
        let injector = Setup::managed(&api_server)
            .flag("--authority-settle=1s")
            .ready()
            .await;
        connect(&injector, &api_server).await;
        let secret = api_server.get(SECRET).unwrap();
        assert_eq!(
            (&secret["metadata"]["labels"], &secret["type"]),
            (&labels, &json!("Opaque"))
        );
    }
    let made = api_server.asked("POST");
    assert_eq!(made, 0, "an existing Secret must be updated, not created");
}

#[tokio::test]
async fn the_certificate_is_still_served_when_the_api_server_refuses_or_is_unreachable() {
    let api_server = ApiServer::start().await;
    let injector = Setup::managed(&api_server).ready().await;
    for refused in [
        ("GET /api", 403),
        ("GET /apis/admission", 500),
        ("PATCH", 403),
    ] {
        api_server.refuse(refused.0, refused.1);
        if refused.0 == "PATCH" {
            api_server.set_bundles("");
        }
        let text = format!(
            "{} not for you",
            http::StatusCode::from_u16(refused.1).unwrap()
        );
        let said = injector.said(&text).await;
        assert_eq!(said["message"], "certificate-check-failed");
        assert_eq!(get(injector.health, "/readyz").await.status, 200);
        let trusted = api_server.secret("ca.crt").unwrap();
        let mut client = Client::connect(injector.address, &trusted, NAME)
            .await
            .unwrap();
        client
            .review("/mutate/pods", &review(JOB_POD))
            .await
            .unwrap();
        api_server.heal();
        until("a successful check", async || {
            (!api_server.bundle().is_empty()).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_forbidden_write_is_logged_once() {
    let api_server = ApiServer::start().await;
    api_server.refuse("POST /api/v1", 403);
    let injector = Setup::managed(&api_server).start();
    let said = injector.said("certificate-check-failed").await;
    assert_eq!(
        said["error"],
        "the API server rejected POST /api/v1/namespaces/gleaner/secrets: 403 Forbidden not for you"
    );
    until("several more checks", async || {
        let failed = injector
            .metric("gleaner_injector_certificate_checks_failed_total")
            .await;
        (failed >= 4.0).then_some(())
    })
    .await;
    assert_eq!(
        injector.log().matches("certificate-check-failed").count(),
        1
    );
    let ready = get(injector.health, "/readyz").await;
    assert_eq!(
        (ready.status, ready.text()),
        (503, "no certificate is available yet\n")
    );
    assert!(
        Client::connect(injector.address, &Authority::new().pem, NAME)
            .await
            .is_err()
    );
    api_server.heal();
    injector.is_ready().await;
}

#[tokio::test]
async fn private_keys_are_never_logged() {
    let api_server = ApiServer::start().await;
    let injector = Setup::managed(&api_server)
        .flag("--log-level=trace")
        .ready()
        .await;
    connect(&injector, &api_server).await;
    api_server.set_bundles("");
    until("the correct bundle", async || {
        (!api_server.bundle().is_empty()).then_some(())
    })
    .await;
    let log = injector.log();
    let data = api_server.get(SECRET).unwrap()["data"].take();
    for key in ["ca.key", "tls.key"] {
        let encoded = data[key].as_str().unwrap();
        assert!(
            !log.contains(&encoded[40..80]) && !log.contains("PRIVATE KEY"),
            "{key}"
        );
    }
}
