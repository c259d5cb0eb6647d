//! Tests of the communication with a sidecar that is late, crashes, is busy, or refuses requests.

use std::time::{Duration, Instant};

use crate::support::{Ended as _, Reply, Running, Sidecar, Step, signal};

const NOTHING: &str = r#"{"outputs":{},"exitCode":0}"#;

#[test]
fn a_message_is_a_request_with_the_specified_headers_and_body() {
    let sidecar = Sidecar::content();
    Step::new(&sidecar).run(&["true"]).assert_ended(0, "");
    let request = &sidecar.requests()[0];
    assert_eq!(
        request.head,
        format!(
            "POST /v1/steps/kaniko/outputs HTTP/1.1\r\nHost: localhost\r\nAccept: application/json, \
             application/problem+json\r\nUser-Agent: gleaner-redirector/{}\r\nContent-Type: \
             application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            env!("CARGO_PKG_VERSION"),
            NOTHING.len()
        )
    );
    assert_eq!(request.body, NOTHING);
}

#[test]
fn the_redirector_waits_for_a_sidecar_that_starts_late() {
    let (address, comes_up) = Sidecar::late(&[Reply::accepted()]);
    let step = Step::at(&address);
    let mut running = step.start("echo ends");
    assert_eq!(running.line(), "ends");
    let sidecar = comes_up();
    running.wait().assert_ended(0, "");
    assert_eq!(sidecar.bodies(), [NOTHING]);
}

