use std::time::Duration;

use gleaner_testkit::client::Connection;
use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Authority, Client, JOB_POD, NAME, PATIENCE, Setup, review, until};

#[tokio::test]
async fn a_client_that_sends_nothing_after_connecting_is_disconnected() {
    let authority = Authority::new();
    let injector = Setup::files(&authority)
        .flag("--handshake-timeout=200ms")
        .ready()
        .await;
    let mut silent = TcpStream::connect(injector.address).await.unwrap();
    let read = tokio::time::timeout(PATIENCE, silent.read(&mut [0; 1])).await;
    assert_eq!(read.expect("disconnected in time").unwrap_or(0), 0);
    // The connection is closed before the failure is counted, so wait for the count.
    let failed = until("a failed handshake", async || {
        let name = "gleaner_injector_tls_handshakes_failed_total";
        Some(injector.metric(name).await).filter(|failed| *failed > 0.0)
    })
    .await;
    assert_eq!(failed, 1.0);
}

#[tokio::test]
async fn a_header_must_be_complete_in_time() {
    let authority = Authority::new();
    let injector = Setup::files(&authority)
        .flag("--header-timeout=200ms")
        .ready()
        .await;
    // Plain HTTP connections have the same limits.
    let mut slow = TcpStream::connect(injector.health).await.unwrap();
    slow.write_all(b"GET /livez HTTP/1.1\r\nhost: ")
        .await
        .unwrap();
    let read = tokio::time::timeout(PATIENCE, slow.read(&mut [0; 1])).await;
    assert_eq!(read.expect("disconnected in time").unwrap_or(0), 0);
}

#[tokio::test]
async fn a_connection_may_be_idle_between_requests_for_longer_than_a_header_may_take() {
    let authority = Authority::new();
    let injector = Setup::files(&authority)
        .flag("--header-timeout=100ms")
        .flag("--idle-timeout=2s")
        .ready()
        .await;
    let mut client = injector.client(&authority).await;
    for _ in 0..3 {
        client
            .review("/mutate/pods", &review(JOB_POD))
            .await
            .unwrap();
        // Wait for a fixed time, because the test checks that the connection stays open.
        let ended = until_closed(&mut client, Duration::from_millis(400)).await;
        assert!(
            !ended,
            "the idle connection was closed too early, so an API server's next review would fail"
        );
    }
    assert!(
        until_closed(&mut client, PATIENCE).await,
        "an idle connection must be closed eventually"
    );
}

async fn until_closed(client: &mut Client, time: Duration) -> bool {
    let closed = async {
        while !client.is_closed() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(time, closed).await.is_ok()
}

#[tokio::test]
async fn a_review_that_is_too_large_or_too_slow_is_rejected() {
    let authority = Authority::new();
    let setup = Setup::files(&authority)
        .flag("--max-body=64Ki")
        .flag("--body-timeout=300ms");
    let injector = setup.ready().await;
    // The Content-Length header suffices: the injector responds and closes the connection before the body is sent.
    let mut large = Connection::tls(injector.address, &authority.pem, NAME).unwrap();
    large
        .send(b"POST /mutate/pods HTTP/1.1\r\nhost: a\r\ncontent-length: 65537\r\n\r\n")
        .unwrap();
    let answer = large.answer().unwrap();
    assert_eq!(answer.status, 413);
    assert!(answer.text().contains("--max-body"), "{}", answer.text());
    let mut client = injector.client(&authority).await;
    let answer = client
        .send(Method::POST, "/mutate/pods", vec![b' '; 65536])
        .await
        .unwrap();
    assert_eq!(answer.status, 400);
    let mut slow = Connection::tls(injector.address, &authority.pem, NAME).unwrap();
    slow.send(b"POST /mutate/pods HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n{")
        .unwrap();
    assert_eq!(slow.head().unwrap().status, 408);
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let authority = Authority::new();
    let injector = Setup::files(&authority)
        .flag("--max-connections=2")
        .ready()
        .await;
    let mut held = vec![
        injector.client(&authority).await,
        injector.client(&authority).await,
    ];
    let waiting = Client::connect(injector.address, &authority.pem, NAME);
    tokio::pin!(waiting);
    let mut third = None;
    until("a review on an existing connection", async || {
        held[0].review("/mutate/pods", &review(JOB_POD)).await.ok()
    })
    .await;
    tokio::select! {
        biased;
        connected = &mut waiting => third = Some(connected),
        () = tokio::time::sleep(Duration::from_millis(200)) => {}
    }
    assert!(third.is_none(), "the third connection must wait");
    held.pop();
    let mut third = tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap()
        .unwrap();
    third
        .review("/mutate/pods", &review(JOB_POD))
        .await
        .unwrap();
}
