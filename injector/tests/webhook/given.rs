//! Tests for a certificate in files with the flag `--tls-ca`: the injector writes the CA into the webhook configuration.

use std::time::Duration;

use crate::support::{
    ApiServer, Authority, CONFIGURATION, Client, JOB_POD, NAME, Setup, get, review, until,
};

/// Asserts that the current configuration trusts the certificate that the injector serves.
async fn is_trusted(injector: &crate::support::Injector, api_server: &ApiServer) {
    let mut client = Client::connect(injector.address, &api_server.bundle(), NAME)
        .await
        .unwrap_or_else(|error| panic!("{error}\n{}", injector.log()));
    client
        .review("/mutate/pods", &review(JOB_POD))
        .await
        .unwrap();
}

#[tokio::test]
async fn the_ca_is_trusted_before_the_certificate_is_served() {
    let api_server = ApiServer::start().await;
    let configuration = api_server.remove(CONFIGURATION).unwrap();
    let authority = Authority::new();
    let injector = Setup::given(&authority, &api_server).start();
    injector
        .said("MutatingWebhookConfiguration 'gleaner' does not exist")
        .await;
    let ready = get(injector.health, "/readyz").await;
    assert_eq!(ready.status, 503, "{}", ready.text());
    api_server.put(CONFIGURATION, configuration);
    injector.is_ready().await;
    assert_eq!(
        api_server.bundles(),
        [authority.pem.clone(), authority.pem.clone()]
    );
    is_trusted(&injector, &api_server).await;
}

#[tokio::test]
async fn a_removed_or_altered_ca_bundle_is_repaired_for_certificates_from_files() {
    let api_server = ApiServer::start().await;
    let authority = Authority::new();
    let injector = Setup::given(&authority, &api_server).ready().await;
    for wrong in [String::new(), Authority::new().pem] {
        api_server.set_bundles(&wrong);
        until("the correct bundle", async || {
            let bundles = api_server.bundles();
            bundles
                .iter()
                .all(|bundle| *bundle == authority.pem)
                .then_some(())
        })
        .await;
        is_trusted(&injector, &api_server).await;
    }
}

#[tokio::test]
async fn a_new_ca_is_trusted_before_a_certificate_that_it_signed_is_served() {
    let api_server = ApiServer::start().await;
    let authority = Authority::new();
    let setup = Setup::given(&authority, &api_server).flag("--authority-settle=1s");
    let injector = setup.ready().await;
    let other = Authority::new();
    // Replace the certificate before its CA. In a cluster, the injector may read the files when only one of them has changed.
    setup.write(other.issue(NAME));
    let said = injector.said("certificate-check-failed").await;
    let error = said["error"].as_str().unwrap();
    assert!(error.contains("would reject the certificate"), "{said}");
    is_trusted(&injector, &api_server).await;
    setup.write_ca(&other);
    until("a certificate from the other CA", async || {
        // Connect as an API server that trusts the current bundle.
        is_trusted(&injector, &api_server).await;
        Client::connect(injector.address, &other.pem, NAME)
            .await
            .ok()
    })
    .await;
}

#[tokio::test]
async fn a_certificate_from_a_new_ca_is_served_only_after_all_api_servers_have_seen_the_ca() {
    let api_server = ApiServer::start().await;
    let authority = Authority::new();
    let setup = Setup::given(&authority, &api_server).flag("--authority-settle=1h");
    let injector = setup.ready().await;
    let other = Authority::new();
    setup.write(other.issue(NAME));
    setup.write_ca(&other);
    until("both CAs", async || {
        let bundle = api_server.bundle();
        (bundle.contains(&other.pem) && bundle.contains(&authority.pem)).then_some(())
    })
    .await;
    // Connect repeatedly as an API server that still trusts only the old CA.
    for _ in 0..20 {
        injector.client(&authority).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn no_review_fails_while_the_source_of_certificates_changes() {
    let api_server = ApiServer::start().await;
    let managed = Setup::managed(&api_server).flag("--authority-settle=1s");
    let authority = Authority::new();
    let given = Setup::given(&authority, &api_server).flag("--authority-settle=1s");
    // As in a rollout, the new replica becomes ready before the old one exits. Clients that trust the current bundle connect to
    // both.
    let mut old = managed.ready().await;
    for setup in [&given, &managed, &given] {
        let new = setup.start();
        until("the new replica is ready", async || {
            is_trusted(&old, &api_server).await;
            let ready = get(new.health, "/readyz").await.status == 200;
            ready.then_some(())
        })
        .await;
        let both = std::time::Instant::now();
        // Run both replicas until each has performed several checks.
        while both.elapsed() < Duration::from_secs(2) {
            is_trusted(&old, &api_server).await;
            is_trusted(&new, &api_server).await;
        }
        old.terminate();
        assert!(old.ended().await.success());
        old = new;
    }
}

#[tokio::test]
async fn a_replica_with_a_new_ca_is_ready_only_when_all_api_servers_have_seen_it() {
    let api_server = ApiServer::start().await;
    let _old = Setup::managed(&api_server).ready().await;
    let authority = Authority::new();
    let setup = Setup::given(&authority, &api_server).flag("--authority-settle=1h");
    let new = setup.start();
    until("both CAs", async || {
        let bundle = api_server.bundle();
        (bundle.contains(&authority.pem) && bundle != authority.pem).then_some(())
    })
    .await;
    // The replica must stay unready, although every check finds the CA in the bundle.
    for _ in 0..20 {
        assert_eq!(get(new.health, "/readyz").await.status, 503);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // If no CA was trusted before, no API server can have an old bundle, so the replica does not wait for an hour.
    let api_server = ApiServer::start().await;
    let setup = Setup::given(&authority, &api_server).flag("--authority-settle=1h");
    setup.ready().await;
}

#[tokio::test]
async fn a_replica_that_loses_permission_to_read_its_secret_stays_trusted() {
    let api_server = ApiServer::start().await;
    let old = Setup::managed(&api_server).ready().await;
    let before = api_server.bundle();
    api_server.refuse("GET /api/v1/", 403);
    old.said("403 Forbidden not for you").await;
    api_server.set_bundles("");
    until("the restored bundle", async || {
        (api_server.bundle() == before).then_some(())
    })
    .await;
    is_trusted(&old, &api_server).await;
}

#[tokio::test]
async fn a_certificate_that_no_api_server_would_trust_is_not_served() {
    let api_server = ApiServer::start().await;
    let authority = Authority::new();
    let setup = Setup::given(&authority, &api_server);
    setup.write_ca(&Authority::new());
    let (code, said) = setup.run();
    assert_eq!(code, Some(78), "{said}");
    assert!(
        said.contains("use a valid certificate and the CA that signed it"),
        "{said}"
    );
    std::fs::write(setup.path("ca.crt"), "none").unwrap();
    let (code, said) = setup.run();
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("does not contain a CA certificate"), "{said}");
    std::fs::remove_file(setup.path("ca.crt")).unwrap();
    let (code, said) = setup.run();
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("ca.crt cannot be read"), "{said}");

    setup.write_ca(&authority);
    setup.write(authority.issue("other.gleaner.svc"));
    let injector = setup.start();
    injector.said("is not valid for injector.gleaner.svc").await;
    assert_eq!(get(injector.health, "/readyz").await.status, 503);
    setup.write(authority.issue(NAME));
    injector.is_ready().await;
}