#[test]
fn a_sidecar_that_crashes_gets_the_same_message_again() {
    let sidecar = Sidecar::replying(&[Reply::Die, Reply::Refuse, Reply::accepted()]);
    let step = Step::new(&sidecar).output("o");
    step.script("echo x > $GLEANER_OUTPUTS/o")
        .assert_ended(0, "");
    assert_eq!(
        sidecar.bodies(),
        [r#"{"outputs":{"o":"x"},"exitCode":0}"#; 2]
    );
}

#[test]
fn an_interrupted_response_is_retried() {
    let half = Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{".to_vec());
    let sidecar = Sidecar::replying(&[half, Reply::Raw(b"HTTP".to_vec()), Reply::accepted()]);
    Step::new(&sidecar).run(&["true"]).assert_ended(0, "");
    assert_eq!(sidecar.requests().len(), 3);
}

#[test]
fn a_request_to_a_busy_sidecar_is_retried() {
    let sidecar = Sidecar::replying(&[
        Reply::problem(503, "internal", 69),
        Reply::problem(429, "busy", 69),
        Reply::problem(408, "timeout", 69),
        Reply::json(500, "oops"),
        Reply::json(503, ""),
        Reply::accepted(),
    ]);
    Step::new(&sidecar).run(&["true"]).assert_ended(0, "");
    assert_eq!(sidecar.requests().len(), 6);
}

#[test]
fn a_sidecar_that_holds_a_request_is_reachable() {
    let Reply::Raw(busy) = Reply::problem(503, "internal", 69) else {
        unreachable!()
    };
    // The sidecar holds the request for longer than the deadline, and then refuses it. This shows that the sidecar is reachable,
    // so the deadline starts again.
    let late = Reply::Meanwhile(Duration::from_millis(1500), busy);
    let sidecar = Sidecar::replying(&[Reply::Refuse, late, Reply::accepted()]);
    let step = Step::new(&sidecar).flags(&["--deadline=1s"]);
    step.run(&["true"]).assert_ended(0, "");
    let requests = sidecar.requests().into_iter();
    let messages = requests.filter(|request| request.head.starts_with("POST"));
    assert_eq!(messages.count(), 2);
}

#[test]
fn if_the_sidecar_stays_unreachable_the_exit_code_is_69() {
    let line = |address: &str, why: &str| {
        format!(
            "the sidecar at {address} was unreachable for 50ms ({why}); see its log, or raise --deadline"
        )
    };
    let flags = &["--deadline", "50ms"];
    Step::at("unix:/no/such/socket")
        .flags(flags)
        .run(&["true"])
        .assert_ended(
            69,
            &line("unix:/no/such/socket", "its socket does not exist"),
        );
    let sidecar = Sidecar::replying(&[Reply::Die]);
    Step::new(&sidecar)
        .flags(flags)
        .run(&["true"])
        .assert_ended(
            69,
            &line(
                &sidecar.address,
                "the connection closed in the middle of the response",
            ),
        );
    let sidecar = Sidecar::replying(&[Reply::json(500, "oops")]);
    Step::new(&sidecar)
        .flags(flags)
        .run(&["true"])
        .assert_ended(69, &line(&sidecar.address, "it responded with 500"));
    let sidecar = Sidecar::replying(&[Reply::Raw(b"SSH-2.0-x\r\n\r\n".to_vec())]);
    Step::new(&sidecar)
        .flags(flags)
        .run(&["true"])
        .assert_ended(69, &line(&sidecar.address, "the response is not HTTP/1"));
    // The redirector does not support chunked responses. The sidecar's tests check that the routes for steps do not send them.
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let sidecar = Sidecar::replying(&[Reply::Raw(chunked.to_vec())]);
    let why = "a header of the response is not valid";
    Step::new(&sidecar)
        .flags(flags)
        .run(&["true"])
        .assert_ended(69, &line(&sidecar.address, why));
}

#[test]
fn if_the_tcp_connection_is_refused_the_exit_code_is_69() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let address = format!("http://{port}");
    Step::at(&address).flags(&["--deadline=0s"]).run(&["true"]).assert_ended(
        69,
        &format!("the sidecar at {address} was unreachable for 0s (connection refused); see its log, or raise --deadline"),
    );
}

#[test]
fn a_failed_command_keeps_its_code_when_the_sidecar_is_unreachable() {
    Step::at("unix:/no/such/socket").flags(&["--deadline=10ms"]).script("exit 4").assert_ended(
        4,
        "the sidecar at unix:/no/such/socket was unreachable for 10ms (its socket does not exist); see its log, or \
         raise --deadline",
    );
    let sidecar = Sidecar::replying(&[Reply::problem(409, "already-written", 78)]);
    Step::new(&sidecar)
        .script("exit 4")
        .assert_ended(4, "no: do that");
}

#[test]
fn a_sidecar_that_never_responds_has_a_separate_time_limit() {
    let sidecar = Sidecar::replying(&[Reply::Silence]);
    Step::new(&sidecar).flags(&["--answer-timeout=50ms"]).run(&["true"]).assert_ended(
        69,
        &format!(
            "the sidecar at {} did not respond within 50ms (it did not respond); see its log, or raise --answer-timeout",
            sidecar.address
        ),
    );
}

#[test]
fn a_problem_document_determines_the_exit_code() {
    for (status, code) in [
        (422, 65),
        (413, 65),
        (409, 73),
        (404, 78),
        (500, 69),
        (400, 64),
        (502, 73),
    ] {
        let sidecar = Sidecar::replying(&[Reply::problem(status, "some-thing", code)]);
        Step::new(&sidecar)
            .run(&["true"])
            .assert_ended(code.into(), "no: do that");
        assert_eq!(
            sidecar.requests().len(),
            1,
            "a refusal with a problem document must not be retried"
        );
    }
}

#[test]
fn without_a_problem_document_the_status_determines_the_exit_code() {
    for (status, code) in [
        (422, 65),
        (413, 65),
        (401, 78),
        (403, 78),
        (404, 78),
        (400, 78),
        (409, 78),
        (301, 69),
    ] {
        let sidecar = Sidecar::replying(&[Reply::json(status, "<html>")]);
        let line = format!(
            "the sidecar responded with {status} but gave no reason; check that it is Gleaner's sidecar, of the same version as the redirector"
        );
        Step::new(&sidecar).run(&["true"]).assert_ended(code, &line);
    }
    let sidecar = Sidecar::replying(&[Reply::problem(422, "invalid-output", 0)]);
    Step::new(&sidecar)
        .run(&["true"])
        .assert_ended(65, "no: do that");
}

#[test]
fn a_refusal_before_the_end_of_the_body_is_received() {
    let Reply::Raw(answer) = Reply::problem(413, "too-large", 65) else {
        unreachable!()
    };
    for over_tcp in [false, true] {
        let replies = [Reply::Early(answer.clone())];
        let sidecar = if over_tcp {
            Sidecar::over_tcp(&replies)
        } else {
            Sidecar::replying(&replies)
        };
        let step = Step::new(&sidecar).output("o=it");
        // The file is larger than any socket buffer, so the redirector receives the response while it is still sending.
        std::fs::write(step.path("it"), "x".repeat(16 << 20)).unwrap();
        // Over TCP, a reset follows the response, because the sidecar does not read the whole body. The redirector can still read
        // the response: on the loopback interface, the reset never arrives first, and Linux delivers the received bytes before it
        // reports the reset.
        step.run(&["true"]).assert_ended(65, "no: do that");
        assert_eq!(
            sidecar.requests().len(),
            1,
            "the first refusal must not be retried"
        );
    }
}

#[test]
fn a_response_that_is_too_large_is_not_requested_again() {
    let sidecar = Sidecar::replying(&[Reply::too_large(200)]);
    let step = Step::new(&sidecar).flags(&["--deadline=50ms"]);
    step.run(&["true"]).assert_ended(0, "");
    assert_eq!(
        sidecar.requests().len(),
        1,
        "the sidecar has accepted the message, so it must not be sent again"
    );

    let sidecar = Sidecar::replying(&[Reply::too_large(503)]);
    Step::new(&sidecar).run(&["true"]).assert_ended(
        69,
        "the sidecar responded with 503 and an error that is too long to read; see the sidecar's log",
    );
    assert_eq!(sidecar.requests().len(), 1);
}

#[test]
fn the_start_of_a_command_is_reported_before_it_runs() {
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar).output("digest");
    let mut running = step.start("echo begun; exec sleep 60");
    // The redirector runs the command only after it has reported the start of the step.
    assert_eq!(running.line(), "begun");
    assert_eq!(sidecar.reports(), ["POST /v1/steps/kaniko/start"]);
    assert!(sidecar.bodies().is_empty());
}

