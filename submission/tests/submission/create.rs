use std::convert::Infallible;
use std::sync::Mutex;

use gleaner_proto::failure::{Failure, FailureCode};
use gleaner_proto::message::Action;
use gleaner_submission::{Progress, Reason};
use http::Method;

use crate::mock::{Fault, Mock};
use crate::templates::{IMAGES, foreign, image, namespace, path, submit, unowned};

#[tokio::test]
async fn all_objects_are_dry_run_before_any_is_created_in_order() {
    let mock = Mock::start().await;
    let submitter = mock.submitter().await;
    let moments = Mutex::new(Vec::new());
    let submission = submitter
        .submit(
            |_| Ok::<_, Infallible>(vec![image("a", "a", "1"), image("b", "b", "2")]),
            &|progress| {
                moments.lock().unwrap().push(match progress {
                    Progress::Creating {
                        index, resource, ..
                    } => {
                        format!("creating {index} {resource}")
                    }
                    Progress::Created { index, created } => {
                        format!("created {index} {}", created.uid)
                    }
                    other => format!("{other:?}"),
                });
            },
        )
        .await
        .unwrap();

    let created = &submission.committed[0].created;
    assert_eq!(
        (created.name.as_str(), created.uid.as_str()),
        ("a", "uid-1")
    );
    assert_eq!(created.namespace.as_deref(), Some("ci"));
    assert_eq!(created.action, Action::Created);
    assert!(submission.notes.is_empty());
    assert_eq!(
        moments.into_inner().unwrap(),
        [
            "DryRun",
            "DryRunDone",
            "creating 0 a",
            "created 0 uid-1",
            "creating 1 b",
            "created 1 uid-2",
            "Done"
        ]
    );
    let posts: Vec<String> = mock
        .requests()
        .into_iter()
        .filter(|seen| seen.method == Method::POST)
        .map(|seen| seen.query)
        .collect();
    let (tried, done) = (
        "dryRun=All&fieldManager=gleaner&fieldValidation=Strict&timeout=9000ms",
        "fieldManager=gleaner&fieldValidation=Strict&timeout=9000ms",
    );
    assert_eq!(posts, [tried, tried, done, done]);
    assert_eq!(
        mock.count(&Method::GET, ""),
        1,
        "expected one request for the list of kinds, and no other read"
    );
    let stored = mock.get(&path("a")).unwrap();
    assert_eq!(stored["metadata"]["namespace"], "ci");
}

#[tokio::test]
async fn a_missing_kind_is_reported_and_nothing_is_created() {
    let mock = Mock::start().await;
    let mut service = unowned(image("svc", "blue-green-demo", "1"));
    service.object["apiVersion"] = "serving.knative.dev/v1".into();
    service.object["kind"] = "Service".into();
    let error = submit(&mock.submitter().await, vec![image("a", "a", "1"), service])
        .await
        .unwrap_err();
    assert_eq!(
        error.sentence(),
        "svc (Service blue-green-demo): kind Service of serving.knative.dev/v1 is not served by this cluster; the cluster serves serving.knative.dev/v1beta1"
    );
    assert!(mock.writes().is_empty());
}

#[tokio::test]
async fn a_misspelled_kind_of_a_known_group_gets_a_hint() {
    let mock = Mock::start().await;
    let mut wrong = image("a", "a", "1");
    wrong.object["kind"] = "Pipelineresource".into();
    let error = submit(&mock.submitter().await, vec![wrong])
        .await
        .unwrap_err();
    assert!(
        error.sentence().ends_with("did you mean PipelineResource?"),
        "{error}"
    );
}

#[tokio::test]
async fn every_dry_run_error_is_reported_with_the_api_servers_message() {
    let mock = Mock::start().await;
    mock.on(Method::POST, "").named("a").fail(Fault::refuse(
        422,
        "Invalid",
        "spec.a: Required value",
    ));
    mock.on(Method::POST, "").named("c").fail(Fault::refuse(
        422,
        "Invalid",
        "spec.c: Required value",
    ));
    let rendered = vec![
        image("a", "a", "1"),
        image("b", "b", "1"),
        image("c", "c", "1"),
    ];
    let error = submit(&mock.submitter().await, rendered).await.unwrap_err();
    let failures: Vec<Failure> = error.failures.iter().map(|one| one.to_message()).collect();
    let invalid = |resource: &str, message: &str| Failure {
        resource: Some(resource.into()),
        code: FailureCode::Invalid,
        message: message.into(),
        remedy: Some("correct the template".into()),
    };
    assert_eq!(
        failures,
        [
            invalid("a", "spec.a: Required value"),
            invalid("c", "spec.c: Required value")
        ]
    );
    assert!(mock.writes().is_empty());
    assert_eq!(mock.count(&Method::POST, ""), 3);
}

