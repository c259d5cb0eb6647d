use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Mutex;

use gleaner_proto::message::Action;
use gleaner_proto::name::ResourceName;
use gleaner_submission::Reason;
use http::Method;
use serde_json::json;

use crate::mock::Mock;
use crate::templates::{foreign, image, path, submit};

#[tokio::test]
async fn the_error_about_a_taken_static_name_names_the_owner() {
    let mock = Mock::start().await;
    mock.put(&path("b"), foreign("b"));
    let error = submit(
        &mock.submitter().await,
        vec![image("a", "a", "1"), image("b", "b", "1")],
    )
    .await
    .unwrap_err();
    assert_eq!(
        error.sentence(),
        "b (PipelineResource ci/b): PipelineResource ci/b already exists and does not belong to this run (owned by PipelineRun nightly); delete it, change the name in the template, or remove the name, so that Gleaner derives one"
    );
    assert!(mock.writes().is_empty());
}

#[tokio::test]
async fn a_static_name_taken_after_the_dry_run_fails_and_rolls_back_the_others() {
    let mock = Mock::start().await;
    mock.on(
        Method::POST,
        r"ci/pipelineresources\?fieldManager=gleaner&fieldValidation=Strict",
    )
    .named("b")
    .first(1)
    .fail(mock.put_before(&path("b"), foreign("b")));
    let error = submit(
        &mock.submitter().await,
        vec![image("a", "a", "1"), image("b", "b", "1")],
    )
    .await
    .unwrap_err();
    assert!(
        matches!(error.failures[0].reason, Reason::Taken { .. }),
        "{error}"
    );
    assert_eq!(
        mock.paths(),
        [path("b")],
        "the rollback must not delete the other owner's object"
    );
}

/// Renders `img` with a derived name, and a second object that contains this name.
fn derived(attempts: &BTreeMap<ResourceName, u32>) -> Vec<gleaner_core::render::Rendered> {
    let attempt = attempts.get("img").copied().unwrap_or_default();
    let name = format!("img-{attempt}");
    let mut img = image("img", &name, "1");
    img.derived_name = true;
    vec![image("first", "first", &name), img]
}

#[tokio::test]
async fn a_taken_derived_name_gets_the_next_suffix_and_all_objects_are_rendered_again() {
    let mock = Mock::start().await;
    mock.put(&path("img-0"), foreign("img-0"));
    mock.put(&path("img-1"), foreign("img-1"));
    let asked = Mutex::new(Vec::new());
    let submitter = mock.submitter().await;
    let submission = submitter
        .submit(
            |attempts| {
                asked.lock().unwrap().push(attempts.get("img").copied());
                Ok::<_, Infallible>(derived(attempts))
            },
            &|_| {},
        )
        .await
        .unwrap();
    assert_eq!(submission.committed[1].created.name, "img-2");
    assert_eq!(asked.into_inner().unwrap(), [None, Some(1), Some(2)]);
    let first = mock.get(&path("first")).unwrap();
    assert_eq!(first["spec"]["params"][0]["value"], "img-2");
}

#[tokio::test]
async fn a_derived_name_taken_after_the_dry_run_restarts_the_submission() {
    let mock = Mock::start().await;
    mock.on(
        Method::POST,
        r"ci/pipelineresources\?fieldManager=gleaner&fieldValidation=Strict",
    )
    .named("img-0")
    .first(1)
    .fail(mock.put_before(&path("img-0"), foreign("img-0")));
    let submitter = mock.submitter().await;
    let submission = submitter
        .submit(|attempts| Ok::<_, Infallible>(derived(attempts)), &|_| {})
        .await
        .unwrap();
    let actions: Vec<Action> = submission
        .committed
        .iter()
        .map(|one| one.created.action)
        .collect();
    assert_eq!(actions, [Action::Created, Action::Created]);
    assert_eq!(mock.paths(), [path("first"), path("img-0"), path("img-1")]);
    let first = mock.get(&path("first")).unwrap();
    assert_eq!(first["spec"]["params"][0]["value"], "img-1");
}

#[tokio::test]
async fn the_number_of_tried_names_is_bounded() {
    let mock = Mock::start().await;
    for attempt in 0..20 {
        let name = format!("img-{attempt}");
        mock.put(&path(&name), foreign(&name));
    }
    let submitter = mock.submitter().await;
    let error = submitter
        .submit(|attempts| Ok::<_, Infallible>(derived(attempts)), &|_| {})
        .await
        .unwrap_err();
    assert!(error.sentence().contains("img-7"), "{error}");
    assert!(mock.writes().is_empty());
}

#[tokio::test]
async fn an_object_of_an_earlier_attempt_is_adopted() {
    let mock = Mock::start().await;
    let mut left = image("a", "a", "1").object;
    left["spec"]["defaulted"] = true.into();
    mock.put(&path("a"), left);
    let submission = submit(
        &mock.submitter().await,
        vec![image("a", "a", "1"), image("b", "b", "1")],
    )
    .await
    .unwrap();
    let actions: Vec<Action> = submission
        .committed
        .iter()
        .map(|one| one.created.action)
        .collect();
    assert_eq!(actions, [Action::Adopted, Action::Created]);
    assert_eq!(submission.committed[0].created.uid, "uid-1");
    assert_eq!(mock.writes().len(), 1);
}