#[test]
fn a_failure_without_outputs_is_reported() {
    let start = "POST /v1/steps/kaniko/start";
    let sidecar = Sidecar::content();
    let step = Step::new(&sidecar).output("digest");
    step.run(&["true"])
        .assert_ended(65, "output 'digest' is missing: the file '$GLEANER_OUTPUTS/digest' does not exist; make the command write it, or declare a default");
    let failure = "POST /v1/steps/kaniko/failure?exitCode=65";
    assert_eq!(sidecar.reports(), [start, failure]);

    let sidecar = Sidecar::replying(&[Reply::problem(422, "output", 65)]);
    Step::new(&sidecar)
        .run(&["true"])
        .assert_ended(65, "no: do that");
    assert_eq!(sidecar.reports(), [start, failure]);

    let sidecar = Sidecar::replying(&[Reply::problem(409, "not-created", 73)]);
    let step = Step::new(&sidecar).flags(&["--preflight"]);
    step.run(&["true"]).assert_ended(73, "no: do that");
    assert_eq!(
        sidecar.reports(),
        ["POST /v1/steps/kaniko/failure?exitCode=73"]
    );

    // The sidecar knows the exit code of a failed command from the message with its outputs.
    let sidecar = Sidecar::content();
    Step::new(&sidecar).run(&["false"]).assert_ended(1, "");
    assert_eq!(sidecar.reports(), [start]);
}

#[test]
fn after_a_failed_preflight_the_command_does_not_run() {
    let sidecar = Sidecar::replying(&[Reply::problem(409, "not-created", 73)]);
    let step = Step::new(&sidecar).flags(&["--preflight"]);
    step.script("echo ran").assert_ended(73, "no: do that");
    assert!(
        sidecar.requests()[0]
            .head
            .starts_with("GET /v1/preflight HTTP/1.1\r\n")
    );
}

#[test]
fn the_redirector_waits_for_the_token_and_sends_it() {
    let sidecar = Sidecar::over_tcp(&[Reply::accepted()]);
    let step = Step::new(&sidecar).flags(&["--token-file", "token"]);
    let mut running = step.start("echo ends");
    assert_eq!(running.line(), "ends");
    std::fs::write(step.path("fresh"), "abc\n").unwrap();
    std::fs::rename(step.path("fresh"), step.path("token")).unwrap();
    running.wait().assert_ended(0, "");
    assert!(
        sidecar.requests()[0]
            .head
            .contains("\r\nAuthorization: Bearer abc\r\n")
    );

    let step = Step::new(&sidecar).flags(&["--token-file", "token", "--deadline=10ms"]);
    std::fs::write(step.path("token"), "a b\r\nX: y").unwrap();
    step.run(&["true"]).assert_ended(
        69,
        &format!(
            "the sidecar at {} was unreachable for 10ms (the token file 'token' cannot be used: it does not contain a valid token); see its log, or \
             raise --deadline",
            sidecar.address
        ),
    );
}

#[test]
fn the_redirector_can_be_terminated_while_it_waits_for_a_response() {
    let sidecar = Sidecar::replying(&[Reply::Silence]);
    let step = Step::new(&sidecar);
    let running = Running::start(step.wrapping(&["true"]));
    sidecar.wait_for(1);
    signal("TERM", &running.pid().to_string());
    assert_eq!(running.wait().signal, Some(15));
}

#[test]
fn a_stopped_sidecar_is_unreachable_after_the_deadline() {
    // Like a stopped process, this sidecar never responds, but the kernel accepts connections to its socket.
    let sidecar = Sidecar::replying(&[Reply::Silence]);
    let step = Step::new(&sidecar).flags(&["--deadline=500ms", "--answer-timeout=50s"]);
    let began = Instant::now();
    let ran = step.run(&["true"]);
    assert_eq!(ran.code, Some(69));
    assert!(ran.stderr.contains("was unreachable for 500ms"), "{ran:?}");
    // Without liveness checks, the redirector would wait 50 s for the response. The limit of this test is high, because the
    // machine may be busy.
    assert!(began.elapsed() < Duration::from_secs(25));
}

#[test]
fn a_sidecar_that_is_alive_may_take_longer_than_the_deadline() {
    let Reply::Raw(bytes) = Reply::accepted() else {
        panic!("expected `Reply::Raw`");
    };
    let slow = Reply::Meanwhile(Duration::from_secs(3), bytes);
    let sidecar = Sidecar::replying(&[slow, Reply::accepted()]);
    let step = Step::new(&sidecar).flags(&["--deadline=1s"]);
    step.run(&["true"]).assert_ended(0, "");
    let heads = sidecar.requests().into_iter().map(|request| request.head);
    let asked = heads.filter(|head| head.starts_with("GET /livez")).count();
    assert!(asked >= 2, "expected liveness checks, got {asked}");
}
