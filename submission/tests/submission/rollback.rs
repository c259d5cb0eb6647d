use std::time::Duration;

use gleaner_proto::failure::{FailureCode, LeftState};
use gleaner_runtime::api_server::Bounds;
use gleaner_submission::{Progress, Reason, Settings};
use gleaner_testkit::fault::Outcome;
use gleaner_testkit::wait;
use http::Method;
use serde_json::json;

use crate::mock::{Fault, Mock, REAL};
use crate::templates::{foreign, image, namespace, path, submit, submit_reporting};

fn three() -> Vec<gleaner_core::render::Rendered> {
    vec![
        image("a", "a", "1"),
        image("b", "b", "1"),
        image("c", "c", "1"),
    ]
}

#[tokio::test]
async fn if_the_third_object_is_refused_the_first_two_are_deleted_in_reverse_by_uid() {
    let mock = Mock::start().await;
    mock.on(Method::POST, REAL)
        .named("c")
        .first(1)
        .fail(Fault::refuse(422, "Invalid", "spec.x: Invalid value"));
    let error = submit(&mock.submitter().await, three()).await.unwrap_err();
    assert_eq!(
        error.sentence(),
        "c (PipelineResource ci/c): spec.x: Invalid value; correct the template; rolled back: PipelineResource ci/b, PipelineResource ci/a"
    );
    assert!(mock.paths().is_empty());
    let mut deletes: Vec<_> = mock
        .writes()
        .into_iter()
        .filter(|seen| seen.method == Method::DELETE)
        .map(|seen| (seen.path.clone(), seen.json()["preconditions"].clone()))
        .collect();
    // The order varies, because the two delete requests are concurrent.
    deletes.sort_by(|(a, _), (b, _)| a.cmp(b));
    assert_eq!(
        deletes,
        [
            (path("a"), json!({"uid": "uid-1"})),
            (path("b"), json!({"uid": "uid-2"}))
        ]
    );
}

#[tokio::test]
async fn an_object_that_cannot_be_deleted_is_reported_precisely() {
    let mock = Mock::start().await;
    mock.on(Method::POST, REAL)
        .named("c")
        .first(1)
        .fail(Fault::refuse(422, "Invalid", "no"));
    let words = "User \"u\" cannot delete resource \"pipelineresources\"";
    mock.on(Method::DELETE, &path("a"))
        .first(1)
        .fail(Fault::refuse(403, "Forbidden", words));
    let error = submit(&mock.submitter().await, three()).await.unwrap_err();
    assert!(
        error.sentence().ends_with(
            "; rolled back: PipelineResource ci/b; could not be rolled back and must be deleted by hand: PipelineResource ci/a: User \"u\" cannot delete resource \"pipelineresources\"; grant `delete` on `pipelineresources.tekton.dev` to the ServiceAccount of the run"
        ),
        "{error}"
    );
    let left = &error.aftermath.left[0].object;
    assert_eq!(
        (left.name.as_str(), left.uid.as_deref()),
        ("a", Some("uid-1"))
    );
    assert_eq!(mock.paths(), [path("a")]);
}

#[tokio::test]
async fn a_rollback_is_retried_too() {
    let mock = Mock::start().await;
    mock.on(Method::POST, REAL)
        .named("c")
        .first(1)
        .fail(Fault::refuse(422, "Invalid", "no"));
    mock.on(Method::DELETE, &path("b"))
        .first(2)
        .fail(Fault::refuse(503, "ServiceUnavailable", "later"));
    mock.on(Method::DELETE, &path("a"))
        .first(1)
        .fail(Fault::DropReply);
    let error = submit(&mock.submitter().await, three()).await.unwrap_err();
    assert!(error.aftermath.left.is_empty(), "{error}");
    assert!(mock.paths().is_empty());
}

