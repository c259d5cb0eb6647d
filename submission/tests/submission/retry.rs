use std::time::{Duration, Instant};

use gleaner_core::declaration::Policy;
use gleaner_core::render::{Disclosure, Rendered};
use gleaner_proto::failure::FailureCode;
use gleaner_proto::message::Action;
use gleaner_runtime::api_server::Bounds;
use gleaner_submission::{Reason, Settings};
use http::Method;

use crate::mock::{Fault, Mock, REAL, refusal};
use crate::templates::{IMAGES, image, path, submit};

#[tokio::test]
async fn a_create_without_a_response_creates_one_object() {
    for act in [Fault::DropReply, Fault::GarbleReply] {
        let mock = Mock::start().await;
        mock.on(Method::POST, REAL).first(1).fail(act);
        let submission = submit(&mock.submitter().await, vec![image("a", "a", "1")])
            .await
            .unwrap();
        let created = &submission.committed[0].created;
        assert_eq!(
            (created.action, created.uid.as_str()),
            (Action::Created, "uid-1")
        );
        assert_eq!(mock.paths(), [path("a")]);
    }
}

#[tokio::test]
async fn a_request_that_never_arrived_is_sent_again() {
    let mock = Mock::start().await;
    for part in ["/apis/tekton.dev", "dryRun", REAL] {
        let method = if part.starts_with("/apis") {
            Method::GET
        } else {
            Method::POST
        };
        mock.on(method, part).first(2).fail(Fault::Close);
    }
    let submission = submit(&mock.submitter().await, vec![image("a", "a", "1")])
        .await
        .unwrap();
    assert_eq!(submission.committed[0].created.action, Action::Created);
}

#[tokio::test]
async fn a_request_to_a_hanging_api_server_is_retried_after_its_timeout() {
    let mock = Mock::start().await;
    mock.on(Method::POST, REAL).first(1).fail(Fault::Hang);
    submit(&mock.hasty().await, vec![image("a", "a", "1")])
        .await
        .unwrap();
    assert_eq!(mock.count(&Method::POST, REAL), 2);
}

#[tokio::test]
async fn retry_after_is_honored() {
    let mock = Mock::start().await;
    let busy = refusal(429, "TooManyRequests", "slow down");
    mock.on(Method::POST, "dryRun").first(1).fail(Fault::answer(
        429,
        &[("Retry-After", "1")],
        busy,
    ));
    let begun = Instant::now();
    submit(&mock.submitter().await, vec![image("a", "a", "1")])
        .await
        .unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(mock.count(&Method::POST, "dryRun"), 2);
}

#[tokio::test]
async fn a_retry_after_beyond_the_deadline_fails_immediately() {
    let mock = Mock::start().await;
    let busy = refusal(429, "TooManyRequests", "slow down");
    mock.on(Method::POST, "dryRun").first(1).fail(Fault::answer(
        429,
        &[("Retry-After", "600")],
        busy,
    ));
    let begun = Instant::now();
    let error = submit(&mock.hasty().await, vec![image("a", "a", "1")])
        .await
        .unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert!(
        error.sentence().contains("its last response: slow down"),
        "{error}"
    );
}

