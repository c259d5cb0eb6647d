use std::sync::Arc;

use std::io;

use gleaner_core::declaration::{Declaration, Scope};
use gleaner_core::render::{Attempts, Values, render};
use gleaner_core::run::Run;

use super::*;

/// Returns the disclosure for a Secret that contains the secret output 'token' from the step 'login'.
fn withheld() -> Disclosure {
    let text = "\
steps: {login: [{name: token, secret: true, default: public}]}
objects:
  - name: credentials
    resourceTemplate: {apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {token: $(steps.login.token)}}
";
    let declaration = Declaration::parse(text, &Scope::default()).unwrap();
    let values = Values {
        outputs: [(
            "login".into(),
            Arc::new([("token".into(), "x".into())].into()),
        )]
        .into(),
        ..Values::default()
    };
    let rendered = render(&declaration, &values, &Run::default(), &Attempts::new());
    rendered.unwrap().remove(0).disclosure
}

fn status(code: u16, reason: &str, message: &str) -> Vec<u8> {
    let status = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": code, "reason": reason, "message": message,
    });
    status.to_string().into_bytes()
}

fn answer(method: &Method, code: u16, reason: &str, message: &str) -> Answer {
    let code = StatusCode::from_u16(code).unwrap();
    let body = status(code.as_u16(), reason, message);
    read(method, code, &HeaderMap::new(), &body, &Disclosure::Full)
}

#[test]
fn permanent_errors_are_refused_at_once() {
    for (code, reason) in [
        (400, "BadRequest"),
        (403, "Forbidden"),
        (404, "NotFound"),
        (405, "MethodNotAllowed"),
        (409, "AlreadyExists"),
        (413, "RequestEntityTooLarge"),
        (422, "Invalid"),
    ] {
        let answer = answer(&Method::POST, code, reason, "no");
        assert!(matches!(answer, Answer::Refused(_)), "{code}: {answer:?}");
    }
}

#[test]
fn temporary_errors_are_retried_and_a_server_error_may_have_been_a_success() {
    for (code, may_be_done) in [
        (429, false),
        (500, true),
        (502, true),
        (503, true),
        (504, true),
    ] {
        match answer(&Method::POST, code, "", "busy") {
            Answer::Again(again) => assert_eq!(again.unsure, may_be_done, "{code}"),
            other => panic!("{code}: {other:?}"),
        }
    }
}

#[test]
fn an_object_too_large_for_etcd_is_not_retried() {
    let answer = answer(&Method::POST, 500, "", "etcdserver: request is too large");
    assert!(matches!(answer, Answer::Refused(refusal) if refusal.topic == Topic::TooLarge));
}

#[test]
fn an_applied_object_that_does_not_match_its_schema_is_not_retried() {
    for text in [
        "failed to create typed patch object (/a; example.dev/v1, Kind=Report): .spec.typo: field not declared in \
         schema",
        "failed to convert new object (/a; /v1, Kind=Secret) to proper version: illegal base64 data at input byte 0",
    ] {
        let answer = answer(&Method::PATCH, 500, "", text);
        assert!(
            matches!(answer, Answer::Refused(refusal) if refusal.topic == Topic::Mistyped),
            "{text}"
        );
    }
}

#[test]
fn a_conflict_in_a_quota_is_not_a_name_conflict() {
    let text = "Operation cannot be fulfilled on resourcequotas \"q\"";
    let answer = answer(&Method::POST, 409, "Conflict", text);
    assert!(matches!(answer, Answer::Again(again) if !again.unsure));
}

#[test]
fn a_webhook_that_quotes_a_quota_is_reported_as_a_webhook() {
    let text = "admission webhook \"limits.example.dev\" denied the request: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3";
    for code in [400, 403] {
        match answer(&Method::POST, code, "Forbidden", text) {
            Answer::Refused(refusal) => assert_eq!(refusal.words, text, "{code}"),
            other => panic!("{code}: {other:?}"),
        }
    }
}

