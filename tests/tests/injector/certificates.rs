//! Tests that the API server trusts the injector even while its certificate and its CA change.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use gleaner_tests::cases;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use gleaner_tests::wait;
use serde_json::{Value, json};

use crate::objects::{pod, task};
use crate::webhook::{Replica, configuration_path, in_force, injected, register, user};

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_removed_ca_bundle_is_restored,
        no_review_fails_while_two_replicas_renew_certificates_and_cas,
        no_review_fails_when_the_secret_is_deleted,
    ]
}

/// Returns the `caBundle` of each webhook.
async fn bundles(server: &Server) -> Vec<Value> {
    let configuration = server
        .get(&configuration_path(server))
        .await
        .expect_status(200)
        .json;
    let webhooks = configuration["webhooks"].as_array().expect("webhooks");
    webhooks
        .iter()
        .map(|webhook| webhook["clientConfig"]["caBundle"].clone())
        .collect()
}

/// Creates a pod and a Task in a dry run, so that the API server calls each webhook.
async fn ask(server: &Server) {
    let pods = format!("{}?dryRun=All", server.path("v1", "pods"));
    server.post(&pods, &pod()).await.expect_status(201);
    let tasks = format!("{}?dryRun=All", server.path("tekton.dev/v1", "tasks"));
    server.post(&tasks, &task()).await.expect_status(201);
}

async fn a_removed_ca_bundle_is_restored(server: &Server) {
    let injector = injected(server).await;
    let right = bundles(server).await;
    assert!(
        right
            .iter()
            .all(|bundle| bundle.is_string() && *bundle == right[0])
    );
    let path = configuration_path(server);
    let mut configuration = server.get(&path).await.json;
    for webhook in configuration["webhooks"].as_array_mut().expect("webhooks") {
        webhook["clientConfig"]["caBundle"] = json!(null);
    }
    server.put(&path, &configuration).await.expect_status(200);
    wait::until("the caBundle is restored", PATIENCE, async || {
        (bundles(server).await == right).then_some(())
    })
    .await;
    in_force(server).await;
    let managed = server.get(&path).await.json["metadata"]["managedFields"].to_string();
    assert!(
        managed.contains(r#""manager":"gleaner-injector""#),
        "{managed}"
    );
    injector.end().await;
}

async fn no_review_fails_while_two_replicas_renew_certificates_and_cas(server: &Server) {
    let user = user(server).await;
    let flags = [
        "--certificate-validity=9s",
        "--authority-validity=15s",
        "--authority-settle=1s",
    ];
    let one = Replica::start(server, &user, &flags).await;
    let two = Replica::start(server, &user, &flags).await;
    register(server, one.address, two.address).await;
    one.is_ready().await;
    two.is_ready().await;
    in_force(server).await;
    let (mut seen, mut asked, began) = (BTreeSet::new(), 0, Instant::now());
    while seen.len() < 4 {
        assert!(
            began.elapsed() < PATIENCE,
            "{} bundles after {asked} objects",
            seen.len()
        );
        ask(server).await;
        asked += 2;
        seen.insert(bundles(server).await[0].to_string());
    }
    one.end().await;
    two.end().await;
}

async fn no_review_fails_when_the_secret_is_deleted(server: &Server) {
    let user = user(server).await;
    let flags = ["--authority-settle=1s"];
    let one = Replica::start(server, &user, &flags).await;
    let two = Replica::start(server, &user, &flags).await;
    register(server, one.address, two.address).await;
    one.is_ready().await;
    two.is_ready().await;
    in_force(server).await;
    let secret = format!("{}/injector-tls", server.path("v1", "secrets"));
    let certificate = async || server.get(&secret).await.json["data"]["tls.crt"].clone();
    let old = certificate().await;
    server
        .delete(&secret, &Value::Null)
        .await
        .expect_status(200);
    let began = Instant::now();
    // The injectors create the new certificate immediately, but serve it only one second later (`--authority-settle`), so send
    // reviews for a longer time.
    while began.elapsed() < Duration::from_secs(4) {
        ask(server).await;
    }
    let new = certificate().await;
    assert!(new.is_string() && new != old);
    one.end().await;
    two.end().await;
}