#[tokio::test]
async fn a_cluster_scoped_object_gets_no_namespace() {
    let mock = Mock::start().await;
    let submission = submit(&mock.submitter().await, vec![namespace("team")])
        .await
        .unwrap();
    assert_eq!(submission.committed[0].created.namespace, None);
    let stored = mock.get("/api/v1/namespaces/team").unwrap();
    assert!(stored["metadata"].get("namespace").is_none());
}

#[tokio::test]
async fn an_owned_object_in_another_namespace_is_refused_before_any_request() {
    let mock = Mock::start().await;
    let mut elsewhere = image("a", "a", "1");
    elsewhere.object["metadata"]["namespace"] = "prod".into();
    let mut cluster = namespace("team");
    cluster.owned = true;
    let error = submit(&mock.submitter().await, vec![elsewhere, cluster])
        .await
        .unwrap_err();
    assert_eq!(error.failures.len(), 2);
    for failure in &error.failures {
        assert!(matches!(failure.reason, Reason::Misplaced { .. }));
        assert!(
            failure.reason.to_string().contains("garbage collector"),
            "{failure}"
        );
    }
    assert_eq!(mock.count(&Method::POST, ""), 0);
}

#[tokio::test]
async fn two_templates_for_one_object_are_refused() {
    let mock = Mock::start().await;
    let error = submit(
        &mock.submitter().await,
        vec![image("a", "x", "1"), image("b", "x", "2")],
    )
    .await
    .unwrap_err();
    assert!(
        error
            .sentence()
            .starts_with("b (PipelineResource ci/x): another template"),
        "{error}"
    );
}

#[tokio::test]
async fn a_run_that_may_not_set_block_owner_deletion_sets_it_to_false_and_adds_a_note() {
    let mock = Mock::start().await;
    let words = "pipelineresources.tekton.dev \"a\" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on";
    mock.on(Method::POST, "")
        .named("a")
        .first(1)
        .fail(Fault::refuse(403, "Forbidden", words));
    let submission = submit(
        &mock.submitter().await,
        vec![image("a", "a", "1"), image("b", "b", "1")],
    )
    .await
    .unwrap();
    assert!(
        submission.notes[0].contains("blockOwnerDeletion"),
        "{:?}",
        submission.notes
    );
    for name in ["a", "b"] {
        let owner = &mock.get(&path(name)).unwrap()["metadata"]["ownerReferences"][0];
        assert_eq!(owner["blockOwnerDeletion"], false);
        assert_eq!(owner["controller"], true);
    }
}

#[tokio::test]
async fn a_repeated_warning_of_the_api_server_becomes_one_note() {
    let mock = Mock::start().await;
    let warning = &[("Warning", r#"299 - "tekton.dev/v1alpha1 is deprecated""#)];
    let mut object = image("a", "a", "1").object;
    object["metadata"]["namespace"] = "ci".into();
    object["metadata"]["uid"] = "uid-1".into();
    mock.on(Method::POST, IMAGES)
        .first(2)
        .fail(Fault::answer(201, warning, object));
    let submission = submit(&mock.submitter().await, vec![image("a", "a", "1")])
        .await
        .unwrap();
    assert_eq!(
        submission.notes,
        ["the API server warns: tekton.dev/v1alpha1 is deprecated"]
    );
}

#[tokio::test]
async fn the_error_about_a_forbidden_create_names_the_permission_to_grant() {
    let mock = Mock::start().await;
    let words = "pipelineresources.tekton.dev is forbidden: User \"system:serviceaccount:ci:default\" cannot create resource \"pipelineresources\" in API group \"tekton.dev\" in the namespace \"ci\"";
    mock.on(Method::POST, "")
        .fail(Fault::refuse(403, "Forbidden", words));
    let error = submit(&mock.submitter().await, vec![image("a", "a", "1")])
        .await
        .unwrap_err();
    assert!(
        error
            .sentence()
            .contains("system:serviceaccount:ci:default")
            && error
                .sentence()
                .contains("grant `create` on `pipelineresources.tekton.dev`"),
        "{error}"
    );
    assert_eq!(mock.count(&Method::POST, ""), 1);
}

#[tokio::test]
async fn a_rendering_error_is_returned_alone_and_no_request_is_sent() {
    let mock = Mock::start().await;
    let submitter = mock.submitter().await;
    let error = submitter
        .submit(|_| Err("unresolved variables: $(steps.a.b)"), &|_| {})
        .await
        .unwrap_err();
    assert_eq!(error.sentence(), "unresolved variables: $(steps.a.b)");
    assert!(mock.requests().is_empty());
}

#[tokio::test]
async fn an_object_name_cannot_leave_the_collection_path() {
    let mock = Mock::start().await;
    mock.put(&format!("{IMAGES}/a"), foreign("a"));
    let error = submit(&mock.submitter().await, vec![image("x", "..", "1")])
        .await
        .unwrap_err();
    assert!(matches!(error.failures[0].reason, Reason::Invalid { .. }));
}
