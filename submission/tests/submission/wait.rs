use std::time::Duration;

use gleaner_core::declaration::{WaitFor, WaitTarget};
use gleaner_core::render::Rendered;
use gleaner_submission::Reason;
use http::Method;
use serde_json::json;

use crate::mock::{Fault, Mock};
use crate::templates::{image, path, submit};

fn waiting(target: WaitTarget, timeout: u64) -> Rendered {
    let timeout = Duration::from_millis(timeout);
    Rendered {
        wait_for: Some(WaitFor { target, timeout }),
        ..image("svc", "svc", "1")
    }
}

fn ready() -> WaitTarget {
    WaitTarget::Condition("Ready".into())
}

/// Makes `change` once the object is being read.
fn controller(mock: &Mock, change: impl FnOnce(&mut serde_json::Value) + Send + 'static) {
    let mock = mock.clone();
    tokio::spawn(async move {
        while mock.count(&Method::GET, &path("svc")) == 0 {
            tokio::task::yield_now().await;
        }
        mock.change(&path("svc"), change);
    });
}

#[tokio::test]
async fn a_condition_is_waited_for_and_the_results_are_read_afterwards() {
    let mock = Mock::start().await;
    let mut service = waiting(ready(), 5_000);
    service.results = vec![
        ("url".into(), ".status.url".parse().unwrap()),
        ("replicas".into(), ".status.replicas".parse().unwrap()),
        ("name".into(), ".metadata.name".parse().unwrap()),
    ];
    controller(&mock, |object| {
        object["status"] = json!({
            "url": "https://x", "replicas": 2, "conditions": [{"type": "Ready", "status": "True"}],
        });
    });
    let submission = submit(&mock.submitter().await, vec![service])
        .await
        .unwrap();
    assert_eq!(
        json!(submission.committed[0].results),
        json!({"url": "https://x", "replicas": "2", "name": "svc"})
    );
}

#[tokio::test]
async fn a_wait_that_times_out_rolls_back_and_quotes_the_last_condition() {
    let mock = Mock::start().await;
    controller(&mock, |object| {
        object["status"] = json!({"conditions": [{
            "type": "Ready", "status": "False", "reason": "RevisionMissing", "message": "no image",
        }]});
    });
    let rendered = vec![image("a", "a", "1"), waiting(ready(), 700)];
    let error = submit(&mock.submitter().await, rendered).await.unwrap_err();
    assert_eq!(
        error.sentence(),
        "svc (PipelineResource ci/svc): condition Ready did not become True within 0.7 s; last seen: Ready is False (RevisionMissing): no image; rolled back: PipelineResource ci/svc, PipelineResource ci/a"
    );
    assert!(mock.paths().is_empty());
}

#[tokio::test]
async fn a_field_is_waited_for_until_it_has_its_value() {
    let mock = Mock::start().await;
    let target = WaitTarget::Field {
        path: ".status.phase".parse().unwrap(),
        value: Some("Bound".into()),
    };
    controller(&mock, |object| object["status"] = json!({"phase": "Bound"}));
    submit(&mock.submitter().await, vec![waiting(target, 5_000)])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_condition_of_an_earlier_generation_does_not_count() {
    let mock = Mock::start().await;
    let mut service = waiting(ready(), 600);
    service.object["metadata"]["generation"] = 2.into();
    service.object["status"] = json!({
        "observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}],
    });
    let error = submit(&mock.submitter().await, vec![service])
        .await
        .unwrap_err();
    assert!(
        error.sentence().contains("has not seen the change yet"),
        "{error}"
    );
}

#[tokio::test]
async fn a_result_that_never_appears_names_its_path() {
    let mock = Mock::start().await;
    let mut service = image("svc", "svc", "1");
    service.results = vec![("url".into(), ".status.url".parse().unwrap())];
    let error = submit(&mock.hasty().await, vec![service])
        .await
        .unwrap_err();
    assert!(
        error.sentence().contains(
            "result url: .status.url did not appear within 0.3 s; last seen: no .status.url"
        ),
        "{error}"
    );
    assert!(mock.paths().is_empty());
}

#[tokio::test]
async fn trouble_on_the_way_is_no_failure() {
    let mock = Mock::start().await;
    mock.on(Method::GET, &path("svc"))
        .first(1)
        .fail(Fault::refuse(503, "ServiceUnavailable", "later"));
    mock.on(Method::GET, &path("svc"))
        .first(1)
        .fail(Fault::Close);
    controller(&mock, |object| {
        object["status"] = json!({"conditions": [{"type": "Ready", "status": "True"}]});
    });
    submit(&mock.submitter().await, vec![waiting(ready(), 5_000)])
        .await
        .unwrap();
}

#[tokio::test]
async fn an_object_that_is_deleted_meanwhile_ends_the_wait() {
    let mock = Mock::start().await;
    mock.on(Method::GET, &path("svc"))
        .first(1)
        .fail(Fault::refuse(404, "NotFound", "not found"));
    let error = submit(&mock.submitter().await, vec![waiting(ready(), 60_000)])
        .await
        .unwrap_err();
    assert!(
        matches!(error.failures[0].reason, Reason::Vanished),
        "{error}"
    );
}