#[tokio::test]
async fn an_object_whose_create_has_an_unknown_outcome_is_found_and_deleted() {
    let mock = Mock::start().await;
    mock.on(Method::POST, REAL)
        .named("b")
        .first(1)
        .fail(Fault::DropReply);
    mock.on(Method::POST, REAL)
        .named("b")
        .fail(Fault::refuse(503, "ServiceUnavailable", "later"));
    let error = submit(&mock.hasty().await, three()).await.unwrap_err();
    assert!(
        matches!(error.failures[0].reason, Reason::Deadline { .. }),
        "{error}"
    );
    assert_eq!(
        error.aftermath.removed,
        ["PipelineResource ci/b", "PipelineResource ci/a"]
    );
    assert!(mock.paths().is_empty());
}

#[tokio::test]
async fn an_object_of_an_earlier_attempt_is_rolled_back_too() {
    let mock = Mock::start().await;
    mock.put(&path("a"), image("a", "a", "1").object);
    mock.put(&path("b"), image("b", "b", "old").object);
    mock.on(
        Method::POST,
        "dryRun=All&fieldManager=gleaner&fieldValidation=Strict",
    )
    .named("c")
    .first(1)
    .fail(Fault::refuse(422, "Invalid", "no"));
    let error = submit(&mock.submitter().await, three()).await.unwrap_err();
    assert_eq!(error.aftermath.removed.len(), 2, "{error}");
    assert!(mock.paths().is_empty());
}

#[tokio::test]
async fn an_object_of_an_earlier_attempt_is_rolled_back_even_if_its_own_dry_run_is_refused() {
    let mock = Mock::start().await;
    mock.put(&path("a"), image("a", "a", "1").object);
    mock.put(&path("b"), foreign("b"));
    mock.on(Method::POST, "dryRun")
        .fail(Fault::refuse(422, "Invalid", "no"));
    submit(&mock.submitter().await, three()).await.unwrap_err();
    assert_eq!(
        mock.paths(),
        [path("b")],
        "the rollback deletes only the object of this run"
    );
}

#[tokio::test]
async fn an_object_that_another_client_replaced_is_not_deleted() {
    let mock = Mock::start().await;
    mock.on(Method::POST, REAL)
        .named("c")
        .first(1)
        .fail(Fault::refuse(422, "Invalid", "no"));
    mock.on(Method::DELETE, &path("a"))
        .first(1)
        .fail(mock.put_before(&path("a"), foreign("a")));
    let error = submit(&mock.submitter().await, three()).await.unwrap_err();
    assert_eq!(error.aftermath.removed, ["PipelineResource ci/b"]);
    assert!(error.aftermath.left.is_empty());
    assert_eq!(mock.paths(), [path("a")]);
}

#[tokio::test]
async fn an_object_with_finalizers_is_reported_as_removed_with_a_note() {
    let mock = Mock::start().await;
    let mut kept = image("a", "a", "1");
    kept.object["metadata"]["finalizers"] = json!(["example.com/x"]);
    mock.on(Method::POST, REAL)
        .named("c")
        .first(1)
        .fail(Fault::refuse(422, "Invalid", "no"));
    let error = submit(&mock.submitter().await, vec![kept, image("c", "c", "1")])
        .await
        .unwrap_err();
    assert_eq!(
        error.aftermath.removed,
        ["PipelineResource ci/a (until its finalizers are removed)"]
    );
}