#[test]
fn the_requested_wait_is_read_from_header_or_details() {
    let mut headers = HeaderMap::new();
    headers.insert(header::RETRY_AFTER, "7".parse().unwrap());
    let code = StatusCode::TOO_MANY_REQUESTS;
    let Answer::Again(again) = read(
        &Method::GET,
        code,
        &headers,
        b"slow down",
        &Disclosure::Full,
    ) else {
        panic!("expected a retry after a 429");
    };
    assert_eq!(again.after, Some(Duration::from_secs(7)));
    assert_eq!(again.words, "slow down");

    let body = br#"{"kind":"Status","message":"m","details":{"retryAfterSeconds":3}}"#;
    let Answer::Again(again) = read(
        &Method::GET,
        code,
        &HeaderMap::new(),
        body,
        &Disclosure::Full,
    ) else {
        panic!("expected a retry after a 429");
    };
    assert_eq!(again.after, Some(Duration::from_secs(3)));
}

#[test]
fn a_retry_after_of_any_length_is_bounded() {
    for (text, after) in [
        ("9223372036854775807", Some(AFTER_MAX)),
        ("18446744073709551616", Some(AFTER_MAX)),
        ("86400", Some(AFTER_MAX)),
        ("0", Some(Duration::ZERO)),
        ("-1", None),
        ("", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, text.parse().unwrap());
        assert_eq!(retry_after(&headers), after, "{text}");
    }
}

#[test]
fn the_quotes_around_a_warning_are_removed() {
    let mut headers = HeaderMap::new();
    headers.append(
        header::WARNING,
        r#"299 - "v1 of \"X\" is old""#.parse().unwrap(),
    );
    assert_eq!(
        warnings(&headers, &Disclosure::Full),
        [r#"v1 of "X" is old"#]
    );
}

#[test]
fn long_messages_are_cut_between_characters() {
    let text = "ä".repeat(WORDS_MAX);
    assert!(bounded(&text).len() <= WORDS_MAX + 4);
}

#[test]
fn a_refusal_is_classified_even_if_its_message_is_withheld() {
    let read_topic = |code: u16, message: &str| {
        let status = status(code, "Forbidden", message);
        let code = StatusCode::from_u16(code).unwrap();
        match read(&Method::POST, code, &HeaderMap::new(), &status, &withheld()) {
            Answer::Refused(refusal) => {
                assert!(!refusal.words.contains("swordfish"), "{refusal:?}");
                assert!(refusal.words.contains("is withheld"), "{refusal:?}");
                refusal.topic
            }
            other => panic!("{other:?}"),
        }
    };
    for (code, message, topic) in [
        (
            403,
            "User \"u\" cannot create resource: swordfish",
            Topic::Permission,
        ),
        (
            403,
            "cannot set blockOwnerDeletion: swordfish",
            Topic::BlockOwnerDeletion,
        ),
        (
            404,
            "namespaces \"ci\" not found: swordfish",
            Topic::Namespace,
        ),
        (
            400,
            "admission webhook \"a\" denied: swordfish",
            Topic::Admission,
        ),
        (
            500,
            "swordfish: etcdserver: request is too large",
            Topic::TooLarge,
        ),
        (422, "swordfish", Topic::Other),
    ] {
        assert_eq!(read_topic(code, message), topic, "{message}");
    }
}

#[test]
fn a_connection_failure_is_reported_by_its_type_if_the_message_is_withheld() {
    let words = |error: io::Error| {
        let reason = api_server::Reason::Interrupted(Box::new(error));
        match unsent(&reason, &withheld()) {
            Answer::Again(Again { words, .. }) | Answer::Broken(words) => words,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        words(io::Error::new(io::ErrorKind::ConnectionReset, "swordfish")),
        "the connection to the API server failed: connection reset"
    );
    assert_eq!(
        words(io::Error::other("invalid peer certificate: for swordfish")),
        "invalid peer certificate"
    );
    let reason = api_server::Reason::Interrupted("GOAWAY swordfish".into());
    let Answer::Again(again) = unsent(&reason, &withheld()) else {
        panic!("expected a retry");
    };
    assert!(!again.words.contains("swordfish"), "{}", again.words);
    let Answer::Again(again) = unsent(&reason, &Disclosure::Full) else {
        panic!("expected a retry");
    };
    assert!(again.words.contains("GOAWAY swordfish"));
}
