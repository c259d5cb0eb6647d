use std::collections::BTreeSet;

use crate::support::{ApiServer, Client, JOB_POD, NAME, Setup, review, until};

/// The certificates are valid for seconds, so the test performs rotations that would take years in production.
#[tokio::test]
async fn no_review_fails_while_cas_and_certificates_rotate() {
    let api_server = ApiServer::start().await;
    let setup = Setup::managed(&api_server)
        .flag("--certificate-validity=9s")
        .flag("--authority-validity=12s")
        .flag("--authority-settle=500ms");
    let replicas = [setup.ready().await, setup.ready().await];
    let body = review(JOB_POD);
    let (mut authorities, mut certificates, mut largest, mut reviews) =
        (BTreeSet::new(), BTreeSet::new(), 0, 0);
    // Each review uses a new connection that trusts the current bundle. This is the worst case: API servers reuse connections.
    until("three CAs", async || {
        for replica in &replicas {
            let bundle = api_server.bundle();
            let mut client = match Client::connect(replica.address, &bundle, NAME).await {
                Ok(client) => client,
                Err(error) => panic!("{error} after {reviews} reviews\n{}", replica.log()),
            };
            client.review("/mutate/pods", &body).await.unwrap();
            reviews += 1;
            certificates.insert(client.certificate.unwrap().to_vec());
            let each = bundle
                .split_inclusive("-----END CERTIFICATE-----\n")
                .map(str::to_owned);
            largest = largest.max(each.clone().count());
            authorities.extend(each);
        }
        (authorities.len() >= 3 && certificates.len() >= 3).then_some(())
    })
    .await;
    assert!(
        (2..=3).contains(&largest),
        "old CAs were not removed: the bundle contained {largest} CAs"
    );
    for replica in replicas {
        replica.terminate();
        assert!(replica.ended().await.success());
    }
    assert!(reviews > 50, "{reviews}");
}
