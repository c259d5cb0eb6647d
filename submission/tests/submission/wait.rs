use std::time::{Duration, Instant};

use gleaner_core::declaration::{WaitFor, WaitTarget};
use gleaner_core::render::{Disclosure, Rendered};
use gleaner_proto::failure::{FailureCode, LeftState};
use gleaner_submission::{Progress, Reason};
use http::Method;
use serde_json::json;

use crate::mock::{Fault, Mock};
use crate::templates::{image, namespace, path, submit, unowned};

fn waiting(target: WaitTarget, timeout: u64) -> Rendered {
    let timeout = Duration::from_millis(timeout);
    Rendered {
        wait_for: Some(WaitFor {
            target,
            failure: None,
            keep_on_failure: false,
            timeout,
        }),
        ..image("svc", "svc", "1")
    }
}

fn ready() -> WaitTarget {
    conditions(&["Ready"])
}

fn conditions(names: &[&str]) -> WaitTarget {
    WaitTarget::Conditions(names.iter().map(|name| (*name).to_owned()).collect())
}

/// Returns an object of this kind, with this status and with a `waitFor` of one minute for `target`.
fn reporting(
    (api_version, kind): (&str, &str),
    target: WaitTarget,
    status: &serde_json::Value,
) -> Rendered {
    let mut rendered = waiting(target, 60_000);
    rendered.object["apiVersion"] = api_version.into();
    rendered.object["kind"] = kind.into();
    rendered.object["status"] = status.clone();
    rendered
}

/// Applies `change` to the stored object after the submission has read it.
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
        "svc (PipelineResource ci/svc): condition Ready did not become True within 0.7 s; last seen: Ready is False (RevisionMissing): no image; if the object only needs more time, raise waitFor.timeout; rolled back: PipelineResource ci/svc, PipelineResource ci/a"
    );
    assert!(mock.paths().is_empty());
}

#[tokio::test]
async fn a_wait_is_reported_with_its_condition_until_it_is_met() {
    let mock = Mock::start().await;
    let reports = std::sync::Mutex::new(Vec::new());
    let report = |progress: Progress<'_>| {
        let text = match progress {
            Progress::Awaiting {
                resource,
                kind,
                message,
            } => {
                // Act as the controller, which makes the object ready.
                mock.change(&path("svc"), |object| {
                    object["status"] = json!({"conditions": [{"type": "Ready", "status": "True"}]});
                });
                format!("{resource}: {kind:?}: {message}")
            }
            Progress::Awaited { resource } => format!("{resource}: met"),
            _ => return,
        };
        reports.lock().unwrap().push(text);
    };
    let rendered = vec![waiting(ready(), 5_000)];
    let submitter = mock.submitter().await;
    let render = |_: &_| Ok::<_, String>(rendered.clone());
    submitter.submit(render, &report).await.unwrap();
    assert_eq!(
        reports.into_inner().unwrap(),
        [
            "svc: Readiness: condition Ready did not become True yet; last seen: its status has no condition Ready",
            "svc: met",
        ]
    );
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
        error.sentence().contains("has not observed the change yet"),
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
            "result url: .status.url did not appear within 0.3 s; last seen: no .status.url; check that the controller of this kind sets the \
             field; if the object only needs more time, raise waitFor.timeout"
        ),
        "{error}"
    );
    assert!(mock.paths().is_empty());
}