#[tokio::test]
async fn a_submission_that_is_incomplete_after_the_grace_period_is_rolled_back() {
    let mock = Mock::start().await;
    mock.on(Method::POST, REAL).named("c").fail(Fault::Hang);
    let settings = Settings {
        patience: Duration::from_millis(50),
        ..Settings::default()
    };
    let bounds = Bounds {
        timeout: Duration::from_secs(1),
        ..Bounds::default()
    };
    let (end, ending) = gleaner_runtime::shutdown::channel();
    let submitter = mock.submitter_within(bounds, settings).await;
    let submitter = submitter.until(ending);
    let submission = tokio::spawn(async move { submit(&submitter, three()).await });
    let third_is_under_way = async {
        while mock.writes().len() < 3 {
            tokio::task::yield_now().await;
        }
    };
    let within = Duration::from_secs(20);
    tokio::time::timeout(within, third_is_under_way)
        .await
        .unwrap();
    end.request();
    let error = submission.await.unwrap().unwrap_err();
    assert_eq!(error.failures[0].reason, Reason::CutOff);
    assert!(
        error
            .sentence()
            .contains("rolled back: PipelineResource ci/b, PipelineResource ci/a")
    );
    assert!(mock.paths().is_empty());
}

#[tokio::test]
async fn the_first_kind_in_the_declaration_is_deleted_last() {
    let mock = Mock::start().await;
    mock.on(Method::POST, REAL)
        .named("c")
        .fail(Fault::refuse(422, "Invalid", "no"));
    let rendered = vec![
        image("a", "a", "1"),
        namespace("team"),
        image("b", "b", "1"),
        image("c", "c", "1"),
    ];
    // Deleting the Namespace is slow. The images, whose kind comes earlier in the declaration, must still be deleted after the
    // Namespace.
    mock.on(Method::DELETE, "/namespaces/team")
        .fail(Fault::SlowReply(Duration::from_millis(200)));
    let error = submit(&mock.submitter().await, rendered).await.unwrap_err();
    assert_eq!(
        error.aftermath.removed,
        [
            "Namespace team",
            "PipelineResource ci/b",
            "PipelineResource ci/a"
        ]
    );
    let deletes = mock.requests_to(&Method::DELETE, "");
    assert_eq!(deletes[0].path, "/api/v1/namespaces/team");
}

#[tokio::test]
async fn a_thousand_objects_are_rolled_back_within_the_deadline() {
    let mock = Mock::start().await;
    // Sequential deletes would take 20 s, which exceeds the rollback's deadline.
    mock.on(Method::DELETE, "")
        .fail(Fault::SlowReply(Duration::from_millis(20)));
    mock.on(Method::POST, REAL)
        .named("last")
        .fail(Fault::refuse(422, "Invalid", "no"));
    let mut rendered: Vec<_> = (0..1000)
        .map(|index| format!("r{index}"))
        .map(|name| image(&name, &name, "1"))
        .collect();
    rendered.push(image("last", "last", "1"));
    let settings = Settings {
        deadline: Duration::from_secs(600),
        rollback_deadline: Duration::from_secs(12),
        ..Settings::default()
    };
    let submitter = mock.submitter_with(settings).await;
    let error = submit(&submitter, rendered).await.unwrap_err();
    assert_eq!(error.failures.len(), 1);
    assert!(error.aftermath.left.is_empty());
    assert_eq!(error.aftermath.removed.len(), 1000);
    assert!(mock.paths().is_empty());
}

#[tokio::test]
async fn an_object_created_after_the_client_gave_up_is_found_and_deleted() {
    let mock = Mock::start().await;
    // The API server executes the first attempt before the rollback, and the last attempt during the rollback.
    mock.on(Method::POST, REAL)
        .named("b")
        .fail(Fault::Late(Duration::from_millis(700)));
    let error = submit(&mock.hasty().await, three()).await.unwrap_err();
    assert_eq!(
        error.aftermath.removed,
        ["PipelineResource ci/b", "PipelineResource ci/a"]
    );
    assert!(error.aftermath.left.is_empty(), "{error}");
    let all = "the API server has executed all creates";
    wait::until(all, Duration::from_secs(20), async || {
        let creates = mock.requests_to(&Method::POST, REAL);
        let pending = creates
            .iter()
            .filter(|seen| seen.outcome == Outcome::Pending);
        (pending.count() == 0).then_some(())
    })
    .await;
    assert!(mock.paths().is_empty());
}

