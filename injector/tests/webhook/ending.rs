use crate::support::{ApiServer, Authority, Client, JOB_POD, NAME, Setup, get, review, until};

#[tokio::test]
async fn after_sigterm_the_injector_is_not_ready_but_still_responds() {
    let authority = Authority::new();
    let injector = Setup::files(&authority)
        .flag("--shutdown-delay=1s")
        .ready()
        .await;
    let mut client = injector.client(&authority).await;
    injector.terminate();
    until("a failed readiness probe", async || {
        let ready = get(injector.health, "/readyz").await;
        (ready.text() == "this replica is shutting down\n" && ready.status == 503).then_some(())
    })
    .await;
    // Reviews still succeed on an existing and on a new connection.
    client
        .review("/mutate/pods", &review(JOB_POD))
        .await
        .unwrap();
    let mut new = injector.client(&authority).await;
    new.review("/mutate/pods", &review(JOB_POD)).await.unwrap();
    assert_eq!(get(injector.health, "/livez").await.status, 200);
    let log = injector.log();
    let address = injector.address;
    assert!(injector.ended().await.success(), "{log}");
    assert!(
        Client::connect(address, &authority.pem, NAME)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn the_injector_exits_while_it_waits_for_the_api_server() {
    let api_server = ApiServer::start().await;
    let injector = Setup::managed(&api_server).flag("--sidecars=auto").start();
    injector.said("version-not-known").await;
    until(
        "the readiness probe to report the missing version",
        async || {
            let ready = get(injector.health, "/readyz").await;
            ready
                .text()
                .contains("--sidecars native or tekton")
                .then_some(())
        },
    )
    .await;
    injector.terminate();
    assert!(injector.ended().await.success());
}

#[tokio::test]
async fn the_type_of_sidecar_depends_on_the_api_servers_version() {
    for (minor, kind) in [("28", "Tekton"), ("33", "Native")] {
        let api_server = ApiServer::start().await;
        api_server.set_minor_version(minor);
        let injector = Setup::managed(&api_server)
            .flag("--sidecars=auto")
            .ready()
            .await;
        assert_eq!(injector.said("ready-to-decide").await["sidecars"], kind);
    }
}
