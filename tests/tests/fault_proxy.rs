//! Tests that the fault proxy applies its rules and records the requests.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures::TryStreamExt as _;
use gleaner_tests::cases;
use gleaner_tests::fault_proxy::{Fault, FaultProxy, Outcome};
use gleaner_tests::server::{self, Server};
use gleaner_tests::suite::{Case, Suite};
use gleaner_tests::wait;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    Suite::new(cases![
        requests_without_a_rule_pass_unchanged,
        a_request_whose_reply_is_dropped_is_performed,
        a_refusal_never_reaches_the_server,
        a_reset_never_reaches_the_server,
        a_hanging_request_gets_no_response,
        a_slow_reply_is_delayed,
        a_late_request_is_performed_after_its_client_disconnected,
        a_replaced_response_hides_that_the_request_was_performed,
        half_a_reply_interrupts_the_response,
        a_fault_applies_only_to_the_specified_occurrences,
    ])
    // This case needs the real server, because the local one does not support watches.
    .case(
        Case::new(
            "watch_events_are_forwarded_immediately",
            watch_events_are_forwarded_immediately,
        )
        .real_only(),
    )
    .run()
}

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}})
}

/// Sends a create request through the proxy. Returns the status of the response, or `None` if the connection was interrupted.
async fn create(proxy: &FaultProxy, server: &Server, name: &str) -> Option<StatusCode> {
    let client = server::client(&proxy.url(), None, None).expect("a client");
    let request = Request::post(server.path("v1", "configmaps"))
        .header("content-type", "application/json")
        .body(Body::from(config_map(name).to_string().into_bytes()))
        .expect("a request");
    client
        .send(request)
        .await
        .ok()
        .map(|answer| answer.status())
}

async fn exists(server: &Server, name: &str) -> bool {
    let path = format!("{}/{name}", server.path("v1", "configmaps"));
    server.get(&path).await.status == StatusCode::OK
}

async fn requests_without_a_rule_pass_unchanged(server: &Server) {
    let proxy = FaultProxy::start(server.client()).await;
    proxy.on(Method::DELETE, ".*").fail(Fault::Hang);
    assert_eq!(create(&proxy, server, "a").await, Some(StatusCode::CREATED));
    assert!(exists(server, "a").await);
    let requests = proxy.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].path, server.path("v1", "configmaps"));
    assert_eq!(requests[0].json(), config_map("a"));
    assert_eq!(requests[0].outcome, Outcome::Answered(StatusCode::CREATED));
}

async fn a_request_whose_reply_is_dropped_is_performed(server: &Server) {
    let proxy = FaultProxy::start(server.client()).await;
    proxy
        .on(Method::POST, "/configmaps$")
        .first(1)
        .fail(Fault::DropReply);
    assert_eq!(create(&proxy, server, "a").await, None);
    assert!(exists(server, "a").await);
    assert_eq!(
        proxy.requests()[0].outcome,
        Outcome::ReplyLost(StatusCode::CREATED)
    );
    assert_eq!(
        create(&proxy, server, "a").await,
        Some(StatusCode::CONFLICT)
    );
}

async fn half_a_reply_interrupts_the_response(server: &Server) {
    let proxy = FaultProxy::start(server.client()).await;
    proxy
        .on(Method::POST, "/configmaps$")
        .first(1)
        .fail(Fault::HalfReply);
    let client = server::client(&proxy.url(), None, None).expect("a client");
    let request = Request::post(server.path("v1", "configmaps"))
        .header("content-type", "application/json")
        .body(Body::from(config_map("a").to_string().into_bytes()));
    let reply = client.send(request.expect("a request")).await;
    let reply = reply.expect("a header");
    assert_eq!(reply.status(), StatusCode::CREATED);
    assert!(reply.into_body().collect().await.is_err());
    assert!(exists(server, "a").await);
    assert_eq!(proxy.faults(), 1);
}

async fn a_late_request_is_performed_after_its_client_disconnected(server: &Server) {
    let proxy = FaultProxy::start(server.client()).await;
    proxy
        .on(Method::POST, "/configmaps$")
        .fail(Fault::Late(Duration::from_millis(300)));
    let given_up = tokio::select! {
        _ = create(&proxy, server, "a") => false,
        () = proxy.wait_for(1, &Method::POST, "/configmaps$", DEADLINE) => true,
    };
    assert!(given_up);
    wait::until("the object exists", DEADLINE, async || {
        exists(server, "a").await.then_some(())
    })
    .await;
}