#[tokio::test]
async fn an_object_of_an_earlier_attempt_with_other_content_is_replaced() {
    let mock = Mock::start().await;
    mock.put(&path("a"), image("a", "a", "old").object);
    let submission = submit(&mock.submitter().await, vec![image("a", "a", "new")])
        .await
        .unwrap();
    assert_eq!(submission.committed[0].created.action, Action::Replaced);
    let writes = mock.writes();
    assert_eq!(writes[0].method, Method::DELETE);
    assert_eq!(
        writes[0].json()["preconditions"],
        json!({"uid": "uid-1", "resourceVersion": "1"})
    );
    assert_eq!(writes[0].json()["propagationPolicy"], "Background");
    let stored = mock.get(&path("a")).unwrap();
    assert_eq!(stored["spec"]["params"][0]["value"], "new");
}

#[tokio::test]
async fn an_object_with_the_same_annotations_but_another_owner_is_foreign() {
    let mock = Mock::start().await;
    let mut copied = image("a", "a", "1").object;
    copied["metadata"]["ownerReferences"][0]["uid"] = "another".into();
    mock.put(&path("a"), copied);
    let error = submit(&mock.submitter().await, vec![image("a", "a", "1")])
        .await
        .unwrap_err();
    assert!(
        matches!(error.failures[0].reason, Reason::Taken { .. }),
        "{error}"
    );
    assert_eq!(mock.paths(), [path("a")]);
}

#[tokio::test]
async fn the_deletion_of_an_existing_object_is_waited_for() {
    let mock = Mock::start().await;
    let mut going = foreign("a");
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    mock.put(&path("a"), going);
    let controller = mock.clone();
    let finalise = tokio::spawn(async move {
        while controller.count(&Method::GET, &path("a")) < 2 {
            tokio::task::yield_now().await;
        }
        controller.remove(&path("a"));
    });
    let submission = submit(&mock.submitter().await, vec![image("a", "a", "1")])
        .await
        .unwrap();
    finalise.await.unwrap();
    assert_eq!(submission.committed[0].created.action, Action::Created);
}

#[tokio::test]
async fn the_error_about_an_object_that_stays_in_deletion_names_its_finalizers() {
    let mock = Mock::start().await;
    let mut stuck = image("a", "a", "old").object;
    stuck["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    stuck["metadata"]["finalizers"] = json!(["example.com/gone-controller"]);
    mock.put(&path("a"), stuck);
    let error = submit(&mock.hasty().await, vec![image("a", "a", "1")])
        .await
        .unwrap_err();
    assert!(
        error.sentence().contains("example.com/gone-controller"),
        "{error}"
    );
}

/// Renders three objects of one kind that derive the same name, `x-0`, in the first attempt, and a fourth object whose static
/// name, `x-1`, equals the name that the three derive in the next attempt.
fn colliding(attempts: &BTreeMap<ResourceName, u32>) -> Vec<gleaner_core::render::Rendered> {
    let derived = ["one", "two", "three"].map(|resource| {
        let attempt = attempts.get(resource).copied().unwrap_or_default();
        let mut rendered = image(resource, &format!("x-{attempt}"), "1");
        rendered.derived_name = true;
        rendered
    });
    [derived.to_vec(), vec![image("fixed", "x-1", "1")]].concat()
}

#[tokio::test]
async fn derived_names_that_collide_within_a_run_get_the_next_suffix_deterministically() {
    let mock = Mock::start().await;
    for action in [Action::Created, Action::Adopted] {
        let submitter = mock.submitter().await;
        let submission = submitter
            .submit(|attempts| Ok::<_, Infallible>(colliding(attempts)), &|_| {})
            .await
            .unwrap();
        let names: Vec<&str> = submission
            .committed
            .iter()
            .map(|one| one.created.name.as_str())
            .collect();
        assert_eq!(names, ["x-0", "x-2", "x-3", "x-1"]);
        assert!(
            submission
                .committed
                .iter()
                .all(|one| one.created.action == action)
        );
    }
    assert_eq!(mock.paths().len(), 4);
}

#[tokio::test]
async fn derived_names_that_always_collide_are_finally_refused() {
    let mock = Mock::start().await;
    let submitter = mock.submitter().await;
    let render = |_: &BTreeMap<ResourceName, u32>| {
        let derived = ["one", "two"].map(|resource| {
            let mut rendered = image(resource, "x", "1");
            rendered.derived_name = true;
            rendered
        });
        Ok::<_, Infallible>(derived.to_vec())
    };
    let error = submitter.submit(render, &|_| {}).await.unwrap_err();
    assert!(error.sentence().contains("another template has"), "{error}");
    assert!(mock.writes().is_empty());
}
