use gleaner_core::declaration::Policy;
use gleaner_core::render::Rendered;
use gleaner_proto::message::Action;
use gleaner_submission::Reason;
use http::Method;
use serde_json::json;

use crate::mock::{Fault, Mock, REAL, refusal};
use crate::templates::{foreign, image, path, submit, unowned};

fn applied(name: &str) -> Rendered {
    let mut rendered = unowned(image(name, name, "1"));
    rendered.policy = Policy::Apply;
    rendered
}

#[tokio::test]
async fn an_apply_is_dry_run_first_and_never_forced() {
    let mock = Mock::start().await;
    let submission = submit(&mock.submitter().await, vec![applied("a")])
        .await
        .unwrap();
    assert_eq!(submission.committed[0].created.action, Action::Applied);
    let queries: Vec<String> = mock
        .requests()
        .into_iter()
        .filter(|seen| seen.method == Method::PATCH)
        .map(|seen| seen.query)
        .collect();
    assert_eq!(
        queries,
        [
            "dryRun=All&fieldManager=gleaner&fieldValidation=Strict&force=false&timeout=9000ms",
            "fieldManager=gleaner&fieldValidation=Strict&force=false&timeout=9000ms"
        ]
    );
}

#[tokio::test]
async fn a_conflict_names_the_manager_of_each_field() {
    let mock = Mock::start().await;
    let words = "Apply failed with 1 conflict: conflict with \"kubectl\": .spec.type";
    let mut conflict = refusal(409, "Conflict", words);
    conflict["details"] =
        json!({"causes": [{"reason": "FieldManagerConflict", "field": ".spec.type"}]});
    mock.on(Method::PATCH, "")
        .fail(Fault::answer(409, &[], conflict));
    let error = submit(&mock.submitter().await, vec![applied("a")])
        .await
        .unwrap_err();
    assert!(
        matches!(error.failures[0].reason, Reason::Conflict { .. }),
        "{error}"
    );
    assert!(error.sentence().contains(words));
    assert_eq!(mock.count(&Method::PATCH, ""), 1);
}

#[tokio::test]
async fn a_rollback_deletes_what_apply_created_and_keeps_what_existed_before() {
    let mock = Mock::start().await;
    mock.put(&path("old"), foreign("old"));
    mock.on(Method::POST, REAL)
        .first(1)
        .fail(Fault::refuse(422, "Invalid", "no"));
    let rendered = vec![applied("old"), applied("new"), image("c", "c", "1")];
    let error = submit(&mock.submitter().await, rendered).await.unwrap_err();
    assert_eq!(error.aftermath.removed, ["PipelineResource ci/new"]);
    let [kept] = error.aftermath.kept.as_slice() else {
        panic!("{error}");
    };
    assert_eq!(kept.to_string(), "PipelineResource ci/old");
    assert_eq!(kept.api_version, "tekton.dev/v1alpha1");
    assert!(
        kept.uid.is_some(),
        "the UID comes from the response to the apply"
    );
    assert!(
        error
            .sentence()
            .contains("existed before the run and still have"),
        "{error}"
    );
    assert_eq!(mock.paths(), [path("old")]);
}

#[tokio::test]
async fn an_object_applied_without_a_response_still_counts_as_new() {
    let mock = Mock::start().await;
    mock.on(Method::PATCH, r"a\?fieldManager")
        .first(1)
        .fail(Fault::DropReply);
    mock.on(Method::POST, REAL)
        .first(1)
        .fail(Fault::refuse(422, "Invalid", "no"));
    let rendered = vec![applied("a"), image("c", "c", "1")];
    let error = submit(&mock.hasty().await, rendered).await.unwrap_err();
    assert_eq!(error.aftermath.removed, ["PipelineResource ci/a"]);
    assert!(mock.paths().is_empty());
}
