use std::time::Duration;

use gleaner_submission::{Reason, Settings};
use http::Method;
use serde_json::json;

use crate::mock::{Fault, Mock, REAL};
use crate::templates::{foreign, image, path, submit};

fn three() -> Vec<gleaner_core::render::Rendered> {
    vec![
        image("a", "a", "1"),
        image("b", "b", "1"),
        image("c", "c", "1"),
    ]
}

#[tokio::test]
async fn when_the_third_is_refused_the_first_two_are_deleted_in_reverse_by_uid() {
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
    let deletes: Vec<_> = mock
        .writes()
        .into_iter()
        .filter(|seen| seen.method == Method::DELETE)
        .map(|seen| (seen.path.clone(), seen.json()["preconditions"].clone()))
        .collect();
    assert_eq!(
        deletes,
        [
            (path("b"), json!({"uid": "uid-2"})),
            (path("a"), json!({"uid": "uid-1"}))
        ]
    );
}

#[tokio::test]
async fn what_cannot_be_deleted_is_named_precisely() {
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
            "; rolled back: PipelineResource ci/b; could not be rolled back, delete it by hand: PipelineResource ci/a: User \"u\" cannot delete resource \"pipelineresources\"; grant `delete` on `pipelineresources.tekton.dev` to the ServiceAccount of the run"
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
async fn a_roll_back_is_tried_again_too() {
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
async fn a_create_whose_outcome_stays_unknown_is_looked_for_and_deleted() {
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
async fn what_an_earlier_attempt_left_goes_too() {
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
async fn what_an_earlier_attempt_left_goes_even_when_its_own_dry_run_is_refused() {
    let mock = Mock::start().await;
    mock.put(&path("a"), image("a", "a", "1").object);
    mock.put(&path("b"), foreign("b"));
    mock.on(Method::POST, "dryRun")
        .fail(Fault::refuse(422, "Invalid", "no"));
    submit(&mock.submitter().await, three()).await.unwrap_err();
    assert_eq!(
        mock.paths(),
        [path("b")],
        "ours goes, the foreign one stays"
    );
}

#[tokio::test]
async fn an_object_that_somebody_replaced_meanwhile_is_left_alone() {
    let mock = Mock::start().await;
    mock.on(Method::POST, REAL)
        .named("c")
        .first(1)
        .fail(Fault::refuse(422, "Invalid", "no"));
    mock.on(Method::DELETE, &path("b"))
        .first(1)
        .fail(mock.put_before(&path("a"), foreign("a")));
    let error = submit(&mock.submitter().await, three()).await.unwrap_err();
    assert_eq!(error.aftermath.removed, ["PipelineResource ci/b"]);
    assert!(error.aftermath.left.is_empty());
    assert_eq!(mock.paths(), [path("a")]);
}

#[tokio::test]
async fn what_its_finalizers_keep_is_said_to_go_only_then() {
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
        ["PipelineResource ci/a (until its finalizers let it go)"]
    );
}

#[tokio::test]
async fn a_submission_that_is_told_to_end_is_rolled_back_when_patience_is_over() {
    let mock = Mock::start().await;
    mock.on(Method::POST, REAL).named("c").fail(Fault::Hang);
    let settings = Settings {
        patience: Duration::from_millis(50),
        ..Settings::default()
    };
    let (end, ending) = gleaner_runtime::shutdown::channel();
    let submitter = mock.submitter_with(settings).await.until(ending);
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
