//! Watches.

use std::time::Duration;

use futures::TryStreamExt as _;
use gleaner_tests::cases;
use gleaner_tests::server::Server;
use gleaner_tests::suite::Case;
use http::Request;
use http_body_util::BodyDataStream;
use kube::client::Body;
use serde_json::{Value, json};

use crate::{resource, resources};

const DEADLINE: Duration = Duration::from_secs(10);

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_watch_tells_the_life_of_one_object,
        a_watch_from_a_version_tells_only_what_came_after,
        a_watch_ends_at_its_timeout,
        an_object_enters_and_leaves_a_selection,
    ]
}

struct Events {
    stream: BodyDataStream<Body>,
    rest: String,
}

impl Events {
    async fn of(server: &Server, query: &str) -> Self {
        let path = format!("{}?watch=true&{query}", resources(server));
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let answer = server.client().send(request).await.expect("a watch");
        assert_eq!(answer.status(), 200);
        Self {
            stream: BodyDataStream::new(answer.into_body()),
            rest: String::new(),
        }
    }

    /// The next event: its type and its object. None at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((line, rest)) = self.rest.split_once('\n') {
                let event: Value = serde_json::from_str(line).expect("JSON");
                self.rest = rest.to_owned();
                let kind = event["type"].as_str().expect("a type").to_owned();
                return Some((kind, event["object"].clone()));
            }
            let chunk = tokio::time::timeout(DEADLINE, self.stream.try_next()).await;
            let chunk = chunk.expect("an event in time").expect("no error")?;
            self.rest
                .push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }

    async fn expect(&mut self, kind: &str) -> Value {
        let (found, object) = self.next().await.expect("an event");
        assert_eq!(found, kind, "{object}");
        object
    }
}

async fn a_watch_tells_the_life_of_one_object(server: &Server) {
    let path = format!("{}/a", resources(server));
    let made = server
        .post(&resources(server), &resource("a"))
        .await
        .expect_status(201)
        .json;
    let mut events = Events::of(server, "fieldSelector=metadata.name%3Da").await;
    assert_eq!(events.expect("ADDED").await, made);
    server
        .post(&resources(server), &resource("b"))
        .await
        .expect_status(201);
    server
        .merge(
            &format!("{path}/status"),
            &json!({"status": {"ready": true}}),
        )
        .await
        .expect_status(200);
    assert_eq!(
        events.expect("MODIFIED").await["status"],
        json!({"ready": true})
    );
    server.delete(&path, &json!(null)).await.expect_status(200);
    let last = events.expect("DELETED").await;
    assert_eq!(last["metadata"]["uid"], made["metadata"]["uid"]);
    assert_ne!(
        last["metadata"]["resourceVersion"],
        made["metadata"]["resourceVersion"]
    );
}

async fn a_watch_from_a_version_tells_only_what_came_after(server: &Server) {
    let made = server
        .post(&resources(server), &resource("a"))
        .await
        .expect_status(201)
        .json;
    server
        .post(&resources(server), &resource("b"))
        .await
        .expect_status(201);
    let version = made["metadata"]["resourceVersion"]
        .as_str()
        .expect("a version");
    let mut events = Events::of(server, &format!("resourceVersion={version}")).await;
    assert_eq!(events.expect("ADDED").await["metadata"]["name"], "b");
    let list = server.get(&resources(server)).await.json;
    let version = list["metadata"]["resourceVersion"]
        .as_str()
        .expect("a version");
    let mut events = Events::of(server, &format!("resourceVersion={version}")).await;
    server
        .post(&resources(server), &resource("c"))
        .await
        .expect_status(201);
    assert_eq!(events.expect("ADDED").await["metadata"]["name"], "c");
}

async fn a_watch_ends_at_its_timeout(server: &Server) {
    let mut events = Events::of(server, "timeoutSeconds=1").await;
    assert!(events.next().await.is_none());
}

async fn an_object_enters_and_leaves_a_selection(server: &Server) {
    server
        .post(&resources(server), &resource("a"))
        .await
        .expect_status(201);
    let path = format!("{}/a", resources(server));
    let mut events = Events::of(server, "labelSelector=l%3D1").await;
    server
        .merge(&path, &json!({"metadata": {"labels": {"l": "1"}}}))
        .await
        .expect_status(200);
    events.expect("ADDED").await;
    server
        .merge(&path, &json!({"metadata": {"labels": {"l": "2"}}}))
        .await
        .expect_status(200);
    events.expect("DELETED").await;
}
