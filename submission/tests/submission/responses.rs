//! 2xx responses that do not come from the API server.

use std::time::Duration;

use gleaner_proto::message::Action;
use gleaner_submission::{Reason, Settings};
use http::Method;
use serde_json::{Value, json};

use crate::mock::{Fault, Mock, REAL};
use crate::templates::{image, path, submit};

/// Returns 2xx responses that a proxy may send instead of the API server.
fn strangers() -> Vec<(u16, Value)> {
    let mut other = image("other", "other", "1").object;
    other["metadata"]["namespace"] = "ci".into();
    other["metadata"]["uid"] = "uid-of-another".into();
    let mut no_uid = image("a", "a", "1").object;
    no_uid["metadata"]["namespace"] = "ci".into();
    vec![
        (200, json!({})),
        (200, json!(null)),
        (200, json!({"login": "please"})),
        (201, other),
        (201, no_uid),
    ]
}

#[tokio::test]
async fn an_unexecuted_create_with_an_unexpected_response_is_retried() {
    for (status, body) in strangers() {
        let mock = Mock::start().await;
        mock.on(Method::POST, REAL)
            .first(1)
            .fail(Fault::answer(status, &[], body.clone()));
        let submission = submit(&mock.submitter().await, vec![image("a", "a", "1")])
            .await
            .unwrap();
        let uid = &submission.committed[0].created.uid;
        assert_eq!(
            mock.get(&path("a")).unwrap()["metadata"]["uid"],
            **uid,
            "{body}"
        );
    }
}

#[tokio::test]
async fn an_executed_create_with_an_unexpected_response_is_found_by_a_read() {
    for (status, body) in strangers() {
        let mock = Mock::start().await;
        // Every attempt gets the unexpected response, which never shows whether the object was created.
        mock.on(Method::POST, REAL)
            .fail(Fault::other_reply(status, body.clone()));
        let submission = submit(&mock.submitter().await, vec![image("a", "a", "1")])
            .await
            .unwrap();
        let created = &submission.committed[0].created;
        assert_eq!(
            (created.uid.as_str(), created.action),
            ("uid-1", Action::Created),
            "{body}"
        );
        assert_eq!(mock.count(&Method::POST, REAL), 1, "{body}");
    }
}

#[tokio::test]
async fn a_create_that_only_gets_unexpected_responses_fails_and_leaves_nothing() {
    for (status, body) in strangers() {
        let mock = Mock::start().await;
        mock.on(Method::POST, REAL)
            .named("a")
            .fail(Fault::answer(status, &[], body.clone()));
        let rendered = vec![image("first", "first", "1"), image("a", "a", "1")];
        let error = submit(&mock.hasty().await, rendered).await.unwrap_err();
        assert!(
            matches!(error.failures[0].reason, Reason::Broken(_)),
            "{body}: {error}"
        );
        assert!(mock.paths().is_empty(), "{body}");
    }
}

#[tokio::test]
async fn a_dry_run_with_an_unexpected_response_does_not_count() {
    for (status, body) in [(200, json!({})), (201, json!({"login": "please"}))] {
        let mock = Mock::start().await;
        mock.on(Method::POST, "dryRun")
            .fail(Fault::answer(status, &[], body));
        let error = submit(&mock.hasty().await, vec![image("a", "a", "1")])
            .await
            .unwrap_err();
        assert!(
            matches!(error.failures[0].reason, Reason::Deadline { .. }),
            "{error}"
        );
        assert!(mock.writes().is_empty());
    }
}

#[tokio::test]
async fn a_read_with_an_unexpected_response_does_not_count() {
    let mock = Mock::start().await;
    mock.on(Method::POST, REAL).first(1).fail(Fault::DropReply);
    mock.on(Method::GET, &path("a"))
        .first(1)
        .fail(Fault::answer(200, &[], json!({})));
    let submission = submit(&mock.submitter().await, vec![image("a", "a", "1")])
        .await
        .unwrap();
    assert_eq!(submission.committed[0].created.uid, "uid-1");
    assert_eq!(mock.count(&Method::GET, &path("a")), 2);
}