#[tokio::test]
async fn a_late_object_is_deleted_as_often_as_it_is_created() {
    let mock = Mock::start().await;
    mock.on(Method::POST, REAL).named("b").fail(Fault::Hang);
    for look in [2, 3] {
        mock.on(Method::GET, &path("b"))
            .nth(look)
            .fail(mock.put_before(&path("b"), image("b", "b", "1").object));
    }
    let error = submit(&mock.hasty().await, three()).await.unwrap_err();
    assert_eq!(
        error.aftermath.removed,
        ["PipelineResource ci/a", "PipelineResource ci/b"]
    );
    assert_eq!(mock.count(&Method::DELETE, &path("b")), 2);
    assert!(mock.paths().is_empty());
}

#[tokio::test]
async fn an_object_that_may_be_created_after_the_rollback_is_reported() {
    let mock = Mock::start().await;
    mock.on(Method::POST, REAL).named("b").fail(Fault::Hang);
    let settings = Settings {
        deadline: Duration::from_millis(500),
        rollback_deadline: Duration::from_millis(300),
        ..Settings::default()
    };
    let submitter = mock.submitter_with(settings).await;
    let error = submit(&submitter, three()).await.unwrap_err();
    assert_eq!(error.aftermath.removed, ["PipelineResource ci/a"]);
    let [left] = error.aftermath.left.as_slice() else {
        panic!("{error}");
    };
    assert_eq!(
        (left.object.name.as_str(), left.state),
        ("b", LeftState::MayAppear)
    );
    assert!(
        error
            .sentence()
            .contains("; may still be created (if so, delete by hand): PipelineResource ci/b"),
        "{error}"
    );
}

#[tokio::test]
async fn a_panic_rolls_back_existing_objects() {
    let mock = Mock::start().await;
    let error = submit_reporting(&mock.submitter().await, three(), &|progress| {
        assert!(
            !matches!(progress, Progress::Created { index: 1, .. }),
            "secret"
        );
    })
    .await
    .unwrap_err();
    assert_eq!(
        error.aftermath.removed,
        ["PipelineResource ci/b", "PipelineResource ci/a"]
    );
    assert!(mock.paths().is_empty());
    let failure = error.failures[0].to_message();
    assert_eq!(failure.code, FailureCode::Internal);
    assert!(failure.message.contains("bug in Gleaner"), "{error}");
    assert!(!error.sentence().contains("secret"), "{error}");
}

#[tokio::test]
async fn a_panic_of_the_rollback_reports_existing_objects() {
    let mock = Mock::start().await;
    mock.on(Method::POST, REAL)
        .named("c")
        .fail(Fault::refuse(422, "Invalid", "no"));
    let error = submit_reporting(&mock.submitter().await, three(), &|progress| {
        assert!(!matches!(progress, Progress::RollingBack));
    })
    .await
    .unwrap_err();
    let left: Vec<_> = error.aftermath.left.iter().collect();
    let named: Vec<_> = left
        .iter()
        .map(|left| (left.object.name.as_str(), left.object.uid.as_deref()))
        .collect();
    assert_eq!(named, [("a", Some("uid-1")), ("b", Some("uid-2"))]);
    assert!(left[0].why.contains("the rollback panicked"), "{error}");
}

#[tokio::test]
async fn a_retry_after_that_the_clock_cannot_represent_fails_and_leaves_no_objects() {
    for after in ["9223372036854775807", "18446744073709551615"] {
        let mock = Mock::start().await;
        let busy = crate::mock::refusal(429, "TooManyRequests", "slow down");
        mock.on(Method::POST, REAL).named("b").fail(Fault::answer(
            429,
            &[("Retry-After", after)],
            busy,
        ));
        let error = submit(&mock.submitter().await, three()).await.unwrap_err();
        assert!(
            matches!(error.failures[0].reason, Reason::Deadline { .. }),
            "{error}"
        );
        assert!(mock.paths().is_empty());
    }
}
