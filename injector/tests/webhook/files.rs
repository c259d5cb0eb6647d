use crate::support::{Authority, Client, JOB_POD, NAME, Setup, get, review, until};

#[tokio::test]
async fn a_new_certificate_is_served_to_new_connections_while_old_ones_continue() {
    let authority = Authority::new();
    let setup = Setup::files(&authority);
    let injector = setup.ready().await;
    let mut old = injector.client(&authority).await;
    let other = Authority::new();
    setup.write(other.issue(NAME));
    let mut new = until("the new certificate", async || {
        Client::connect(injector.address, &other.pem, NAME)
            .await
            .ok()
    })
    .await;
    for client in [&mut old, &mut new] {
        client
            .review("/mutate/pods", &review(JOB_POD))
            .await
            .unwrap();
    }
    assert_eq!(injector.said("certificate-reloaded").await["level"], "INFO");
}

#[tokio::test]
async fn files_that_become_invalid_do_not_change_the_served_certificate() {
    let authority = Authority::new();
    let setup = Setup::files(&authority);
    let injector = setup.ready().await;
    let (certificate, _) = authority.issue(NAME);
    let (_, key) = authority.issue(NAME);
    setup.write((certificate, key));
    let said = injector.said("certificate-not-reloaded").await;
    assert!(
        said["error"]
            .as_str()
            .unwrap()
            .contains("does not match the certificate"),
        "{said}"
    );
    injector
        .client(&authority)
        .await
        .review("/mutate/pods", &review(JOB_POD))
        .await
        .unwrap();
    std::fs::remove_file(setup.path("tls.crt")).unwrap();
    injector.said("cannot be read").await;
    injector
        .client(&authority)
        .await
        .review("/mutate/pods", &review(JOB_POD))
        .await
        .unwrap();
    assert!(
        injector
            .metric("gleaner_injector_certificate_checks_failed_total")
            .await
            >= 2.0
    );
    assert_eq!(get(injector.health, "/readyz").await.status, 200);
}

#[tokio::test]
async fn invalid_files_at_startup_exit_with_78() {
    let authority = Authority::new();
    let setup = Setup::files(&authority);
    let (certificate, key) = authority.issue(NAME);
    let stranger = authority.issue(NAME).1;
    let cases = [
        (
            String::new(),
            key,
            "the certificate file contains no certificate",
        ),
        (
            certificate.clone(),
            "no key".to_owned(),
            "the private key is not in PEM format",
        ),
        (certificate, stranger, "does not match the certificate"),
    ];
    for (certificate, key, text) in cases {
        setup.write((certificate, key));
        let (code, said) = setup.run();
        assert_eq!(code, Some(78), "{said}");
        assert!(said.contains(text), "{said}");
    }
    std::fs::remove_file(setup.path("tls.key")).unwrap();
    let (code, said) = setup.run();
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("tls.key cannot be read"), "{said}");
}

#[tokio::test]
async fn the_expiry_of_the_certificate_is_a_metric() {
    let authority = Authority::new();
    let injector = Setup::files(&authority).ready().await;
    // By default, rcgen's certificates expire in the year 4095.
    let expiry = injector
        .metric("gleaner_injector_tls_certificate_expiry_timestamp_seconds")
        .await;
    assert_eq!(expiry, 67_090_118_400.0);
}