#[tokio::test]
async fn discovery_with_an_unexpected_response_does_not_report_a_missing_kind() {
    for body in [
        json!({}),
        json!({"resources": []}),
        json!({"login": "please"}),
    ] {
        let mock = Mock::start().await;
        mock.on(Method::GET, "/apis/tekton.dev")
            .fail(Fault::answer(200, &[], body));
        let error = submit(&mock.hasty().await, vec![image("a", "a", "1")])
            .await
            .unwrap_err();
        assert!(
            matches!(error.failures[0].reason, Reason::Deadline { .. }),
            "{error}"
        );
    }
}

/// Submits two objects. The API server refuses the second, so the first is rolled back.
async fn rolled_back(mock: &Mock) -> gleaner_submission::SubmissionError {
    mock.on(Method::POST, REAL)
        .named("b")
        .fail(Fault::refuse(422, "Invalid", "no"));
    let rendered = vec![image("a", "a", "1"), image("b", "b", "1")];
    let settings = Settings {
        rollback_deadline: Duration::from_secs(2),
        ..Settings::default()
    };
    let submitter = mock.submitter_with(settings).await;
    submit(&submitter, rendered).await.unwrap_err()
}

#[tokio::test]
async fn a_delete_with_an_unexpected_response_is_checked_by_a_read() {
    // A proxy responds to each delete. The API server does not execute the first delete, but executes the second.
    let mock = Mock::start().await;
    mock.on(Method::DELETE, "")
        .first(1)
        .fail(Fault::answer(200, &[], json!({})));
    mock.on(Method::DELETE, "")
        .fail(Fault::other_reply(200, json!({})));
    let error = rolled_back(&mock).await;
    assert_eq!(error.aftermath.removed, ["PipelineResource ci/a"]);
    assert!(mock.paths().is_empty());
}

#[tokio::test]
async fn an_object_whose_delete_only_gets_unexpected_responses_is_reported() {
    let mock = Mock::start().await;
    mock.on(Method::DELETE, "")
        .fail(Fault::answer(200, &[], json!({})));
    let error = rolled_back(&mock).await;
    assert_eq!(error.aftermath.left[0].object.name, "a", "{error}");
    assert!(error.aftermath.removed.is_empty());
}

#[tokio::test]
async fn a_delete_that_meets_a_conflict_is_retried_while_the_object_exists() {
    let mock = Mock::start().await;
    let words = "Operation cannot be fulfilled: the object has been modified";
    mock.on(Method::DELETE, "")
        .first(2)
        .fail(Fault::refuse(409, "Conflict", words));
    let error = rolled_back(&mock).await;
    assert_eq!(error.aftermath.removed, ["PipelineResource ci/a"]);
    assert!(mock.paths().is_empty());
}

#[tokio::test]
async fn an_object_whose_delete_always_meets_a_conflict_is_reported_with_the_api_servers_message() {
    let mock = Mock::start().await;
    let words = "admission webhook \"keep.example.com\" denied the request: not on Fridays";
    mock.on(Method::DELETE, "")
        .fail(Fault::refuse(409, "Conflict", words));
    let error = rolled_back(&mock).await;
    let [left] = error.aftermath.left.as_slice() else {
        panic!("{error}");
    };
    assert_eq!(left.object.uid.as_deref(), Some("uid-1"));
    assert!(left.why.contains("not on Fridays"), "{left}");
    assert!(error.aftermath.removed.is_empty());
    assert_eq!(mock.paths(), [path("a")]);
}

#[tokio::test]
async fn a_404_from_a_proxy_does_not_count_as_a_missing_object() {
    let mock = Mock::start().await;
    mock.on(Method::DELETE, "")
        .fail(Fault::answer(404, &[], json!("default backend - 404")));
    let error = rolled_back(&mock).await;
    assert_eq!(error.aftermath.left[0].object.name, "a", "{error}");
}
