use serde_json::{Value, json};

use crate::support::{
    ApiServer, Authority, Client, Injector, Setup, UNINJECTED_POD, review, until,
};

async fn injector(api_server: &ApiServer, authority: &Authority) -> (Injector, Client) {
    let api_server = format!("--api-server={}", api_server.url());
    let setup = Setup::files(authority)
        .without("--no-events")
        .flag(api_server)
        .flag("--instance=injector-0");
    let injector = setup.ready().await;
    let client = injector.client(authority).await;
    (injector, client)
}

fn told(api_server: &ApiServer) -> Vec<Value> {
    api_server.events()
}

#[tokio::test]
async fn a_refused_pod_creates_an_event_for_its_task_run() {
    let (api_server, authority) = (ApiServer::start().await, Authority::new());
    let (injector, mut client) = injector(&api_server, &authority).await;
    let response = client
        .review("/mutate/pods", &review(UNINJECTED_POD))
        .await
        .unwrap();
    assert_eq!(response["allowed"], json!(false));
    let event = until("an Event", async || told(&api_server).pop()).await;
    let message = response["status"]["message"].as_str().unwrap();
    assert_eq!(event["note"], message);
    assert_eq!(
        (&event["type"], &event["reason"], &event["action"]),
        (&json!("Warning"), &json!("GleanerRefused"), &json!("Admit"))
    );
    assert_eq!(event["reportingController"], "gleaner.dev/injector");
    assert_eq!(event["reportingInstance"], "injector-0");
    assert_eq!(
        event["regarding"],
        json!({
            "apiVersion": "tekton.dev/v1", "kind": "TaskRun", "namespace": "default", "name": "rich",
            "uid": "a1bcc4ac-6b4b-47c6-801b-225388a74129",
        })
    );
    assert!(
        event["metadata"]["name"]
            .as_str()
            .unwrap()
            .starts_with("rich.")
    );
    let created = r#"gleaner_injector_events_total{result="created"}"#;
    until("the Event to be counted", async || {
        (injector.metric(created).await == 1.0).then_some(())
    })
    .await;
    // The time of an Event has Kubernetes' format: RFC 3339 with six fractional digits.
    let time = event["eventTime"].as_str().unwrap();
    assert!(
        time.len() == "2026-01-01T00:00:00.000000Z".len() && time.ends_with('Z'),
        "{time}"
    );
}

#[tokio::test]
async fn an_invalid_namespace_creates_no_event_and_the_next_refusal_does() {
    let (api_server, authority) = (ApiServer::start().await, Authority::new());
    let (_injector, mut client) = injector(&api_server, &authority).await;
    for namespace in ["a b", "../x", "A", ""] {
        let mut body = review(UNINJECTED_POD);
        body["request"]["namespace"] = json!(namespace);
        let response = client.review("/mutate/pods", &body).await.unwrap();
        assert_eq!(response["allowed"], json!(false), "{namespace}");
    }
    client
        .review("/mutate/pods", &review(UNINJECTED_POD))
        .await
        .unwrap();
    let event = until("an Event", async || told(&api_server).pop()).await;
    assert_eq!(event["regarding"]["namespace"], "default");
    assert_eq!(told(&api_server).len(), 1);
}

#[tokio::test]
async fn repeated_refusals_create_one_event_and_a_different_one_creates_another() {
    let (api_server, authority) = (ApiServer::start().await, Authority::new());
    let (injector, mut client) = injector(&api_server, &authority).await;
    let mut body = review(UNINJECTED_POD);
    for _ in 0..5 {
        client.review("/mutate/pods", &body).await.unwrap();
    }
    let owner = &mut body["request"]["object"]["metadata"]["ownerReferences"][0];
    (owner["name"], owner["uid"]) = (json!("second"), json!("u-2"));
    client.review("/mutate/pods", &body).await.unwrap();
    until("the second refusal's Event", async || {
        told(&api_server)
            .iter()
            .any(|event| event["regarding"]["name"] == "second")
            .then_some(())
    })
    .await;
    assert_eq!(told(&api_server).len(), 2);
    let repeated = r#"gleaner_injector_events_total{result="repeated"}"#;
    assert_eq!(injector.metric(repeated).await, 4.0);
}

#[tokio::test]
async fn a_dry_run_and_an_object_without_a_controller_create_no_event() {
    let (api_server, authority) = (ApiServer::start().await, Authority::new());
    let (_injector, mut client) = injector(&api_server, &authority).await;
    let mut dry = review(UNINJECTED_POD);
    dry["request"]["dryRun"] = json!(true);
    let mut alone = review(UNINJECTED_POD);
    alone["request"]["object"]["metadata"]["ownerReferences"][0]["controller"] = json!(false);
    for body in [&dry, &alone] {
        let response = client.review("/mutate/pods", body).await.unwrap();
        assert_eq!(response["allowed"], json!(false));
    }
    // The injector creates Events in order, so if this Event is the only one, the earlier refusals created none.
    client
        .review("/mutate/pods", &review(UNINJECTED_POD))
        .await
        .unwrap();
    until("an Event", async || told(&api_server).pop()).await;
    assert_eq!(told(&api_server).len(), 1);
}

#[tokio::test]
async fn reviews_are_not_delayed_if_the_api_server_does_not_respond_to_events() {
    let (api_server, authority) = (ApiServer::start().await, Authority::new());
    api_server.ignore_events();
    let (injector, mut client) = injector(&api_server, &authority).await;
    let mut body = review(UNINJECTED_POD);
    for index in 0..200 {
        body["request"]["object"]["metadata"]["ownerReferences"][0]["uid"] =
            json!(index.to_string());
        client.review("/mutate/pods", &body).await.unwrap();
    }
    let dropped = injector
        .metric(r#"gleaner_injector_events_total{result="dropped"}"#)
        .await;
    // One Event is being sent, 128 are queued, and all others are dropped.
    assert_eq!(dropped, 71.0);
    injector.terminate();
    assert!(
        injector.ended().await.success(),
        "pending Events must not delay the shutdown beyond its time limit"
    );
}

#[tokio::test]
async fn a_long_refusal_is_cut_to_the_maximum_length_of_an_event() {
    let (api_server, authority) = (ApiServer::start().await, Authority::new());
    let (_injector, mut client) = injector(&api_server, &authority).await;
    let mut body = review(UNINJECTED_POD);
    let steps = (0..100)
        .map(|index| format!("s{index}: [{{name: ä, typ: string}}]"))
        .collect::<Vec<_>>();
    let declaration = format!("steps: {{{}}}", steps.join(", "));
    let object = &mut body["request"]["object"];
    object["metadata"]["annotations"]["gleaner.dev/outputs"] = json!(declaration);
    object["metadata"]["labels"] = json!({});
    object["metadata"]["ownerReferences"][0]["kind"] = json!("Job");
    object["metadata"]["ownerReferences"][0]["apiVersion"] = json!("batch/v1");
    let response = client.review("/mutate/pods", &body).await.unwrap();
    let message = response["status"]["message"].as_str().unwrap();
    assert!(message.len() > 1024, "{message}");
    let event = until("an Event", async || told(&api_server).pop()).await;
    let note = event["note"].as_str().unwrap();
    assert!(
        note.len() <= 1024 && note.len() > 1000 && message.starts_with(note),
        "{note}"
    );
}