#[tokio::test]
async fn time_limits_that_the_clock_cannot_represent_are_accepted() {
    let mock = Mock::start().await;
    mock.on(Method::POST, "dryRun").first(1).fail(Fault::refuse(
        401,
        "Unauthorized",
        "Unauthorized",
    ));
    let settings = Settings {
        deadline: Duration::MAX,
        rollback_deadline: Duration::MAX,
        vanish_timeout: Duration::MAX,
        unauthorised_pause: Duration::MAX,
        ..Settings::default()
    };
    let submitter = mock.submitter_with(settings).await;
    let error = submit(&submitter, vec![image("a", "a", "1")])
        .await
        .unwrap_err();
    assert!(
        matches!(error.failures[0].reason, Reason::Deadline { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn server_errors_are_retried() {
    for code in [500, 502, 503, 504] {
        let mock = Mock::start().await;
        mock.on(Method::POST, REAL).first(1).fail(Fault::refuse(
            code,
            "InternalError",
            "etcdserver: leader changed",
        ));
        let submission = submit(&mock.submitter().await, vec![image("a", "a", "1")])
            .await
            .unwrap();
        assert_eq!(
            submission.committed[0].created.action,
            Action::Created,
            "{code}"
        );
    }
}

#[tokio::test]
async fn an_unauthorized_request_is_retried_only_once() {
    let mock = Mock::start().await;
    mock.on(Method::POST, "dryRun").first(1).fail(Fault::refuse(
        401,
        "Unauthorized",
        "Unauthorized",
    ));
    submit(&mock.submitter().await, vec![image("a", "a", "1")])
        .await
        .unwrap();

    for (method, part) in [(Method::GET, "/apis"), (Method::POST, "dryRun")] {
        let mock = Mock::start().await;
        mock.on(method.clone(), part)
            .fail(Fault::refuse(401, "Unauthorized", "Unauthorized"));
        let error = submit(&mock.submitter().await, vec![image("a", "a", "1")])
            .await
            .unwrap_err();
        assert!(
            matches!(error.failures[0].reason, Reason::Unauthorized { .. }),
            "{error}"
        );
        assert_eq!(mock.count(&method, part), 2);
    }
}

#[tokio::test]
async fn after_the_deadline_the_last_response_is_quoted() {
    let mock = Mock::start().await;
    mock.on(Method::POST, "dryRun").fail(Fault::refuse(
        503,
        "ServiceUnavailable",
        "apiserver is shutting down",
    ));
    let settings = Settings {
        deadline: Duration::from_millis(500),
        ..Settings::default()
    };
    let error = submit(
        &mock.submitter_with(settings).await,
        vec![image("a", "a", "1")],
    )
    .await
    .unwrap_err();
    assert_eq!(
        error.sentence(),
        "a (PipelineResource ci/a): the API server did not complete the request within 0.5 s; its last response: apiserver is shutting down"
    );
}

#[tokio::test]
async fn an_unreachable_api_server_is_reported_as_unreachable() {
    let mock = Mock::start().await;
    mock.on(Method::GET, "/apis").fail(Fault::Close);
    let settings = Settings {
        deadline: Duration::from_millis(500),
        ..Settings::default()
    };
    let error = submit(
        &mock.submitter_with(settings).await,
        vec![image("a", "a", "1")],
    )
    .await
    .unwrap_err();
    assert!(
        matches!(error.failures[0].reason, Reason::Unreachable { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_response_over_the_bound_is_not_read() {
    let mock = Mock::start().await;
    let bounds = Bounds {
        response: 64,
        ..Bounds::default()
    };
    let submitter = mock.submitter_within(bounds, Settings::default()).await;
    let error = submit(&submitter, vec![image("a", "a", "1")])
        .await
        .unwrap_err();
    assert!(error.sentence().contains("larger than 64 bytes"), "{error}");
}

#[tokio::test]
async fn a_restart_after_a_kill_creates_one_object() {
    let mock = Mock::start().await;
    mock.on(Method::POST, REAL).first(1).fail(Fault::Hang);
    let submitter = mock.submitter().await;
    // The first submission is aborted while its create is in flight; the API server executes the create anyway.
    let first = submitter.clone();
    let dying = tokio::spawn(async move { submit(&first, vec![image("a", "a", "1")]).await });
    while mock.count(&Method::POST, REAL) == 0 {
        tokio::task::yield_now().await;
    }
    dying.abort();
    mock.put(&path("a"), image("a", "a", "1").object);
    let submission = submit(&submitter, vec![image("a", "a", "1")])
        .await
        .unwrap();
    assert_eq!(submission.committed[0].created.action, Action::Adopted);
    assert_eq!(
        mock.count(&Method::POST, IMAGES),
        3,
        "expected a dry run, a create and a dry run"
    );
}

/// Returns the API server's refusal for an exhausted quota.
fn quota() -> Fault {
    let words = "pipelineresources \"a\" is forbidden: exceeded quota: small, requested: count/pipelineresources.tekton.dev=1, used: count/pipelineresources.tekton.dev=5, limited: count/pipelineresources.tekton.dev=5";
    Fault::refuse(403, "Forbidden", words)
}

#[tokio::test]
async fn a_submission_waits_for_a_quota_that_has_room_before_the_deadline() {
    let apply = |mut rendered: Rendered| {
        rendered.policy = Policy::Apply;
        rendered
    };
    for (rendered, method) in [
        (image("a", "a", "1"), Method::POST),
        (apply(image("a", "a", "1")), Method::PATCH),
    ] {
        let mock = Mock::start().await;
        for (target, words) in [
            ("dryRun", "exceeded quota: small"),
            ("dryRun", "status unknown for quota: small, resources: pods"),
            (r"\?(fieldManager|force=false)", "exceeded quota: small"),
        ] {
            mock.on(method.clone(), target)
                .first(1)
                .fail(Fault::refuse(403, "Forbidden", words));
        }
        submit(&mock.submitter().await, vec![rendered])
            .await
            .unwrap();
        assert_eq!(mock.paths().len(), 1, "{method}");
    }
}

#[tokio::test]
async fn an_object_that_used_up_the_quota_is_rolled_back_even_if_its_create_received_no_response() {
    let mut applied = image("a", "a", "1");
    applied.policy = Policy::Apply;
    for (rendered, method) in [
        (image("a", "a", "1"), Method::POST),
        (applied, Method::PATCH),
    ] {
        let mock = Mock::start().await;
        let real = r"\?(fieldManager|force=false)";
        mock.on(method.clone(), real)
            .first(1)
            .fail(Fault::DropReply);
        mock.on(method.clone(), real).fail(quota());
        let bounds = Bounds {
            timeout: Duration::from_millis(300),
            ..Bounds::default()
        };
        // The deadline is long enough that the request without a response can no longer be in flight when the rollback starts,
        // so the rollback does not watch for a late create.
        let settings = Settings {
            deadline: Duration::from_secs(5),
            ..Settings::default()
        };
        let submitter = mock.submitter_within(bounds, settings).await;
        let error = submit(&submitter, vec![rendered]).await.unwrap_err();
        let code = error.failures[0].to_message().code;
        assert_eq!(code, FailureCode::QuotaExceeded, "{method}");
        assert_eq!(
            error.aftermath.removed,
            ["PipelineResource ci/a"],
            "{method}"
        );
        assert!(mock.paths().is_empty(), "{method}");
    }
}

#[tokio::test]
async fn the_error_about_an_exhausted_quota_names_its_use_and_its_limit() {
    let mock = Mock::start().await;
    mock.on(Method::POST, "dryRun").fail(quota());
    let rendered = vec![image("a", "a", "1")];
    let error = submit(&mock.hasty().await, rendered).await.unwrap_err();
    let failure = error.failures[0].to_message();
    assert_eq!(failure.code, FailureCode::QuotaExceeded);
    assert_eq!(
        failure.message,
        "the namespace's quota is exhausted: the ResourceQuota 'small' is exceeded (count/pipelineresources.tekton.dev: 1 requested, 5 of 5 used)"
    );
    assert!(mock.count(&Method::POST, "dryRun") > 1);
}

#[tokio::test]
async fn a_submission_does_not_wait_for_a_quota_if_another_object_is_refused() {
    let mock = Mock::start().await;
    mock.on(Method::POST, "dryRun").named("a").fail(quota());
    let invalid = Fault::refuse(422, "Invalid", "no");
    mock.on(Method::POST, "dryRun").named("b").fail(invalid);
    let rendered = vec![image("a", "a", "1"), image("b", "b", "1")];
    let begun = Instant::now();
    submit(&mock.submitter().await, rendered).await.unwrap_err();
    // The submission fails long before its deadline of one minute.
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn a_quota_message_about_an_object_with_a_secret_is_withheld() {
    let mock = Mock::start().await;
    mock.on(Method::POST, "dryRun").fail(quota());
    let mut rendered = image("a", "a", "1");
    rendered.disclosure = Disclosure::of_unseen("login", "token");
    let error = submit(&mock.hasty().await, vec![rendered])
        .await
        .unwrap_err();
    let failure = error.failures[0].to_message();
    assert_eq!(failure.code, FailureCode::QuotaExceeded);
    for part in ["small", "count/", "5"] {
        assert!(!failure.message.contains(part), "{}", failure.message);
    }
}