#[tokio::test]
async fn temporary_errors_do_not_fail_a_wait() {
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
async fn the_deletion_of_an_object_ends_its_wait() {
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

fn condition(name: &str, status: &str, reason: &str) -> serde_json::Value {
    json!({"conditions": [{"type": name, "status": status, "reason": reason, "message": "no"}]})
}

/// Returns the message and code of the only failure.
async fn failure(mock: &Mock, rendered: Rendered) -> (String, FailureCode) {
    let begun = Instant::now();
    let error = submit(&mock.submitter().await, vec![rendered])
        .await
        .unwrap_err();
    // The wait fails long before its timeout of one minute.
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert!(mock.paths().is_empty());
    let failure = error.failures[0].to_message();
    (failure.message, failure.code)
}

#[tokio::test]
async fn a_failed_object_ends_the_wait_with_its_reason_and_message() {
    let phase = json!({"phase": "Failed", "reason": "Evicted", "message": "no"});
    for (kind, target, status, seen) in [
        (
            ("batch/v1", "Job"),
            conditions(&["Complete"]),
            condition("Failed", "True", "BackoffLimitExceeded"),
            "it failed while Gleaner waited for condition Complete: Failed is True (BackoffLimitExceeded): no",
        ),
        (
            ("batch/v1", "Job"),
            WaitTarget::Field {
                path: ".status.succeeded".parse().unwrap(),
                value: Some("1".into()),
            },
            condition("FailureTarget", "True", "DeadlineExceeded"),
            "it failed while Gleaner waited for .status.succeeded to become '1': FailureTarget is True (DeadlineExceeded): no",
        ),
        (
            ("tekton.dev/v1", "PipelineRun"),
            conditions(&["Succeeded"]),
            condition("Succeeded", "False", "Failed"),
            "it failed while Gleaner waited for condition Succeeded: Succeeded is False (Failed): no",
        ),
        (
            ("serving.knative.dev/v1beta1", "Service"),
            conditions(&["Ready"]),
            condition("Ready", "False", "RevisionFailed"),
            "it failed while Gleaner waited for condition Ready: Ready is False (RevisionFailed): no",
        ),
        (
            ("apps/v1", "Deployment"),
            WaitTarget::Rollout,
            condition("Progressing", "False", "ProgressDeadlineExceeded"),
            "it failed while Gleaner waited for the rollout: Progressing is False (ProgressDeadlineExceeded): no",
        ),
        (
            ("v1", "Pod"),
            conditions(&["Ready"]),
            phase,
            "it failed while Gleaner waited for condition Ready: its phase is Failed (Evicted): no",
        ),
        (
            ("v1", "Pod"),
            conditions(&["Ready"]),
            json!({"phase": "Failed", "message": "no"}),
            "it failed while Gleaner waited for condition Ready: its phase is Failed: no",
        ),
        (
            ("v1", "Pod"),
            conditions(&["Ready"]),
            json!({"phase": "Failed", "reason": "Evicted"}),
            "it failed while Gleaner waited for condition Ready: its phase is Failed (Evicted)",
        ),
    ] {
        let mock = Mock::start().await;
        let found = failure(&mock, reporting(kind, target, &status)).await;
        assert_eq!(found, (seen.to_owned(), FailureCode::ObjectFailed));
    }
}

#[tokio::test]
async fn recoverable_and_awaited_states_are_not_failures() {
    let mut old = condition("Progressing", "False", "ProgressDeadlineExceeded");
    old["observedGeneration"] = 1.into();
    for (kind, target, status, generation) in [
        (
            ("serving.knative.dev/v1beta1", "Service"),
            conditions(&["Ready"]),
            condition("Ready", "False", "RevisionMissing"),
            1,
        ),
        (("apps/v1", "Deployment"), WaitTarget::Rollout, old, 2),
    ] {
        let mock = Mock::start().await;
        let mut rendered = reporting(kind, target, &status);
        rendered.object["metadata"]["generation"] = generation.into();
        rendered.wait_for.as_mut().unwrap().timeout = Duration::from_millis(300);
        let (message, code) = failure(&mock, rendered).await;
        assert_eq!(code, FailureCode::WaitFailed, "{message}");
    }
    let mock = Mock::start().await;
    let target = conditions(&["Failed"]);
    let status = condition("Failed", "True", "BackoffLimitExceeded");
    let job = reporting(("batch/v1", "Job"), target, &status);
    submit(&mock.submitter().await, vec![job]).await.unwrap();
}

#[tokio::test]
async fn a_declared_failure_ends_the_wait() {
    for (failing, seen) in [
        (conditions(&["Broken"]), "Broken is True (Why): no"),
        (
            WaitTarget::Field {
                path: ".status.phase".parse().unwrap(),
                value: Some("Bad".into()),
            },
            ".status.phase is 'Bad'",
        ),
    ] {
        let mock = Mock::start().await;
        let mut status = condition("Broken", "True", "Why");
        status["phase"] = "Bad".into();
        let mut rendered = waiting(ready(), 60_000);
        rendered.object["status"] = status;
        rendered.wait_for.as_mut().unwrap().failure = Some(failing);
        let (message, code) = failure(&mock, rendered).await;
        assert_eq!(code, FailureCode::ObjectFailed);
        assert!(message.ends_with(seen), "{message}");
    }
}

#[tokio::test]
async fn a_status_message_of_an_object_with_a_secret_is_withheld() {
    let mock = Mock::start().await;
    let status = condition("Failed", "True", "Quoted");
    let mut job = reporting(("batch/v1", "Job"), conditions(&["Complete"]), &status);
    job.disclosure = Disclosure::of_unseen("login", "token");
    let (message, _) = failure(&mock, job).await;
    assert!(message.ends_with("Failed is True"), "{message}");
}

#[tokio::test]
async fn all_conditions_are_waited_for() {
    let mock = Mock::start().await;
    let mut rendered = waiting(conditions(&["A", "B"]), 300);
    rendered.object["status"] = condition("A", "True", "");
    let (message, _) = failure(&mock, rendered).await;
    assert!(
        message.starts_with("condition B did not become True"),
        "{message}"
    );
}

#[tokio::test]
async fn a_rollout_is_complete_when_all_pods_are_new_and_available() {
    let deployment = ("apps/v1", "Deployment");
    let old = json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 1, "availableReplicas": 2});
    let surplus = json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 3});
    let starting = json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 1});
    let unseen = json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
    let done = json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
    let revisions = json!({"observedGeneration": 2, "readyReplicas": 2, "currentRevision": "a", "updateRevision": "b"});
    let same = json!({"observedGeneration": 2, "readyReplicas": 2, "currentRevision": "b", "updateRevision": "b"});
    let some = json!({"observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 1});
    let all = json!({"observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2});
    for (kind, status, pending) in [
        (deployment, &old, Some("1 of 2 replicas are updated")),
        (deployment, &surplus, Some("1 old replicas still exist")),
        (
            deployment,
            &starting,
            Some("1 of 2 updated replicas are available"),
        ),
        (deployment, &unseen, Some("has not observed the change yet")),
        (deployment, &done, None),
        (
            ("apps/v1", "StatefulSet"),
            &revisions,
            Some("0 of 2 replicas are updated"),
        ),
        (("apps/v1", "StatefulSet"), &same, None),
        (
            ("apps/v1", "DaemonSet"),
            &some,
            Some("1 of 2 updated replicas are available"),
        ),
        (("apps/v1", "DaemonSet"), &all, None),
    ] {
        let mut rendered = reporting(kind, WaitTarget::Rollout, status);
        rendered.object["metadata"]["generation"] = 2.into();
        rendered.object["spec"] = json!({"replicas": 2});
        rendered.wait_for.as_mut().unwrap().timeout = Duration::from_millis(300);
        let mock = Mock::start().await;
        match pending {
            None => {
                submit(&mock.submitter().await, vec![rendered])
                    .await
                    .unwrap();
            }
            Some(pending) => {
                let (message, _) = failure(&mock, rendered).await;
                assert!(message.ends_with(pending), "{message}");
            }
        }
    }
    // The old ReplicaSet is still available, so the Deployment is too.
    let mut status = condition("Available", "True", "MinimumReplicasAvailable");
    for (field, value) in old.as_object().unwrap() {
        status[field] = value.clone();
    }
    let mut rendered = reporting(deployment, conditions(&["Available"]), &status);
    rendered.object["metadata"]["generation"] = 2.into();
    rendered.object["spec"] = json!({"replicas": 2});
    rendered.wait_for.as_mut().unwrap().timeout = Duration::from_millis(300);
    let mock = Mock::start().await;
    let (message, _) = failure(&mock, rendered).await;
    assert!(
        message.contains("the rollout was not complete"),
        "{message}"
    );
}

#[tokio::test]
async fn an_object_with_keep_on_failure_stays_with_its_namespace_and_is_reported() {
    let mock = Mock::start().await;
    let status = condition("Failed", "True", "BackoffLimitExceeded");
    let mut job = reporting(("batch/v1", "Job"), conditions(&["Complete"]), &status);
    job.wait_for.as_mut().unwrap().keep_on_failure = true;
    job.object["metadata"]["namespace"] = "pr-42".into();
    let job = unowned(job);
    let rendered = vec![
        namespace("pr-42"),
        unowned(image("a", "a", "1")),
        job.clone(),
    ];
    let error = submit(&mock.submitter().await, rendered).await.unwrap_err();
    let left: Vec<_> = error
        .aftermath
        .left
        .iter()
        .map(|left| (left.object.kind.as_str(), left.state))
        .collect();
    let retained = LeftState::Retained;
    assert_eq!(left, [("Job", retained), ("Namespace", retained)]);
    assert_eq!(error.aftermath.removed, ["PipelineResource ci/a"]);
    assert!(
        error.sentence().ends_with("retained because of keepOnFailure and must be deleted by hand: Job pr-42/svc: its status shows the reason, Namespace pr-42: its status shows the reason"),
        "{error}"
    );
    // A second attempt of the run, without the state of the first attempt, creates the object again.
    let job_path = "/apis/batch/v1/namespaces/pr-42/jobs/svc";
    let before = mock.get(job_path).unwrap()["metadata"]["uid"].clone();
    let again = vec![namespace("pr-42"), job];
    submit(&mock.submitter().await, again).await.unwrap_err();
    assert_ne!(mock.get(job_path).unwrap()["metadata"]["uid"], before);
}