async fn a_replaced_response_hides_that_the_request_was_performed(server: &Server) {
    let proxy = FaultProxy::start(server.client()).await;
    proxy
        .on(Method::POST, "/configmaps$")
        .fail(Fault::other_reply(202, json!({})));
    assert_eq!(
        create(&proxy, server, "a").await,
        Some(StatusCode::ACCEPTED)
    );
    assert!(exists(server, "a").await);
}

async fn a_refusal_never_reaches_the_server(server: &Server) {
    let proxy = FaultProxy::start(server.client()).await;
    proxy
        .on(Method::POST, "/configmaps$")
        .first(1)
        .fail(Fault::too_many_requests(7));
    let client = server::client(&proxy.url(), None, None).expect("a client");
    let path = server.path("v1", "configmaps");
    let body = config_map("a").to_string().into_bytes();
    let answer = server::send(&client, Method::POST, &path, "application/json", body).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers["retry-after"], "7");
    assert_eq!(answer.json["details"]["retryAfterSeconds"], 7);
    assert!(!exists(server, "a").await);
    assert_eq!(
        proxy.requests()[0].outcome,
        Outcome::Refused(StatusCode::TOO_MANY_REQUESTS)
    );
}

async fn a_reset_never_reaches_the_server(server: &Server) {
    let proxy = FaultProxy::start(server.client()).await;
    proxy
        .on(Method::POST, "/configmaps$")
        .first(1)
        .fail(Fault::Reset);
    assert_eq!(create(&proxy, server, "a").await, None);
    assert!(!exists(server, "a").await);
    assert_eq!(proxy.requests()[0].outcome, Outcome::Reset);
}

async fn a_hanging_request_gets_no_response(server: &Server) {
    let proxy = FaultProxy::start(server.client()).await;
    proxy.on(Method::POST, "/configmaps$").fail(Fault::Hang);
    tokio::select! {
        status = create(&proxy, server, "a") => panic!("response: {status:?}"),
        () = proxy.wait_for(1, &Method::POST, "/configmaps$", DEADLINE) => {}
    }
    assert_eq!(proxy.requests()[0].outcome, Outcome::Hung);
    assert!(!exists(server, "a").await);
}

async fn a_slow_reply_is_delayed(server: &Server) {
    let delay = Duration::from_millis(300);
    let proxy = FaultProxy::start(server.client()).await;
    proxy
        .on(Method::POST, "/configmaps$")
        .first(1)
        .fail(Fault::SlowReply(delay));
    let start = Instant::now();
    assert_eq!(create(&proxy, server, "a").await, Some(StatusCode::CREATED));
    assert!(start.elapsed() >= delay);
}

async fn a_fault_applies_only_to_the_specified_occurrences(server: &Server) {
    let proxy = FaultProxy::start(server.client()).await;
    proxy
        .on(Method::POST, "/configmaps$")
        .nth(2)
        .fail(Fault::status(503));
    let mut statuses = Vec::new();
    for name in ["a", "b", "c"] {
        statuses.push(
            create(&proxy, server, name)
                .await
                .map(|status| status.as_u16()),
        );
    }
    assert_eq!(statuses, [Some(201), Some(503), Some(201)]);
    proxy
        .on(Method::POST, "/configmaps$")
        .from(2)
        .fail(Fault::status(500));
    assert_eq!(create(&proxy, server, "d").await, Some(StatusCode::CREATED));
    assert_eq!(
        create(&proxy, server, "e").await,
        Some(StatusCode::INTERNAL_SERVER_ERROR)
    );
    proxy.heal();
    assert_eq!(create(&proxy, server, "e").await, Some(StatusCode::CREATED));
}

async fn watch_events_are_forwarded_immediately(server: &Server) {
    let proxy = FaultProxy::start(server.client()).await;
    let client = server::client(&proxy.url(), None, None).expect("a client");
    let path = format!(
        "{}?watch=true&fieldSelector=metadata.name%3Da",
        server.path("v1", "configmaps")
    );
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let answer = client.send(request).await.expect("a watch");
    let mut stream = http_body_util::BodyDataStream::new(answer.into_body());
    assert_eq!(create(&proxy, server, "a").await, Some(StatusCode::CREATED));
    let line = tokio::time::timeout(DEADLINE, stream.try_next())
        .await
        .expect("an event within the time limit");
    let event: Value =
        serde_json::from_slice(&line.expect("no error").expect("an event")).expect("JSON");
    assert_eq!(event["type"], "ADDED");
    assert_eq!(event["object"]["metadata"]["name"], "a");
}
